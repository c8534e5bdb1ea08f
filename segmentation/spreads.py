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

from segmentation.features import Floats
from segmentation.schema import LARGEST, Users
from segmentation.tally import SEGMENT_NUMBER, answers, number, tally

Counts = NDArray[np.int64]
_BINS = 30  # about; the step between them is a round number
_FINE = 4_096  # fine bins of a column, at most about
_MANY = 300_000  # users of one part whose values are not asked for one by one: an outlier makes all others one part
_HAIR = 1e-9  # part of a bin by which 0.3, which is a little less than 3 times 0.1, may lie below its border


@dataclass(frozen=True, slots=True)
class Ruler:
    """Equal bins on a round step, each in equal parts.

    Attributes
    ----------
    edges : tuple of float
        Borders of the bins; a bin holds its left border, the last both.
    start, step : float
        Where the first begins, and how far apart they are.
    parts : int
        Parts of a bin.
    single : bool
        Whether each part holds one value: a whole number.
    """

    edges: tuple[float, ...]
    start: float
    step: float
    parts: int
    single: bool

    @property
    def bins(self) -> int:
        """Number of bins."""
        return len(self.edges) - 1

    def place(self, name: str) -> nw.Expr:
        """Give the number of the part in which a column's value lies, from 0."""
        part = (((number(name) - self.start) / self.step + _HAIR) * self.parts).floor()
        return part.clip(0, self.bins * self.parts - 1)


@dataclass(frozen=True, slots=True)
class Spread:
    """One number column of the users kept.

    Attributes
    ----------
    bins : ndarray
        Users by bin of the ruler.
    quartiles : (float, float, float)
        Of all users.
    medians : tuple of float, length k
        Of each segment.
    """

    bins: Counts
    quartiles: tuple[float, float, float]
    medians: tuple[float, ...]


