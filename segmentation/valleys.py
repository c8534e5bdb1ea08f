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

from segmentation.features import Floats, Points

DEEP = 2 / 3  # the valley holds at most two thirds of the lower side: less is not worth a name
# How sure, in z: measured on even crowds of 300 to 700 users (the worst case: no single-peaked crowd is as near to a
# valley), where K-means looks for the emptiest cut. One border exceeds 2.0 in 1 of 9 of them, and 3.5 in 1 of 100.
SURE, SURE_TOGETHER = 2.0, 3.5  # at every border; over all of them, by Stouffer
_REACH = 1.5  # how far to look, in half distances between centres: 1 is the centre itself
_BINS = 30  # of the way from -1.5 to 1.5
_WIDTH = 5  # bins of a stretch: a quarter of the way from centre to centre
_AROUND = 5  # bins that a valley may lie off the middle: borders lie off the valley where sizes differ


@dataclass(frozen=True, slots=True)
class Border:
    """What lies between two neighbouring segments.

    Attributes
    ----------
    one, other : int
        Numbers of the segments.
    users : float
        Users who live opposite the border, up to 1.5 times as far from it as the centres.
    ratio : float
        Users in the emptiest stretch over those in the lower of its two sides: 1 and more is no valley.
    z : float
        How sure the valley is: what is missing in it, in standard deviations of that difference.
    """

    one: int
    other: int
    users: float
    ratio: float
    z: float

    @property
    def is_valley(self) -> bool:
        """Whether few enough users live in between, and not by chance."""
        return self.ratio <= DEEP and self.z >= SURE


@dataclass(frozen=True, slots=True)
class Borders:
    """All borders of one number of segments.

    Attributes
    ----------
    k : int
        Number of segments.
    borders : tuple of Border
        One for each two segments that are neighbours.
    """

    k: int
    borders: tuple[Border, ...]

    @property
    def z(self) -> float:
        """How sure all valleys are together (Stouffer)."""
        return float(sum(border.z for border in self.borders) / np.sqrt(max(1, len(self.borders))))

    @property
    def are_valleys(self) -> bool:
        """Whether every segment is set apart from each of its neighbours."""
        return (
            bool(self.borders)
            and self.z >= SURE_TOGETHER
            and all(border.is_valley for border in self.borders)
        )

    @property
    def apart(self) -> tuple[bool, ...]:
        """Whether each segment is surely set apart from all of its neighbours."""
        own = [[b for b in self.borders if i in (b.one, b.other)] for i in range(self.k)]
        return tuple(Borders(self.k, tuple(some)).are_valleys for some in own)


def borders(points: Points, centres: Floats, *, seed: int) -> Borders:
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
    return _borders(spread(points.values, np.random.default_rng(seed)), points.weights, centres)


def all_borders(points: Points, centres: dict[int, Floats], *, seed: int) -> dict[int, Borders]:
    """Look for valleys for every number of segments, spreading tied values once."""
    values = spread(points.values, np.random.default_rng(seed))
    return {k: _borders(values, points.weights, c) for k, c in centres.items()}


def spread(values: Floats, rng: np.random.Generator) -> Floats:
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


def deepest(counts: NDArray[np.float64]) -> tuple[float, float]:
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
    stretch = np.convolve(counts, np.ones(_WIDTH), "valid")
    middle = (len(stretch) - 1) / 2
    found: tuple[float, float] = (1.0, -np.inf)
    for at in range(int(np.ceil(middle - _AROUND)), int(middle + _AROUND) + 1):
        side = min(stretch[: at - _WIDTH + 1].max(), stretch[at + _WIDTH :].max())
        z = float((side - stretch[at]) / np.sqrt(max(side + stretch[at], 1.0)))
        if z > found[1]:
            found = float((stretch[at] + 0.5) / (side + 0.5)), z
    return found


def neighbours(centres: Floats) -> Iterator[tuple[int, int]]:
    """Give each two centres with no third one in the ball between them."""
    apart = ((centres[:, None] - centres[None]) ** 2).sum(axis=2)
    for i in range(len(centres)):
        for j in range(i + 1, len(centres)):
            through = apart[i] + apart[j]
            through[[i, j]] = np.inf
            if through.min() >= apart[i, j] * (1 - 1e-12):
                yield i, j


def _borders(values: Floats, weights: Floats, centres: Floats) -> Borders:
    """As `borders`, of values that are spread."""
    shift = (centres**2).sum(axis=1)
    near = shift - 2 * values @ centres.T  # squared distance less |x|^2
    found = []
    for i, j in neighbours(centres):
        counts = _along(near, weights, centres, i, j)
        ratio, z = deepest(counts)
        found.append(Border(one=i, other=j, users=float(counts.sum()), ratio=ratio, z=z))
    return Borders(k=len(centres), borders=tuple(found))


def _along(near: Floats, weights: Floats, centres: Floats, i: int, j: int) -> Floats:
    """Count the users opposite the border of i and j by their place along the way, -1.5 to 1.5 (j's centre is 1)."""
    way = centres[j] - centres[i]
    place = (near[:, i] - near[:, j]) / float(way @ way)  # 0 on the border, -1 and 1 at the centres
    rows = np.flatnonzero(np.abs(place) < _REACH)
    place = place[rows]
    # Moved onto the border, x' = x - place/2 way, is any third centre nearer than these two?
    moved = near[rows] + place[:, None] * (centres @ way)
    others = [m for m in range(len(centres)) if m not in (i, j)]
    if others:
        opposite = moved[:, i] <= moved[:, others].min(axis=1)
        rows, place = rows[opposite], place[opposite]
    bins = np.minimum(((place + _REACH) / (2 * _REACH) * _BINS).astype(np.intp), _BINS - 1)
    return np.bincount(bins, weights=weights[rows], minlength=_BINS).astype(float)
