"""The gap statistic, and the band in which the curve of inertia lies on structureless users.

Both come of the same draws: 50 structureless crowds of the month's shape, each fitted for every k. The users are fitted
by the same quick search as the draws, on as many points; so a search that stops early stops early for both.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from segmentation.features import Floats, Points
from segmentation.lloyd import curve
from segmentation.reference import Draw, same_shape, standardised

MOST = 2_000  # users of a draw: of more, as many are sampled
_STARTS, _STEPS = 4, 12
_LOW, _HIGH = 2.5, 97.5  # per cent: the band
_BEYOND = 3.0  # SDs below the draws' mean; at one of ten ks chance alone takes a curve out of the band in 1 of 6 crowds


@dataclass(frozen=True, slots=True)
class Gap:
    """The users' curve of inertia against that of structureless crowds.

    Attributes
    ----------
    k : tuple of int
        Numbers of segments tried.
    gap : tuple of float
        Mean log inertia of the draws less the users' own, for each k.
    se : tuple of float
        Standard error: the draws' SD times sqrt(1 + 1 / draws).
    low, high : tuple of float
        Where 95 of 100 draws lie at each k, as inertia of all users, in squared SDs.
    deepest : float
        How far the curve falls below the draws' mean, in SDs of the draws, at the k where it is farthest.
    """

    k: tuple[int, ...]
    gap: tuple[float, ...]
    se: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    deepest: float

    @property
    def choice(self) -> int:
        """The smallest k whose gap is at least that of the next k less one standard error; the last if none is."""
        return choose(self.k, self.gap, self.se)

    @property
    def is_below_band(self) -> bool:
        """Whether the curve falls faster, at some k, than structureless crowds let expect."""
        return self.deepest >= _BEYOND


@dataclass(frozen=True, slots=True)
class Curves:
    """The quick search's curves: the users' own, and those of structureless crowds.

    Attributes
    ----------
    k : tuple of int
        Numbers of segments tried.
    own : ndarray, shape (k,)
        Log of the least inertia found, per user, of the users.
    null : ndarray, shape (draws, k)
        The same of each crowd.
    """

    k: tuple[int, ...]
    own: Floats
    null: Floats


def curves_of(
    points: Points, ks: Sequence[int], draw: Draw | None = None, *, draws: int = 50, seed: int
) -> Curves:
    """Search the users' curve and those of structureless crowds.

    This is the long part of the gap statistic, and needs nothing but the users: it can be begun before their curve is known.

    Parameters
    ----------
    points : Points
        All users, or a sample of them.
    ks : sequence of int
        Numbers of segments, increasing.
    draw : Draw, optional
        Draws a structureless crowd: `reference.same_shape` of the points if not given, or `reference.box`.
    draws : int
        Number of crowds.
    seed : int
        Where the random numbers start.
    """
    draw = same_shape(points, seed=seed) if draw is None else draw
    root = np.random.SeedSequence(seed)
    own, *streams = [np.random.default_rng(child) for child in root.spawn(draws + 1)]
    values, weights = _sample(points, own)
    # in a column that sets few users apart, a sample may have none of them
    differ = np.ptp(values, axis=0) > 0
    values = values[:, differ]
    m = min(MOST, round(points.users))
    with threadpool_limits(1):  # the last bits of a sum depend on how many there are
        found = _logs(values, weights, ks, own)
        null = np.array([_logs(draw(m, rng)[:, differ], np.ones(m), ks, rng) for rng in streams])
    return Curves(tuple(ks), found, null)


def gap(curves: Curves, inertia: Sequence[float], *, users: float) -> Gap:
    """Compare the users' curve with that of structureless crowds.

    Parameters
    ----------
    curves : Curves
        What the quick search found.
    inertia : sequence of float
        The curve that is shown, of all users. The band is moved by what the quick search misses of it, at most a percent.
    users : float
        How many users that curve is of.

    References
    ----------
    .. [1] Tibshirani, Walther, Hastie (2001), "Estimating the number of clusters in a data set via the gap statistic",
       J. R. Stat. Soc. B 63(2): equation (3), and steps 1 to 3 of section 3.
    """
    ks, found, null = curves.k, curves.own, curves.null
    shown = np.asarray(inertia, dtype=float) / users
    mean, sd = null.mean(axis=0), null.std(axis=0)
    missed = np.log(np.maximum(shown, 1e-300)) - found
    low, high = np.exp(np.percentile(null, [_LOW, _HIGH], axis=0) + missed) * users
    far = (mean - found) / np.maximum(sd, 1e-6)
    return Gap(
        k=ks,
        gap=tuple(map(float, mean - found)),
        se=tuple(map(float, sd * np.sqrt(1 + 1 / len(null)))),
        low=tuple(map(float, low)),
        high=tuple(map(float, high)),
        deepest=float(np.max(np.where(np.asarray(ks) > 1, far, -np.inf))),
    )


def choose(ks: Sequence[int], gaps: Sequence[float], se: Sequence[float]) -> int:
    """Choose k by the one-standard-error rule.

    Parameters
    ----------
    ks, gaps, se : sequence, length n
        Numbers of segments, their gaps and standard errors.
    """
    for i in range(len(ks) - 1):
        if gaps[i] >= gaps[i + 1] - se[i + 1]:
            return ks[i]
    return ks[-1]


def _logs(values: Floats, weights: Floats, ks: Sequence[int], rng: np.random.Generator) -> Floats:
    """Give the log of the inertia per user for each k."""
    fits = curve(values, weights, ks, starts=_STARTS, steps=_STEPS, rng=rng)
    least = np.array([fits[k].inertia.min() for k in ks]) / weights.sum()
    logs: Floats = np.log(np.maximum(least, 1e-300))
    return logs


def _sample(points: Points, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Give as many users as a draw has: all, or a random sample of them."""
    if points.users <= MOST:
        return points.values, points.weights
    if (points.weights == 1).all():
        rows = rng.choice(len(points.values), MOST, replace=False)
        return standardised(points.values[rows]), np.ones(MOST)
    counts = rng.multinomial(MOST, points.weights / points.users).astype(float)
    return standardised(points.values[counts > 0], counts[counts > 0]), counts[counts > 0]