def ruler_of(low: float, high: float, *, whole: bool) -> Ruler:
    """Lay a ruler of about 30 bins from low to high: its borders are multiples of a round step."""
    span = high - low
    step = round_step((span if span > 1 / LARGEST else 1.0) / _BINS, whole=whole)
    first = math.floor(low / step)
    edges = np.arange(first, max(math.ceil(high / step), first + 1) + 1, dtype=float) * step
    # 3 * 0.1 is a little more than 0.3: unrounded, a value on a border would fall out, or into the wrong bin
    edges = edges.round(max(0, 2 - math.floor(math.log10(step))))
    start = float(edges[0])
    edges[0], edges[-1] = min(edges[0], low), max(edges[-1], high)
    single = whole and step * (len(edges) - 1) <= 2 * _FINE
    parts = int(step) if single else max(1, _FINE // (len(edges) - 1))
    return Ruler(tuple(map(float, edges)), start, step, parts, single)


def round_step(width: float, *, whole: bool = False) -> float:
    """Give the least of 1, 2, 2.5, 5 times a power of ten that is not below width; a whole number if asked for.

    Bins of 2.5 years would hold two and three of them in turn, and draw teeth that aren't there.
    """
    width = max(width, 1.0) if whole else width
    power = 10.0 ** math.floor(math.log10(width))
    steps = (power * step for step in (1, 2, 2.5, 5, 10))
    return next(s for s in steps if s >= width * (1 - 1e-9) and (not whole or s == round(s)))


def bins_of(rows: Users, name: str, ruler: Ruler) -> Counts:
    """Count rows by bin."""
    counts = np.zeros(ruler.bins, dtype=np.int64)
    for part, n in tally(rows.select(ruler.place(name).alias("_part")), "_part"):
        counts[int(part) // ruler.parts] += n
    return counts


def spread_of(users: Users, name: str, ruler: Ruler, k: int) -> Spread:
    """Count one column's values, by segment.

    Parameters
    ----------
    users : Users
        With their segment's number, 0 to k - 1; each segment has a user.
    """
    placed = users.select(SEGMENT_NUMBER, number(name).alias("_value"), ruler.place(name).alias("_part"))
    parts = _parts_of(placed, ruler, k)
    everybody = parts.sum(axis=0)
    middles = [_around(int(one.sum()), 0.5) for one in parts]
    quarters = [_around(int(everybody.sum()), q) for q in (0.25, 0.5, 0.75)]
    wanted: set[tuple[int | None, int]] = {(n, rank) for n, ranks in enumerate(middles) for rank in ranks[:2]}
    wanted |= {(None, rank) for ranks in quarters for rank in ranks[:2]}
    found = _order_statistics(placed, ruler, parts, wanted)
    q1, q2, q3 = (_between(found[None, a], found[None, b], along) for a, b, along in quarters)
    return Spread(
        bins=everybody.reshape(ruler.bins, ruler.parts).sum(axis=1),
        quartiles=(q1, q2, q3),
        medians=tuple((found[n, a] + found[n, b]) / 2 for n, (a, b, _) in enumerate(middles)),
    )


def cuts_of(users: Users, name: str, ruler: Ruler, bins: int) -> tuple[Floats, Floats]:
    """Give the values at the ranks n i / bins, i = 1 to bins - 1, and the share of users who have each."""
    placed = users.select(number(name).alias("_value"), ruler.place(name).alias("_part"))
    parts = _parts_of(placed, ruler, 1)
    n = int(parts.sum())
    ranks = [n * i // bins for i in range(1, bins)]
    found = _order_statistics(placed, ruler, parts, {(None, rank) for rank in ranks})
    values = np.array([found[None, rank] for rank in ranks])
    same = dict(tally(placed.filter(nw.col("_value").is_in(values.tolist())).select("_value"), "_value"))
    return values, np.array([same.get(value, 0) / n for value in values.tolist()])


def _around(users: int, share: float) -> tuple[int, int, float]:
    """Give the ranks below and above the position of a quantile among so many users, and how far it is between them."""
    position = (users - 1) * share
    below = math.floor(position)
    return below, min(below + 1, users - 1) if position > below else below, position - below


def _between(low: float, high: float, along: float) -> float:
    """Give the value so far along from low to high, as NumPy's default quantile does."""
    return float(np.quantile([low, high], along))


def _order_statistics(
    placed: Users, ruler: Ruler, parts: Counts, wanted: Collection[tuple[int | None, int]]
) -> Mapping[tuple[int | None, int], float]:
    """Find the values at some ranks, of a segment's users or (None) of all."""
    heaps = {None: parts.sum(axis=0).cumsum()} | {n: one.cumsum() for n, one in enumerate(parts)}
    at = {(n, rank): int(np.searchsorted(heaps[n], rank, "right")) for n, rank in wanted}
    if ruler.single:
        return {target: ruler.start + part for target, part in at.items()}
    found: dict[tuple[int | None, int], float] = {}
    everybody = parts.sum(axis=0)
    crowded = {part for part in at.values() if everybody[part] > _MANY}
    for crowd in crowded:
        before = {n: int(heap[crowd - 1]) if crowd else 0 for n, heap in heaps.items()}
        inner = {(n, rank - before[n]) for (n, rank), part in at.items() if part == crowd}
        within = _within(placed.filter(nw.col("_part") == float(crowd)), len(parts), inner)
        found |= {(n, rank + before[n]): value for (n, rank), value in within.items()}
    few = [float(part) for part in sorted(set(at.values()) - crowded)]
    values: dict[tuple[int | None, int], list[tuple[float, int]]] = {}
    by = [SEGMENT_NUMBER] if SEGMENT_NUMBER in placed.collect_schema() else []
    for *segment, part, value, n in tally(placed.filter(nw.col("_part").is_in(few)), *by, "_part", "_value"):
        for one in (None, *map(int, segment)):
            values.setdefault((one, int(part)), []).append((float(value), n))
    for (n, rank), part in at.items():
        if part not in crowded:
            rows = np.array(sorted(values[n, part]))
            before_it = int(heaps[n][part - 1]) if part else 0
            found[n, rank] = float(rows[np.searchsorted(rows[:, 1].cumsum(), rank - before_it, "right"), 0])
    return found


def _within(
    crowd: Users, k: int, wanted: Collection[tuple[int | None, int]]
) -> Mapping[tuple[int | None, int], float]:
    """Find the values at some ranks among users who crowd into one part: by a ruler of their own."""
    value = nw.col("_value")
    (ends,) = answers(crowd.select(value.min().alias("low"), value.max().alias("high")))
    low, high = float(ends["low"]), float(ends["high"])
    if low == high:
        return dict.fromkeys(wanted, low)
    ruler = Ruler((low, high), low, high - low, _FINE, single=False)
    placed = crowd.with_columns(ruler.place("_value").alias("_part"))
    return _order_statistics(placed, ruler, _parts_of(placed, ruler, k), wanted)


def _parts_of(placed: Users, ruler: Ruler, k: int) -> Counts:
    """Count users by segment and part, shape (k, parts of all bins)."""
    by = [SEGMENT_NUMBER] if SEGMENT_NUMBER in placed.collect_schema() else []
    parts = np.zeros((k, ruler.bins * ruler.parts), dtype=np.int64)
    for *segment, part, n in tally(placed.select(*by, "_part"), *by, "_part"):
        parts[int(segment[0]) if segment else 0, int(part)] = n
    return parts
