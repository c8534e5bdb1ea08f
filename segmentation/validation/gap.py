"""The gap statistic, and the band of structureless curves.

Both come from the same draws: 50 structureless data sets of the month's shape, each fitted for every k. A quick search
fits them; on average it ends a tenth of a percent above the lowest inertia. The users' own curve is a single one, on as many points: it
gets a longer search, and the lowest inertia of all starts where that is of the same users.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from segmentation.clustering.kmeans import fit_k_range_quickly
from segmentation.preprocessing.scaling import Floats, Points
from segmentation.validation.null_model import NullSampler, fit_copula_null, standardise_columns

MAX_NULL_USERS = 2_000  # users of a draw; of more, as many are sampled
_N_INIT, _MAX_STEPS = 4, 12  # of the search for a draw
_OWN_N_INIT, _OWN_MAX_STEPS = 20, 60  # of the search for the users' own curve
_BAND_LOW_PERCENTILE, _BAND_HIGH_PERCENTILE = 2.5, 97.5  # of the draws: the band
_BELOW_BAND_Z = 3.0  # SDs below the draws' mean; of ten ks, chance takes one out of the band in 1 of 6 data sets


@dataclass(frozen=True, slots=True)
class GapStatistic:
    """The users' curve against structureless draws, by k."""

    k: tuple[int, ...]
    gap: tuple[float, ...]  # mean log inertia of the draws less the users' own
    se: tuple[float, ...]  # the draws' SD times sqrt(1 + 1 / draws)
    low: tuple[float, ...]  # 95 of 100 draws lie from low to high, as inertia of all users in squared SDs
    high: tuple[float, ...]
    max_z: float  # SDs of the draws by which the curve falls below their mean, at the k where it is farthest

    @property
    def chosen_k(self) -> int:
        """The smallest k by the one-standard-error rule."""
        return apply_one_se_rule(self.k, self.gap, self.se)

    @property
    def is_below_band(self) -> bool:
        """Whether the curve falls below structureless ones."""
        return self.max_z >= _BELOW_BAND_Z


@dataclass(frozen=True, slots=True)
class GapCurves:
    """Log inertia per user, of users and draws."""

    k: tuple[int, ...]
    observed: Floats  # shape (k,)
    null: Floats  # shape (draws, k)
    users: int  # that each curve is of


def fit_gap_curves(
    points: Points, ks: Sequence[int], null_sampler: NullSampler | None = None, *, n_draws: int = 50, seed: int
) -> GapCurves:
    """Fit the users and structureless draws for every k.

    The long part of the gap statistic. It needs nothing but the users, so it can begin before their sweep is known.

    Parameters
    ----------
    points : Points
        All users, or a sample of them; each point one user.
    ks : sequence of int
        Numbers of segments, increasing.
    null_sampler : NullSampler, optional
        `fit_copula_null` of the points if not given.
    """
    null_sampler = fit_copula_null(points, seed=seed) if null_sampler is None else null_sampler
    own_rng, *streams = [np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(n_draws + 1)]
    values = _subsample_users(points.values, own_rng)
    varies = np.ptp(values, axis=0) > 0  # a sample may miss the few users who differ in a column
    with threadpool_limits(1):  # the last bits of a sum depend on the number of threads
        observed = _compute_log_inertia(values[:, varies], ks, own_rng, n_init=_OWN_N_INIT, max_steps=_OWN_MAX_STEPS)
        null = np.array([_compute_log_inertia(null_sampler(len(values), rng)[:, varies], ks, rng) for rng in streams])
    return GapCurves(tuple(ks), observed, null, len(values))


def compute_gap_statistic(curves: GapCurves, inertia: Sequence[float], *, total_users: float) -> GapStatistic:
    """Compare the users' curve with the structureless draws.

    Parameters
    ----------
    curves : GapCurves
        As from `fit_gap_curves`.
    inertia : sequence of float
        The curve that is shown, of all users, the best of all starts. Where the draws have as many users it is also the
        curve that is compared with them. Else that of a sample of the users is, and the band is moved by the difference.
    total_users : float
        Users that `inertia` is of.

    References
    ----------
    .. [1] Tibshirani, Walther, Hastie (2001), "Estimating the number of clusters in a data set via the gap statistic",
       J. R. Stat. Soc. B 63(2): equation (3), and steps 1 to 3 of section 3.
    """
    null = curves.null
    shown = np.log(np.maximum(np.asarray(inertia, dtype=float) / total_users, 1e-300))
    is_same_users = round(total_users) == curves.users
    observed = np.minimum(curves.observed, shown) if is_same_users else curves.observed
    mean, sd = null.mean(axis=0), null.std(axis=0)
    band = np.percentile(null, [_BAND_LOW_PERCENTILE, _BAND_HIGH_PERCENTILE], axis=0)
    low, high = np.exp(band + shown - observed) * total_users
    z = (mean - observed) / np.maximum(sd, 1e-6)
    return GapStatistic(
        k=curves.k,
        gap=tuple(map(float, mean - observed)),
        se=tuple(map(float, sd * np.sqrt(1 + 1 / len(null)))),
        low=tuple(map(float, low)),
        high=tuple(map(float, high)),
        max_z=float(np.max(np.where(np.asarray(curves.k) > 1, z, -np.inf))),
    )


def apply_one_se_rule(ks: Sequence[int], gaps: Sequence[float], se: Sequence[float]) -> int:
    """Choose k by the one-standard-error rule."""
    for i in range(len(ks) - 1):
        if gaps[i] >= gaps[i + 1] - se[i + 1]:
            return ks[i]
    return ks[-1]


def _compute_log_inertia(
    values: Floats, ks: Sequence[int], rng: np.random.Generator, *, n_init: int = _N_INIT, max_steps: int = _MAX_STEPS
) -> Floats:
    """Return the log inertia per user for each k."""
    fits = fit_k_range_quickly(values, np.ones(len(values)), ks, n_init=n_init, max_steps=max_steps, rng=rng)
    least = np.array([fits[k].inertia.min() for k in ks]) / len(values)
    logs: Floats = np.log(np.maximum(least, 1e-300))
    return logs


def _subsample_users(values: Floats, rng: np.random.Generator) -> Floats:
    """Return at most `MAX_NULL_USERS`, standardised again."""
    if len(values) <= MAX_NULL_USERS:
        return values
    return standardise_columns(values[rng.choice(len(values), MAX_NULL_USERS, replace=False)])
