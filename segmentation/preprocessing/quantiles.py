"""How each number is spread over the users: bins, medians and quartiles, by counting and without sorting.

An engine's own quantiles are approximate, or sort everybody. Two counts find an order statistic exactly: how many
users lie in each of some thousand bins, and then how many have each value within the few bins that hold the ranks
wanted. The place of a value on the ruler never falls as the value grows, so that rounding moves no rank.
"""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from segmentation.preprocessing.aggregate import SEGMENT_NUMBER, cast_to_float, count_groups, fetch_rows
from segmentation.preprocessing.scaling import Floats
from segmentation.schema import MAX_NUMBER, Users

CountArray = NDArray[np.int64]
_TARGET_BINS = 30  # about; the step between them is a round number
_MAX_PARTS = 4_096  # fine bins of a column, at most about
_MAX_LISTED_USERS = 300_000  # users of one part whose values are not asked for one by one: an outlier makes all others one part
_EDGE_TOLERANCE = (
    1e-9  # part of a bin by which 0.3, which is a little less than 3 times 0.1, may lie below its border
)


@dataclass(frozen=True, slots=True)
class BinGrid:
    """Equal bins on a round step, each in equal parts.

    Attributes
    ----------
    edges : tuple of float
        Borders of the bins; a bin holds its left border, the last both.
    start, step : float
        Where the first begins, and how far apart they are.
    parts_per_bin : int
        Parts of a bin.
    is_exact : bool
        Whether each part holds one value: a whole number.
    """

    edges: tuple[float, ...]
    start: float
    step: float
    parts_per_bin: int
    is_exact: bool

    @property
    def n_bins(self) -> int:
        """Number of bins."""
        return len(self.edges) - 1

    def locate_part(self, name: str) -> nw.Expr:
        """Give the number of the part in which a column's value lies, from 0."""
        part = (
            ((cast_to_float(name) - self.start) / self.step + _EDGE_TOLERANCE) * self.parts_per_bin
        ).floor()
        return part.clip(0, self.n_bins * self.parts_per_bin - 1)


@dataclass(frozen=True, slots=True)
class ColumnQuantiles:
    """One number column of the users kept.

    Attributes
    ----------
    bin_counts : ndarray
        Users by bin of the ruler.
    quartiles : (float, float, float)
        Of all users.
    medians : tuple of float, length k
        Of each segment.
    """

    bin_counts: CountArray
    quartiles: tuple[float, float, float]
    medians: tuple[float, ...]


