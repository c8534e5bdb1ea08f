"""Profiles: each segment's size, means, indices and differences."""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from segmentation.clustering.assign import KMeansModel
from segmentation.disclosure import suppress_table
from segmentation.facts import AffinityIndex, NotableDifference, Segment, SegmentStability
from segmentation.preprocessing.aggregate import ColumnSummary, SegmentMoments
from segmentation.profiling import intervals, significance
from segmentation.thresholds import INDEX_HIGH, INDEX_LOW
from segmentation.tracking.matching import SegmentIdentity

_OTHER_LABEL = re.compile(r"Other \((\d+)\)")  # the label of values that `merge_small_categories` merged
_MAX_SUPPRESSED_SHARE = 0.25  # share of hidden cells of a table above which its rarest values are merged


@dataclass(frozen=True, slots=True)
class SegmentQuality:
    """Silhouette, stability and separation of one segment."""

    silhouette: float  # mean of its users
    stability: SegmentStability
    apart: bool  # whether density gaps separate it from all neighbours


@dataclass(frozen=True, slots=True)
class _Comparison:
    """An index, and how often chance alone makes one like it."""

    index: AffinityIndex
    p_value: float


_Comparisons: TypeAlias = Sequence[Mapping[str, _Comparison]]  # by segment, then by column or value


def profile_segments(
    features: Sequence[str],
    model: KMeansModel,
    moments: SegmentMoments,
    medians: Mapping[str, Sequence[float]],
    tables: Mapping[str, Mapping[tuple[int, str], int]],
    number_intervals: Sequence[Sequence[intervals.NumberIntervals]],
    summaries: Mapping[str, ColumnSummary],
    identities: Sequence[SegmentIdentity],
    evidence: Sequence[SegmentQuality],
    *,
    has_previous_month: bool,
    min_base: int,
    min_cell: int,
) -> tuple[Segment, ...]:
    """Describe every segment of the model.

    Parameters
    ----------
    features : sequence of str
        In the order of the centres' columns.
    model, moments, number_intervals, identities, evidence
        All with k segments, in the order of the pages.
    medians : mapping of str to sequence of float, length k
        By number column.
    tables : mapping of str to mapping of (int, str) to int
        By category: users by segment and label.
    summaries : mapping of str to ColumnSummary
        Of all users, by number column.
    has_previous_month : bool
        Whether a segment can be new.
    min_base : int
        Users below which there is no index.
    min_cell : int
        Users below which a count is not shown.
    """
    means = [dict(zip(moments.columns, map(_none_if_unknown, row), strict=True)) for row in moments.mean]
    total = round(float(moments.size.sum()))
    numbers, shown = _mark_notable(
        features,
        _index_numbers(moments, number_intervals, summaries, min_base),
        {name: _index_categories(table, model.k, total, min_base, min_cell) for name, table in tables.items()},
    )
    segments = []
    for number, (one, quality) in enumerate(zip(identities, evidence, strict=True)):
        size = round(float(moments.size[number]))
        index, values = numbers[number], {name: table[number] for name, table in shown.items()}
        segments.append(
            Segment(
                id=one.id,
                name=one.name,
                users=size,
                share=size / total,
                share_interval=intervals.wilson_interval(size, total),
                centre=dict(zip(features, map(float, model.centres[number]), strict=True)),
                means=means[number],
                medians={name: _none_if_unknown(medians[name][number]) for name in moments.columns},
                mean_intervals={name: number_intervals[number][n].mean for n, name in enumerate(moments.columns)},
                stability=quality.stability,
                apart=quality.apart,
                new=one.is_new and has_previous_month,
                name_now=one.name if one.name_fits else one.suggested_name,
                silhouette=quality.silhouette,
                index=index,
                categories=values,
                stands_out=_find_notable_differences(index, values),
            )
        )
    return tuple(segments)


def _none_if_unknown(value: float) -> float | None:
    """Return a number, or None where no user's value is known."""
    return None if math.isnan(value) else float(value)


def remove_intervals(segments: Sequence[Segment]) -> tuple[Segment, ...]:
    """Return the segments without their intervals.

    For a month without reliable segments: other users would be cut at other borders, and an interval would say how far a
    number may lie from the truth about nothing.
    """

    def strip(index: AffinityIndex) -> AffinityIndex:
        return replace(index, interval=None)

    return tuple(
        replace(
            segment,
            share_interval=None,
            mean_intervals=dict.fromkeys(segment.mean_intervals),
            index={name: strip(item) for name, item in segment.index.items()},
            categories={
                name: {value: strip(item) for value, item in table.items()}
                for name, table in segment.categories.items()
            },
        )
        for segment in segments
    )


def compute_category_shares(tables: Mapping[str, Mapping[tuple[int, str], int]]) -> dict[str, dict[str, float]]:
    """Return each category value's share of users, largest first."""
    return {
        name: {value: n / sum(table.values()) for value, n in _count_values(table).items()}
        for name, table in tables.items()
    }


def _count_values(table: Mapping[tuple[int, str], int]) -> dict[str, int]:
    """Count users by category value, the most frequent first."""
    counts: Counter[str] = Counter()
    for (_, value), n in table.items():
        counts[value] += n
    return dict(sorted(counts.items(), key=lambda row: (-row[1], row[0])))


