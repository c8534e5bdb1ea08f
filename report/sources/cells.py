"""What the cells of a large month mean: what `inputs` says of a small one, worked out by the engine that has them.

Whatever may be wrong is looked for first, a few numbers a column. Columns in which nothing is wrong are handed on as
they are, so that every later pass reads them at full speed.
"""

from collections.abc import Mapping
from typing import Any

import narwhals as nw

from report import inputs, numerals
from report.columns import RUN_AGAIN, Field, find, not_numbers, shown
from report.errors import InputError

# What Unicode calls white space; engines trim plain spaces alone.
BLANKS = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
_MISSING: list[str] = inputs.MISSING.to_pylist()
_BROKEN: list[str] = inputs.BROKEN.to_pylist()
_NO_NUMBER: list[str] = numerals.MISSING.to_pylist()
# Blank at an end, one of Excel's errors, or not to be printed: whatever has to be looked at more closely.
_SUSPECT = r"^[\s\p{Z}\x{85}#]|[\s\p{Z}\x{85}]$|" + inputs.UNPRINTABLE
# With a decimal point and nothing between thousands: what a database or a cluster writes.
_PLAIN = r"^[+-]?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?|(?i:inf(?:inity)?))$"


def users_of(
    frame: "nw.LazyFrame[Any]", names: Mapping[str, str], source: str
) -> tuple["nw.LazyFrame[Any]", int]:
    """Give the schema's columns of a frame, numbers as Float64, categories as text, and how many rows there are.

    Parameters
    ----------
    frame : narwhals.LazyFrame
        As the engine reads it.
    names : mapping of str to str
        As in `report.columns.find`.
    source : str
        What messages call it.

    Raises
    ------
    InputError
        If a column is missing or holds what it can't, or there is no row.
    """
    schema = frame.collect_schema()
    headers = schema.names()
    fields = find(headers, names, source)
    frame = frame.select(nw.col(headers[field.index]).alias(field.column.name) for field in fields)
    kinds = {field: schema[headers[field.index]] for field in fields}
    for field, kind in kinds.items():
        _refuse_type(field, kind, source)
    broken = {
        field for field, kind in kinds.items() if _may_break(field, kind) and not _is_whole(frame, field)
    }
    frame = frame.with_columns(
        _typed(field, kind, broken=field in broken).alias(field.column.name)
        for field, kind in kinds.items()
        if _is_retyped(field, kind)
    )
    texts = [field for field, kind in kinds.items() if _is_text(field, kind, broken=field in broken)]
    found = _look(frame, texts)
    if not found["rows"]:
        raise InputError(f"{source} has columns and no user rows. Expected one row a user. {RUN_AGAIN}")
    for field in texts:
        if found[f"{field.column.name} wrong"]:
            raise _wrong(frame, field, int(found[f"{field.column.name} wrong"]), source)
    said = [_meant(field).alias(field.column.name) for field in texts if found[f"{field.column.name} odd"]]
    return frame.with_columns(said) if said else frame, int(found["rows"])


def _refuse_type(field: Field, kind: Any, source: str) -> None:
    """Refuse a column that is neither text nor numbers, nor truth values as a category."""
    fits = kind.is_numeric() or kind in (nw.String, nw.Categorical, nw.Enum, nw.Unknown)
    if not fits and not (kind == nw.Boolean and field.column.kind == "category"):
        expected = f"numbers ({field.column.unit})" if field.column.kind == "number" else "text"
        raise InputError(
            f"{source}: column {field.header!r} holds {kind}, expected {field.column.label} as {expected}. {RUN_AGAIN}"
        )


def _is_retyped(field: Field, kind: Any) -> bool:
    wanted = {
        "number": kind == nw.Float64 or not kind.is_numeric(),
        "id": kind.is_integer() or kind == nw.String,
    }
    return not wanted.get(field.column.kind, kind == nw.String)


def _is_text(field: Field, kind: Any, *, broken: bool) -> bool:
    """Tell columns that are text once they have their type, or still have to be read as numbers."""
    whole = kind.is_integer() or (kind.is_float() and not broken)
    return {"number": not kind.is_numeric(), "id": not whole}.get(field.column.kind, True)


