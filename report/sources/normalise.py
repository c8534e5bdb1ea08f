"""What the cells of a large month mean.

The engine that has the users works out what `readers.files` says of a small month.
"""

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import narwhals as nw
import numpy as np
import pyarrow as pa

from report.errors import InputError
from report.readers import files, ids, number_text
from report.readers.columns import (
    RUN_AGAIN,
    MatchedColumn,
    RawTable,
    make_not_numeric_error,
    make_spreadsheet_error,
    make_type_error,
    match_columns,
)
from segmentation.preprocessing.spelling import (
    EDGE_BLANKS,
    INVISIBLE_CHARACTERS,
    MISSING_NUMBER_SPELLINGS,
    MISSING_SPELLINGS,
    NORMALISATION_STEPS,
    TRIM_CHARACTERS,
)

# Where a row came from, beside the columns of users, if the engine knows it.
FILE_COLUMN, ROW_COLUMN = "file of the row", "number of the row"
TextOrigin = Literal["database", "commas", "anybody"]
_NFC_SQL = """CASE WHEN regexp_matches("{0}", '[^[:ascii:]]') THEN nfc_normalize("{0}") ELSE "{0}" END AS "{0}" """
# Normalising changes no other text; one that starts with # or Err: may be a spreadsheet's error.
_MAY_NEED_NORMALISING = r"^[ #]|^Err:| $|  |[^\x{20}-\x{7e}]"


def normalise_users(
    frame: "nw.LazyFrame[Any]", names: Mapping[str, str], source: str, text_origin: TextOrigin = "anybody"
) -> tuple["nw.LazyFrame[Any]", int, dict[str, int]]:
    """Return a frame's users, their number and merged spellings.

    Parameters
    ----------
    frame : narwhals.LazyFrame
        As the engine reads it; with columns `FILE_COLUMN` and `ROW_COLUMN` if it knows them.
    source : str
        Its name in messages.
    text_origin : {"database", "commas", "anybody"}
        Who wrote numbers as text: a database, with decimal points and nothing between thousands; someone who separates
        fields by commas; or anybody.

    Raises
    ------
    InputError
        As `report.readers.files.read_month_file` does.
    """
    schema = frame.collect_schema()
    origin = [name for name in (FILE_COLUMN, ROW_COLUMN) if name in schema]
    headers = [name for name in schema.names() if name not in origin]
    fields = match_columns(headers, names, source)
    frame = frame.select(*(nw.col(headers[f.index]).alias(f.column.name) for f in fields), *origin)
    kinds = {field: schema[headers[field.index]] for field in fields}
    for field, kind in kinds.items():
        _refuse_column_type(field, kind, source)
    if not (rows := _count_rows(frame)):
        raise InputError(f"{source} has columns and no user rows. Expected one row a user. {RUN_AGAIN}")
    broken = {field for field, kind in kinds.items() if _has_fractions(frame, field, kind, source)}
    frame = frame.with_columns(
        _cast_column(field, kind, broken=field in broken).alias(field.column.name)
        for field, kind in kinds.items()
        if _needs_cast(field, kind)
    )
    texts = [field for field, kind in kinds.items() if _is_text(field, kind, broken=field in broken)]
    if numbers := [field for field in texts if field.column.kind == "number"]:
        frame = _parse_number_columns(frame, numbers, source, text_origin)
    frame, joined = _normalise_texts(frame, [field for field in texts if field.column.kind != "number"], source)
    for field in fields:
        if field.column.kind == "id" and field in texts:
            frame = _restore_ids(frame, field, source)
        elif field.column.kind == "id":  # whole numbers may have been a spreadsheet's too
            _refuse_rounded_ids(frame, field, source)
    return frame.drop(*origin), rows, joined


def _refuse_column_type(field: MatchedColumn, kind: Any, source: str) -> None:
    """Refuse a column of neither text nor numbers."""
    # Truth values may be a category
    fits = kind.is_numeric() or kind in (nw.String, nw.Categorical, nw.Enum, nw.Unknown)
    if not fits and not (kind == nw.Boolean and field.column.kind == "category"):
        raise make_type_error(source, field, kind)


