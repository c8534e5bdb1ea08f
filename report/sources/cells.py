"""What the cells of a large month mean: what `inputs` says of a small one, worked out by the engine that has them.

Whatever may be wrong is looked for first, a few numbers a column. Columns in which nothing is wrong are handed on as
they are, so that every later pass reads them at full speed.
"""

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import narwhals as nw
import numpy as np
import pyarrow as pa

from report import ids, inputs, numerals
from report.columns import RUN_AGAIN, Field, Table, find, not_numbers
from report.errors import InputError
from segmentation.text import ENDS, INVISIBLE, MISSING, NO_NUMBER, STEPS, TRIMMED

# Where a row came from, beside the columns of users, if the engine knows it.
FILE, ROW = "file of the row", "number of the row"
Writer = Literal["database", "commas", "anybody"]
_COMPOSED = (
    """CASE WHEN regexp_matches("{0}", '[^[:ascii:]]') THEN nfc_normalize("{0}") ELSE "{0}" END AS "{0}" """
)
# Normalising changes no other text; one that starts with # or Err: may be a spreadsheet's error.
_SUSPECT = r"^[ #]|^Err:| $|  |[^\x{20}-\x{7e}]"


def users_of(
    frame: "nw.LazyFrame[Any]", names: Mapping[str, str], source: str, writer: Writer = "anybody"
) -> tuple["nw.LazyFrame[Any]", int, dict[str, int]]:
    """Give the schema's columns of a frame, how many rows there are, and how many spellings were joined by category.

    Parameters
    ----------
    frame : narwhals.LazyFrame
        As the engine reads it; with columns `FILE` and `ROW` if it knows them.
    names : mapping of str to str
        As in `report.columns.find`.
    source : str
        What messages call it.
    writer : {"database", "commas", "anybody"}
        Who wrote numbers as text: a database, with decimal points and nothing between thousands; somebody who separated
        fields by commas; or anybody.

    Raises
    ------
    InputError
        If a column is missing or holds what it can't, or there is no row.
    """
    schema = frame.collect_schema()
    origin = [name for name in (FILE, ROW) if name in schema]
    headers = [name for name in schema.names() if name not in origin]
    fields = find(headers, names, source)
    frame = frame.select(*(nw.col(headers[f.index]).alias(f.column.name) for f in fields), *origin)
    kinds = {field: schema[headers[field.index]] for field in fields}
    for field, kind in kinds.items():
        _refuse_type(field, kind, source)
    if not (rows := _rows_of(frame)):
        raise InputError(f"{source} has columns and no user rows. Expected one row a user. {RUN_AGAIN}")
    broken = {field for field, kind in kinds.items() if _has_parts(frame, field, kind, source)}
    frame = frame.with_columns(
        _typed(field, kind, broken=field in broken).alias(field.column.name)
        for field, kind in kinds.items()
        if _is_retyped(field, kind)
    )
    texts = [field for field, kind in kinds.items() if _is_text(field, kind, broken=field in broken)]
    if numbers := [field for field in texts if field.column.kind == "number"]:
        frame = _with_numbers(frame, numbers, source, writer)
    frame, joined = _with_words(frame, [field for field in texts if field.column.kind != "number"], source)
    for field in fields:
        if field.column.kind == "id" and field in texts:
            frame = _with_ids(frame, field, source)
        elif field.column.kind == "id":  # whole numbers may have been a spreadsheet's too
            _refuse_rounded(frame, field, source)
    return frame.drop(*origin), rows, joined


def _refuse_type(field: Field, kind: Any, source: str) -> None:
    """Refuse a column that is neither text nor numbers, nor truth values as a category."""
    fits = kind.is_numeric() or kind in (nw.String, nw.Categorical, nw.Enum, nw.Unknown)
    if not fits and not (kind == nw.Boolean and field.column.kind == "category"):
        expected = f"numbers ({field.column.unit})" if field.column.kind == "number" else "text"
        raise InputError(
            f"{source}: column {field.header!r} holds {kind}, expected {field.column.label} as {expected}. {RUN_AGAIN}"
        )


def _has_parts(frame: "nw.LazyFrame[Any]", field: Field, kind: Any, source: str) -> bool:
    """Tell categories and ids that come as numbers with a point and aren't whole; most are whole, beside gaps."""
    if field.column.kind == "number" or not kind.is_float():
        return False
    column = nw.col(field.column.name)
    is_single = kind == nw.Float32
    if field.column.kind == "id" or is_single:
        large = (column.abs() >= ids.EXACT[32 if is_single else 64]) & ~column.is_nan()
        is_value = large if field.column.kind == "id" else large & (column.abs() < math.inf)
        _refuse_ids(frame, field, {"long": is_value}, source)
    return bool(_rows_of(frame, ~_is_integral(field) & ~column.is_nan()))


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


def _is_integral(field: Field) -> nw.Expr:
    column = nw.col(field.column.name)
    return (column.abs() <= ids.EXACT[64]) & (column == column.floor())


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


