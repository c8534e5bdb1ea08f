"""Cleaning: drop unusable rows, and count them."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from operator import and_
from typing import Any, TypeAlias

import narwhals as nw

from segmentation.errors import CleaningError
from segmentation.facts import CleaningAudit, CleaningRule, DroppedRows
from segmentation.frames import Users, check_columns
from segmentation.preprocessing.aggregate import cast_to_float, count_groups, fetch_rows
from segmentation.schema import MAX_NUMBER, USER_ID, Schema, ValidRange

Materialise: TypeAlias = Callable[[nw.LazyFrame[Any]], nw.LazyFrame[Any]]
_KEPT_CODE = -1
UNKNOWN_VALUE = "Not known"  # the category of users of whom nothing is known


@dataclass(frozen=True, slots=True)
class CleanedUsers:
    """The users kept by cleaning, and what was dropped."""

    users: Users  # in file order where there is one, with the schema's columns alone
    audit: CleaningAudit
    dropped: tuple[Users, ...] = ()  # rows left out, as up to three frames
    limits: Mapping[str, tuple[float, float]] = field(default_factory=dict)  # by column: values beyond are outliers

    @property
    def ranges(self) -> dict[str, ValidRange]:
        """By number column: the possible values that are no outliers."""
        ranges = dict(self.audit.valid)
        for name, (low, high) in self.limits.items():
            least, most = ranges.get(name, (-math.inf, None))
            ranges[name] = (max(least, low), high if most is None else min(most, high))
        return ranges


def clean_users(
    frame: Users, columns: Schema, *, max_in_memory: float = math.inf, materialise: Materialise = lambda users: users
) -> CleanedUsers:
    """Drop missing values, impossible values and repeated users.

    A row that breaks several rules counts under the first: missing values in the order of the columns, then the
    valid ranges, then a user who already has a usable row. Both ends of a range are possible; an infinite value never
    is, in any number column. Of a repeated user the first row in the file stays; above `max_in_memory`, where an
    engine has the rows in no order, the smallest usable one, column by column.

    Parameters
    ----------
    frame : narwhals.DataFrame or LazyFrame
        One row a user, as read.
    columns : Schema
        With the valid range of each number, and what becomes of users without a value.
    max_in_memory : float
        Users up to which they are taken into memory.
    materialise : callable
        Computes a lazy frame that is expensive and used several times.

    Raises
    ------
    SchemaError
        If a column is missing or of the wrong kind.
    CleaningError
        If no row is left.
    """
    check_columns(frame, columns)
    schema = frame.collect_schema()
    names = [column.name for column in columns.shown if column.name in schema]
    users = frame
    users = _fill_missing(users.select(names), columns)
    rules = _list_rules(users, columns)
    first_broken = nw.lit(_KEPT_CODE)
    for code, (_, _, condition) in reversed(list(enumerate(rules))):
        first_broken = nw.when(condition).then(nw.lit(code)).otherwise(first_broken)
    rows = {int(code): n for code, n in count_groups(users.select(first_broken.alias("_broken")), "_broken")}
    read = sum(rows.values())
    if not read:
        raise CleaningError(
            "The file has columns, but no row below them. Expected one row a user. "
            "Correct the export and run `make report` again."
        )
    drops = [DroppedRows(rule, column, rows[code]) for code, (rule, column, _) in enumerate(rules) if code in rows]
    dropped: list[Users] = []
    if drops:
        # Rules that no row broke first needn't be evaluated: a row that breaks one breaks another before it. The
        # result is never null: a row with a null has broken that column's rule, or one before it.
        keeps = reduce(and_, (~rules[code][2] for code in sorted(rows) if code != _KEPT_CODE))
        left_out = users.filter(~keeps)
        dropped.append(materialise(left_out) if isinstance(left_out, nw.LazyFrame) else left_out)
        users = users.filter(keeps)
    kept = rows.get(_KEPT_CODE, 0)
    if kept <= max_in_memory and isinstance(users, nw.LazyFrame):
        users = users.collect()
    # of usable rows alone, so that a user whose first row is broken is kept with the second
    if kept and USER_ID in names:
        users, repeats, repeated = _split_repeated_users(users, names, materialise, unordered=kept > max_in_memory)
        if repeated:
            kept -= repeated
            drops.append(DroppedRows("repeated", USER_ID, repeated))
            dropped.append(repeats)
    audit = CleaningAudit(read=read, kept=kept, dropped=tuple(drops), valid=columns.valid)
    if not audit.kept:
        worst = max(drops, key=lambda drop: drop.rows)
        raise CleaningError(
            f"No row is left of {audit.read:,} after cleaning; the most frequent reason is: "
            f"{worst.rule.replace('_', ' ')} in column {worst.column!r} ({worst.rows:,} rows). Correct the export, or `valid` of that column in the columns file."
        )
    return CleanedUsers(users=users, audit=audit, dropped=tuple(dropped))


def _split_repeated_users(
    users: Users, names: list[str], materialise: Materialise, *, unordered: bool
) -> tuple[Users, Users, int]:
    """Split first rows from repeats, and count those."""
    if isinstance(users, nw.DataFrame):
        users = users.sort(*names) if unordered else users
        first = users.get_column(USER_ID).is_first_distinct()
        return users.filter(first), users.filter(~first), len(users) - int(first.sum())
    counts = users.group_by(USER_ID).agg(nw.len().alias("_n"))
    repeated_ids = materialise(counts.filter(nw.col("_n") > 1))
    (row,) = fetch_rows(repeated_ids.select(nw.len().alias("_ids"), nw.col("_n").sum().alias("_rows")))
    if not row["_ids"]:
        return users, users, 0
    ids = repeated_ids.select(USER_ID)
    rank = nw.col("_one").cum_sum().over(USER_ID, order_by=names).alias("_rank")
    ranked = users.join(ids, on=USER_ID, how="semi").with_columns(nw.lit(1).alias("_one")).with_columns(rank)
    ranked = materialise(ranked)
    others = users.join(ids, on=USER_ID, how="anti").select(names)
    first_rows = nw.concat([others, ranked.filter(nw.col("_rank") == 1).select(names)])
    repeats = ranked.filter(nw.col("_rank") > 1).select(names)
    return first_rows, repeats, int(row["_rows"]) - int(row["_ids"])


def _fill_missing(users: Users, columns: Schema) -> Users:
    """Put values where columns ask for them."""
    # outside pandas, a NaN is a value; further queries take it as missing
    types = users.collect_schema()
    changes = []
    for column in columns.shown:
        name = column.name
        if name not in types or column.missing == "drop":
            continue
        values = nw.when(~nw.col(name).is_nan()).then(nw.col(name)) if types[name].is_float() else nw.col(name)
        if column.missing == "median":
            (row,) = fetch_rows(users.select(_median=cast_to_float(name).median()))
            values = values.fill_null(row["_median"])
        elif column.missing != "keep":
            values = values.fill_null(float(column.missing) if column.is_number else column.missing)
        elif column.is_category:
            values = values.fill_null(UNKNOWN_VALUE)
        changes.append(values.alias(name))
    return users.with_columns(*changes) if changes else users


def _list_rules(users: Users, columns: Schema) -> list[tuple[CleaningRule, str, nw.Expr]]:
    """List rules in order: name, column, violation."""
    rules: list[tuple[CleaningRule, str, nw.Expr]] = []
    for name, dtype in users.collect_schema().items():
        if columns[name].missing != "keep":
            missing = nw.col(name).is_null()
            if dtype.is_float():  # outside pandas, a NaN is a value
                missing = missing | nw.col(name).is_nan()
            rules.append(("missing", name, missing))
    for name in columns.numbers:
        low, high = columns[name].valid or (None, None)
        outside = ~(cast_to_float(name).abs() <= MAX_NUMBER)
        if low is not None:
            outside = (nw.col(name) < low) | outside
        if high is not None:
            outside = outside | (nw.col(name) > high)
        rules.append(
            ("out_of_range", name, outside & ~nw.col(name).is_null() if columns[name].missing == "keep" else outside)
        )
    return rules