def _has_fractions(frame: "nw.LazyFrame[Any]", field: MatchedColumn, kind: Any, source: str) -> bool:
    """Return whether some floats aren't whole."""
    # Only of ids and categories: most are whole, and floats because of gaps
    if field.column.kind == "number" or not kind.is_float():
        return False
    column = nw.col(field.column.name)
    is_single = kind == nw.Float32
    if field.column.kind == "id" or is_single:
        large = (column.abs() >= ids.MAX_EXACT_INTEGER[32 if is_single else 64]) & ~column.is_nan()
        is_value = large if field.column.kind == "id" else large & (column.abs() < math.inf)
        _refuse_faulty_ids(frame, field, {"long": is_value}, source)
    return bool(_count_rows(frame, ~_is_integral(field) & ~column.is_nan()))


def _needs_cast(field: MatchedColumn, kind: Any) -> bool:
    wanted = {"number": kind == nw.Float64 or not kind.is_numeric(), "id": kind.is_integer() or kind == nw.String}
    return not wanted.get(field.column.kind, kind == nw.String)


def _is_text(field: MatchedColumn, kind: Any, *, broken: bool) -> bool:
    """Return whether a column is text after the cast."""
    whole = kind.is_integer() or (kind.is_float() and not broken)
    return {"number": not kind.is_numeric(), "id": not whole}.get(field.column.kind, True)


def _is_integral(field: MatchedColumn) -> nw.Expr:
    column = nw.col(field.column.name)
    return (column.abs() <= ids.MAX_EXACT_INTEGER[64]) & (column == column.floor())


def _cast_column(field: MatchedColumn, kind: Any, *, broken: bool) -> nw.Expr:
    """Return a column cast to its type."""
    # Numbers as such, an id as a whole number or text, all else as text
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


def _normalise_texts(
    frame: "nw.LazyFrame[Any]", fields: Sequence[MatchedColumn], source: str
) -> tuple["nw.LazyFrame[Any]", dict[str, int]]:
    """Return texts in one spelling each."""
    # With them, by category, how many spellings were joined to another
    fields = [field for field in fields if _needs_normalising(frame, field)]
    if not fields:
        return frame, {}
    counts = {f.column.name: _count_merged_spellings(frame, f) for f in fields if f.column.kind == "category"}
    frame = _apply_normalisation(frame, fields)
    for field in fields:
        _refuse_spreadsheet_errors(frame, field, source)
    frame = frame.with_columns(_null_missing(field) for field in fields)
    return frame, {name: count for name, count in counts.items() if count}


def _needs_normalising(frame: "nw.LazyFrame[Any]", field: MatchedColumn) -> bool:
    """Return whether normalising changes any cell of a column."""
    # A category is counted by its values first: engines keep a column's few words once, and look at each once
    name = field.column.name
    values = frame.group_by(name).agg(nw.len()) if field.column.kind == "category" else frame
    return bool(_count_rows(values, nw.col(name).str.contains(_MAY_NEED_NORMALISING) | ~_is_not_missing(field)))


def _is_not_missing(field: MatchedColumn) -> nw.Expr:
    """Return the condition that a cell isn't missing."""
    missing = MISSING_SPELLINGS if field.column.kind == "category" else MISSING_NUMBER_SPELLINGS
    return ~nw.col(field.column.name).str.to_lowercase().is_in(missing)


def _null_missing(field: MatchedColumn) -> nw.Expr:
    return nw.when(_is_not_missing(field)).then(nw.col(field.column.name)).alias(field.column.name)


def _apply_normalisation(frame: "nw.LazyFrame[Any]", fields: Sequence[MatchedColumn]) -> "nw.LazyFrame[Any]":
    """Return words in one spelling, as `normalise_text` does."""
    # Ids are only trimmed and composed
    by_kind = {kind: [f.column.name for f in fields if f.column.kind == kind] for kind in ("category", "id")}
    words = {name: nw.col(name) for name in by_kind["category"]}
    for written, meant in NORMALISATION_STEPS:
        words = {name: word.str.replace_all(written, meant) for name, word in words.items()}
    frame = frame.with_columns(
        *(word.str.strip_chars(TRIM_CHARACTERS) for word in words.values()),
        *(nw.col(name).str.replace_all(EDGE_BLANKS, "") for name in by_kind["id"]),
    )
    return normalise_nfc(frame, [*by_kind["category"], *by_kind["id"]])