def _index_numbers(
    moments: SegmentMoments,
    number_intervals: Sequence[Sequence[intervals.NumberIntervals]],
    summaries: Mapping[str, ColumnSummary],
    min_base: int,
) -> _Comparisons:
    """Return the index of every number, by segment.

    A number with values below zero has none: a ratio needs a true zero.
    """
    p_values = significance.compute_number_p_values(moments)
    rows = []
    for number in range(len(moments.size)):
        row = {}
        for n, name in enumerate(moments.columns):
            users = round(float(moments.count[number, n]))
            has_zero, known = summaries[name].low >= 0, users > 0
            average = summaries[name].mean if has_zero and known else 0.0
            value = _compute_index(float(moments.mean[number, n]), average, users, min_base)
            item = AffinityIndex(value, users, number_intervals[number][n].index if has_zero else None)
            row[name] = _Comparison(item, float(p_values[number, n]))
        rows.append(row)
    return rows


def _mark_notable(
    features: Sequence[str], numbers: _Comparisons, tables: Mapping[str, _Comparisons]
) -> tuple[list[dict[str, AffinityIndex]], dict[str, list[dict[str, AffinityIndex]]]]:
    """Mark the indices that differ by more than chance.

    The features make the segments, so their indices differ by construction. They are judged apart: among all others, they would
    let through what chance explains.
    """
    k = len(numbers)
    rows = [*numbers, *(row for table in tables.values() for row in table)]
    places = [(i, label) for i, row in enumerate(rows) for label in row]
    notable: set[tuple[int, str]] = set()
    for are_features in (True, False):
        family = [(i, label) for i, label in places if (i < k and label in features) is are_features]
        found = significance.find_discoveries([_get_p_value(rows[i][label]) for i, label in family])
        notable.update(place for place, is_found in zip(family, found, strict=True) if is_found)
    marked = [
        {
            label: replace(one.index, notable=(i, label) in notable and _excludes_average(one.index))
            for label, one in row.items()
        }
        for i, row in enumerate(rows)
    ]
    return marked[:k], {name: marked[(n + 1) * k : (n + 2) * k] for n, name in enumerate(tables)}


def _get_p_value(comparison: _Comparison) -> float:
    """Return the p-value, 1 where no index is shown.

    A base is large enough or not by chance, too: what isn't shown is still counted.
    """
    return 1.0 if comparison.index.value is None else comparison.p_value


def _excludes_average(index: AffinityIndex) -> bool:
    """Whether the interval excludes 100."""
    return index.interval is not None and not index.interval.low <= 100 <= index.interval.high


def _index_categories(
    counts: Mapping[tuple[int, str], int], k: int, total: int, min_base: int, min_cell: int
) -> _Comparisons:
    """Return the index of every category value, by segment.

    Counts that would give a user away are left out.
    """
    totals = _count_values(counts)
    table = [[counts.get((number, value), 0) for value in totals] for number in range(k)]
    groups = [[value] for value in totals]
    shown = _suppress_table(table, min_cell)
    # hiding a rare value hides other cells, too: rare values are merged until few cells are hidden
    while len(groups) > 2 and sum(cell is None for row in shown for cell in row) > _MAX_SUPPRESSED_SHARE * k * len(
        groups
    ):
        table = [[*row[:-2], row[-2] + row[-1]] for row in table]
        groups = [*groups[:-2], groups[-2] + groups[-1]]
        shown = _suppress_table(table, min_cell)
    return [
        {
            _label_group(group, totals): _index_category(
                users, sum(table[number]), sum(totals[value] for value in group), total, min_base
            )
            for users, group in zip(shown[number], groups, strict=True)
        }
        for number in range(k)
    ]


def _label_group(group: Sequence[str], totals: Mapping[str, int]) -> str:
    """Label merged values "Other (n)" or "Pop and more".

    The second form is used where the first value has most of the users, or the first label is taken.
    """
    if len(group) == 1:
        return group[0]
    many = sum(int(found[1]) if (found := _OTHER_LABEL.match(value)) else 1 for value in group)
    other = f"Other ({many})"
    mostly = totals[group[0]] * 2 >= sum(totals[value] for value in group)
    if not _OTHER_LABEL.match(group[0]) and (mostly or other in totals):
        return f"{group[0]} and {many - 1} more"
    while other in totals and other not in group:
        other += ", put together"
    return other


def _suppress_table(table: list[list[int]], min_cell: int) -> tuple[tuple[int | None, ...], ...]:
    """Hide counts that would give a user away."""
    k, values = len(table), len(table[0])
    sums = [(number, values) for number in range(k)] + [(k, place) for place in range(values + 1)]
    return suppress_table(table, min_cell=min_cell, known_cells=sums).cells


def _index_category(users: int | None, size: int, with_value: int, total: int, min_base: int) -> _Comparison:
    """Return a category value's index in a segment."""
    if users is None:
        return _Comparison(AffinityIndex(None, None, None), 1.0)
    value = _compute_index(users / size, with_value / total, users, min_base)
    interval = intervals.katz_index_interval(users, size, with_value, total)
    return _Comparison(
        AffinityIndex(value, users, interval, share=users / size),
        significance.compute_category_p_value(users, size, with_value, total),
    )


def _compute_index(mean: float, average: float, base: int, min_base: int) -> float | None:
    """Return the mean as a percentage of the average.

    None on too small a base, or if the average is 0.
    """
    return None if base < min_base or average == 0 else 100 * mean / average


def _find_notable_differences(
    index: Mapping[str, AffinityIndex], tables: Mapping[str, Mapping[str, AffinityIndex]]
) -> tuple[NotableDifference, ...]:
    """List notable indices outside the average band, largest first.

    Half the average counts as much as twice the average.
    """
    numbers = [(name, None, item) for name, item in index.items()]
    values = [(name, value, item) for name, table in tables.items() for value, item in table.items()]
    notable = [
        NotableDifference(name, value, item.value)
        for name, value, item in (*numbers, *values)
        if item.notable and item.value is not None and not INDEX_LOW < item.value < INDEX_HIGH
    ]
    return tuple(sorted(notable, key=lambda item: -abs(np.log(max(item.index, 1) / 100))))
