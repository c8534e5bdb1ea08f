"""Grid pre-aggregation: cells stand for their users.

Ten million users are some ten thousand cells, made in one scan by any engine. Squared distances about the cells' means
leave out the users' own about those: one constant, known exactly. So inertia and covariance are those of the users as
long as a cell lies on one side of every border.
"""

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import narwhals as nw
import numpy as np
from threadpoolctl import threadpool_limits

from segmentation.clustering.assign import KMeansModel, run_kmeans, sort_by_size
from segmentation.clustering.kmeans import draw_kmeans_plus_plus, run_lloyd
from segmentation.errors import SweepError
from segmentation.facts import FeatureScale
from segmentation.frames import Users
from segmentation.preprocessing.aggregate import ColumnSummary, express_feature
from segmentation.preprocessing.scaling import Floats, Points

_COARSE_POINTS = 2_500  # cells on which the starts compete
_PILOT_STEPS = 30  # Lloyd steps on them
_MEDIUM_POINTS = 15_000  # cells on which the best starts converge
_KEPT_STARTS = 2
_FIT_THREADS = 2  # numbers of segments fitted at a time, each on one thread
_CENTRE_TOLERANCE = 1e-5  # squared SDs by which centres may still move: at most 2e-5 of inertia, invisible on a curve
_SIGNIFICANT_DIGITS = 12  # of means and SDs: engines that add in another order agree on as many
_MAX_CELL_KEY = 2**62  # cells of the whole grid that one integer can number


def round_scale(scale: FeatureScale) -> FeatureScale:
    """Round a scale to equal bits in all engines."""

    def round_values(values: dict[str, float]) -> dict[str, float]:
        return {name: float(f"{value:.{_SIGNIFICANT_DIGITS}g}") for name, value in values.items()}

    return replace(scale, mean=round_values(scale.mean), sd=round_values(scale.sd))


def aggregate_to_grid(
    users: Users, scale: FeatureScale, summaries: dict[str, ColumnSummary], grid_step: float
) -> Points:
    """Return one point per occupied cell, in grid order.

    Parameters
    ----------
    users : Users
        Users kept by cleaning.
    scale : FeatureScale
        This month's, as from `round_scale`.
    summaries : dict of str to ColumnSummary
        By feature, for the extent of the grid.
    grid_step : float
        Side of a cell, in SDs.
    """
    features = tuple(scale.mean)
    cells, widths = [], []
    for name in features:
        factor = 1 / (scale.sd[name] * grid_step)
        cell = ((nw.col(name) - scale.mean[name]) * factor).floor()
        first = float(np.floor((summaries[name].low - scale.mean[name]) * factor))
        cells.append(cell - first)
        widths.append(int(np.floor((summaries[name].high - scale.mean[name]) * factor) - first) + 1)
    if math.prod(widths) < _MAX_CELL_KEY:  # grouping by one number is faster than by several
        key = nw.lit(0)
        for cell, width in zip(cells, widths, strict=True):
            key = key * width + cell.cast(nw.Int64)
        keys = {"_cell": key}
    else:
        keys = {f"_cell_{name}": cell for name, cell in zip(features, cells, strict=True)}
    pairs = [(i, j) for i in range(len(features)) for j in range(i, len(features))]
    scaled = [((nw.col(name) - scale.mean[name]) * (1 / scale.sd[name])).alias(f"_scaled_{name}") for name in features]
    products = [
        (nw.col(f"_scaled_{features[i]}") * nw.col(f"_scaled_{features[j]}")).alias(f"_{i}_{j}") for i, j in pairs
    ]
    on_grid = (
        users.select(*(express_feature(scale, name).alias(name) for name in features))
        .with_columns(*(key.alias(name) for name, key in keys.items()), *scaled)
        .with_columns(*products)
    )
    sums = [nw.col(name).sum().alias(f"_sum_{name}") for name in features]
    sums += [nw.col(f"_{i}_{j}").sum().alias(f"_sum_{i}_{j}") for i, j in pairs]
    query = on_grid.group_by(*keys).agg(nw.len().alias("_n"), *sums)
    rows = query.collect() if isinstance(query, nw.LazyFrame) else query
    order = np.lexsort([rows.get_column(name).to_numpy() for name in reversed(keys)])
    weights = rows.get_column("_n").to_numpy().astype(float)[order]
    totals = np.column_stack([rows.get_column(f"_sum_{name}").to_numpy().astype(float) for name in features])
    mean, sd = (np.array([part[name] for name in features]) for part in (scale.mean, scale.sd))
    # ten decimals are the same in every engine, and so are the fits
    values = ((totals[order] / weights[:, None] - mean) / sd).round(10)
    squares = np.empty((len(features), len(features)))
    for i, j in pairs:
        column = rows.get_column(f"_sum_{i}_{j}").to_numpy().astype(float)
        squares[i, j] = squares[j, i] = column[order].sum()
    scatter = squares - (values * weights[:, None]).T @ values
    return Points(values, weights, features, scale, "cells", scatter)