def normalise_nfc(frame: "nw.LazyFrame[Any]", names: Sequence[str]) -> "nw.LazyFrame[Any]":
    """Return letters composed, in Unicode's NFC.

    Narwhals has no function for it.
    """
    native: Any = frame.to_native()
    if frame.implementation.is_duckdb():
        native = native.project(f"* REPLACE ({', '.join(map(_NFC_SQL.format, names))})")
    else:
        from report.sources import spark  # noqa: PLC0415 - an extra

        native = spark.normalise_nfc_in_spark(native, names)
    composed: nw.LazyFrame[Any] = nw.from_native(native)
    return composed


def _count_merged_spellings(frame: "nw.LazyFrame[Any]", field: MatchedColumn) -> int:
    """Count the spellings that normalising joins to another."""
    name = field.column.name
    spellings = _apply_normalisation(frame.select(name).unique(), [field]).with_columns(_null_missing(field))
    found = spellings.filter(~nw.col(name).is_null()).select(all=nw.len(), values=nw.col(name).n_unique())
    row = found.collect("pyarrow").rows(named=True)[0]
    return int(row["all"] - row["values"])


def _refuse_spreadsheet_errors(frame: "nw.LazyFrame[Any]", field: MatchedColumn, source: str) -> None:
    """Refuse a spreadsheet's error values."""
    wrong = nw.col(field.column.name).str.contains(files.SPREADSHEET_ERROR) & _is_not_missing(field)
    if count := _count_rows(frame, wrong):
        file, row = _locate_first(frame, wrong, source)
        raise make_spreadsheet_error(file, field, count, row)


# --- ids


def _restore_ids(frame: "nw.LazyFrame[Any]", field: MatchedColumn, source: str) -> "nw.LazyFrame[Any]":
    """Return ids that a program had made floats."""
    # As `ids.restore_ids` does
    column = nw.col(field.column.name)
    floats, whole = column.str.contains(ids.FLOAT_ID), column.str.contains(ids.INTEGER_ID)
    _refuse_faulty_ids(
        frame,
        field,
        {"shortened": column.str.contains(ids.SCIENTIFIC_NOTATION), "long": column.str.contains(ids.LONG_FLOAT_ID)},
        source,
    )
    _refuse_rounded_ids(frame, field, source)
    padded = column.str.contains(ids.ZERO_PADDED_ID)
    lengths = (nw.when(flags).then(column.str.len_chars()) for flags in (column.str.contains(ids.UNPADDED_ID), padded))
    shortest, longest = lengths
    found = frame.select(shortest=shortest.min(), longest=longest.max()).collect("pyarrow").rows()[0]
    if None not in found and found[0] < found[1]:
        _refuse_faulty_ids(frame, field, {"padded": padded}, source)
    if not _count_rows(frame, floats):
        return frame
    if _count_rows(frame, whole):
        _refuse_faulty_ids(frame, field, {"mixed": floats}, source)
    return (
        frame if _count_rows(frame, ~floats) else frame.with_columns(column.str.replace_all(ids.TRAILING_DECIMALS, ""))
    )


def _refuse_rounded_ids(frame: "nw.LazyFrame[Any]", field: MatchedColumn, source: str) -> None:
    """Refuse ids that a spreadsheet rounded."""
    # If all of more than 15 digits end in zeros
    digits = nw.col(field.column.name).cast(nw.String).str
    rounded = digits.contains(ids.ROUNDED_ID)
    if not _count_rows(frame, digits.contains(ids.LONG_ID) & ~rounded):
        _refuse_faulty_ids(frame, field, {"rounded": rounded}, source)


def _refuse_faulty_ids(
    frame: "nw.LazyFrame[Any]", field: MatchedColumn, faults: Mapping[str, nw.Expr], source: str
) -> None:
    for fault, wrong in faults.items():
        if count := _count_rows(frame, wrong):
            file, row = _locate_first(frame, wrong, source)
            raise ids.make_faulty_id_error(file, field, fault, count, row)


# --- numbers


