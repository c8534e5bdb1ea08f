"""Exact quantiles by binning, without sorting.

An engine's own quantiles are approximate, or sort all users. Two counts find an order statistic exactly: how many
users lie in each of some thousand bins, and how many have each value within the few bins that hold the wanted ranks.
A value's bin never falls as the value grows, so that rounding moves no rank.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from segmentation.frames import Users
from segmentation.preprocessing.aggregate import SEGMENT_NUMBER, cast_to_float, count_groups, fetch_rows
from segmentation.preprocessing.scaling import Floats
from segmentation.schema import MAX_NUMBER

CountArray = NDArray[np.int64]
Rank = tuple[int | None, int]  # a rank from 0, among a segment's users or (None) all
_TARGET_BINS = 30  # about: the step is a round number
_MAX_PARTS = 4_096  # fine bins of a column, at most, about
_MAX_LISTED_USERS = 300_000  # users of a part whose values are listed; after an outlier one part may hold nearly all
_EDGE_TOLERANCE = 1e-9  # part of a bin by which a value may lie below its edge: 0.3 is a little less than 3 * 0.1


@dataclass(frozen=True, slots=True)
class BinGrid:
    """Equal bins, each divided into equal parts."""

    edges: tuple[float, ...]  # a bin holds its left edge, the last one both
    start: float  # left edge of the first bin
    step: float  # width of a bin
    parts_per_bin: int
    is_exact: bool  # whether each part holds one value: a whole number

    @property
    def n_bins(self) -> int:
        """Number of bins."""
        return len(self.edges) - 1

    @property
    def n_parts(self) -> int:
        """Number of parts; where each holds one value, the last edge has its own."""
        return self.n_bins * self.parts_per_bin + self.is_exact

    def locate_part(self, name: str) -> nw.Expr:
        """Return the number of a value's part."""
        bins = (cast_to_float(name) - self.start) / self.step
        part = ((bins + _EDGE_TOLERANCE) * self.parts_per_bin).floor()
        return part.clip(0, self.n_parts - 1)


@dataclass(frozen=True, slots=True)
class ColumnQuantiles:
    """Bin counts, quartiles and medians of one column."""

    bin_counts: CountArray
    quartiles: tuple[float, float, float]  # of all users
    medians: tuple[float, ...]  # of each segment; NaN where no value is known


