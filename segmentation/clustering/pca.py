"""The features seen in two: principal components, with a sign that stays and directions in words."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from segmentation.facts import Centroid, MapBin, PcaMap
from segmentation.preprocessing.scaling import Floats, Labels, Points
from segmentation.schema import COLUMNS_BY_NAME

MAP_STEP = 0.3  # side of a square of the map, in SDs
_MIN_LOADING = 0.4  # loading from which a feature is named on an axis; four equal ones would have 0.5


@dataclass(frozen=True, slots=True)
class Projection:
    """The points on the first two principal components.

    Attributes
    ----------
    scores : ndarray, shape (n, 2)
        Each point's place.
    loadings : ndarray, shape (p, 2)
        Each feature's part in the two components: columns of unit length.
    explained : tuple of float
        Share of the variance that each component explains.
    """

    scores: Floats
    loadings: Floats
    explained: tuple[float, float]


def project_points(points: Points, previous_loadings: Mapping[str, tuple[float, float]] = {}) -> Projection:
    """Project weighted points onto the two directions in which they vary most.

    scikit-learn's PCA knows no weights and leaves the sign to the solver; here the largest loading of each component
    is positive (of equally large ones, the first feature's), so that left stays left from run to run; where the last
    month's loadings are given, each component points their way, so that it stays left from month to month.

    Parameters
    ----------
    points : Points
        At least two features.
    previous_loadings : mapping of str to (float, float)
        Last month's loadings by feature.

    References
    ----------
    .. [1] Jolliffe (2002), "Principal Component Analysis", 2nd ed., section 1.1.
    """
    centred = points.values - np.average(points.values, axis=0, weights=points.weights)
    products = (centred * points.weights[:, None]).T @ centred
    covariance = (products if points.scatter is None else products + points.scatter) / points.users
    variances, directions = np.linalg.eigh(covariance)  # ascending
    variances = np.maximum(variances, 0)  # of features that say the same, rounding leaves less than nothing
    loadings = directions[:, ::-1][:, :2]
    largest = np.abs(loadings).round(6).argmax(axis=0)
    loadings = loadings * np.sign(loadings[largest, [0, 1]])
    if set(previous_loadings) == set(points.features):
        before = np.array([previous_loadings[name] for name in points.features])
        loadings = loadings * np.where((loadings * before).sum(axis=0) < 0, -1, 1)
    first, second = variances[::-1][:2] / variances.sum()
    return Projection(centred @ loadings, loadings, (float(first), float(second)))


def build_pca_map(
    projection: Projection, points: Points, labels: Labels, ids: tuple[str, ...], *, min_cell: int
) -> PcaMap:
    """Lay the map out: squares with at least `min_cell` users, the middle of each segment, axes in words.

    Parameters
    ----------
    projection : Projection
        The points on two components.
    points : Points
        The points themselves, for their weights and the features' names.
    labels : ndarray, shape (n,)
        Each point's segment, a place in ids.
    ids : tuple of str
        Ids of the segments.
    min_cell : int
        Users below which a square is not drawn, and that all which are not drawn have together: nobody is to be picked out.
    """
    squares = np.floor(projection.scores / MAP_STEP).astype(int)
    places, at = np.unique(squares, axis=0, return_inverse=True)
    users = np.zeros((len(places), len(ids)))
    np.add.at(users, (at.ravel(), labels), points.weights)
    total = users.sum(axis=1)
    drawn = total >= min_cell
    for place in np.argsort(total, kind="stable"):
        if 0 < total[~drawn].sum() < min_cell:  # all less those drawn would tell the few that are left
            drawn[place] = False
    cells = tuple(
        MapBin(x=float((x + 0.5) * MAP_STEP), y=float((y + 0.5) * MAP_STEP), users=int(n), segment=ids[most])
        for (x, y), n, most, is_drawn in zip(places, total, users.argmax(axis=1), drawn, strict=True)
        if is_drawn
    )
    spots = []
    for number, id_ in enumerate(ids):
        own = labels == number
        x, y = np.average(projection.scores[own], axis=0, weights=points.weights[own])
        spots.append(Centroid(id_, float(x), float(y)))
    return PcaMap(
        explained=projection.explained,
        loadings={
            name: (float(x), float(y))
            for name, (x, y) in zip(points.features, projection.loadings, strict=True)
        },
        axes={
            "right": _describe_direction(points, projection.loadings[:, 0]),
            "left": _describe_direction(points, -projection.loadings[:, 0]),
            "up": _describe_direction(points, projection.loadings[:, 1]),
            "down": _describe_direction(points, -projection.loadings[:, 1]),
        },
        step=MAP_STEP,
        cells=cells,
        spots=tuple(spots),
        hidden=round(points.users) - sum(cell.users for cell in cells),
    )


def _describe_direction(points: Points, loadings: Floats) -> str:
    """Say which listeners lie in a direction: "older, higher income"."""
    said = []
    for place in np.argsort(-np.abs(loadings), kind="stable"):
        words = COLUMNS_BY_NAME[points.features[place]].comparatives
        if words and abs(loadings[place]) >= _MIN_LOADING:
            said.append(words[int(loadings[place] > 0)])
    return ", ".join(said)
