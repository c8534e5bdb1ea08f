"""Leave out the rows that cannot be used, and keep the books: kept and dropped add up to read."""

from collections.abc import Mapping
from dataclasses import dataclass

import narwhals as nw

from segmentation.errors import CleaningError
from segmentation.facts import Audit, Drop, Rule
from segmentation.plan import Range
from segmentation.schema import COLUMNS, NUMBERS, USER_ID, Frame, check

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
    """Drop rows with a missing value, values that can't be and repeated users.

    A row that breaks several rules counts under the first: missing values in the order of the columns, then the
    valid ranges, then a user who is there already with a row that can be used. Both ends of a range are possible;
    an infinite value never is, in any number column.

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
    if not len(frame):
        raise CleaningError(
            "There are columns, but no row below them. Expected one row a user. Correct the export and run `make report` again."
        )
    rules = _rules(users, valid)

    broken = nw.lit(_KEPT)
    for code, (_, _, condition) in reversed(list(enumerate(rules))):
        broken = nw.when(condition).then(nw.lit(code)).otherwise(broken)
    users = users.with_columns(broken.alias("_broken"))
    rows = dict(users.group_by("_broken").agg(nw.len().alias("rows")).iter_rows())

    usable = users.filter(nw.col("_broken") == _KEPT).drop("_broken")
    dropped = [
        Drop(rule, column, int(rows[code])) for code, (rule, column, _) in enumerate(rules) if code in rows
    ]
    # asked of usable rows alone, so that a user whose first row is broken is still there with the second
    kept = usable.filter(nw.col(USER_ID).is_first_distinct()) if USER_ID in names else usable
    if len(kept) < len(usable):
        dropped.append(Drop("repeated", USER_ID, len(usable) - len(kept)))
    audit = Audit(read=len(frame), kept=len(kept), dropped=tuple(dropped), valid=dict(valid))
    if not audit.kept:
        worst = max(dropped, key=lambda drop: drop.rows)
        raise CleaningError(
            f"No row is left of {audit.read:,} after cleaning; most fell to {worst.rule.replace('_', ' ')} in "
            f"column {worst.column!r} ({worst.rows:,} rows). Correct the export, or [valid] in settings.toml."
        )
    return Cleaned(users=kept, audit=audit)


def _rules(users: Frame, valid: Mapping[str, Range]) -> list[tuple[Rule, str, nw.Expr]]:
    """List the rules in the order in which they are asked: name, column, and what a row that breaks it looks like."""
    rules: list[tuple[Rule, str, nw.Expr]] = []
    for name, dtype in users.collect_schema().items():
        missing = nw.col(name).is_null()
        if dtype.is_float():  # whatever the column is for: outside pandas, a NaN is a value
            missing = missing | nw.col(name).is_nan()
        rules.append(("missing", name, missing))
    rules += [("out_of_range", name, ~nw.col(name).is_finite()) for name in NUMBERS if name not in valid]
    for name, (low, high) in valid.items():
        outside = (nw.col(name) < low) | ~nw.col(name).is_finite()
        if high is not None:
            outside = outside | (nw.col(name) > high)
        rules.append(("out_of_range", name, outside))
    return rules
