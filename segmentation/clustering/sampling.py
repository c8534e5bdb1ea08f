"""Deterministic sampling: every engine draws the same users.

Engines differ in random numbers and hashes, and a cluster doesn't know a row's place in the file. Multiplying, adding and
rounding down are the same everywhere, to the last bit.
"""

import narwhals as nw
import numpy as np

from segmentation.facts import FeatureScale
from segmentation.frames import Users
from segmentation.preprocessing.aggregate import cast_to_float, express_feature
from segmentation.preprocessing.scaling import Points
from segmentation.schema import USER_ID

# Fractional parts of square roots of primes: no sum of few of them is near a whole number.
_HASH_MULTIPLIERS = (
    *(0.4142135623730951, 0.7320508075688772, 0.2360679774997898, 0.6457513110645906),
    *(0.605551275463989, 0.1231056256176605, 0.358898943540674, 0.7958315233127196),
)
_ID_MULTIPLIER = 0.3166247903553998
_ID_MODULUS = 1_048_573.0  # a prime: a huge id would lose its fractional part
_MIX_MULTIPLIER = 99_991.0  # a second round breaks up regular patterns
_OVERSAMPLING = 1.1  # so that enough users are drawn


def sample_users(users: Users, scale: FeatureScale, n_users: int, sample_size: int) -> Points:
    """Draw about `sample_size` users, the same everywhere.

    Users with equal numbers and no number for an id are drawn together or not at all. Where that makes a sample of few
    kinds, or too small a one, use `sample_cells`. The scale is this month's, as from `round_scale`; the sample is
    ordered by values.
    """
    features = tuple(scale.mean)
    form = nw.lit(0.0)
    for name, root in zip(features, _HASH_MULTIPLIERS, strict=False):  # of more than eight features the first eight
        form = form + cast_to_float(name) * root
    schema = users.collect_schema()
    if USER_ID in schema and schema[USER_ID].is_integer():
        id_ = cast_to_float(USER_ID)
        form = form + (id_ - (id_ / _ID_MODULUS).floor() * _ID_MODULUS) * _ID_MULTIPLIER
    query = users.select(*(express_feature(scale, name).alias(name) for name in features), form.alias("_chance"))
    for factor in (nw.lit(1.0), (nw.col("_chance") + 1.0) * _MIX_MULTIPLIER):
        query = query.with_columns((nw.col("_chance") * factor).alias("_chance"))
        query = query.with_columns((nw.col("_chance") - nw.col("_chance").floor()).alias("_chance"))
    query = query.filter(nw.col("_chance") < sample_size * _OVERSAMPLING / n_users)
    drawn = query.collect() if isinstance(query, nw.LazyFrame) else query
    rows = np.column_stack([drawn.get_column(name).to_numpy() for name in ("_chance", *features)])
    rows = rows[np.lexsort(rows.T[::-1])][:sample_size, 1:]
    rows = rows[np.lexsort(rows.T[::-1])]
    mean, sd = (np.array([part[name] for name in features]) for part in (scale.mean, scale.sd))
    return Points((rows - mean) / sd, np.ones(len(rows)), features, scale, "sample")


def sample_cells(points: Points, sample_size: int, *, seed: int) -> Points:
    """Draw users from cells, each at its cell's mean.

    For users of few kinds, whose cells are those kinds.
    """
    share = points.weights / points.users
    counts = np.random.default_rng(seed).multinomial(min(sample_size, round(points.users)), share)
    values = np.repeat(points.values, counts, axis=0)
    return Points(values, np.ones(len(values)), points.features, points.scale, "sample")


def is_usable_sample(sample: Points, sample_size: int) -> bool:
    """Whether a sample is large and varied enough."""
    return len(sample.values) >= sample_size / 2 and len(np.unique(sample.values, axis=0)) >= len(sample.values) / 2
