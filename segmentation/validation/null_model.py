"""The gap statistic's null model: unimodal, correlated columns.

The usual reference, a box filled evenly, calls every skewed or correlated data set structured. Ours keeps the shape that
makes no segments: each column has the unimodal distribution nearest to its own, and a Gaussian copula with the columns'
rank correlations joins them. So there is one peak in every column, and none that two columns make together.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from scipy.special import ndtr, ndtri

from segmentation.preprocessing.scaling import Floats, Points
from segmentation.validation.separation import jitter_ties

# draws n users, shape (n, p), each column at SD 1
NullSampler: TypeAlias = Callable[[int, np.random.Generator], Floats]
_TAIL_SHARES = (0.001, 0.0025, 0.005, 0.01, 0.025)
# Shares of users at which a distribution function has a knot. With many knots, the nearest unimodal distribution follows every
# chance lump up to its peak, and an even column would come out as a hill. Closer in the tails, where knots lie far apart.
_KNOT_SHARES = np.array([0, *_TAIL_SHARES, *np.linspace(0.05, 0.95, 13), *(1 - np.array(_TAIL_SHARES))[::-1], 1])
_PEAK_CANDIDATES = 20  # knots tried as the peak


@dataclass(frozen=True, slots=True)
class UnimodalMargin:
    """A unimodal distribution function: a line through knots."""

    positions: Floats  # shape (m,), increasing
    cdf: Floats  # shape (m,): share of users below each, from 0 to 1
    distance: float  # largest difference from the data's own distribution function: near Hartigan's dip


def fit_copula_null(points: Points, *, seed: int) -> NullSampler:
    """Return a sampler that keeps skews and correlations."""
    values = jitter_ties(points.values, np.random.default_rng(seed))
    margins = [fit_unimodal_margin(column) for column in values.T]
    ranks = values.argsort(axis=0, kind="stable").argsort(axis=0)
    scores = ndtri((ranks + 0.5) / len(values))
    root = np.linalg.cholesky(_compute_shrunk_correlations(scores))

    def draw_copula_sample(n: int, rng: np.random.Generator) -> Floats:
        shares = ndtr(rng.standard_normal((n, len(margins))) @ root.T)
        columns = [np.interp(u, m.cdf, m.positions) for u, m in zip(shares.T, margins, strict=True)]
        return standardise_columns(np.column_stack(columns))

    return draw_copula_sample


def fit_unimodal_margin(values: Floats) -> UnimodalMargin:
    """Return the unimodal distribution nearest to the values.

    A unimodal distribution function is convex up to its peak, and concave beyond: the greatest convex function below the
    data's before the peak, the least concave one above it after, with the peak where the result is nearest.

    References
    ----------
    .. [1] Hartigan, Hartigan (1985), "The dip test of unimodality", Ann. Stat. 13(1), section 4.
    """
    shares = np.arange(len(values) + 1) / len(values)
    sorted_ = np.sort(values)
    sorted_ = np.concatenate([sorted_[:1], sorted_])
    at = np.unique(np.interp(_KNOT_SHARES, shares, sorted_))
    own = np.interp(at, sorted_, shares)
    own[0], own[-1] = 0.0, 1.0
    candidates = []
    for peak in np.unique(np.linspace(0, len(at) - 1, _PEAK_CANDIDATES).astype(int)):
        left = _compute_convex_minorant(at[: peak + 1], own[: peak + 1])
        right = -_compute_convex_minorant(at[peak:], -own[peak:])
        cdf = np.concatenate([left, right[1:]])
        candidates.append(UnimodalMargin(at, cdf, float(np.abs(cdf - own).max())))
    return min(candidates, key=lambda margin: margin.distance)


def _compute_convex_minorant(x: Floats, y: Floats) -> Floats:
    """Return the greatest convex function below the points."""
    kept: list[int] = []
    for i in range(len(x)):
        while len(kept) >= 2:
            a, b = kept[-2], kept[-1]
            if (y[b] - y[a]) * (x[i] - x[a]) < (y[i] - y[a]) * (x[b] - x[a]):
                break
            kept.pop()
        kept.append(i)
    hull: Floats = np.interp(x, x[kept], y[kept])
    return hull


def _compute_shrunk_correlations(scores: Floats) -> Floats:
    """Return correlations, shrunk so that a Cholesky root exists."""
    centred = scores - scores.mean(axis=0)
    products = centred.T.copy() @ centred  # a copy, else NumPy takes a routine with other last bits
    sd = np.sqrt(np.diag(products))
    shrunk: Floats = 0.999 * products / np.outer(sd, sd) + 0.001 * np.eye(len(sd))
    return shrunk


def standardise_columns(values: Floats) -> Floats:
    """Standardise columns; a constant column becomes 0."""
    centred = values - values.mean(axis=0)
    sd = np.sqrt((centred**2).mean(axis=0))
    scaled: Floats = np.where(sd > 1e-12, centred / np.where(sd > 1e-12, sd, 1), 0)
    return scaled