# --- words


def _with_words(
    frame: "nw.LazyFrame[Any]", fields: Sequence[Field], source: str
) -> tuple["nw.LazyFrame[Any]", dict[str, int]]:
    """Give every word its one spelling, and count by category the spellings that were joined to another."""
    fields = [field for field in fields if _is_odd(frame, field)]
    if not fields:
        return frame, {}
    counts = {f.column.name: _count_joined(frame, f) for f in fields if f.column.kind == "category"}
    frame = _normalised(frame, fields)
    for field in fields:
        _refuse_broken(frame, field, source)
    frame = frame.with_columns(_known(field) for field in fields)
    return frame, {name: count for name, count in counts.items() if count}


def _is_odd(frame: "nw.LazyFrame[Any]", field: Field) -> bool:
    """Tell whether normalising changes any cell of a column.

    A category is counted by its values first: engines keep a column's few words once, and look at each once.
    """
    name = field.column.name
    values = frame.group_by(name).agg(nw.len()) if field.column.kind == "category" else frame
    return bool(_rows_of(values, nw.col(name).str.contains(_SUSPECT) | ~_is_known(field)))


def _is_known(field: Field) -> nw.Expr:
    """Tell cells that stand for no missing value."""
    missing = MISSING if field.column.kind == "category" else NO_NUMBER
    return ~nw.col(field.column.name).str.to_lowercase().is_in(missing)


def _known(field: Field) -> nw.Expr:
    return nw.when(_is_known(field)).then(nw.col(field.column.name)).alias(field.column.name)


def _normalised(frame: "nw.LazyFrame[Any]", fields: Sequence[Field]) -> "nw.LazyFrame[Any]":
    """Give words their one spelling, as `normalise_text` does; of ids the ends are trimmed and letters composed alone."""
    by_kind = {kind: [f.column.name for f in fields if f.column.kind == kind] for kind in ("category", "id")}
    words = {name: nw.col(name) for name in by_kind["category"]}
    for written, meant in STEPS:
        words = {name: word.str.replace_all(written, meant) for name, word in words.items()}
    frame = frame.with_columns(
        *(word.str.strip_chars(TRIMMED) for word in words.values()),
        *(nw.col(name).str.replace_all(ENDS, "") for name in by_kind["id"]),
    )
    return compose(frame, [*by_kind["category"], *by_kind["id"]])


def compose(frame: "nw.LazyFrame[Any]", names: Sequence[str]) -> "nw.LazyFrame[Any]":
    """Compose letters, Unicode's NFC, which Narwhals has no word for."""
    native: Any = frame.to_native()
    if frame.implementation.is_duckdb():
        native = native.project(f"* REPLACE ({', '.join(map(_COMPOSED.format, names))})")
    else:
        from report.sources import cluster  # noqa: PLC0415 - an extra

        native = cluster.compose(native, names)
    composed: nw.LazyFrame[Any] = nw.from_native(native)
    return composed


def _count_joined(frame: "nw.LazyFrame[Any]", field: Field) -> int:
    """Count the spellings that normalising joins to another."""
    name = field.column.name
    spellings = _normalised(frame.select(name).unique(), [field]).with_columns(_known(field))
    found = spellings.filter(~nw.col(name).is_null()).select(all=nw.len(), values=nw.col(name).n_unique())
    row = found.collect("pyarrow").rows(named=True)[0]
    return int(row["all"] - row["values"])


def _refuse_broken(frame: "nw.LazyFrame[Any]", field: Field, source: str) -> None:
    """Refuse a spreadsheet's error values."""
    wrong = nw.col(field.column.name).str.contains(inputs.BROKEN) & _is_known(field)
    if count := _rows_of(frame, wrong):
        file, row = _first(frame, wrong, source)
        first = "" if row is None else f" (first on row {row})"
        raise InputError(
            f"{file}: column {field.header!r} has {count:,} of Excel's error values{first}. "
            f"Expected {field.column.label}. {RUN_AGAIN}"
        )


# --- ids


def _with_ids(frame: "nw.LazyFrame[Any]", field: Field, source: str) -> "nw.LazyFrame[Any]":
    """Read ids back that a program made floats of, as `ids.read_ids` does."""
    column = nw.col(field.column.name)
    floats, whole = column.str.contains(ids.FLOAT), column.str.contains(ids.WHOLE)
    _refuse_ids(
        frame,
        field,
        {"shortened": column.str.contains(ids.SHORTENED), "long": column.str.contains(ids.LONG_FLOAT)},
        source,
    )
    _refuse_rounded(frame, field, source)
    padded = column.str.contains(ids.PADDED)
    lengths = (
        nw.when(flags).then(column.str.len_chars()) for flags in (column.str.contains(ids.UNPADDED), padded)
    )
    shortest, longest = lengths
    found = frame.select(shortest=shortest.min(), longest=longest.max()).collect("pyarrow").rows()[0]
    if None not in found and found[0] < found[1]:
        _refuse_ids(frame, field, {"padded": padded}, source)
    if not _rows_of(frame, floats):
        return frame
    if _rows_of(frame, whole):
        _refuse_ids(frame, field, {"mixed": floats}, source)
    return frame if _rows_of(frame, ~floats) else frame.with_columns(column.str.replace_all(ids.POINT, ""))


