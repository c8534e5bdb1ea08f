"""The gap statistic, and the band in which the curve of inertia lies on structureless users.

Both come of the same draws: 50 structureless crowds of the month's shape, each fitted for every k. The users are fitted
by the same quick search as the draws, on as many points; so a search that stops early stops early for both.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from segmentation.clustering.kmeans import fit_k_range_quickly
from segmentation.preprocessing.scaling import Floats, Points
from segmentation.validation.null_model import NullSampler, fit_copula_null, standardise_columns

MAX_NULL_USERS = 2_000  # users of a draw: of more, as many are sampled
_N_INIT, _MAX_STEPS = 4, 12
_BAND_LOW_PERCENTILE, _BAND_HIGH_PERCENTILE = 2.5, 97.5  # per cent: the band
_BELOW_BAND_Z = 3.0  # SDs below the draws' mean; at one of ten ks chance alone takes a curve out of the band in 1 of 6 crowds


@dataclass(frozen=True, slots=True)
class GapStatistic:
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
    max_z : float
        How far the curve falls below the draws' mean, in SDs of the draws, at the k where it is farthest.
    """

    k: tuple[int, ...]
    gap: tuple[float, ...]
    se: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    max_z: float

    @property
    def chosen_k(self) -> int:
        """The smallest k whose gap is at least that of the next k less one standard error; the last if none is."""
        return apply_one_se_rule(self.k, self.gap, self.se)

    @property
    def is_below_band(self) -> bool:
        """Whether the curve falls faster, at some k, than structureless crowds let expect."""
        return self.max_z >= _BELOW_BAND_Z


@dataclass(frozen=True, slots=True)
class GapCurves:
    """The quick search's curves: the users' own, and those of structureless crowds.

    Attributes
    ----------
    k : tuple of int
        Numbers of segments tried.
    observed : ndarray, shape (k,)
        Log of the least inertia found, per user, of the users.
    null : ndarray, shape (draws, k)
        The same of each crowd.
    """

    k: tuple[int, ...]
    observed: Floats
    null: Floats


def fit_gap_curves(
    points: Points,
    ks: Sequence[int],
    null_sampler: NullSampler | None = None,
    *,
    n_draws: int = 50,
    seed: int,
) -> GapCurves:
    """Search the users' curve and those of structureless crowds.

    This is the long part of the gap statistic, and needs nothing but the users: it can be begun before their curve is known.

    Parameters
    ----------
    points : Points
        All users, or a sample of them.
    ks : sequence of int
        Numbers of segments, increasing.
    null_sampler : Draw, optional
        Draws a structureless crowd: `reference.fit_copula_null` of the points if not given, or `reference.fit_box_null`.
    n_draws : int
        Number of crowds.
    seed : int
        Where the random numbers start.
    """
    null_sampler = fit_copula_null(points, seed=seed) if null_sampler is None else null_sampler
    root = np.random.SeedSequence(seed)
    own, *streams = [np.random.default_rng(child) for child in root.spawn(n_draws + 1)]
    values, weights = _subsample_points(points, own)
    # in a column that sets few users apart, a sample may have none of them
    differ = np.ptp(values, axis=0) > 0
    values = values[:, differ]
    m = min(MAX_NULL_USERS, round(points.users))
    with threadpool_limits(1):  # the last bits of a sum depend on how many there are
        found = _compute_log_inertia(values, weights, ks, own)
        null = np.array(
            [_compute_log_inertia(null_sampler(m, rng)[:, differ], np.ones(m), ks, rng) for rng in streams]
        )
    return GapCurves(tuple(ks), found, null)


def compute_gap_statistic(curves: GapCurves, inertia: Sequence[float], *, total_users: float) -> GapStatistic:
    """Compare the users' curve with that of structureless crowds.

    Parameters
    ----------
    curves : Curves
        What the quick search found.
    inertia : sequence of float
        The curve that is shown, of all users. The band is moved by what the quick search misses of it, at most a percent.
    total_users : float
        How many users that curve is of.

    References
    ----------
    .. [1] Tibshirani, Walther, Hastie (2001), "Estimating the number of clusters in a data set via the gap statistic",
       J. R. Stat. Soc. B 63(2): equation (3), and steps 1 to 3 of section 3.
    """
    ks, found, null = curves.k, curves.observed, curves.null
    shown = np.asarray(inertia, dtype=float) / total_users
    mean, sd = null.mean(axis=0), null.std(axis=0)
    missed = np.log(np.maximum(shown, 1e-300)) - found
    low, high = (
        np.exp(np.percentile(null, [_BAND_LOW_PERCENTILE, _BAND_HIGH_PERCENTILE], axis=0) + missed)
        * total_users
    )
    far = (mean - found) / np.maximum(sd, 1e-6)
    return GapStatistic(
        k=ks,
        gap=tuple(map(float, mean - found)),
        se=tuple(map(float, sd * np.sqrt(1 + 1 / len(null)))),
        low=tuple(map(float, low)),
        high=tuple(map(float, high)),
        max_z=float(np.max(np.where(np.asarray(ks) > 1, far, -np.inf))),
    )


def apply_one_se_rule(ks: Sequence[int], gaps: Sequence[float], se: Sequence[float]) -> int:
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


def _compute_log_inertia(
    values: Floats, weights: Floats, ks: Sequence[int], rng: np.random.Generator
) -> Floats:
    """Give the log of the inertia per user for each k."""
    fits = fit_k_range_quickly(values, weights, ks, n_init=_N_INIT, max_steps=_MAX_STEPS, rng=rng)
    least = np.array([fits[k].inertia.min() for k in ks]) / weights.sum()
    logs: Floats = np.log(np.maximum(least, 1e-300))
    return logs


def _subsample_points(points: Points, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Give as many users as a draw has: all, or a random sample of them."""
    if points.users <= MAX_NULL_USERS:
        return points.values, points.weights
    if (points.weights == 1).all():
        rows = rng.choice(len(points.values), MAX_NULL_USERS, replace=False)
        return standardise_columns(points.values[rows]), np.ones(MAX_NULL_USERS)
    counts = rng.multinomial(MAX_NULL_USERS, points.weights / points.users).astype(float)
    return standardise_columns(points.values[counts > 0], counts[counts > 0]), counts[counts > 0]
