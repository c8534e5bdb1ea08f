"""The points that are clustered: features in standard deviations, each with a weight."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segmentation.errors import CleaningError
from segmentation.facts import Scale
from segmentation.schema import Frame

Floats = NDArray[np.float64]


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
    """

    values: Floats
    weights: Floats
    features: tuple[str, ...]
    scale: Scale

    @property
    def users(self) -> float:
        """Users that all points stand for."""
        return float(self.weights.sum())


def scale_of(users: Frame, features: Sequence[str]) -> Scale:
    """Measure mean and population standard deviation of each feature.

    Raises
    ------
    CleaningError
        If a feature has the same value for every user, so that no distance can be measured in it.
    """
    mean, sd = {}, {}
    for name in features:
        values = users.get_column(name).to_numpy().astype(float)
        mean[name], sd[name] = float(values.mean()), float(values.std())
        if not sd[name] > 1e-9 * max(
            1.0, abs(mean[name])
        ):  # rounding leaves a constant column a trace of spread
            raise CleaningError(
                f"Column {name!r} is {values[0]:g} for every user, so it tells nobody apart. "
                "Correct the export, or take the column out of `features` in settings.toml."
            )
    return Scale(mean=mean, sd=sd)


def standardise(users: Frame, scale: Scale) -> Points:
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
