"""A sample of the users that every engine draws alike: by arithmetic on a row's own numbers.

An engine's own random numbers and hashes differ from those of the next, and a row's place in a file is nothing that a
cluster knows. Multiplying, adding and rounding down are the same everywhere, to the last bit.
"""

import narwhals as nw
import numpy as np

from segmentation.facts import FeatureScale
from segmentation.preprocessing.aggregate import cast_to_float
from segmentation.preprocessing.scaling import Points
from segmentation.schema import DEFAULT_FEATURES, NUMBERS, USER_ID, Users

# Square roots of primes, less their whole parts: no sum of few of them is near a whole number.
_HASH_MULTIPLIERS = (
    *(0.4142135623730951, 0.7320508075688772, 0.2360679774997898, 0.6457513110645906),
    *(0.605551275463989, 0.1231056256176605, 0.358898943540674, 0.7958315233127196),
)
_ID_MULTIPLIER = 0.3166247903553998
_ID_MODULUS = (
    1_048_573.0  # a prime: an id's remainder, since the part of a huge number behind its point is lost
)
_MIX_MULTIPLIER = 99_991.0  # what is left of a straight pattern is stirred once
_OVERSAMPLING = 1.1  # drawn above what is wanted, so that chance leaves enough


def sample_users(users: Users, scale: FeatureScale, n_users: int, sample_size: int) -> Points:
    """Draw about `sample_size` of n users, the same ones whatever engine has them and in whatever order.

    Who differs in no number and has no number for an id is drawn together or not at all. Where that makes a sample of a
    few kinds, or too small a one, `sample_cells` is the way.

    Parameters
    ----------
    users : Users
        Users kept by cleaning.
    scale : Scale
        This month's, as from `cells.round_scale`.
    n_users : int
        How many users there are.
    sample_size : int
        How many to draw.

    Returns
    -------
    Points
        One point a user, ordered by values.
    """
    features = tuple(scale.mean)
    form = nw.lit(0.0)
    # all numbers, and not the features alone, tell users apart; of more than eight, the first eight
    order = dict.fromkeys(
        (*DEFAULT_FEATURES, *NUMBERS)
    )  # a column that comes later leaves the others their roots
    for name, root in zip(order, _HASH_MULTIPLIERS, strict=False):
        form = form + cast_to_float(name) * root
    schema = users.collect_schema()
    if USER_ID in schema and schema[USER_ID].is_integer():
        id_ = cast_to_float(USER_ID)
        form = form + (id_ - (id_ / _ID_MODULUS).floor() * _ID_MODULUS) * _ID_MULTIPLIER
    asked = users.select(*(cast_to_float(name).alias(name) for name in features), form.alias("_chance"))
    for factor in (nw.lit(1.0), (nw.col("_chance") + 1.0) * _MIX_MULTIPLIER):
        asked = asked.with_columns((nw.col("_chance") * factor).alias("_chance"))
        asked = asked.with_columns((nw.col("_chance") - nw.col("_chance").floor()).alias("_chance"))
    asked = asked.filter(nw.col("_chance") < sample_size * _OVERSAMPLING / n_users)
    got = asked.collect() if isinstance(asked, nw.LazyFrame) else asked
    rows = np.column_stack([got.get_column(name).to_numpy() for name in ("_chance", *features)])
    rows = rows[np.lexsort(rows.T[::-1])][:sample_size, 1:]
    rows = rows[np.lexsort(rows.T[::-1])]
    middle, sd = (np.array([part[name] for name in features]) for part in (scale.mean, scale.sd))
    return Points((rows - middle) / sd, np.ones(len(rows)), features, scale, "sample")


def sample_cells(points: Points, sample_size: int, *, seed: int) -> Points:
    """Draw users from cells, each at the mean of its own: for crowds of few kinds, whose cells are those kinds.

    Parameters
    ----------
    points : Points
        Cells.
    sample_size : int
        How many users to draw.
    seed : int
        Where the random numbers start.
    """
    share = points.weights / points.users
    counts = np.random.default_rng(seed).multinomial(min(sample_size, round(points.users)), share)
    values = np.repeat(points.values, counts, axis=0)
    return Points(values, np.ones(len(values)), points.features, points.scale, "sample")


def is_usable_sample(sample: Points, sample_size: int) -> bool:
    """Whether a sample is large enough, and of users who differ."""
    return (
        len(sample.values) >= sample_size / 2
        and len(np.unique(sample.values, axis=0)) >= len(sample.values) / 2
    )
