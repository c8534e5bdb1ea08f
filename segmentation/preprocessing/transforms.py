"""Transforms of features: logarithms and clipping, before distances are measured.

A few very large values stretch a feature's standard deviation until all others are alike. The logarithm puts equal ratios at
equal distances; clipping moves the largest and smallest values to a limit.
"""

from collections.abc import Mapping, Sequence

from segmentation.errors import CleaningError
from segmentation.facts import FeatureTransform
from segmentation.frames import Users
from segmentation.preprocessing.aggregate import ColumnSummary, express_transform, summarise_columns
from segmentation.preprocessing.quantiles import compute_quantiles, make_bin_grid
from segmentation.schema import Column

CLIPPED_SHARES = (0.01, 0.99)  # users outside are moved to these quantiles


def choose_transforms(
    users: Users, columns: Sequence[Column], summaries: Mapping[str, ColumnSummary]
) -> dict[str, FeatureTransform]:
    """Return the transforms that columns ask for.

    Raises
    ------
    CleaningError
        If a logarithm is asked for of values below zero.
    """
    found = {}
    for column in columns:
        one = summaries[column.name]
        if column.transform == "log":
            if one.low < 0:
                raise CleaningError(
                    f'Column {column.name!r}: transform = "log" needs values of 0 or more, found some below. '
                    "Give it `valid` from 0 in the columns file, or take the transform out."
                )
            found[column.name] = FeatureTransform("log")
        elif column.transform == "clip":
            grid = make_bin_grid(one.low, one.high, integer=one.is_integer)
            low, high = compute_quantiles(users, column.name, grid, CLIPPED_SHARES)
            found[column.name] = FeatureTransform("clip", low, high)
    return found


def summarise_features(
    users: Users, summaries: Mapping[str, ColumnSummary], transforms: Mapping[str, FeatureTransform]
) -> dict[str, ColumnSummary]:
    """Summarise features as distances are measured in them.

    `summaries` has them in their units; without transforms, they are the result.
    """
    changed = summarise_columns(users, list(transforms), lambda name: express_transform(transforms[name], name))
    return {name: changed.get(name, one) for name, one in summaries.items()}