def _may_break(field: Field, kind: Any) -> bool:
    """Tell categories and ids that come as numbers with a point: whole ones beside gaps, most often."""
    return field.column.kind != "number" and kind.is_float()


def _is_integral(field: Field) -> nw.Expr:
    column = nw.col(field.column.name)
    return (column.abs() <= inputs.WHOLE) & (column == column.floor())


def _is_whole(frame: "nw.LazyFrame[Any]", field: Field) -> bool:
    """Tell whether all numbers of a column are whole, and small enough to be known exactly."""
    there = frame.select(field.column.name, users=nw.lit(1)).drop_nulls(field.column.name)
    return not _users_where(there, ~_is_integral(field) & ~nw.col(field.column.name).is_nan())


def _typed(field: Field, kind: Any, *, broken: bool) -> nw.Expr:
    """Give a column its type: numbers as such, an id as a whole number or text, all else as text."""
    column = nw.col(field.column.name)
    if field.column.kind == "number":
        return column.cast(nw.Float64)
    if kind == nw.Boolean:
        return nw.when(column).then(nw.lit("True")).when(~column).then(nw.lit("False"))
    if kind.is_float():  # 7, not 7.0
        whole = nw.when(_is_integral(field)).then(column).cast(nw.Int64)
        if not broken and field.column.kind == "id":
            return whole
        return nw.coalesce(whole.cast(nw.String), column.cast(nw.String)) if broken else whole.cast(nw.String)
    return column.cast(nw.String)


def _trimmed(field: Field) -> nw.Expr:
    return nw.col(field.column.name).str.replace_all(inputs.UNPRINTABLE, " ").str.strip_chars(BLANKS)


def _look(frame: "nw.LazyFrame[Any]", texts: list[Field]) -> dict[str, Any]:
    """Count the rows, and for each column of text the cells that are wrong or need to be read.

    A category is counted by its values first: engines keep a column's few words once, and look at each once.
    """
    found: dict[str, Any] = dict(frame.select(nw.len().alias("rows")).collect("pyarrow").rows(named=True)[0])
    for field in texts:
        name = field.column.name
        values = frame.select(name, users=nw.lit(1))
        if field.column.kind == "category":
            values = frame.group_by(name).agg(nw.len().alias("users"))
        odd = nw.col(name).str.contains(_SUSPECT) | nw.col(name).is_in(_MISSING)
        found[f"{name} odd"] = field.column.kind == "number" or _users_where(values, odd)
        found[f"{name} wrong"] = _users_where(values, _is_wrong(field)) if found[f"{name} odd"] else 0
    return found


def _users_where(values: "nw.LazyFrame[Any]", condition: nw.Expr) -> int:
    counted = values.select(nw.when(condition).then(nw.col("users")).sum().alias("users")).collect("pyarrow")
    return int(counted.item() or 0)


def _is_wrong(field: Field) -> nw.Expr:
    """Tell cells that can't be meant: text that is no number, and Excel's errors."""
    cell = _trimmed(field)
    if field.column.kind == "number":
        return ~cell.str.contains(_PLAIN) & ~cell.str.to_lowercase().is_in(_NO_NUMBER)
    return cell.is_in(_BROKEN)


def _meant(field: Field) -> nw.Expr:
    """Read text: a number, or a word that isn't one of those for nothing."""
    cell = _trimmed(field)
    if field.column.kind == "number":
        return nw.when(cell.str.contains(_PLAIN)).then(cell.cast(nw.Float64))
    return nw.when(~cell.is_in(_MISSING)).then(cell)


def _wrong(frame: "nw.LazyFrame[Any]", field: Field, count: int, source: str) -> InputError:
    """Give the error for cells that can't be meant, with one of them."""
    name = field.column.name
    value = (
        frame.filter(_is_wrong(field)).select(name).head(1).collect("pyarrow").get_column(name).to_list()[0]
    )
    if field.column.kind == "number":
        return not_numbers(source, field, "texts", count=count, row=None, value=value)
    return InputError(
        f"{source}: column {field.header!r} has {count:,} of Excel's error values (one is {shown(value)}). "
        f"Expected {field.column.label}. {RUN_AGAIN}"
    )