def make_bin_grid(low: float, high: float, *, integer: bool) -> BinGrid:
    """Lay a ruler of about 30 bins from low to high: its borders are multiples of a round step."""
    span = high - low
    step = choose_bin_step((span if span > 1 / MAX_NUMBER else 1.0) / _TARGET_BINS, integer=integer)
    first = math.floor(low / step)
    edges = np.arange(first, max(math.ceil(high / step), first + 1) + 1, dtype=float) * step
    # 3 * 0.1 is a little more than 0.3: unrounded, a value on a border would fall out, or into the wrong bin
    edges = edges.round(max(0, 2 - math.floor(math.log10(step))))
    start = float(edges[0])
    edges[0], edges[-1] = min(edges[0], low), max(edges[-1], high)
    single = integer and step * (len(edges) - 1) <= 2 * _MAX_PARTS
    parts = int(step) if single else max(1, _MAX_PARTS // (len(edges) - 1))
    return BinGrid(tuple(map(float, edges)), start, step, parts, single)


def choose_bin_step(width: float, *, integer: bool = False) -> float:
    """Give the least of 1, 2, 2.5, 5 times a power of ten that is not below width; a whole number if asked for.

    Bins of 2.5 years would hold two and three of them in turn, and draw teeth that aren't there.
    """
    width = max(width, 1.0) if integer else width
    power = 10.0 ** math.floor(math.log10(width))
    steps = (power * step for step in (1, 2, 2.5, 5, 10))
    return next(s for s in steps if s >= width * (1 - 1e-9) and (not integer or s == round(s)))


def count_bins(rows: Users, name: str, grid: BinGrid) -> CountArray:
    """Count rows by bin."""
    counts = np.zeros(grid.n_bins, dtype=np.int64)
    for part, n in count_groups(rows.select(grid.locate_part(name).alias("_part")), "_part"):
        counts[int(part) // grid.parts_per_bin] += n
    return counts


def compute_column_quantiles(users: Users, name: str, grid: BinGrid, k: int) -> ColumnQuantiles:
    """Count one column's values, by segment.

    Parameters
    ----------
    users : Users
        With their segment's number, 0 to k - 1; each segment has a user.
    """
    placed = users.select(
        SEGMENT_NUMBER, cast_to_float(name).alias("_value"), grid.locate_part(name).alias("_part")
    )
    parts = _count_parts(placed, grid, k)
    everybody = parts.sum(axis=0)
    middles = [_find_quantile_ranks(int(one.sum()), 0.5) for one in parts]
    quarters = [_find_quantile_ranks(int(everybody.sum()), q) for q in (0.25, 0.5, 0.75)]
    wanted: set[tuple[int | None, int]] = {(n, rank) for n, ranks in enumerate(middles) for rank in ranks[:2]}
    wanted |= {(None, rank) for ranks in quarters for rank in ranks[:2]}
    found = _find_order_statistics(placed, grid, parts, wanted)
    q1, q2, q3 = (_interpolate_quantile(found[None, a], found[None, b], along) for a, b, along in quarters)
    return ColumnQuantiles(
        bin_counts=everybody.reshape(grid.n_bins, grid.parts_per_bin).sum(axis=1),
        quartiles=(q1, q2, q3),
        medians=tuple((found[n, a] + found[n, b]) / 2 for n, (a, b, _) in enumerate(middles)),
    )


def compute_quantile_cuts(users: Users, name: str, grid: BinGrid, n_bins: int) -> tuple[Floats, Floats]:
    """Give the values at the ranks n i / bins, i = 1 to bins - 1, and the share of users who have each."""
    placed = users.select(cast_to_float(name).alias("_value"), grid.locate_part(name).alias("_part"))
    parts = _count_parts(placed, grid, 1)
    n = int(parts.sum())
    ranks = [n * i // n_bins for i in range(1, n_bins)]
    found = _find_order_statistics(placed, grid, parts, {(None, rank) for rank in ranks})
    values = np.array([found[None, rank] for rank in ranks])
    same = dict(
        count_groups(placed.filter(nw.col("_value").is_in(values.tolist())).select("_value"), "_value")
    )
    return values, np.array([same.get(value, 0) / n for value in values.tolist()])


def _find_quantile_ranks(users: int, share: float) -> tuple[int, int, float]:
    """Give the ranks below and above the position of a quantile among so many users, and how far it is between them."""
    position = (users - 1) * share
    below = math.floor(position)
    return below, min(below + 1, users - 1) if position > below else below, position - below


def _interpolate_quantile(low: float, high: float, along: float) -> float:
    """Give the value so far along from low to high, as NumPy's default quantile does."""
    return float(np.quantile([low, high], along))


def _find_order_statistics(
    placed: Users, grid: BinGrid, parts: CountArray, wanted: Collection[tuple[int | None, int]]
) -> Mapping[tuple[int | None, int], float]:
    """Find the values at some ranks, of a segment's users or (None) of all."""
    heaps = {None: parts.sum(axis=0).cumsum()} | {n: one.cumsum() for n, one in enumerate(parts)}
    at = {(n, rank): int(np.searchsorted(heaps[n], rank, "right")) for n, rank in wanted}
    if grid.is_exact:
        return {target: grid.start + part for target, part in at.items()}
    found: dict[tuple[int | None, int], float] = {}
    everybody = parts.sum(axis=0)
    crowded = {part for part in at.values() if everybody[part] > _MAX_LISTED_USERS}
    for crowd in crowded:
        before = {n: int(heap[crowd - 1]) if crowd else 0 for n, heap in heaps.items()}
        inner = {(n, rank - before[n]) for (n, rank), part in at.items() if part == crowd}
        within = _find_ranks_in_part(placed.filter(nw.col("_part") == float(crowd)), len(parts), inner)
        found |= {(n, rank + before[n]): value for (n, rank), value in within.items()}
    few = [float(part) for part in sorted(set(at.values()) - crowded)]
    values: dict[tuple[int | None, int], list[tuple[float, int]]] = {}
    by = [SEGMENT_NUMBER] if SEGMENT_NUMBER in placed.collect_schema() else []
    for *segment, part, value, n in count_groups(
        placed.filter(nw.col("_part").is_in(few)), *by, "_part", "_value"
    ):
        for one in (None, *map(int, segment)):
            values.setdefault((one, int(part)), []).append((float(value), n))
    for (n, rank), part in at.items():
        if part not in crowded:
            rows = np.array(sorted(values[n, part]))
            before_it = int(heaps[n][part - 1]) if part else 0
            found[n, rank] = float(rows[np.searchsorted(rows[:, 1].cumsum(), rank - before_it, "right"), 0])
    return found


def _find_ranks_in_part(
    crowd: Users, k: int, wanted: Collection[tuple[int | None, int]]
) -> Mapping[tuple[int | None, int], float]:
    """Find the values at some ranks among users who crowd into one part: by a ruler of their own."""
    value = nw.col("_value")
    (ends,) = fetch_rows(crowd.select(value.min().alias("low"), value.max().alias("high")))
    low, high = float(ends["low"]), float(ends["high"])
    if low == high:
        return dict.fromkeys(wanted, low)
    ruler = BinGrid((low, high), low, high - low, _MAX_PARTS, is_exact=False)
    placed = crowd.with_columns(ruler.locate_part("_value").alias("_part"))
    return _find_order_statistics(placed, ruler, _count_parts(placed, ruler, k), wanted)


def _count_parts(placed: Users, grid: BinGrid, k: int) -> CountArray:
    """Count users by segment and part, shape (k, parts of all bins)."""
    by = [SEGMENT_NUMBER] if SEGMENT_NUMBER in placed.collect_schema() else []
    parts = np.zeros((k, grid.n_bins * grid.parts_per_bin), dtype=np.int64)
    for *segment, part, n in count_groups(placed.select(*by, "_part"), *by, "_part"):
        parts[int(segment[0]) if segment else 0, int(part)] = n
    return parts
