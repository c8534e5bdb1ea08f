"""Whether segments are set apart: on the way from one to the next, there are fewer users than on either side.

K-means cuts anything into k parts, a smooth crowd as well. What no smooth crowd has is a valley: a stretch between two
centres where fewer users live than on either side. Between each two neighbours we count the users who live opposite the
border that they share, by how far along they are, and look for the valley.

Why opposite the border: those points are a convex set, and a log-concave crowd (uniform on a convex set, Gaussian,
correlated, exponential) counted along any direction within a convex set has a single peak (Prékopa). All users of
two segments would not do: cells are narrower at their borders than in the middle, which looks like a valley and is none.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segmentation.preprocessing.scaling import Floats, Points

MAX_GAP_RATIO = 2 / 3  # the valley holds at most two thirds of the lower side: less is not worth a name
# How sure, in z: measured on even crowds of 300 to 700 users (the worst case: no single-peaked crowd is as near to a
# valley), where K-means looks for the emptiest cut. One border exceeds 2.0 in 1 of 9 of them, and 3.5 in 1 of 100.
MIN_GAP_Z, MIN_COMBINED_Z = 2.0, 3.5  # at every border; over all of them, by Stouffer
_AXIS_REACH = 1.5  # how far to look, in half distances between centres: 1 is the centre itself
_AXIS_BINS = 30  # of the way from -1.5 to 1.5
_WINDOW_BINS = 5  # bins of a stretch: a quarter of the way from centre to centre
_MAX_OFFSET_BINS = (
    5  # bins that a valley may lie off the middle: borders lie off the valley where sizes differ
)


@dataclass(frozen=True, slots=True)
class DensityGap:
    """What lies between two neighbouring segments.

    Attributes
    ----------
    first, second : int
        Numbers of the segments.
    users : float
        Users who live opposite the border, up to 1.5 times as far from it as the centres.
    ratio : float
        Users in the emptiest stretch over those in the lower of its two sides: 1 and more is no valley.
    z : float
        How sure the valley is: what is missing in it, in standard deviations of that difference.
    """

    first: int
    second: int
    users: float
    ratio: float
    z: float

    @property
    def is_separating(self) -> bool:
        """Whether few enough users live in between, and not by chance."""
        return self.ratio <= MAX_GAP_RATIO and self.z >= MIN_GAP_Z


@dataclass(frozen=True, slots=True)
class Separation:
    """All borders of one number of segments.

    Attributes
    ----------
    k : int
        Number of segments.
    gaps : tuple of Border
        One for each two segments that are neighbours.
    """

    k: int
    gaps: tuple[DensityGap, ...]

    @property
    def combined_z(self) -> float:
        """How sure all valleys are together (Stouffer)."""
        return float(sum(border.z for border in self.gaps) / np.sqrt(max(1, len(self.gaps))))

    @property
    def is_separated(self) -> bool:
        """Whether every segment is set apart from each of its neighbours."""
        return (
            bool(self.gaps)
            and self.combined_z >= MIN_COMBINED_Z
            and all(border.is_separating for border in self.gaps)
        )

    @property
    def separated_segments(self) -> tuple[bool, ...]:
        """Whether each segment is surely set apart from all of its neighbours."""
        own = [[b for b in self.gaps if i in (b.first, b.second)] for i in range(self.k)]
        return tuple(Separation(self.k, tuple(some)).is_separated for some in own)


def measure_separation(points: Points, centres: Floats, *, seed: int) -> Separation:
    """Look for a valley between each two neighbouring segments.

    Two segments are neighbours when no third centre is as near to the middle between theirs (Gabriel).

    Parameters
    ----------
    points : Points
        All users.
    centres : ndarray, shape (k, p)
        Segments, in the space of the points.
    seed : int
        For spreading tied values.

    References
    ----------
    .. [1] Hennig (2010), "Methods for merging Gaussian mixture components", ADAC 4: the ratio of the lowest density
       between two components to the lower of their peaks.
    .. [2] Prékopa (1973), "On logarithmic concave measures and functions", Acta Sci. Math. 34.
    .. [3] Gabriel, Sokal (1969), "A new statistical approach to geographic variation analysis", Syst. Zool. 18.
    """
    return _measure_jittered(jitter_ties(points.values, np.random.default_rng(seed)), points.weights, centres)


def measure_separation_by_k(
    points: Points, centres: dict[int, Floats], *, seed: int
) -> dict[int, Separation]:
    """Look for valleys for every number of segments, spreading tied values once."""
    values = jitter_ties(points.values, np.random.default_rng(seed))
    return {k: _measure_jittered(values, points.weights, c) for k, c in centres.items()}


def jitter_ties(values: Floats, rng: np.random.Generator) -> Floats:
    """Spread tied values over the space that they stand for, at most half a usual step to each side.

    Ages in whole years lie on a lattice, and between its lines lives nobody: a valley that means nothing.
    """
    result = np.empty_like(values)
    for column in range(values.shape[1]):
        unique, place = np.unique(values[:, column], return_inverse=True)
        gaps = np.diff(unique)
        usual = float(np.median(gaps)) if gaps.size else 0.0
        below = np.minimum(np.append(usual, gaps), usual) / 2
        above = np.minimum(np.append(gaps, usual), usual) / 2
        chance = rng.random(len(values))
        result[:, column] = unique[place] - below[place] + chance * (below + above)[place]
    return result


def find_density_gap(counts: NDArray[np.float64]) -> tuple[float, float]:
    """Find the surest valley near the middle of a way.

    Parameters
    ----------
    counts : ndarray, shape (30,)
        Users by place on the way.

    Returns
    -------
    ratio, z : float
        With v the users in a stretch and s those in the fullest stretch on its emptier side, v / s (half a user added to
        each) and (s - v) / sqrt(s + v), of the stretch that has the largest z.
    """
    stretch = np.convolve(counts, np.ones(_WINDOW_BINS), "valid")
    middle = (len(stretch) - 1) / 2
    found: tuple[float, float] = (1.0, -np.inf)
    for at in range(int(np.ceil(middle - _MAX_OFFSET_BINS)), int(middle + _MAX_OFFSET_BINS) + 1):
        side = min(stretch[: at - _WINDOW_BINS + 1].max(), stretch[at + _WINDOW_BINS :].max())
        z = float((side - stretch[at]) / np.sqrt(max(side + stretch[at], 1.0)))
        if z > found[1]:
            found = float((stretch[at] + 0.5) / (side + 0.5)), z
    return found


def iterate_gabriel_pairs(centres: Floats) -> Iterator[tuple[int, int]]:
    """Give each two centres with no third one in the ball between them."""
    apart = ((centres[:, None] - centres[None]) ** 2).sum(axis=2)
    for i in range(len(centres)):
        for j in range(i + 1, len(centres)):
            through = apart[i] + apart[j]
            through[[i, j]] = np.inf
            if through.min() >= apart[i, j] * (1 - 1e-12):
                yield i, j


def _measure_jittered(values: Floats, weights: Floats, centres: Floats) -> Separation:
    """As `measure_separation`, of values that are spread."""
    shift = (centres**2).sum(axis=1)
    near = shift - 2 * values @ centres.T  # squared distance less |x|^2
    found = []
    for i, j in iterate_gabriel_pairs(centres):
        counts = _bin_along_axis(near, weights, centres, i, j)
        ratio, z = find_density_gap(counts)
        found.append(DensityGap(first=i, second=j, users=float(counts.sum()), ratio=ratio, z=z))
    return Separation(k=len(centres), gaps=tuple(found))


def _bin_along_axis(near: Floats, weights: Floats, centres: Floats, i: int, j: int) -> Floats:
    """Count the users opposite the border of i and j by their place along the way, -1.5 to 1.5 (j's centre is 1)."""
    way = centres[j] - centres[i]
    place = (near[:, i] - near[:, j]) / float(way @ way)  # 0 on the border, -1 and 1 at the centres
    rows = np.flatnonzero(np.abs(place) < _AXIS_REACH)
    place = place[rows]
    # Moved onto the border, x' = x - place/2 way, is any third centre nearer than these two?
    moved = near[rows] + place[:, None] * (centres @ way)
    others = [m for m in range(len(centres)) if m not in (i, j)]
    if others:
        opposite = moved[:, i] <= moved[:, others].min(axis=1)
        rows, place = rows[opposite], place[opposite]
    bins = np.minimum(
        ((place + _AXIS_REACH) / (2 * _AXIS_REACH) * _AXIS_BINS).astype(np.intp), _AXIS_BINS - 1
    )
    return np.bincount(bins, weights=weights[rows], minlength=_AXIS_BINS).astype(float)
