"""The points that are clustered: features in standard deviations, each with a weight."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from segmentation.errors import CleaningError
from segmentation.facts import FeatureScale
from segmentation.preprocessing.aggregate import ColumnSummary, summarise_columns
from segmentation.schema import Frame, Users

Floats = NDArray[np.float64]
Labels = NDArray[np.intp]
PointKind = Literal["users", "cells", "sample"]


@dataclass(frozen=True, slots=True)
class Points:
    """Users, or groups of like users, in the space where distances are measured.

    Attributes
    ----------
    values : ndarray, shape (n, p)
        One row a point, one column a feature, in standard deviations from the mean.
    weights : ndarray, shape (n,)
        Users that each point stands for; all 1 where every user is a point.
    features : tuple of str, length p
        Names of the columns.
    scale : Scale
        What one standard deviation means.
    kind : {"users", "cells", "sample"}
        Every user; the occupied cells of a grid, each at the mean of its users; or a sample of the users.
    scatter : ndarray, shape (p, p), or None
        Sums of squares and products of the users about their points, over all points; None where there are none.
    """

    values: Floats
    weights: Floats
    features: tuple[str, ...]
    scale: FeatureScale
    kind: PointKind = "users"
    scatter: Floats | None = None

    @property
    def users(self) -> float:
        """Users that all points stand for."""
        return float(self.weights.sum())

    @property
    def within_inertia(self) -> float:
        """What inertia about the points leaves out: the squared distances of users to their points, in squared SDs."""
        return 0.0 if self.scatter is None else float(np.trace(self.scatter))


def measure_scale(users: Users, features: Sequence[str]) -> FeatureScale:
    """Measure mean and population standard deviation of each feature.

    Raises
    ------
    CleaningError
        If a feature has the same value for every user, so that no distance can be measured in it.
    """
    return build_scale(summarise_columns(users, features))


def build_scale(summaries: Mapping[str, ColumnSummary]) -> FeatureScale:
    """Give the same from what is known of the features.

    Raises
    ------
    CleaningError
        As `measure_scale`.
    """
    for name, one in summaries.items():
        if not one.sd > 1e-9 * max(1.0, abs(one.mean)):  # rounding leaves a constant column a trace of spread
            raise CleaningError(
                f"Column {name!r} is the same for every user, so it tells nobody apart. "
                "Correct the export, or take the column out of `features` in settings.toml."
            )
    return FeatureScale(
        mean={name: one.mean for name, one in summaries.items()},
        sd={name: one.sd for name, one in summaries.items()},
    )


def standardise_users(users: Frame, scale: FeatureScale) -> Points:
    """Express every user's features in standard deviations from the mean.

    Parameters
    ----------
    users : narwhals.DataFrame
        Users kept by cleaning.
    scale : Scale
        This month's own, or another month's to see both in one space.

    Returns
    -------
    Points
        One point a user, in the order of the rows, each of weight 1.
    """
    features = tuple(scale.mean)
    values = np.column_stack(
        [
            (users.get_column(name).to_numpy().astype(float) - scale.mean[name]) / scale.sd[name]
            for name in features
        ]
    )
    return Points(values=values, weights=np.ones(len(values)), features=features, scale=scale)
