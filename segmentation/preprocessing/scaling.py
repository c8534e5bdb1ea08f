"""Standardising: features in standard deviations, as weighted points."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from segmentation.errors import CleaningError
from segmentation.facts import FeatureScale, FeatureTransform
from segmentation.frames import Frame
from segmentation.preprocessing.aggregate import ColumnSummary, express_feature

Floats = NDArray[np.float64]
Labels = NDArray[np.intp]
PointKind = Literal["users", "cells", "sample"]


@dataclass(frozen=True, slots=True)
class Points:
    """Users, or groups of them, in standardised space."""

    values: Floats  # shape (n, p): a row a point, a column a feature, in SDs from the mean
    weights: Floats  # shape (n,): users that each point stands for
    features: tuple[str, ...]
    scale: FeatureScale
    kind: PointKind = "users"  # all users; grid cells, each at its users' mean; or a sample of users
    scatter: Floats | None = None  # shape (p, p): sums of squares and products of users about their points

    @property
    def users(self) -> float:
        """Number of users that all points stand for."""
        return float(self.weights.sum())

    @property
    def within_inertia(self) -> float:
        """Sum of users' squared distances to their points."""
        return 0.0 if self.scatter is None else float(np.trace(self.scatter))

    def select_rows(self, rows: Labels) -> "Points":
        """Return some of the points."""
        return Points(self.values[rows], self.weights[rows], self.features, self.scale)

    def sum_by_label(self, labels: Labels, k: int) -> tuple[Floats, Floats]:
        """Return users (k,) and sums of values (k, p)."""
        sums = [np.bincount(labels, self.weights * column, k) for column in self.values.T]
        return np.bincount(labels, self.weights, k).astype(float), np.column_stack(sums)


def build_scale(
    summaries: Mapping[str, ColumnSummary], transforms: Mapping[str, FeatureTransform] = MappingProxyType({})
) -> FeatureScale:
    """Return mean and population SD of each feature.

    The summaries are of the features as `transforms` change them.

    Raises
    ------
    CleaningError
        If a feature has the same value for every user, so that no distance can be measured in it.
    """
    for name, one in summaries.items():
        if not one.sd > 1e-9 * max(1.0, abs(one.mean)):  # rounding leaves a constant column a trace of spread
            raise CleaningError(
                f"Column {name!r} is the same for every user, so it tells nobody apart. "
                'Correct the export, or give the column role = "describe" in the columns file.'
            )
    return FeatureScale(
        mean={name: one.mean for name, one in summaries.items()},
        sd={name: one.sd for name, one in summaries.items()},
        transforms=dict(transforms),
    )


def standardise_users(users: Frame, scale: FeatureScale) -> Points:
    """Return a point for every user, in row order.

    The scale is this month's own, or another month's to see both in one space.
    """
    features = tuple(scale.mean)
    measured = users.select(*(express_feature(scale, name).alias(name) for name in features))
    values = np.column_stack(
        [(measured.get_column(name).to_numpy() - scale.mean[name]) / scale.sd[name] for name in features]
    )
    return Points(values=values, weights=np.ones(len(values)), features=features, scale=scale)