def _refuse_rounded(frame: "nw.LazyFrame[Any]", field: Field, source: str) -> None:
    """Refuse ids if all that are longer than a spreadsheet keeps end in zeros."""
    digits = nw.col(field.column.name).cast(nw.String).str
    rounded = digits.contains(ids.ROUNDED)
    if not _rows_of(frame, digits.contains(ids.LONG) & ~rounded):
        _refuse_ids(frame, field, {"rounded": rounded}, source)


def _refuse_ids(frame: "nw.LazyFrame[Any]", field: Field, faults: Mapping[str, nw.Expr], source: str) -> None:
    for fault, wrong in faults.items():
        if count := _rows_of(frame, wrong):
            file, row = _first(frame, wrong, source)
            raise ids.refuse_ids(file, field, fault, count, row)


# --- numbers


def _with_numbers(
    frame: "nw.LazyFrame[Any]", fields: Sequence[Field], source: str, writer: Writer
) -> "nw.LazyFrame[Any]":
    """Read text as numbers, with the decimal marks that all values prove, as `numerals` does."""
    grouped = writer != "database"
    for field in fields:
        cell = _bare(field)
        wrong = ~cell.str.to_lowercase().is_in(NO_NUMBER)
        for mark in ".," if writer == "anybody" else ".":
            wrong = wrong & ~cell.str.contains(numerals.pattern(mark, grouped=grouped))
        if count := _rows_of(frame, wrong):
            file, row = _first(frame, wrong, source)
            raise not_numbers(file, field, "texts", count=count, row=row)
    marks = dict.fromkeys((field.column.name for field in fields), ".")
    if grouped:
        marks = numerals.marks(_all_shapes(frame, fields, source, point_only=writer == "commas"))
    return frame.with_columns(_parsed(field, marks[field.column.name]) for field in fields)


def _bare(field: Field) -> nw.Expr:
    return nw.col(field.column.name).str.replace_all(INVISIBLE, "").str.replace_all(ENDS, "")


def _all_shapes(
    frame: "nw.LazyFrame[Any]", fields: Sequence[Field], source: str, *, point_only: bool
) -> Table:
    """Give one cell of each shape that numbers have: where their digits and signs are tells which marks they allow."""
    cells: list[tuple[int, str, int]] = []
    for place, field in enumerate(fields):
        cell = nw.col("cell")
        row = nw.col(ROW) if ROW in frame.collect_schema() else nw.lit(-1)
        found = (
            frame.select(cell=_bare(field), row=row)
            .with_columns(
                shape=cell.str.replace_all("[0-9]", "1"),
                first=cell.str.contains("^[+-]?0"),
            )
            .group_by("shape", "first")
            .agg(cell.min(), nw.col("row").min())
            .collect("pyarrow")
        )
        cells += [
            (place, one["cell"], one["row"]) for one in found.rows(named=True) if one["cell"] is not None
        ]
    cells.sort(key=lambda one: one[2])
    texts = tuple(
        pa.chunked_array([[cell if at == place else None for at, cell, _ in cells]], pa.string())
        for place in range(len(fields))
    )
    rows = np.array([row for _, _, row in cells], dtype=int)
    return Table(source, tuple(fields), texts, (None,) * len(fields), rows, point_only)


def _parsed(field: Field, mark: str) -> nw.Expr:
    """Read cells that are numbers with this decimal mark."""
    cell = _bare(field)
    bare = cell.str.replace_all(numerals.separators(mark), "")
    bare = bare.str.replace_all(",", ".") if mark == "," else bare
    fits = cell.str.contains(numerals.pattern(mark))
    return nw.when(fits).then(bare.cast(nw.Float64)).alias(field.column.name)


# --- all of these


def _rows_of(frame: "nw.LazyFrame[Any]", condition: nw.Expr | None = None) -> int:
    """Count the rows, those where a condition is true if there is one."""
    asked = nw.len() if condition is None else nw.when(condition).then(nw.lit(1)).sum()
    return int(frame.select(asked.alias("rows")).collect("pyarrow").item() or 0)


def _first(frame: "nw.LazyFrame[Any]", condition: nw.Expr, source: str) -> tuple[str, int | None]:
    """Give the file and the row of the first cell for which a condition is true; no row if none is known."""
    if ROW not in frame.collect_schema():
        return source, None
    found = frame.filter(condition).select(FILE, ROW).sort(FILE, ROW)
    one = found.head(1).collect("pyarrow").rows(named=True)[0]
    file = re.sub(r"(\.(?:csv|tsv|txt))(?:-read)?\.parquet$", r"\1", Path(one[FILE]).name)
    return source if file == "query.parquet" else file, int(one[ROW])
