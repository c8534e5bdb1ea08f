"""A sample of the users that every engine draws alike: by arithmetic on a row's own numbers.

An engine's own random numbers and hashes differ from those of the next, and a row's place in a file is nothing that a
cluster knows. Multiplying, adding and rounding down are the same everywhere, to the last bit.
"""

import narwhals as nw
import numpy as np

from segmentation.facts import Scale
from segmentation.features import Points
from segmentation.schema import FEATURES, NUMBERS, USER_ID, Users
from segmentation.tally import number

# Square roots of primes, less their whole parts: no sum of few of them is near a whole number.
_ROOTS = (
    *(0.4142135623730951, 0.7320508075688772, 0.2360679774997898, 0.6457513110645906),
    *(0.605551275463989, 0.1231056256176605, 0.358898943540674, 0.7958315233127196),
)
_ID_ROOT = 0.3166247903553998
_ID_BELOW = (
    1_048_573.0  # a prime: an id's remainder, since the part of a huge number behind its point is lost
)
_STIR = 99_991.0  # what is left of a straight pattern is stirred once
_MORE = 1.1  # drawn above what is wanted, so that chance leaves enough


def sample_users(users: Users, scale: Scale, n: int, wanted: int) -> Points:
    """Draw about `wanted` of n users, the same ones whatever engine has them and in whatever order.

    Who differs in no number and has no number for an id is drawn together or not at all. Where that makes a sample of a
    few kinds, or too small a one, `sample_cells` is the way.

    Parameters
    ----------
    users : Users
        Users kept by cleaning.
    scale : Scale
        This month's, as from `cells.steady`.
    n : int
        How many users there are.
    wanted : int
        How many to draw.

    Returns
    -------
    Points
        One point a user, ordered by values.
    """
    features = tuple(scale.mean)
    form = nw.lit(0.0)
    # all numbers, and not the features alone, tell users apart; of more than eight, the first eight
    order = dict.fromkeys((*FEATURES, *NUMBERS))  # a column that comes later leaves the others their roots
    for name, root in zip(order, _ROOTS, strict=False):
        form = form + number(name) * root
    schema = users.collect_schema()
    if USER_ID in schema and schema[USER_ID].is_integer():
        id_ = number(USER_ID)
        form = form + (id_ - (id_ / _ID_BELOW).floor() * _ID_BELOW) * _ID_ROOT
    asked = users.select(*(number(name).alias(name) for name in features), form.alias("_chance"))
    for factor in (nw.lit(1.0), (nw.col("_chance") + 1.0) * _STIR):
        asked = asked.with_columns((nw.col("_chance") * factor).alias("_chance"))
        asked = asked.with_columns((nw.col("_chance") - nw.col("_chance").floor()).alias("_chance"))
    asked = asked.filter(nw.col("_chance") < wanted * _MORE / n)
    got = asked.collect() if isinstance(asked, nw.LazyFrame) else asked
    rows = np.column_stack([got.get_column(name).to_numpy() for name in ("_chance", *features)])
    rows = rows[np.lexsort(rows.T[::-1])][:wanted, 1:]
    rows = rows[np.lexsort(rows.T[::-1])]
    middle, sd = (np.array([part[name] for name in features]) for part in (scale.mean, scale.sd))
    return Points((rows - middle) / sd, np.ones(len(rows)), features, scale, "sample")


def sample_cells(points: Points, wanted: int, *, seed: int) -> Points:
    """Draw users from cells, each at the mean of its own: for crowds of few kinds, whose cells are those kinds.

    Parameters
    ----------
    points : Points
        Cells.
    wanted : int
        How many users to draw.
    seed : int
        Where the random numbers start.
    """
    share = points.weights / points.users
    counts = np.random.default_rng(seed).multinomial(min(wanted, round(points.users)), share)
    values = np.repeat(points.values, counts, axis=0)
    return Points(values, np.ones(len(values)), points.features, points.scale, "sample")


def is_mixed(some: Points, wanted: int) -> bool:
    """Whether a sample is large enough, and of users who differ."""
    return len(some.values) >= wanted / 2 and len(np.unique(some.values, axis=0)) >= len(some.values) / 2
