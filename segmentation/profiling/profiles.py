"""The facts of each segment: how many, who they are, and how they differ from all users."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from segmentation.clustering.assign import KMeansModel
from segmentation.disclosure import suppress_table
from segmentation.facts import AffinityIndex, NotableDifference, Segment, SegmentStability
from segmentation.preprocessing.aggregate import SegmentMoments
from segmentation.profiling import intervals
from segmentation.schema import NUMBERS
from segmentation.thresholds import INDEX_HIGH, INDEX_LOW
from segmentation.tracking.matching import SegmentIdentity

_OTHER_LABEL = re.compile(
    r"Other \((\d+)\)"
)  # as `disclosure.merge_small_categories` calls values that it puts together
_MAX_SUPPRESSED_SHARE = 0.25  # part of a table of categories above which rare values are put together


@dataclass(frozen=True, slots=True)
class SegmentQuality:
    """What is known of one segment besides its users.

    Attributes
    ----------
    silhouette : float
        Mean silhouette of its users.
    stability : Stability
        How often it comes again.
    apart : bool
        Whether valleys set it apart from its neighbours.
    """

    silhouette: float
    stability: SegmentStability
    apart: bool


def profile_segments(
    features: Sequence[str],
    model: KMeansModel,
    moments: SegmentMoments,
    medians: Mapping[str, Sequence[float]],
    tables: Mapping[str, Mapping[tuple[int, str], int]],
    number_intervals: Sequence[Sequence[intervals.NumberIntervals]],
    averages: Mapping[str, float],
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
        Names of the features, in the order of the centres' columns.
    model : Model
        The centres, k of them, in the order of the pages.
    moments : Moments
        Users, means and variances of the number columns, by segment.
    medians : mapping of str to sequence of float, length k
        By number column.
    tables : mapping of str to mapping of (int, str) to int
        By category: users by segment and label.
    number_intervals : sequence, length k, of sequence of NumberIntervals
        Intervals of each segment's numbers.
    averages : mapping of str to float
        By number column: the mean of all users.
    identities : sequence of Kept, length k
        What each segment is called.
    evidence : sequence of Evidence, length k
        What else is known of it.
    has_previous_month : bool
        Whether there is a last month, so that a segment can be new.
    min_base : int
        Users below which an index says nothing.
    min_cell : int
        Users below which a count is not shown.
    """
    means = [dict(zip(NUMBERS, map(float, row), strict=True)) for row in moments.mean]
    everybody = round(float(moments.size.sum()))
    shown = {
        name: _index_categories(table, model.k, everybody, min_base, min_cell)
        for name, table in tables.items()
    }
    segments = []
    for number, (one, seen) in enumerate(zip(identities, evidence, strict=True)):
        size = round(float(moments.size[number]))
        index = {
            column: AffinityIndex(
                _compute_index(means[number][column], averages[column], size, min_base),
                size,
                number_intervals[number][n].index,
            )
            for n, column in enumerate(NUMBERS)
        }
        values = {name: table[number] for name, table in shown.items()}
        interval = intervals.wilson_interval(size, everybody)
        segments.append(
            Segment(
                id=one.id,
                name=one.name,
                users=size,
                share=size / everybody,
                share_interval=interval,
                centre=dict(zip(features, map(float, model.centres[number]), strict=True)),
                means=means[number],
                medians={name: float(medians[name][number]) for name in NUMBERS},
                mean_intervals={name: number_intervals[number][n].mean for n, name in enumerate(NUMBERS)},
                stability=seen.stability,
                apart=seen.apart,
                new=one.is_new and has_previous_month,
                name_now=one.name if one.name_fits else one.suggested_name,
                silhouette=seen.silhouette,
                index=index,
                categories=values,
                stands_out=_find_notable_differences(index, values),
            )
        )
    return tuple(segments)


def compute_category_shares(
    tables: Mapping[str, Mapping[tuple[int, str], int]],
) -> dict[str, dict[str, float]]:
    """Give the part of all users with each value of each category, the most frequent first."""
    return {
        name: {value: n / sum(table.values()) for value, n in _count_values(table).items()}
        for name, table in tables.items()
    }


def _count_values(table: Mapping[tuple[int, str], int]) -> dict[str, int]:
    """Count the users with each value of a category, the most frequent first."""
    counts: Counter[str] = Counter()
    for (_, value), n in table.items():
        counts[value] += n
    return dict(sorted(counts.items(), key=lambda row: (-row[1], row[0])))


def _index_categories(
    counts: Mapping[tuple[int, str], int], k: int, everybody: int, smallest_base: int, smallest_cell: int
) -> list[dict[str, AffinityIndex]]:
    """Give the indices of every value of a category, by segment; counts that would give somebody away are left out."""
    totals = _count_values(counts)
    table = [[counts.get((number, value), 0) for value in totals] for number in range(k)]
    groups = [[value] for value in totals]
    shown = _suppress_table(table, smallest_cell)
    # rare values that would take half the table with them are shown as one
    while len(groups) > 2 and sum(
        cell is None for row in shown for cell in row
    ) > _MAX_SUPPRESSED_SHARE * k * len(groups):
        table = [[*row[:-2], row[-2] + row[-1]] for row in table]
        groups = [*groups[:-2], groups[-2] + groups[-1]]
        shown = _suppress_table(table, smallest_cell)
    return [
        {
            _label_group(group, totals): _index_category(
                users, sum(table[number]), sum(totals[value] for value in group), everybody, smallest_base
            )
            for users, group in zip(shown[number], groups, strict=True)
        }
        for number in range(k)
    ]


def _label_group(group: Sequence[str], totals: Mapping[str, int]) -> str:
    """Name values that are shown as one: by the first of them where it is most of them, or the other name is taken."""
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


def _suppress_table(table: list[list[int]], smallest: int) -> tuple[tuple[int | None, ...], ...]:
    """Leave out of a table what would give somebody away; its sums stand on the pages."""
    k, values = len(table), len(table[0])
    sums = [(number, values) for number in range(k)] + [(k, place) for place in range(values + 1)]
    return suppress_table(table, min_cell=smallest, known_cells=sums).cells


def _index_category(
    users: int | None, size: int, with_value: int, of: int, smallest_base: int
) -> AffinityIndex:
    """Give the index of one value of a category in a segment of this size."""
    if users is None:
        return AffinityIndex(None, None, None)
    value = _compute_index(users / size, with_value / of, users, smallest_base)
    return AffinityIndex(
        value, users, intervals.katz_index_interval(users, size, with_value, of), share=users / size
    )


def _compute_index(mean: float, average: float, base: int, smallest_base: int) -> float | None:
    """Give the mean over the average of all, times 100; nothing on too small a base or over an average of 0."""
    return None if base < smallest_base or average == 0 else 100 * mean / average


def _find_notable_differences(
    index: Mapping[str, AffinityIndex], tables: Mapping[str, Mapping[str, AffinityIndex]]
) -> tuple[NotableDifference, ...]:
    """List what is far enough from the average to be said, the largest ratio first, up or down alike."""
    numbers = [(name, None, item) for name, item in index.items()]
    values = [(name, value, item) for name, table in tables.items() for value, item in table.items()]
    far = [
        NotableDifference(name, value, item.value)
        for name, value, item in (*numbers, *values)
        if item.is_significant and item.value is not None and not INDEX_LOW < item.value < INDEX_HIGH
    ]
    return tuple(sorted(far, key=lambda item: -abs(np.log(max(item.index, 1) / 100))))
