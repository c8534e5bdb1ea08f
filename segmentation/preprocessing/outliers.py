"""Outliers: users whose value is so far from all others that it would make a segment of its own.

One absurd income moves a mean, squeezes every other income into nothing in standard deviations, and takes a segment for
itself. What counts is leverage: a user's share of a column's sum of squares. In a column of n users, one at z standard
deviations has a share of z² / n.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import reduce
from operator import or_

import narwhals as nw

from segmentation.facts import DroppedRows, FeatureTransform
from segmentation.preprocessing.aggregate import ColumnSummary, count_groups, express_transform, summarise_columns
from segmentation.preprocessing.clean import CleanedUsers, Materialise
from segmentation.schema import Column

_MIN_SDS = 6.0  # no user nearer to the mean is an outlier
_MAX_LEVERAGE = 0.005  # share of a column's sum of squares that one of many users may have
_MAX_PASSES = 20
_MAX_EXPONENT = 700.0  # of which the exponential is still a number


def set_aside_outliers(
    cleaned: CleanedUsers,
    summaries: Mapping[str, ColumnSummary],
    features: Sequence[Column],
    *,
    materialise: Materialise = lambda users: users,
) -> CleanedUsers:
    """Set aside users with a feature far from all others'.

    A value is far at more than six standard deviations from the mean, and a share of more than 0.005 of the column's sum of
    squares. Both are measured again without the far users, until nobody else is far. A user counts under the first
    column in which they are far. Where nobody is far, this costs no scan.

    Parameters
    ----------
    summaries : mapping of str to ColumnSummary
        Of the users kept, by number column.
    """
    logs = {
        column.name: FeatureTransform("log")
        for column in features
        if column.transform == "log" and summaries[column.name].low >= 0
    }
    names = [column.name for column in features if column.transform != "clip"]  # a clipped value is near already

    def express(name: str) -> nw.Expr:
        return express_transform(logs.get(name), name)

    def is_outside(limits: Mapping[str, tuple[float, float]]) -> nw.Expr:
        return reduce(or_, ((express(name) < low) | (express(name) > high) for name, (low, high) in limits.items()))

    limits: dict[str, tuple[float, float]] = {}
    users = cleaned.users
    found = summarise_columns(users, names, express) if logs else {name: summaries[name] for name in names}
    for _ in range(_MAX_PASSES):
        narrowed = {name: _intersect(limits.get(name), _compute_limits(one)) for name, one in found.items()}
        narrowed = {name: limit for name, limit in narrowed.items() if _exceeds(found[name], limit)}
        if not narrowed:
            break
        limits |= narrowed
        users = cleaned.users.filter(~is_outside(limits))
        found = summarise_columns(users, names, express)
    if not limits:
        return cleaned
    code = nw.lit(-1)
    for number, name in reversed(list(enumerate(limits))):
        code = nw.when(is_outside({name: limits[name]})).then(nw.lit(number)).otherwise(code)
    far = cleaned.users.filter(is_outside(limits))
    rows = dict(count_groups(far.select(code.alias("_column")), "_column"))
    drops = tuple(DroppedRows("outlier", name, rows[number]) for number, name in enumerate(limits) if number in rows)
    audit = replace(
        cleaned.audit,
        kept=cleaned.audit.kept - sum(drop.rows for drop in drops),
        dropped=(*cleaned.audit.dropped, *drops),
    )
    dropped = materialise(far) if isinstance(far, nw.LazyFrame) else far
    in_units = {name: _undo_logarithm(ends) if name in logs else ends for name, ends in limits.items()}
    return CleanedUsers(users, audit, (*cleaned.dropped, dropped), in_units)


def _undo_logarithm(ends: tuple[float, float]) -> tuple[float, float]:
    """Return limits in the column's unit."""
    low, high = (math.expm1(min(end, _MAX_EXPONENT)) for end in ends)
    return low, high


def _compute_limits(one: ColumnSummary) -> tuple[float, float]:
    """Return the values beyond which a user is an outlier."""
    reach = one.sd * max(_MIN_SDS, math.sqrt(_MAX_LEVERAGE * one.users))
    return one.mean - reach, one.mean + reach


def _intersect(first: tuple[float, float] | None, second: tuple[float, float]) -> tuple[float, float]:
    """Return the narrower of two pairs of limits."""
    return second if first is None else (max(first[0], second[0]), min(first[1], second[1]))


def _exceeds(one: ColumnSummary, limits: tuple[float, float]) -> bool:
    """Tell whether any user of a column is outside."""
    return one.low < limits[0] or one.high > limits[1]
