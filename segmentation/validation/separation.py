"""Separation: density gaps between neighbouring segments.

K-means cuts anything into k parts, smooth data as well. What smooth data never has is a gap: a stretch between two centres
with fewer users than on either side. Between each two neighbours we count the users opposite their common border, by
their position along the axis, and look for the gap.

Why opposite the border: those points are a convex set, and a log-concave distribution (uniform on a convex set, Gaussian,
correlated, exponential) counted along any direction within a convex set has a single peak (Prékopa). All users of
two segments would not do: Voronoi cells are narrower at their borders than in the middle, which looks like a gap.
"""

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segmentation.preprocessing.scaling import Floats, Points

AXIS_REACH = 1.5  # how far to look, in half distances between centres: 1 is the centre itself
_AXIS_BINS = 30  # from -1.5 to 1.5
_WINDOW_BINS = 5  # bins of a stretch: a quarter of the distance between centres
_MAX_OFFSET_BINS = 5  # bins that a gap may lie off the middle, as it does where sizes differ


@dataclass(frozen=True, slots=True)
class GapLimits:
    """How empty and how certain a gap has to be."""

    max_ratio: float  # users in the gap over those on its lower side
    min_z: float
    min_combined_z: float = 0.0  # of all gaps, by Stouffer

    def are_met(self, ratio: float, z: float) -> bool:
        """Tell whether a gap is empty and certain enough."""
        return ratio <= self.max_ratio and z >= self.min_z

    def are_certain(self, zs: Collection[float]) -> bool:
        """Tell whether all gaps together are certain enough."""
        return sum(zs) / math.sqrt(max(1, len(zs))) >= self.min_combined_z


# Measured on even data of 300 to 700 users, the worst case of unimodal data, where K-means looks for the emptiest cut: one
# gap exceeds a z of 2.0 in 1 of 9 data sets, and 3.5 in 1 of 100. The other two decide whether last month's number changes.
SEPARATING = GapLimits(2 / 3, 2.0, 3.5)
DOUBTFUL = GapLimits(0.8, 1.0)
CERTAIN = GapLimits(0.55, 2.5, 3.5)


@dataclass(frozen=True, slots=True)
class DensityGap:
    """What lies between two neighbouring segments."""

    first: int
    second: int
    users: float  # opposite the border, up to 1.5 times as far from it as the centres
    ratio: float  # users in the emptiest stretch over those in the lower of its two sides: 1 and more is no gap
    z: float  # the difference of these two, in its standard deviations

    @property
    def is_separating(self) -> bool:
        """Whether few users lie between, and not by chance."""
        return SEPARATING.are_met(self.ratio, self.z)


@dataclass(frozen=True, slots=True)
class Separation:
    """The density gaps between all neighbours among k segments."""

    k: int
    gaps: tuple[DensityGap, ...]

    @property
    def is_separated(self) -> bool:
        """Whether all neighbouring segments are separated."""
        return self.meets(SEPARATING)

    def meets(self, limits: GapLimits) -> bool:
        """Tell whether the gaps meet the limits, each and together."""
        each = all(limits.are_met(gap.ratio, gap.z) for gap in self.gaps)
        return bool(self.gaps) and each and limits.are_certain([gap.z for gap in self.gaps])

    @property
    def separated_segments(self) -> tuple[bool, ...]:
        """Whether each segment is separated from its neighbours."""
        own = [[gap for gap in self.gaps if i in (gap.first, gap.second)] for i in range(self.k)]
        return tuple(Separation(self.k, tuple(some)).is_separated for some in own)


def measure_separation(points: Points, centres: Floats, *, seed: int) -> Separation:
    """Measure the density gap between each two neighbouring segments.

    Two segments are neighbours when no third centre is as near to the middle between theirs (Gabriel). Points are all
    users or a sample; the seed is for tied values.

    References
    ----------
    .. [1] Hennig (2010), "Methods for merging Gaussian mixture components", ADAC 4: the ratio of the lowest density
       between two components to the lower of their peaks.
    .. [2] Prékopa (1973), "On logarithmic concave measures and functions", Acta Sci. Math. 34.
    .. [3] Gabriel, Sokal (1969), "A new statistical approach to geographic variation analysis", Syst. Zool. 18.
    """
    return _measure_jittered(jitter_ties(points.values, np.random.default_rng(seed)), points.weights, centres)


def measure_separation_by_k(points: Points, centres: dict[int, Floats], *, seed: int) -> dict[int, Separation]:
    """Measure separation for every k, jittering ties once."""
    values = jitter_ties(points.values, np.random.default_rng(seed))
    return {k: _measure_jittered(values, points.weights, c) for k, c in centres.items()}