def _parse_number_columns(
    frame: "nw.LazyFrame[Any]", fields: Sequence[MatchedColumn], source: str, writer: TextOrigin
) -> "nw.LazyFrame[Any]":
    """Return texts read as numbers."""
    # The decimal marks are those that all values prove, as in `number_text`
    grouped = writer != "database"
    for field in fields:
        cell = _trim_cell(field)
        wrong = ~cell.str.to_lowercase().is_in(MISSING_NUMBER_SPELLINGS)
        for mark in ".," if writer == "anybody" else ".":
            wrong = wrong & ~cell.str.contains(number_text.build_number_pattern(mark, grouped=grouped))
        if count := _count_rows(frame, wrong):
            file, row = _locate_first(frame, wrong, source)
            raise make_not_numeric_error(file, field, "texts", count=count, row=row)
    marks = dict.fromkeys((field.column.name for field in fields), ".")
    if grouped:
        marks = number_text.find_decimal_marks(
            _sample_number_shapes(frame, fields, source, point_only=writer == "commas")
        )
    return frame.with_columns(_parse_number(field, marks[field.column.name]) for field in fields)


def _trim_cell(field: MatchedColumn) -> nw.Expr:
    return nw.col(field.column.name).str.replace_all(INVISIBLE_CHARACTERS, "").str.replace_all(EDGE_BLANKS, "")


def _sample_number_shapes(
    frame: "nw.LazyFrame[Any]", fields: Sequence[MatchedColumn], source: str, *, point_only: bool
) -> RawTable:
    """Return one cell of each shape that numbers have."""
    # Where their digits and signs are tells which marks they allow
    cells: list[tuple[int, str, int]] = []
    for place, field in enumerate(fields):
        cell = nw.col("cell")
        row = nw.col(ROW_COLUMN) if ROW_COLUMN in frame.collect_schema() else nw.lit(-1)
        found = (
            frame.select(cell=_trim_cell(field), row=row)
            .with_columns(shape=cell.str.replace_all("[0-9]", "1"), first=cell.str.contains("^[+-]?0"))
            .group_by("shape", "first")
            .agg(cell.min(), nw.col("row").min())
            .collect("pyarrow")
        )
        cells += [(place, one["cell"], one["row"]) for one in found.rows(named=True) if one["cell"] is not None]
    cells.sort(key=lambda one: one[2])
    texts = tuple(
        pa.chunked_array([[cell if at == place else None for at, cell, _ in cells]], pa.string())
        for place in range(len(fields))
    )
    rows = np.array([row for _, _, row in cells], dtype=int)
    return RawTable(source, tuple(fields), texts, (None,) * len(fields), rows, point_only)


def _parse_number(field: MatchedColumn, mark: str) -> nw.Expr:
    """Return cells as numbers with this decimal mark."""
    cell = _trim_cell(field)
    bare = cell.str.replace_all(number_text.build_separator_pattern(mark), "")
    bare = bare.str.replace_all(",", ".") if mark == "," else bare
    fits = cell.str.contains(number_text.build_number_pattern(mark))
    return nw.when(fits).then(bare.cast(nw.Float64)).alias(field.column.name)


# --- all of these


def _count_rows(frame: "nw.LazyFrame[Any]", condition: nw.Expr | None = None) -> int:
    """Count the rows, or those with a condition."""
    count = nw.len() if condition is None else nw.when(condition).then(nw.lit(1)).sum()
    return int(frame.select(count.alias("rows")).collect("pyarrow").item() or 0)


def _locate_first(frame: "nw.LazyFrame[Any]", condition: nw.Expr, source: str) -> tuple[str, int | None]:
    """Return file and row of a condition's first cell."""
    # No row if none is known
    if ROW_COLUMN not in frame.collect_schema():
        return source, None
    found = frame.filter(condition).select(FILE_COLUMN, ROW_COLUMN).sort(FILE_COLUMN, ROW_COLUMN)
    one = found.head(1).collect("pyarrow").rows(named=True)[0]
    file = re.sub(r"(\.(?:csv|tsv|txt))(?:-read)?\.parquet$", r"\1", Path(one[FILE_COLUMN]).name)
    return source if file == "query.parquet" else file, int(one[ROW_COLUMN])
