"""Leave out the rows that cannot be used, and keep the books: kept and dropped add up to read."""

from collections.abc import Mapping
from dataclasses import dataclass

import narwhals as nw

from segmentation.errors import CleaningError
from segmentation.facts import Audit, Drop, Rule
from segmentation.schema import COLUMNS, USER_ID, Frame, check

Range = tuple[float, float | None]
_KEPT = -1


@dataclass(frozen=True, slots=True)
class Cleaned:
    """The users that the analysis speaks of.

    Attributes
    ----------
    users : narwhals.DataFrame
        The rows kept, in file order, with the schema's columns alone.
    audit : Audit
        What was read, kept and dropped, by rule and column.
    """

    users: Frame
    audit: Audit


def clean(frame: Frame, valid: Mapping[str, Range]) -> Cleaned:
    """Drop rows with a missing value, repeated users and values that can't be.

    A row that breaks several rules counts under the first: missing values in the order of the columns, then a
    user who is there already, then the valid ranges. Both ends of a range are possible; an infinite value never is.

    Parameters
    ----------
    frame : narwhals.DataFrame
        One row a user, as read.
    valid : mapping of str to (float, float or None)
        Smallest and largest possible value by number column; None where nothing is too much.

    Returns
    -------
    Cleaned
        The users kept and the audit.

    Raises
    ------
    SchemaError
        If a column is missing or of the wrong kind.
    CleaningError
        If no row is left.
    """
    check(frame)
    names = [column.name for column in COLUMNS if column.name in frame.columns]
    users = frame.select(names)
    rules = _rules(names, valid)

    broken = nw.lit(_KEPT)
    for code, (_, _, condition) in reversed(list(enumerate(rules))):
        broken = nw.when(condition).then(nw.lit(code)).otherwise(broken)
    users = users.with_columns(broken.alias("_broken"))
    rows = dict(users.group_by("_broken").agg(nw.len().alias("rows")).iter_rows())

    kept = users.filter(nw.col("_broken") == _KEPT).drop("_broken")
    dropped = tuple(
        Drop(rule, column, int(rows[code])) for code, (rule, column, _) in enumerate(rules) if code in rows
    )
    audit = Audit(read=len(frame), kept=len(kept), dropped=dropped, valid=dict(valid))
    if not audit.kept:
        worst = max(dropped, key=lambda drop: drop.rows)
        raise CleaningError(
            f"No row is left of {audit.read:,} after cleaning; most fell to {worst.rule.replace('_', ' ')} in "
            f"column {worst.column!r} ({worst.rows:,} rows). Correct the export, or [valid] in settings.toml."
        )
    return Cleaned(users=kept, audit=audit)


def _rules(names: list[str], valid: Mapping[str, Range]) -> list[tuple[Rule, str, nw.Expr]]:
    """List the rules in the order in which they are asked: name, column, and what a row that breaks it looks like."""
    kinds = {column.name: column.kind for column in COLUMNS}
    rules: list[tuple[Rule, str, nw.Expr]] = []
    for name in names:
        missing = nw.col(name).is_null()
        if kinds[name] == "number":
            missing = missing | nw.col(name).is_nan()
        rules.append(("missing", name, missing))
    if USER_ID in names:
        rules.append(("repeated", USER_ID, ~nw.col(USER_ID).is_first_distinct()))
    for name, (low, high) in valid.items():
        outside = (nw.col(name) < low) | ~nw.col(name).is_finite()
        if high is not None:
            outside = outside | (nw.col(name) > high)
        rules.append(("out_of_range", name, outside))
    return rules