def jitter_ties(values: Floats, rng: np.random.Generator) -> Floats:
    """Spread tied values over half the way to their neighbours.

    Ages in whole years and incomes in classes lie on a lattice, and the empty space between its lines is no gap. Classes
    differ in width, so each value is spread over its own; a value that only one user has, at most over the usual step.
    """
    result = np.empty_like(values)
    for column in range(values.shape[1]):
        unique, index, users = np.unique(values[:, column], return_inverse=True, return_counts=True)
        steps = np.diff(unique) if len(unique) > 1 else np.zeros(1)
        below, above = np.append(steps[0], steps), np.append(steps, steps[-1])
        if len(unique) == 1:
            below = above = np.zeros(1)
        most = np.where(users > 1, np.inf, np.median(steps))
        below, above = np.minimum(below, most) / 2, np.minimum(above, most) / 2
        result[:, column] = unique[index] - below[index] + rng.random(len(values)) * (below + above)[index]
    return result


def find_density_gap(counts: NDArray[np.float64]) -> tuple[float, float]:
    """Return ratio and z of the most certain gap.

    With v the users in a stretch and s those in the fullest stretch on its emptier side: v / s (half a user added to
    each) and (s - v) / sqrt(s + v), of the stretch with the largest z. Counts are users by position, shape (30,).
    """
    stretch = np.convolve(counts, np.ones(_WINDOW_BINS), "valid")
    middle = (len(stretch) - 1) / 2
    ratio, best_z = 1.0, -np.inf
    for at in range(int(np.ceil(middle - _MAX_OFFSET_BINS)), int(middle + _MAX_OFFSET_BINS) + 1):
        side = min(stretch[: at - _WINDOW_BINS + 1].max(), stretch[at + _WINDOW_BINS :].max())
        z = float((side - stretch[at]) / np.sqrt(max(side + stretch[at], 1.0)))
        if z > best_z:
            ratio, best_z = float((stretch[at] + 0.5) / (side + 0.5)), z
    return ratio, best_z


def iterate_gabriel_pairs(centres: Floats) -> Iterator[tuple[int, int]]:
    """Iterate over pairs of neighbouring centres (Gabriel)."""
    squares = ((centres[:, None] - centres[None]) ** 2).sum(axis=2)
    for i in range(len(centres)):
        for j in range(i + 1, len(centres)):
            through = squares[i] + squares[j]
            through[[i, j]] = np.inf
            if through.min() >= squares[i, j] * (1 - 1e-12):
                yield i, j


def _measure_jittered(values: Floats, weights: Floats, centres: Floats) -> Separation:
    """Like `measure_separation`, for jittered values."""
    near = (centres**2).sum(axis=1) - 2 * values @ centres.T  # squared distance less |x|^2
    gaps = []
    for i, j in iterate_gabriel_pairs(centres):
        counts = _bin_along_axis(near, weights, centres, i, j)
        ratio, z = find_density_gap(counts)
        gaps.append(DensityGap(first=i, second=j, users=float(counts.sum()), ratio=ratio, z=z))
    return Separation(k=len(centres), gaps=tuple(gaps))


def _bin_along_axis(near: Floats, weights: Floats, centres: Floats, i: int, j: int) -> Floats:
    """Count users opposite a border, along its axis.

    Positions go from -1.5 to 1.5; i's centre is -1, j's is 1.
    """
    axis = centres[j] - centres[i]
    position = (near[:, i] - near[:, j]) / float(axis @ axis)
    rows = np.flatnonzero(np.abs(position) < AXIS_REACH)
    position = position[rows]
    # moved onto the border, x' = x - position / 2 * axis, is any third centre nearer than these two?
    moved = near[rows] + position[:, None] * (centres @ axis)
    others = [m for m in range(len(centres)) if m not in (i, j)]
    if others:
        is_opposite = moved[:, i] <= moved[:, others].min(axis=1)
        rows, position = rows[is_opposite], position[is_opposite]
    return bin_positions(position, weights[rows])


def bin_positions(positions: Floats, weights: Floats) -> Floats:
    """Count users by position between two centres, for `find_density_gap`.

    The centres lie at -1 and 1; positions from -1.5 to 1.5 are counted.
    """
    bins = ((positions + AXIS_REACH) / (2 * AXIS_REACH) * _AXIS_BINS).astype(np.intp)
    return np.bincount(np.minimum(bins, _AXIS_BINS - 1), weights, _AXIS_BINS).astype(float)
