"""The facts of each segment: how many, who they are, and how they differ from all users."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import narwhals as nw
import numpy as np

from segmentation import intervals
from segmentation.clusters import Labels, Model
from segmentation.disclosure import suppress
from segmentation.facts import Index, Interval, Segment, Stability, Standout
from segmentation.features import Points
from segmentation.history import Kept
from segmentation.readings import LEAST, MOST
from segmentation.schema import CATEGORIES, NUMBERS, Frame

_SEGMENT = "_segment"
_HIDDEN = 0.25  # part of a table of categories above which rare values are put together


@dataclass(frozen=True, slots=True)
class Evidence:
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
    stability: Stability
    apart: bool


def profile(
    users: Frame,
    points: Points,
    model: Model,
    labels: Labels,
    kept: Sequence[Kept],
    evidence: Sequence[Evidence],
    *,
    continues: bool,
    smallest_base: int,
    smallest_cell: int,
    seed: int,
) -> tuple[Segment, ...]:
    """Describe every segment of the model.

    Parameters
    ----------
    users : narwhals.DataFrame
        Users kept, in the order of labels; rare categories under their common label.
    points : Points
        For the names of the features.
    model : Model
        The centres, k of them, in the order of the pages.
    labels : ndarray, shape (n,)
        Each user's segment.
    kept : sequence of Kept, length k
        What each segment is called.
    evidence : sequence of Evidence, length k
        What else is known of it.
    continues : bool
        Whether there is a last month, so that a segment can be new.
    smallest_base : int
        Users below which an index says nothing.
    smallest_cell : int
        Users below which a count is not shown.
    seed : int
        Where the random numbers start.
    """
    frame = users.with_columns(nw.new_series(_SEGMENT, labels, backend=nw.get_native_namespace(users)))
    means, medians, counts = _numbers(frame)
    averages = averages_of(users)
    values = np.column_stack([users.get_column(name).to_numpy().astype(float) for name in NUMBERS])
    known = intervals.numbers(values, labels, model.k, seed=seed)
    categories = {
        name: _categories(frame, name, model.k, smallest_base, smallest_cell) for name in CATEGORIES
    }
    segments = []
    for number, (one, seen) in enumerate(zip(kept, evidence, strict=True)):
        size = counts[number]
        index = {
            column: Index(
                _index(means[number][column], averages[column], size, smallest_base),
                size,
                _interval(known[number][n].index),
            )
            for n, column in enumerate(NUMBERS)
        }
        tables = {name: categories[name][number] for name in CATEGORIES}
        share = intervals.share(size, len(users))
        segments.append(
            Segment(
                id=one.id,
                name=one.name,
                users=size,
                share=size / len(users),
                share_interval=Interval(share.low, share.high),
                centre=dict(zip(points.features, map(float, model.centres[number]), strict=True)),
                means=means[number],
                medians=medians[number],
                mean_intervals={name: _interval(known[number][n].mean) for n, name in enumerate(NUMBERS)},
                stability=seen.stability,
                apart=seen.apart,
                new=one.is_new and continues,
                name_now=one.name if one.name_fits else one.suggested,
                silhouette=seen.silhouette,
                index=index,
                categories=tables,
                stands_out=_stands_out(index, tables),
            )
        )
    return tuple(segments)


def averages_of(users: Frame) -> dict[str, float]:
    """Give the mean of each number column over all users."""
    return {name: float(users.get_column(name).cast(nw.Float64).mean()) for name in NUMBERS}


def shares_of(users: Frame) -> dict[str, dict[str, float]]:
    """Give the part of all users with each value of each category, the most frequent first."""
    return {name: {value: n / len(users) for value, n in _totals(users, name).items()} for name in CATEGORIES}


def _totals(users: Frame, name: str) -> dict[str, int]:
    """Count the users with each value of a category, the most frequent first."""
    counts: Counter[str] = Counter()  # added up: 1 and "1" read alike
    for value, n in users.group_by(name).agg(nw.len().alias("n")).iter_rows():
        counts[str(value)] += int(n)
    return dict(sorted(counts.items(), key=lambda row: (-row[1], row[0])))


def _numbers(
    frame: Frame,
) -> tuple[dict[int, dict[str, float]], dict[int, dict[str, float]], dict[int, int]]:
    """Give means, medians and users of each segment, by its number."""
    mean = [nw.col(name).mean().alias(f"mean_{name}") for name in NUMBERS]
    median = [nw.col(name).median().alias(f"median_{name}") for name in NUMBERS]
    rows = frame.group_by(_SEGMENT).agg(nw.len().alias("users"), *mean, *median).iter_rows(named=True)
    by_number = {int(row[_SEGMENT]): row for row in rows}
    means = {n: {name: float(row[f"mean_{name}"]) for name in NUMBERS} for n, row in by_number.items()}
    medians = {n: {name: float(row[f"median_{name}"]) for name in NUMBERS} for n, row in by_number.items()}
    return means, medians, {n: int(row["users"]) for n, row in by_number.items()}


def _categories(
    frame: Frame, name: str, k: int, smallest_base: int, smallest_cell: int
) -> list[dict[str, Index]]:
    """Give the indices of every value of a category, by segment; counts that would give somebody away are left out."""
    totals = _totals(frame, name)
    counts = {(number, value): 0 for number in range(k) for value in totals}
    for number, value, n in frame.group_by(_SEGMENT, name).agg(nw.len().alias("n")).iter_rows():
        counts[int(number), str(value)] += int(n)
    table = [[counts[number, value] for value in totals] for number in range(k)]
    groups = [[value] for value in totals]
    shown = _suppressed(table, smallest_cell)
    # rare values that would take half the table with them are shown as one
    while len(groups) > 2 and sum(cell is None for row in shown for cell in row) > _HIDDEN * k * len(groups):
        table = [[*row[:-2], row[-2] + row[-1]] for row in table]
        groups = [*groups[:-2], groups[-2] + groups[-1]]
        shown = _suppressed(table, smallest_cell)
    return [
        {
            _label(group, totals): _category(
                users, sum(table[number]), sum(totals[value] for value in group), len(frame), smallest_base
            )
            for users, group in zip(shown[number], groups, strict=True)
        }
        for number in range(k)
    ]


def _label(group: Sequence[str], totals: Mapping[str, int]) -> str:
    """Name values that are shown as one: by the first of them where it is most of them, or the other name is taken."""
    if len(group) == 1:
        return group[0]
    other = f"Other ({len(group)})"
    if other in totals or totals[group[0]] * 2 >= sum(totals[value] for value in group):
        return f"{group[0]} and {len(group) - 1} more"
    return other


def _suppressed(table: list[list[int]], smallest: int) -> tuple[tuple[int | None, ...], ...]:
    """Leave out of a table what would give somebody away; its sums stand on the pages."""
    k, values = len(table), len(table[0])
    sums = [(number, values) for number in range(k)] + [(k, place) for place in range(values + 1)]
    return suppress(table, smallest=smallest, known=sums).cells


def _category(users: int | None, size: int, with_value: int, of: int, smallest_base: int) -> Index:
    """Give the index of one value of a category in a segment of this size."""
    if users is None:
        return Index(None, None, None)
    value = _index(users / size, with_value / of, users, smallest_base)
    return Index(
        value, users, _interval(intervals.category_index(users, size, with_value, of)), share=users / size
    )


def _index(mean: float, average: float, base: int, smallest_base: int) -> float | None:
    """Give the mean over the average of all, times 100; nothing on too small a base or over an average of 0."""
    return None if base < smallest_base or average == 0 else 100 * mean / average


def _interval(found: intervals.Interval | None) -> Interval | None:
    return None if found is None else Interval(found.low, found.high)


def _stands_out(
    index: Mapping[str, Index], tables: Mapping[str, Mapping[str, Index]]
) -> tuple[Standout, ...]:
    """List what is far enough from the average to be said, the largest ratio first, up or down alike."""
    numbers = [(name, None, item) for name, item in index.items()]
    values = [(name, value, item) for name, table in tables.items() for value, item in table.items()]
    far = [
        Standout(name, value, item.value)
        for name, value, item in (*numbers, *values)
        if item.speaks and item.value is not None and not LEAST < item.value < MOST
    ]
    return tuple(sorted(far, key=lambda item: -abs(np.log(max(item.index, 1) / 100))))
