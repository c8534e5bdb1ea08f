"""The facts of each segment: how many, who they are, and how they differ from all users."""

from collections import Counter
from collections.abc import Mapping, Sequence

import narwhals as nw
import numpy as np

from segmentation.clusters import Labels, Model
from segmentation.facts import Index, Segment, Standout
from segmentation.features import Points
from segmentation.names import name_segments
from segmentation.schema import CATEGORIES, NUMBERS, Frame

LEAST, MOST = 80, 120  # an index between them is the average, as media planners read it
_SEGMENT = "_segment"


def profile(
    users: Frame,
    points: Points,
    model: Model,
    labels: Labels,
    silhouettes: Sequence[float],
    *,
    smallest_base: int,
) -> tuple[Segment, ...]:
    """Describe every segment of the model.

    Parameters
    ----------
    users : narwhals.DataFrame
        Users kept, in the order of labels.
    points : Points
        For the names of the features.
    model : Model
        The centres.
    labels : ndarray, shape (n,)
        Each user's segment.
    silhouettes : sequence of float, length k
        Each segment's mean silhouette.
    smallest_base : int
        Users below which an index says nothing.
    """
    frame = users.with_columns(nw.new_series(_SEGMENT, labels, backend=nw.get_native_namespace(users)))
    means, medians, counts = _numbers(frame)
    averages = averages_of(users)
    shares = shares_of(users)
    categories = {name: _counts(frame, name) for name in CATEGORIES}
    centres = [dict(zip(points.features, map(float, centre), strict=True)) for centre in model.centres]
    segments = []
    for number, (name, centre) in enumerate(zip(name_segments(centres), centres, strict=True)):
        size = counts[number]
        index = {
            column: Index(_index(means[number][column], averages[column], size, smallest_base), size)
            for column in NUMBERS
        }
        tables = {
            column: {
                value: _category(categories[column].get((number, value), 0), size, share, smallest_base)
                for value, share in shares[column].items()
            }
            for column in CATEGORIES
        }
        segments.append(
            Segment(
                id=f"S{number + 1}",
                name=name,
                users=size,
                share=size / len(users),
                centre=centre,
                means=means[number],
                medians=medians[number],
                silhouette=silhouettes[number],
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
    shares = {}
    for name in CATEGORIES:
        counts: Counter[str] = Counter()  # added up: 1 and "1" read alike
        for value, n in users.group_by(name).agg(nw.len().alias("n")).iter_rows():
            counts[str(value)] += int(n)
        frequent = sorted(counts.items(), key=lambda row: (-row[1], row[0]))
        shares[name] = {value: n / len(users) for value, n in frequent}
    return shares


def _numbers(
    frame: Frame,
) -> tuple[dict[int, dict[str, float]], dict[int, dict[str, float]], dict[int, int]]:
    """Give means, medians and users of each segment, by its number."""
    # in double precision: a sum of single floats is off in the eighth digit
    frame = frame.with_columns(nw.col(*NUMBERS).cast(nw.Float64))
    mean = [nw.col(name).mean().alias(f"mean_{name}") for name in NUMBERS]
    median = [nw.col(name).median().alias(f"median_{name}") for name in NUMBERS]
    rows = frame.group_by(_SEGMENT).agg(nw.len().alias("users"), *mean, *median).iter_rows(named=True)
    by_number = {int(row[_SEGMENT]): row for row in rows}
    means = {n: {name: float(row[f"mean_{name}"]) for name in NUMBERS} for n, row in by_number.items()}
    medians = {n: {name: float(row[f"median_{name}"]) for name in NUMBERS} for n, row in by_number.items()}
    return means, medians, {n: int(row["users"]) for n, row in by_number.items()}


def _counts(frame: Frame, name: str) -> dict[tuple[int, str], int]:
    """Count each segment's users by value of a category."""
    counts: Counter[tuple[int, str]] = Counter()
    for number, value, n in frame.group_by(_SEGMENT, name).agg(nw.len().alias("n")).iter_rows():
        counts[int(number), str(value)] += int(n)
    return counts


def _index(mean: float, average: float, base: int, smallest_base: int) -> float | None:
    """Give the mean over the average of all, times 100; nothing on too small a base or over an average of 0."""
    return None if base < smallest_base or average == 0 else 100 * mean / average


def _category(users: int, size: int, share: float, smallest_base: int) -> Index:
    """Give the index of one value of a category in a segment of this size."""
    return Index(_index(users / size, share, users, smallest_base), users, share=users / size)


def _stands_out(
    index: Mapping[str, Index], tables: Mapping[str, Mapping[str, Index]]
) -> tuple[Standout, ...]:
    """List what is far enough from the average to be said, the largest ratio first, up or down alike."""
    numbers = [(name, None, item.value) for name, item in index.items()]
    values = [(name, value, item.value) for name, table in tables.items() for value, item in table.items()]
    far = [
        Standout(name, value, index)
        for name, value, index in (*numbers, *values)
        if index is not None and not LEAST < index < MOST
    ]
    return tuple(sorted(far, key=lambda item: -abs(np.log(max(item.index, 1) / 100))))
