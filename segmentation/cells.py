"""Groups of like users: the occupied cells of a fine grid, each with its users and their mean.

Ten million users are some ten thousands of cells, made in one scan by whatever engine has the users. Squared distances
about the cells' means leave out the users' own about those: one constant, known exactly, so that inertia and
covariance are those of the users as long as a cell lies on one side of every border.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import narwhals as nw
import numpy as np
from threadpoolctl import threadpool_limits

from segmentation.clusters import Model, assign, k_means
from segmentation.errors import SweepError
from segmentation.facts import Scale
from segmentation.features import Floats, Points
from segmentation.lloyd import seeds, settle
from segmentation.schema import Users
from segmentation.tally import Summary, number

_COARSE = 2_500  # points on which the starts compete
_STEPS = 30  # Lloyd steps that they have to show what they are worth
_MEDIUM = 15_000  # points on which the best of them settle
_KEPT = 2  # how many those are
_BESIDE = 2  # numbers of segments that settle at a time, each on one thread
_STILL = 1e-5  # squared SDs by which centres may still move: 2e-5 of inertia at most, which no curve shows
_DIGITS = 12  # of means and SDs: fewer than the order in which an engine adds numbers up can change
_WIDEST = 2**62  # cells of the whole grid that one number can count


def steady(scale: Scale) -> Scale:
    """Round a scale so that it has the same bits in every engine, whatever the order of its sums."""

    def rounded(values: dict[str, float]) -> dict[str, float]:
        return {name: float(f"{value:.{_DIGITS}g}") for name, value in values.items()}

    return Scale(mean=rounded(scale.mean), sd=rounded(scale.sd))


def cells_of(users: Users, scale: Scale, found: dict[str, Summary], step: float) -> Points:
    """Put users on a grid.

    Parameters
    ----------
    users : Users
        Users kept by cleaning.
    scale : Scale
        This month's, as from `steady`.
    found : dict of str to Summary
        By feature, for how far the grid has to reach.
    step : float
        Side of a cell, in SDs.

    Returns
    -------
    Points
        One point a cell with users, in the order of the grid.
    """
    features = tuple(scale.mean)
    places, columns, wide = [], [], 1
    for name in features:
        factor = 1 / (scale.sd[name] * step)
        place = ((number(name) - scale.mean[name]) * factor).floor()
        first = float(np.floor((found[name].low - scale.mean[name]) * factor))
        places.append(place - first)
        width = int(np.floor((found[name].high - scale.mean[name]) * factor) - first) + 1
        columns.append((first, width))
        wide *= width
    keys: list[nw.Expr] = []
    if wide < _WIDEST:  # one number is grouped by faster than several
        key = nw.lit(0)
        for place, (_, width) in zip(places, columns, strict=True):
            key = key * width + place.cast(nw.Int64)
        keys = [key.alias("_cell")]
    else:
        keys = [place.alias(f"_cell_{name}") for name, place in zip(features, places, strict=True)]
    by = ["_cell"] if len(keys) == 1 else [f"_cell_{name}" for name in features]
    pairs = [(i, j) for i in range(len(features)) for j in range(i, len(features))]
    scaled = [f"_scaled_{name}" for name in features]
    on_grid = (
        users.select(*(number(name).alias(name) for name in features))
        .with_columns(
            *keys,
            *(
                ((nw.col(name) - scale.mean[name]) * (1 / scale.sd[name])).alias(own)
                for name, own in zip(features, scaled, strict=True)
            ),
        )
        .with_columns(*((nw.col(scaled[i]) * nw.col(scaled[j])).alias(f"_{i}_{j}") for i, j in pairs))
    )
    sums = [nw.col(name).sum().alias(f"_sum_{name}") for name in features]
    sums += [nw.col(f"_{i}_{j}").sum().alias(f"_sum_{i}_{j}") for i, j in pairs]
    asked = on_grid.group_by(*by).agg(nw.len().alias("_n"), *sums)
    got = asked.collect() if isinstance(asked, nw.LazyFrame) else asked
    place_of = [got.get_column(name).to_numpy() for name in by]
    order = np.lexsort(place_of[::-1])
    weights = got.get_column("_n").to_numpy().astype(float)[order]
    totals = np.column_stack([got.get_column(f"_sum_{name}").to_numpy().astype(float) for name in features])
    middle, sd = (np.array([part[name] for name in features]) for part in (scale.mean, scale.sd))
    # ten digits behind the point: what is left is the same in every engine, and so are the fits
    values = ((totals[order] / weights[:, None] - middle) / sd).round(10)
    products = np.empty((len(features), len(features)))
    for i, j in pairs:
        column = got.get_column(f"_sum_{i}_{j}").to_numpy().astype(float)
        products[i, j] = products[j, i] = column[order].sum()
    scatter = products - (values * weights[:, None]).T @ values
    return Points(values, weights, features, scale, "cells", scatter)


def coarser(points: Points, most: int = _COARSE) -> Points:
    """Put points together on ever coarser grids until they are few."""
    step = 0.4
    values, weights = points.values, points.weights
    while len(values) > most:  # each time from the points themselves: coarser cells nest in no finer ones
        places = np.floor(points.values / step).astype(np.int64)
        order = np.lexsort(places.T)
        new = np.concatenate([[True], (np.diff(places[order], axis=0) != 0).any(axis=1)])
        at = np.empty(len(order), dtype=np.intp)
        at[order] = new.cumsum() - 1
        weights = np.bincount(at, weights=points.weights).astype(float)
        sums = [np.bincount(at, weights=points.weights * column) for column in points.values.T]
        values = np.column_stack(sums) / weights[:, None]
        step *= 1.25
    return Points(values, weights, points.features, points.scale, "cells")


def fit_cells(points: Points, ks: Sequence[int], *, starts: int, seed: int) -> dict[int, Model]:
    """Fit every k: the starts compete on coarse cells, the best two on finer ones, and the best goes on over all.

    Besides its k-means++ starts each k has one more: the best of the k before, with one centre added.

    Raises
    ------
    SweepError
        If there are fewer cells than segments.

    References
    ----------
    .. [1] Bradley, Fayyad (1998), "Refining initial points for k-means clustering", ICML.
    """
    if len(points.values) < max(ks):
        raise SweepError(
            f"{max(ks)} segments asked for, but there are only {len(points.values)} kinds of users who differ. "
            "Give a smaller `k_range` in settings.toml."
        )
    medium = coarser(points, _MEDIUM)
    coarse = coarser(medium)
    rng = np.random.default_rng(seed)
    kept: dict[int, Floats] = {}
    # the last bits of a sum depend on how many threads there are; OpenMP asks each of ours anew
    with (
        threadpool_limits(1),
        ThreadPoolExecutor(_BESIDE, initializer=threadpool_limits, initargs=(1,)) as fitting,
    ):
        waiting = {}
        for k in ks:
            begin = seeds(coarse.values, coarse.weights, k, starts, rng)
            if k - 1 in kept:
                begin = np.concatenate([begin, _one_more(coarse, kept[k - 1][0])])
            pilot = settle(coarse.values, coarse.weights, begin, steps=_STEPS)
            kept[k] = pilot.centres[pilot.inertia.argsort(kind="stable")[:_KEPT]]
            waiting[k] = fitting.submit(_best, medium, points, kept[k])
        return {k: fit.result() for k, fit in waiting.items()}


def _best(medium: Points, points: Points, starts: Floats) -> Model:
    """Settle some starts on medium cells, and the best of them on all."""
    first = min((_on(medium, start) for start in starts), key=lambda model: model.inertia)
    return _on(points, first.centres)


def _on(points: Points, start: Floats) -> Model:
    """Settle one start on all cells, the largest segment first."""
    means = k_means(len(start), init=start, n_init=1, tol=_STILL, max_iter=300)
    means.fit(points.values, sample_weight=points.weights)
    centres: Any = means.cluster_centers_
    users = np.bincount(assign(points.values, centres), weights=points.weights, minlength=len(start))
    order = np.lexsort((*centres.T, -users))
    return Model(centres=centres[order], inertia=float(means.inertia_) + points.within)


def _one_more(points: Points, centres: Floats) -> Floats:
    """Add the point that adds most to the inertia to the centres, shape (1, k + 1, p)."""
    far = ((points.values[:, None] - centres[None]) ** 2).sum(axis=2).min(axis=1) * points.weights
    return np.concatenate([centres, points.values[far.argmax()][None]])[None]
