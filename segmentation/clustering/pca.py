"""The map: two principal components with stable signs."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from segmentation.facts import Centroid, MapBin, PcaMap
from segmentation.preprocessing.scaling import Floats, Labels, Points
from segmentation.schema import Schema

MAP_STEP = 0.3  # side of a square of the map, in SDs
_MIN_LOADING = 0.4  # loading from which an axis names a feature; four equal ones would have 0.5


@dataclass(frozen=True, slots=True)
class Projection:
    """The points on the first two principal components."""

    scores: Floats  # shape (n, 2)
    loadings: Floats  # shape (p, 2): each feature's part in the components, columns of unit length
    explained: tuple[float, float]  # share of the variance, by component


def project_points(points: Points, previous_loadings: Mapping[str, tuple[float, float]] = {}) -> Projection:
    """Project weighted points onto their first two principal components.

    scikit-learn's PCA knows no weights and leaves the sign to the solver. Here the largest loading of each component is
    positive (of equals, the first feature's), so that left stays left from run to run; with last month's loadings each
    component points their way, so that it stays left from month to month. Needs at least two features.

    References
    ----------
    .. [1] Jolliffe (2002), "Principal Component Analysis", 2nd ed., section 1.1.
    """
    centred = points.values - np.average(points.values, axis=0, weights=points.weights)
    products = (centred * points.weights[:, None]).T @ centred
    covariance = (products if points.scatter is None else products + points.scatter) / points.users
    variances, directions = np.linalg.eigh(covariance)  # ascending
    variances = np.maximum(variances, 0)  # rounding may leave less than 0 where one feature repeats another
    loadings = directions[:, ::-1][:, :2]
    largest = np.abs(loadings).round(6).argmax(axis=0)
    loadings = loadings * np.sign(loadings[largest, [0, 1]])
    if set(previous_loadings) == set(points.features):
        previous = np.array([previous_loadings[name] for name in points.features])
        loadings = loadings * np.where((loadings * previous).sum(axis=0) < 0, -1, 1)
    first, second = variances[::-1][:2] / variances.sum()
    return Projection(centred @ loadings, loadings, (float(first), float(second)))


def build_pca_map(
    projection: Projection, points: Points, labels: Labels, ids: tuple[str, ...], schema: Schema, *, min_cell: int
) -> PcaMap:
    """Lay out the map: squares, centroids, axes in words.

    A square with fewer than `min_cell` users is not drawn, and neither are so many more that all which are not drawn
    have at least `min_cell` together.

    Parameters
    ----------
    labels : ndarray, shape (n,)
        Each point's segment, an index into `ids`.
    """
    squares = np.floor(projection.scores / MAP_STEP).astype(int)
    places, square_of = np.unique(squares, axis=0, return_inverse=True)
    users = np.zeros((len(places), len(ids)))
    np.add.at(users, (square_of.ravel(), labels), points.weights)
    total = users.sum(axis=1)
    is_drawn = total >= min_cell
    for square in np.argsort(total, kind="stable"):
        if 0 < total[~is_drawn].sum() < min_cell:  # all less those drawn would reveal the few that are left
            is_drawn[square] = False
    cells = tuple(
        MapBin(x=float((x + 0.5) * MAP_STEP), y=float((y + 0.5) * MAP_STEP), users=int(n), segment=ids[most])
        for (x, y), n, most, drawn in zip(places, total, users.argmax(axis=1), is_drawn, strict=True)
        if drawn
    )
    centroids = []
    for number, id_ in enumerate(ids):
        own = labels == number
        x, y = np.average(projection.scores[own], axis=0, weights=points.weights[own])
        centroids.append(Centroid(id_, float(x), float(y)))
    right, up = projection.loadings.T
    return PcaMap(
        explained=projection.explained,
        loadings={
            name: (float(x), float(y)) for name, (x, y) in zip(points.features, projection.loadings, strict=True)
        },
        axes={
            "right": _describe_direction(points, right, schema),
            "left": _describe_direction(points, -right, schema),
            "up": _describe_direction(points, up, schema),
            "down": _describe_direction(points, -up, schema),
        },
        step=MAP_STEP,
        cells=cells,
        spots=tuple(centroids),
        hidden=round(points.users) - sum(cell.users for cell in cells),
    )


def _describe_direction(points: Points, loadings: Floats, schema: Schema) -> str:
    """Return a direction in words: "older, higher income"."""
    order = np.argsort(-np.abs(loadings), kind="stable")
    parts = [
        schema[points.features[place]].comparatives[int(loadings[place] > 0)]
        for place in order
        if abs(loadings[place]) >= _MIN_LOADING
    ]
    return ", ".join(parts)
