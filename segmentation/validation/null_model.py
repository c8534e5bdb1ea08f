"""Structureless crowds to compare with: what the month's users would be like if there were one kind of them.

The usual reference is a box filled evenly. It calls every skewed or correlated crowd structured, since none is like a box.
Ours keeps what makes the month's shape without making segments: how far each column leans, and how columns go together.
Each column has the single-peaked distribution nearest to its own, and a Gaussian copula with the columns' rank
correlations ties them: one peak in every column and none that two columns make together.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from scipy.special import ndtr, ndtri

from segmentation.preprocessing.scaling import Floats, Points
from segmentation.validation.separation import jitter_ties

NullSampler: TypeAlias = Callable[
    [int, np.random.Generator], Floats
]  # n users, shape (n, p), each column at SD 1
_TAIL_SHARES = (0.001, 0.0025, 0.005, 0.01, 0.025)
# Shares of users at which a distribution function has a point: few, as the nearest single peak to many follows every chance
# lump up to its peak, and an even column would come out as a hill; closer in the tails, where a step is long.
_KNOT_SHARES = np.array(
    [0, *_TAIL_SHARES, *np.linspace(0.05, 0.95, 13), *(1 - np.array(_TAIL_SHARES))[::-1], 1]
)
_PEAK_CANDIDATES = 20  # places tried for the peak


@dataclass(frozen=True, slots=True)
class UnimodalMargin:
    """A single-peaked distribution: its distribution function as a line through points.

    Attributes
    ----------
    positions : ndarray, shape (m,)
        Places, increasing.
    cdf : ndarray, shape (m,)
        Share of users below each, from 0 to 1.
    distance : float
        Largest difference from the data's own distribution function: near Hartigan's dip.
    """

    positions: Floats
    cdf: Floats
    distance: float


def fit_copula_null(points: Points, *, seed: int) -> NullSampler:
    """Give the reference that keeps each column's lean and the columns' correlations."""
    values = jitter_ties(points.values, np.random.default_rng(seed))
    margins = [fit_unimodal_margin(column, points.weights) for column in values.T]
    scores = np.column_stack([ndtri(_compute_mid_ranks(column, points.weights)) for column in values.T])
    root = np.linalg.cholesky(_compute_shrunk_correlations(scores, points.weights))

    def draw_copula_sample(n: int, rng: np.random.Generator) -> Floats:
        shares = ndtr(rng.standard_normal((n, len(margins))) @ root.T)
        columns = [np.interp(u, m.cdf, m.positions) for u, m in zip(shares.T, margins, strict=True)]
        return standardise_columns(np.column_stack(columns))

    return draw_copula_sample


def fit_box_null(points: Points) -> NullSampler:
    """Give the usual reference: even over the smallest box around the principal components' scores.

    References
    ----------
    .. [1] Tibshirani, Walther, Hastie (2001), "Estimating the number of clusters in a data set via the gap statistic",
       J. R. Stat. Soc. B 63(2), choice (b) of section 4.
    """
    middle = np.average(points.values, axis=0, weights=points.weights)
    centred = points.values - middle
    axes = np.linalg.svd(centred * np.sqrt(points.weights)[:, None], full_matrices=False)[2]
    scores = centred @ axes.T
    low, high = scores.min(axis=0), scores.max(axis=0)

    def draw_box_sample(n: int, rng: np.random.Generator) -> Floats:
        filled: Floats = rng.uniform(low, high, (n, len(low))) @ axes
        return filled

    return draw_box_sample


def fit_unimodal_margin(values: Floats, weights: Floats) -> UnimodalMargin:
    """Find the single-peaked distribution nearest to the values.

    Up to its peak a single-peaked distribution function is convex, beyond it concave: we take the greatest convex
    function below the data's before the peak, the least concave one above it after, and the peak where the result is nearest.

    References
    ----------
    .. [1] Hartigan, Hartigan (1985), "The dip test of unimodality", Ann. Stat. 13(1), section 4.
    """
    order = np.argsort(values, kind="stable")
    total = np.concatenate([[0.0], np.cumsum(weights[order])])
    total /= total[-1]
    sorted_ = np.concatenate([values[order][:1], values[order]])
    at = np.unique(np.interp(_KNOT_SHARES, total, sorted_))
    own = np.interp(at, sorted_, total)
    own[0], own[-1] = 0.0, 1.0
    best: tuple[float, Floats] | None = None
    for peak in np.unique(np.linspace(0, len(at) - 1, _PEAK_CANDIDATES).astype(int)):
        left = _compute_convex_minorant(at[: peak + 1], own[: peak + 1])
        right = -_compute_convex_minorant(at[peak:], -own[peak:])
        shaped = np.concatenate([left, right[1:]])
        distance = float(np.abs(shaped - own).max())
        if best is None or distance < best[0]:
            best = distance, shaped
    assert best is not None  # noqa: S101 - there is always a first peak
    return UnimodalMargin(positions=at, cdf=best[1], distance=best[0])


def _compute_convex_minorant(x: Floats, y: Floats) -> Floats:
    """Give the greatest convex function below the points, at their places."""
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


def _compute_mid_ranks(values: Floats, weights: Floats) -> Floats:
    """Give the share of users below each value, half of its own included: within 0 and 1."""
    order = np.argsort(values, kind="stable")
    shares = np.empty(len(values))
    shares[order] = (np.cumsum(weights[order]) - weights[order] / 2) / weights.sum()
    return shares


def _compute_shrunk_correlations(scores: Floats, weights: Floats) -> Floats:
    """Give the weighted correlations, shrunk by a hair so that a root exists where one column repeats another."""
    centred = scores - np.average(scores, axis=0, weights=weights)
    products = (centred * weights[:, None]).T @ centred
    sd = np.sqrt(np.diag(products))
    near_one: Floats = 0.999 * products / np.outer(sd, sd) + 0.001 * np.eye(len(sd))
    return near_one


def standardise_columns(values: Floats, weights: Floats | None = None) -> Floats:
    """Express values in standard deviations from their mean, as the users' own are; 0 in a column that doesn't vary."""
    centred = values - np.average(values, axis=0, weights=weights)
    sd = np.sqrt(np.average(centred**2, axis=0, weights=weights))
    scaled: Floats = np.where(sd > 1e-12, centred / np.where(sd > 1e-12, sd, 1), 0)
    return scaled