def coarsen_points(points: Points, max_points: int = _COARSE_POINTS) -> Points:
    """Merge points on coarser grids until they are few."""
    step = 0.4
    values, weights = points.values, points.weights
    while len(values) > max_points:  # each time from the points themselves, as grids don't nest
        cells = np.floor(points.values / step).astype(np.int64)
        order = np.lexsort(cells.T)
        is_new = np.concatenate([[True], (np.diff(cells[order], axis=0) != 0).any(axis=1)])
        cell_of = np.empty(len(order), dtype=np.intp)
        cell_of[order] = is_new.cumsum() - 1
        weights, sums = points.sum_by_label(cell_of, int(is_new.sum()))
        values = sums / weights[:, None]
        step *= 1.25
    return Points(values, weights, points.features, points.scale, "cells")


def fit_k_range_on_cells(points: Points, ks: Sequence[int], *, n_init: int, seed: int) -> dict[int, KMeansModel]:
    """Fit every k, from pilots on coarser cells.

    The best two starts go on over finer cells, and the best of these over all. Besides its k-means++ starts each k has
    one more: the best fit of k - 1, with one centre added.

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
    with threadpool_limits(1), ThreadPoolExecutor(_FIT_THREADS) as executor:
        fits = {}
        for k in ks:
            starts = draw_kmeans_plus_plus(coarse.values, coarse.weights, k, n_init, rng)
            if k - 1 in kept:
                starts = np.concatenate([starts, _add_farthest_point(coarse, kept[k - 1][0])])
            pilot = run_lloyd(coarse.values, coarse.weights, starts, max_steps=_PILOT_STEPS)
            kept[k] = pilot.select_best(_KEPT_STARTS)
            fits[k] = executor.submit(_refine_best_start, medium, points, kept[k])
        return {k: fit.result() for k, fit in fits.items()}


def _refine_best_start(medium: Points, points: Points, starts: Floats) -> KMeansModel:
    """Fit starts on medium cells, the best on all."""
    best = min((_fit_from_start(medium, start) for start in starts), key=lambda model: model.inertia)
    return _fit_from_start(points, best.centres)


def _fit_from_start(points: Points, start: Floats) -> KMeansModel:
    """Fit one start, the largest segment first."""
    model = run_kmeans(points, len(start), init=start, tolerance=_CENTRE_TOLERANCE, max_steps=300)
    return sort_by_size(points, model)


def _add_farthest_point(points: Points, centres: Floats) -> Floats:
    """Add the point with the largest inertia, shape (1, k + 1, p)."""
    costs = ((points.values[:, None] - centres[None]) ** 2).sum(axis=2).min(axis=1) * points.weights
    return np.concatenate([centres, points.values[costs.argmax()][None]])[None]
