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

from segmentation.clustering.assign import KMeansModel, assign_nearest, make_kmeans
from segmentation.clustering.kmeans import draw_kmeans_plus_plus, run_lloyd
from segmentation.errors import SweepError
from segmentation.facts import FeatureScale
from segmentation.preprocessing.aggregate import ColumnSummary, cast_to_float
from segmentation.preprocessing.scaling import Floats, Points
from segmentation.schema import Users

_COARSE_POINTS = 2_500  # points on which the starts compete
_PILOT_STEPS = 30  # Lloyd steps that they have to show what they are worth
_MEDIUM_POINTS = 15_000  # points on which the best of them settle
_KEPT_STARTS = 2  # how many those are
_FIT_THREADS = 2  # numbers of segments that settle at a time, each on one thread
_CENTRE_TOLERANCE = (
    1e-5  # squared SDs by which centres may still move: 2e-5 of inertia at most, which no curve shows
)
_SIGNIFICANT_DIGITS = (
    12  # of means and SDs: fewer than the order in which an engine adds numbers up can change
)
_MAX_CELL_KEY = 2**62  # cells of the whole grid that one number can count


def round_scale(scale: FeatureScale) -> FeatureScale:
    """Round a scale so that it has the same bits in every engine, whatever the order of its sums."""

    def round_values(values: dict[str, float]) -> dict[str, float]:
        return {name: float(f"{value:.{_SIGNIFICANT_DIGITS}g}") for name, value in values.items()}

    return FeatureScale(mean=round_values(scale.mean), sd=round_values(scale.sd))


def aggregate_to_grid(
    users: Users, scale: FeatureScale, summaries: dict[str, ColumnSummary], grid_step: float
) -> Points:
    """Put users on a grid.

    Parameters
    ----------
    users : Users
        Users kept by cleaning.
    scale : Scale
        This month's, as from `round_scale`.
    summaries : dict of str to Summary
        By feature, for how far the grid has to reach.
    grid_step : float
        Side of a cell, in SDs.

    Returns
    -------
    Points
        One point a cell with users, in the order of the grid.
    """
    features = tuple(scale.mean)
    places, columns, wide = [], [], 1
    for name in features:
        factor = 1 / (scale.sd[name] * grid_step)
        place = ((cast_to_float(name) - scale.mean[name]) * factor).floor()
        first = float(np.floor((summaries[name].low - scale.mean[name]) * factor))
        places.append(place - first)
        width = int(np.floor((summaries[name].high - scale.mean[name]) * factor) - first) + 1
        columns.append((first, width))
        wide *= width
    keys: list[nw.Expr] = []
    if wide < _MAX_CELL_KEY:  # one number is grouped by faster than several
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
        users.select(*(cast_to_float(name).alias(name) for name in features))
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


def coarsen_points(points: Points, max_points: int = _COARSE_POINTS) -> Points:
    """Put points together on ever coarser grids until they are few."""
    step = 0.4
    values, weights = points.values, points.weights
    while (
        len(values) > max_points
    ):  # each time from the points themselves: coarser cells nest in no finer ones
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


def fit_k_range_on_cells(
    points: Points, ks: Sequence[int], *, n_init: int, seed: int
) -> dict[int, KMeansModel]:
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
    medium = coarsen_points(points, _MEDIUM_POINTS)
    coarse = coarsen_points(medium)
    rng = np.random.default_rng(seed)
    kept: dict[int, Floats] = {}
    # the last bits of a sum depend on how many threads there are; OpenMP asks each of ours anew
    with (
        threadpool_limits(1),
        ThreadPoolExecutor(_FIT_THREADS, initializer=threadpool_limits, initargs=(1,)) as fitting,
    ):
        waiting = {}
        for k in ks:
            begin = draw_kmeans_plus_plus(coarse.values, coarse.weights, k, n_init, rng)
            if k - 1 in kept:
                begin = np.concatenate([begin, _add_farthest_point(coarse, kept[k - 1][0])])
            pilot = run_lloyd(coarse.values, coarse.weights, begin, max_steps=_PILOT_STEPS)
            kept[k] = pilot.centres[pilot.inertia.argsort(kind="stable")[:_KEPT_STARTS]]
            waiting[k] = fitting.submit(_refine_best_start, medium, points, kept[k])
        return {k: fit.result() for k, fit in waiting.items()}


def _refine_best_start(medium: Points, points: Points, starts: Floats) -> KMeansModel:
    """Settle some starts on medium cells, and the best of them on all."""
    first = min((_fit_from_start(medium, start) for start in starts), key=lambda model: model.inertia)
    return _fit_from_start(points, first.centres)


def _fit_from_start(points: Points, start: Floats) -> KMeansModel:
    """Settle one start on all cells, the largest segment first."""
    means = make_kmeans(len(start), init=start, n_init=1, tol=_CENTRE_TOLERANCE, max_iter=300)
    means.fit(points.values, sample_weight=points.weights)
    centres: Any = means.cluster_centers_
    users = np.bincount(assign_nearest(points.values, centres), weights=points.weights, minlength=len(start))
    order = np.lexsort((*centres.T, -users))
    return KMeansModel(centres=centres[order], inertia=float(means.inertia_) + points.within_inertia)


def _add_farthest_point(points: Points, centres: Floats) -> Floats:
    """Add the point that adds most to the inertia to the centres, shape (1, k + 1, p)."""
    far = ((points.values[:, None] - centres[None]) ** 2).sum(axis=2).min(axis=1) * points.weights
    return np.concatenate([centres, points.values[far.argmax()][None]])[None]