def make_bin_grid(low: float, high: float, *, integer: bool) -> BinGrid:
    """Return about 30 bins on a round step."""
    span = high - low
    step = choose_bin_step((span if span > 1 / MAX_NUMBER else 1.0) / _TARGET_BINS, integer=integer)
    if integer and step == 1:
        high += 1  # a bin for each value, the highest included
    first = math.floor(low / step)
    edges = np.arange(first, max(math.ceil(high / step), first + 1) + 1, dtype=float) * step
    # 3 * 0.1 is a little more than 0.3: unrounded, a value on an edge would fall into the wrong bin
    edges = edges.round(max(0, 2 - math.floor(math.log10(step))))
    start = float(edges[0])
    edges[0], edges[-1] = min(edges[0], low), max(edges[-1], high)
    is_exact = integer and step * (len(edges) - 1) <= 2 * _MAX_PARTS
    parts = int(step) if is_exact else max(1, _MAX_PARTS // (len(edges) - 1))
    return BinGrid(tuple(map(float, edges)), start, step, parts, is_exact)


def choose_bin_step(width: float, *, integer: bool = False) -> float:
    """Return the smallest round step of at least `width`.

    Round is 1, 2, 2.5 or 5 times a power of ten; a whole number for integers: bins of 2.5 years would hold two and three
    years in turn, and show peaks that aren't there.
    """
    width = max(width, 1.0) if integer else width
    power = 10.0 ** math.floor(math.log10(width))
    steps = (power * step for step in (1, 2, 2.5, 5, 10))
    return next(s for s in steps if s >= width * (1 - 1e-9) and (not integer or s == round(s)))


def count_bins(rows: Users, name: str, grid: BinGrid) -> CountArray:
    """Count rows by bin."""
    known = rows.filter(~nw.col(name).is_null()).select(grid.locate_part(name).alias("_part"))
    return _sum_parts(_count_parts(known, grid, 1)[0], grid)


def compute_column_quantiles(users: Users, name: str, grid: BinGrid, k: int) -> ColumnQuantiles:
    """Compute a column's bin counts, quartiles and medians.

    The users have their segment's number, 0 to k - 1; no segment is empty.
    """
    placed = _locate_values(users, name, grid, SEGMENT_NUMBER)
    parts = _count_parts(placed, grid, k)
    everybody = parts.sum(axis=0)
    median_ranks = [_find_quantile_ranks(int(one.sum()), 0.5) if one.any() else None for one in parts]
    quartile_ranks = [_find_quantile_ranks(int(everybody.sum()), q) for q in (0.25, 0.5, 0.75)]
    wanted: set[Rank] = {(n, rank) for n, ranks in enumerate(median_ranks) if ranks for rank in ranks[:2]}
    wanted |= {(None, rank) for ranks in quartile_ranks for rank in ranks[:2]}
    found = _find_order_statistics(placed, grid, parts, wanted)
    q1, q2, q3 = (
        float(np.quantile([found[None, low], found[None, high]], between)) for low, high, between in quartile_ranks
    )
    return ColumnQuantiles(
        bin_counts=_sum_parts(everybody, grid),
        quartiles=(q1, q2, q3),
        medians=tuple(
            (found[n, ranks[0]] + found[n, ranks[1]]) / 2 if ranks else math.nan for n, ranks in enumerate(median_ranks)
        ),
    )


def compute_quantiles(users: Users, name: str, grid: BinGrid, shares: Sequence[float]) -> tuple[float, ...]:
    """Compute a column's quantiles, interpolated as NumPy does."""
    placed = _locate_values(users, name, grid)
    parts = _count_parts(placed, grid, 1)
    ranks = [_find_quantile_ranks(int(parts.sum()), share) for share in shares]
    found = _find_order_statistics(placed, grid, parts, {(None, rank) for one in ranks for rank in one[:2]})
    return tuple(float(np.quantile([found[None, low], found[None, high]], between)) for low, high, between in ranks)


def compute_quantile_cuts(users: Users, name: str, grid: BinGrid, n_bins: int) -> tuple[Floats, Floats]:
    """Return values at even ranks, and their shares."""
    placed = _locate_values(users, name, grid)
    parts = _count_parts(placed, grid, 1)
    n = int(parts.sum())
    ranks = [n * i // n_bins for i in range(1, n_bins)]
    found = _find_order_statistics(placed, grid, parts, {(None, rank) for rank in ranks})
    values = np.array([found[None, rank] for rank in ranks])
    rows = placed.filter(nw.col("_value").is_in(values.tolist())).select("_value")
    users_of = dict(count_groups(rows, "_value"))
    return values, np.array([users_of.get(value, 0) / n for value in values.tolist()])


def _locate_values(users: Users, name: str, grid: BinGrid, *others: str) -> Users:
    """Return known values with their part of a bin."""
    known = users.filter(~nw.col(name).is_null())
    return known.select(*others, cast_to_float(name).alias("_value"), grid.locate_part(name).alias("_part"))


def _find_quantile_ranks(users: int, share: float) -> tuple[int, int, float]:
    """Return the ranks around a quantile, and its position."""
    position = (users - 1) * share
    below = math.floor(position)
    return below, min(below + 1, users - 1) if position > below else below, position - below


def _find_order_statistics(
    placed: Users, grid: BinGrid, parts: CountArray, wanted: Collection[Rank]
) -> Mapping[Rank, float]:
    """Return the values at the wanted ranks."""
    everybody = parts.sum(axis=0)
    cumulated = {None: everybody.cumsum()} | {n: one.cumsum() for n, one in enumerate(parts)}
    part_of = {(n, rank): int(np.searchsorted(cumulated[n], rank, "right")) for n, rank in wanted}
    if grid.is_exact:
        return {target: grid.start + part for target, part in part_of.items()}
    rank_within = {
        (n, rank): rank - (int(cumulated[n][part - 1]) if part else 0) for (n, rank), part in part_of.items()
    }
    found: dict[Rank, float] = {}
    full_parts = {part for part in part_of.values() if everybody[part] > _MAX_LISTED_USERS}
    for full in full_parts:
        targets = {(n, rank): (n, rank_within[n, rank]) for (n, rank), part in part_of.items() if part == full}
        rows = placed.filter(nw.col("_part") == float(full))
        values_at = _find_ranks_in_part(rows, len(parts), set(targets.values()))
        found |= {target: values_at[within] for target, within in targets.items()}
    listed = [float(part) for part in sorted(set(part_of.values()) - full_parts)]
    values: dict[tuple[int | None, int], list[tuple[float, int]]] = {}
    by = [SEGMENT_NUMBER] if SEGMENT_NUMBER in placed.collect_schema() else []
    rows = placed.filter(nw.col("_part").is_in(listed))
    for *segment, part, value, n in count_groups(rows, *by, "_part", "_value"):
        for one in (None, *map(int, segment)):
            values.setdefault((one, int(part)), []).append((float(value), n))
    for (n, rank), part in part_of.items():
        if part not in full_parts:
            counts = np.array(sorted(values[n, part]))
            row = np.searchsorted(counts[:, 1].cumsum(), rank_within[n, rank], "right")
            found[n, rank] = float(counts[row, 0])
    return found


def _find_ranks_in_part(users: Users, k: int, wanted: Collection[Rank]) -> Mapping[Rank, float]:
    """Return the values at ranks within one part."""
    value = nw.col("_value")
    (ends,) = fetch_rows(users.select(value.min().alias("low"), value.max().alias("high")))
    low, high = float(ends["low"]), float(ends["high"])
    if low == high:
        return dict.fromkeys(wanted, low)
    finer = BinGrid((low, high), low, high - low, _MAX_PARTS, is_exact=False)
    placed = users.with_columns(finer.locate_part("_value").alias("_part"))
    return _find_order_statistics(placed, finer, _count_parts(placed, finer, k), wanted)


def _sum_parts(parts: CountArray, grid: BinGrid) -> CountArray:
    """Return counts of parts summed by bin."""
    whole = grid.n_bins * grid.parts_per_bin
    sums: CountArray = parts[:whole].reshape(grid.n_bins, grid.parts_per_bin).sum(axis=1)
    sums[-1] += parts[whole:].sum()  # the last bin holds both edges
    return sums


def _count_parts(placed: Users, grid: BinGrid, k: int) -> CountArray:
    """Count users by segment and part of a bin."""
    by = [SEGMENT_NUMBER] if SEGMENT_NUMBER in placed.collect_schema() else []
    parts = np.zeros((k, grid.n_parts), dtype=np.int64)
    for *segment, part, n in count_groups(placed.select(*by, "_part"), *by, "_part"):
        parts[int(segment[0]) if segment else 0, int(part)] = n
    return parts
