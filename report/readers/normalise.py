"""What the cells of a month mean.

Written once for all of Narwhals' frames: the engine that has the users works it out, and Arrow for small months.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import narwhals as nw
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from report.columns import dates, recode
from report.columns.derive import parse_expression
from report.columns.hashing import hash_texts
from report.errors import InputError, NoUsersError
from report.readers import ids, number_text
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
from segmentation.schema import MAX_NUMBER, Schema

# What spreadsheets write, in any language, in a cell that they can't work out or show: neither a value nor missing. All are in capitals.
SPREADSHEET_ERROR = (
    r"^#(?:[\x{a1}\x{bf}]?\p{Lu}[\p{Lu}0-9/_]*[!?]|\p{Lu}+/\p{Lu}+|NV|YOK|GETTING_DATA)$"  # #SPILL!, #¡REF!, #N/A
    r"|^Err:[0-9]+$|^#+$"
)
TEXT_DTYPE = pd.StringDtype(na_value=np.nan)
# Where a row came from, beside the columns of users, if the engine knows it.
FILE_COLUMN, ROW_COLUMN = "file of the row", "number of the row"
TextOrigin = Literal["database", "commas", "anybody"]
_NFC_SQL = """CASE WHEN regexp_matches("{0}", '[^[:ascii:]]') THEN nfc_normalize("{0}") ELSE "{0}" END AS "{0}" """
# Letters of a category or an id. Pages, charts and mails have room for a word or a few; a longer text is none.
MAX_TEXT_CHARACTERS = 255
# Of DuckDB's types that Narwhals doesn't know, or takes for text: which kinds of columns may have them
_DUCKDB_TYPES: dict[str, tuple[str, ...]] = {
    "UUID": ("category", "id"),
    "BIGNUM": ("category", "id", "number"),
    "NULL": ("category", "id", "number"),
    "JSON": (),  # its texts are in quotes
}
# Normalising changes no other text; one that starts with # or Err: may be a spreadsheet's error.
_MAY_NEED_NORMALISING = r"^[ #]|^Err:| $|  |[^\x{20}-\x{7e}]"


def normalise_users(
    frame: "nw.LazyFrame[Any]", schema: Schema, source: str, text_origin: TextOrigin = "anybody", month: str = ""
) -> tuple["nw.LazyFrame[Any]", int, dict[str, int]]:
    """Return a frame's users, their number and merged spellings.

    Parameters
    ----------
    frame : narwhals.LazyFrame
        As the engine reads it; with columns `FILE_COLUMN` and `ROW_COLUMN` if it knows them.
    schema : Schema
        The columns that are wanted.
    source : str
        Its name in messages.
    text_origin : {"database", "commas", "anybody"}
        Who wrote numbers as text: a database, with decimal points and nothing between thousands; someone who separates
        fields by commas; or anybody.
    month : str
        "2026-10": dates become the days to its end.

    Raises
    ------
    InputError
        If they can't be read as users without guessing.
    """
    headers = [name for name in frame.collect_schema().names() if name not in (FILE_COLUMN, ROW_COLUMN)]
    fields = match_columns(headers, schema, source)
    frame = frame.select(*(nw.col(headers[f.index]).alias(f.column.name) for f in fields), *_list_origin_columns(frame))
    frame, rows, joined = _normalise_columns(frame, fields, source, text_origin)
    return _finish_columns(frame, fields, schema, source, month, joined, rows)


def normalise_table(
    table: RawTable, schema: Schema, month: str = ""
) -> tuple["nw.LazyFrame[Any]", int, dict[str, int]]:
    """Return a small file's users, as `normalise_users` does."""
    if not len(table.rows):
        raise NoUsersError(f"{table.file} has a header and no user rows. Expected one row a user. {RUN_AGAIN}")
    columns = {field.column.name: cells for field, cells in zip(table.fields, table.cells, strict=True)}
    beside = {field: f"{field.column.name} as text" for field in table.fields if field.column.name in table.numbers}
    for field, text_name in beside.items():
        name = field.column.name
        columns[text_name], columns[name] = columns[name], pa.array(table.numbers[name], from_pandas=True)
    frame = nw.from_native(pa.table({**columns, ROW_COLUMN: table.rows})).lazy()
    frame, rows, joined = _normalise_columns(
        frame, table.fields, table.file, "commas" if table.comma_is_delimiter else "anybody", beside
    )
    return _finish_columns(frame, table.fields, schema, table.file, month, joined, rows)


def collect_users(frame: "nw.LazyFrame[Any]", schema: Schema) -> pd.DataFrame:
    """Return users in memory: numbers as float64, the rest as `str`.

    What is larger than 1e100 is infinite: its square is more than a float can hold.
    """
    table = frame.collect("pyarrow").to_native()
    columns = {}
    for name in table.column_names:
        if name in schema and schema[name].is_number:
            values = table[name].to_numpy()
            columns[name] = np.where(np.abs(values) > MAX_NUMBER, np.copysign(np.inf, values), values)
        else:
            columns[name] = table[name].cast(pa.string()).to_pandas(types_mapper={pa.string(): TEXT_DTYPE}.get)
    return pd.DataFrame(columns)


def _normalise_columns(
    frame: "nw.LazyFrame[Any]",
    fields: Sequence[MatchedColumn],
    source: str,
    text_origin: TextOrigin,
    beside: Mapping[MatchedColumn, str] = MappingProxyType({}),
) -> tuple["nw.LazyFrame[Any]", int, dict[str, int]]:
    """Return the users; `beside` names the texts beside a column's numbers."""
    schema = frame.collect_schema()
    kinds = {field: schema[field.column.name] for field in fields}
    for field, kind in kinds.items():
        _refuse_column_type(frame, field, kind, source)
    if not (rows := int(frame.select(rows=nw.len()).collect("pyarrow").item())):
        raise InputError(f"{source} has columns and no user rows. Expected one row a user. {RUN_AGAIN}")
    broken = {field for field, kind in kinds.items() if _has_fractions(frame, field, kind, source)}
    frame = frame.with_columns(
        _cast_column(field, kind, broken=field in broken).alias(field.column.name)
        for field, kind in kinds.items()
        if _needs_cast(field, kind)
    )
    texts = [field for field, kind in kinds.items() if _is_text(field, kind, broken=field in broken)]
    numbers = {field: field.column.name for field in texts if field.column.kind == "number"} | dict(beside)
    if numbers:
        frame = parse_number_columns(frame, numbers, source, text_origin)
    frame, joined = _normalise_texts(frame, [field for field in texts if field.column.kind != "number"], source)
    for field in fields:
        if field.column.kind == "id" and field in texts:
            frame = _restore_ids(frame, field, source)
        elif field.column.kind == "id":  # whole numbers may have been a spreadsheet's too
            _refuse_rounded_ids(frame, field, source)
    return frame.drop(*beside.values()), rows, joined


def _refuse_column_type(frame: "nw.LazyFrame[Any]", field: MatchedColumn, kind: Any, source: str) -> None:
    """Refuse a column of neither text nor numbers."""
    # Truth values may be a category
    native = _name_native_type(frame, field.column.name)
    if (native in _DUCKDB_TYPES or (native and kind == nw.Unknown)) and (
        field.column.kind not in _DUCKDB_TYPES.get(native, ())
    ):
        raise make_type_error(source, field, native)
    fits = kind.is_numeric() or kind in (nw.String, nw.Categorical, nw.Enum, nw.Unknown)
    fits = fits or (kind == nw.Boolean and field.allows_truth_values)
    if not fits and not (field.meaning.kind == "date" and kind in (nw.Date, nw.Datetime)):
        raise make_type_error(source, field, kind)


def _name_native_type(frame: "nw.LazyFrame[Any]", name: str) -> str:
    """Return DuckDB's name of a column's type, or ""."""
    if not frame.implementation.is_duckdb():
        return ""
    native: Any = frame.to_native()
    return str(native.types[native.columns.index(name)]).strip('"')


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
    return {"number": not kind.is_numeric() and kind != nw.Boolean, "id": not whole}.get(field.column.kind, True)


def _is_integral(field: MatchedColumn) -> nw.Expr:
    column = nw.col(field.column.name)
    return (column.abs() <= ids.MAX_EXACT_INTEGER[64]) & (column == column.floor())


def _cast_column(field: MatchedColumn, kind: Any, *, broken: bool) -> nw.Expr:
    """Return a column cast to its type."""
    # Numbers as such, an id as a whole number or text, all else as text
    column = nw.col(field.column.name)
    if field.column.kind == "number":
        return column.cast(nw.Int64).cast(nw.Float64) if kind == nw.Boolean else column.cast(nw.Float64)
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
    _refuse_long_texts(frame, fields, source)
    fields = [field for field in fields if _needs_normalising(frame, field)]
    if not fields:
        return frame, {}
    counts = {f.column.name: _count_merged_spellings(frame, f) for f in fields if f.column.kind == "category"}
    frame = _apply_normalisation(frame, fields)
    for field in fields:
        _refuse_spreadsheet_errors(frame, field, source)
    frame = frame.with_columns(_null_missing(field) for field in fields)
    return frame, {name: count for name, count in counts.items() if count}


def _refuse_long_texts(frame: "nw.LazyFrame[Any]", fields: Sequence[MatchedColumn], source: str) -> None:
    """Refuse texts that are longer than a word or a few."""
    long = {
        field.column.name: nw.col(field.column.name).str.strip_chars().str.len_chars() > MAX_TEXT_CHARACTERS
        for field in fields
    }
    counts = _count_each(frame, long) if long else {}
    for field in fields:
        if count := counts[field.column.name]:
            file, row = _locate_first(frame, long[field.column.name], source)
            raise make_long_text_error(file, field, count, row)


def make_long_text_error(file: str, field: MatchedColumn, count: int, row: int | None) -> InputError:
    """Return the error for texts that are too long."""
    first = "" if row is None else f" (first on row {row})"
    return InputError(
        f"{file}: column {field.header!r} has {count:,} text{'s' if count > 1 else ''} of more than {MAX_TEXT_CHARACTERS} "
        f"characters{first}. Expected {field.column.label} as a word or a few. {RUN_AGAIN}"
    )


def _needs_normalising(frame: "nw.LazyFrame[Any]", field: MatchedColumn) -> bool:
    """Return whether normalising changes any cell of a column."""
    # A category is counted by its values first: engines keep a column's few words once, and look at each once
    name = field.column.name
    is_grouped = field.column.kind == "category" and not frame.implementation.is_pyarrow()
    values = frame.group_by(name).agg(nw.len()) if is_grouped else frame
    return bool(_count_rows(values, nw.col(name).str.contains(_MAY_NEED_NORMALISING) | ~_is_not_missing(field)))


def _is_not_missing(field: MatchedColumn) -> nw.Expr:
    """Return the condition that a cell isn't missing."""
    missing: Sequence[str] = MISSING_SPELLINGS if field.meaning.is_category else MISSING_NUMBER_SPELLINGS
    missing = [*missing, *(value.casefold() for value in field.column.missing_values)]
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
    return _compose_letters(frame, [*by_kind["category"], *by_kind["id"]])


def _compose_letters(frame: "nw.LazyFrame[Any]", names: Sequence[str]) -> "nw.LazyFrame[Any]":
    """Return letters composed, in Unicode's NFC."""
    # Narwhals has no function for it; nor has Spark, which brings a library that has
    native: Any = frame.to_native()
    if frame.implementation.is_pyarrow():
        for name in names:
            place = native.column_names.index(name)
            native = native.set_column(place, name, pc.utf8_normalize(native[name], form="NFC"))
    elif frame.implementation.is_duckdb():
        native = native.project(f"* REPLACE ({', '.join(map(_NFC_SQL.format, names))})")
    else:
        from pyspark.sql import functions as f  # noqa: PLC0415 - an extra

        def compose_column(name: str) -> Any:
            no_look_alikes = f.lit(False)  # noqa: FBT003 - NFC, not NFKC
            composed = f.java_method(
                f.lit("com.ibm.icu.text.Normalizer"), f.lit("compose"), f.col(name), no_look_alikes
            )
            return f.when(f.col(name).rlike(r"[^\x{0}-\x{7f}]"), composed).otherwise(f.col(name))

        native = native.withColumns({name: compose_column(name) for name in names})
    composed: nw.LazyFrame[Any] = nw.from_native(native).lazy()
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
    wrong = nw.col(field.column.name).str.contains(SPREADSHEET_ERROR) & _is_not_missing(field)
    if count := _count_rows(frame, wrong):
        file, row = _locate_first(frame, wrong, source)
        raise make_spreadsheet_error(file, field, count, row)


# --- ids


def _restore_ids(frame: "nw.LazyFrame[Any]", field: MatchedColumn, source: str) -> "nw.LazyFrame[Any]":
    """Return ids that a program had made floats."""
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
    counts = _count_each(frame, {"floats": floats, "whole": whole, "others": ~floats})
    if counts["floats"] and counts["whole"]:
        _refuse_faulty_ids(frame, field, {"mixed": floats}, source)
    if counts["floats"] and not counts["others"]:
        return frame.with_columns(column.str.replace_all(ids.TRAILING_DECIMALS, ""))
    return frame


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
    for fault, count in _count_each(frame, faults).items():
        if count:
            file, row = _locate_first(frame, faults[fault], source)
            raise ids.make_faulty_id_error(file, field, fault, count, row)


# --- numbers


def parse_number_columns(
    frame: "nw.LazyFrame[Any]",
    texts: Mapping[MatchedColumn, str],
    source: str,
    text_origin: TextOrigin,
    head: RawTable | None = None,
) -> "nw.LazyFrame[Any]":
    """Return texts read as numbers.

    The decimal marks are those that all values prove.

    Parameters
    ----------
    texts : mapping of MatchedColumn to str
        The name of each number column's text: its own, or another one's where some of its cells are numbers already.
    head : RawTable or None
        Further cells, which may prove a decimal mark.
    """
    untrimmed = _count_each(frame, {name: nw.col(name).str.contains(_MAY_NEED_NORMALISING) for name in texts.values()})
    trimmed = (nw.col(name).str.replace_all(INVISIBLE_CHARACTERS, "") for name, count in untrimmed.items() if count)
    frame = frame.with_columns(cell.str.replace_all(EDGE_BLANKS, "") for cell in trimmed)
    frame = frame.with_columns(
        number_text.strip_marks(nw.col(name), field.column).alias(name)
        for field, name in texts.items()
        if number_text.list_marks(field.column)
    )
    _refuse_other_texts(frame, texts, source, text_origin)
    marks = dict.fromkeys((field.column.name for field in texts), ".")
    if text_origin != "database":
        sample = _sample_number_shapes(frame, texts, source, point_only=text_origin == "commas")
        marks = number_text.find_decimal_marks(_join_tables(head, sample) if head else sample)
    return frame.with_columns(_parse_number(field, name, marks[field.column.name]) for field, name in texts.items())


def _refuse_other_texts(
    frame: "nw.LazyFrame[Any]", texts: Mapping[MatchedColumn, str], source: str, text_origin: TextOrigin
) -> None:
    """Refuse texts that are no number with any decimal mark."""
    wrong = {name: ~nw.col(name).str.to_lowercase().is_in(_list_missing_texts(field)) for field, name in texts.items()}
    for mark in ".," if text_origin == "anybody" else ".":
        pattern = number_text.build_number_pattern(mark, grouped=text_origin != "database")
        wrong = {name: flags & ~nw.col(name).str.contains(pattern) for name, flags in wrong.items()}
    counts = _count_each(frame, wrong)
    for field, name in texts.items():
        if not counts[name]:
            continue
        file, row = _locate_first(frame, wrong[name], source)
        error = make_not_numeric_error(file, field, "texts", count=counts[name], row=row)
        decimal = wrong[name] & nw.col(name).str.contains(number_text.build_number_pattern(","))
        if text_origin == "commas" and _count_rows(frame, decimal) and _locate_first(frame, decimal, source)[1] == row:
            raise InputError(f"{error} If the commas are decimal marks, export with `;` between the fields.")
        raise error


def _list_missing_texts(field: MatchedColumn) -> list[str]:
    return [*MISSING_NUMBER_SPELLINGS, *(value.casefold() for value in field.column.missing_values)]


def _sample_number_shapes(
    frame: "nw.LazyFrame[Any]", texts: Mapping[MatchedColumn, str], source: str, *, point_only: bool
) -> RawTable:
    """Return one cell of each shape that numbers with a mark have."""
    # Where their digits and signs are tells which marks they allow
    cells: list[tuple[int, str, int]] = []
    row = nw.col(ROW_COLUMN) if ROW_COLUMN in frame.collect_schema() else nw.lit(-1)
    marked = _count_each(frame, {name: nw.col(name).str.contains("[.,]") for name in texts.values()})
    for place, name in enumerate(texts.values()):
        if not marked[name]:
            continue
        cell = nw.col("cell")
        found = (
            frame.filter(nw.col(name).str.contains("[.,]"))
            .select(cell=nw.col(name), row=row)
            .with_columns(shape=cell.str.replace_all("[0-9]", "1"), first=cell.str.contains("^[+-]?0"))
            .group_by("shape", "first")
            .agg(cell.min(), nw.col("row").min())
            .collect("pyarrow")
        )
        cells += [(place, one["cell"], one["row"]) for one in found.rows(named=True)]
    cells.sort(key=lambda one: one[2])
    columns = tuple(
        pa.chunked_array([[cell if at == place else None for at, cell, _ in cells]], pa.string())
        for place in range(len(texts))
    )
    return RawTable(source, tuple(texts), columns, np.array([row for _, _, row in cells], dtype=int), point_only)


def _join_tables(head: RawTable, sample: RawTable) -> RawTable:
    """Return the sample's columns with the head's cells first."""
    seen = dict(zip(head.fields, head.cells, strict=True))
    cells = tuple(
        pa.chunked_array([*seen[field].chunks, *cells.chunks], pa.string())
        for field, cells in zip(sample.fields, sample.cells, strict=True)
    )
    return replace(sample, cells=cells, rows=np.concatenate([head.rows, sample.rows]))


def _parse_number(field: MatchedColumn, text_name: str, mark: str) -> nw.Expr:
    """Return cells as numbers with this decimal mark."""
    cell, name = nw.col(text_name), field.column.name
    bare = cell.str.replace_all(number_text.build_separator_pattern(mark), "")
    bare = bare.str.replace_all(",", ".") if mark == "," else bare
    number = nw.when(cell.str.contains(number_text.build_number_pattern(mark))).then(bare).cast(nw.Float64)
    return (number if text_name == name else nw.coalesce(nw.col(name), number)).alias(name)


# --- what values mean


def _finish_columns(
    frame: "nw.LazyFrame[Any]",
    fields: Sequence[MatchedColumn],
    schema: Schema,
    source: str,
    month: str,
    joined: dict[str, int],
    rows: int,
) -> tuple["nw.LazyFrame[Any]", int, dict[str, int]]:
    """Return the schema's columns with what their values mean."""
    joined = dict(joined)
    for field in fields:
        if field.meaning.kind == "date":
            frame = _read_dates(frame, field, source, month)
        elif field.meaning.is_category or field.column.kind == "category":
            frame, merged = _read_codes(frame, field, source)
            joined |= {field.column.name: joined.get(field.column.name, 0) + merged} if merged else {}
        elif field.column.is_hashed:
            frame = hash_texts(frame, field.column.name)
        if field.meaning.is_number and (unknown := _list_missing_numbers(field)):
            value = nw.col(field.column.name)
            frame = frame.with_columns(nw.when(~value.is_in(unknown)).then(value).alias(field.column.name))
    frame = frame.with_columns(
        parse_expression(column.expression).express().alias(column.name) for column in schema.shown if column.expression
    )
    there = frame.collect_schema()
    return frame.select(column.name for column in schema.shown if column.name in there), rows, joined


def _list_missing_numbers(field: MatchedColumn) -> list[float]:
    """List the numbers that mean that nothing is known."""
    return [float(value) for value in field.column.missing_values if re.fullmatch(r"[+-]?[\d.]+(e[+-]?\d+)?", value)]


def _read_codes(frame: "nw.LazyFrame[Any]", field: MatchedColumn, source: str) -> tuple["nw.LazyFrame[Any]", int]:
    """Return a column's values as they are meant, and merged spellings."""
    name, column = field.column.name, field.meaning
    found = frame.group_by(name).agg(nw.len().alias("_n")).head(recode.MAX_VALUES + 1).collect("pyarrow")
    counts = {str(row[name]): int(row["_n"]) for row in found.rows(named=True) if row[name] is not None}
    if len(found) > recode.MAX_VALUES:
        if column.is_number or column.recoded or column.values:
            raise InputError(
                f"{source}: column {field.header!r} has more than {recode.MAX_VALUES:,} different values, expected codes or "
                f"bands. Take `values` or `bands` out of {name!r} in the columns file."
            )
        return frame, 0  # a column of many words has no spellings to be compared
    meaning = recode.map_values(counts, column)
    if unknown := [value for value in counts if value not in meaning]:
        rows = sum(counts[value] for value in unknown)
        file, row = _locate_first(frame, nw.col(name).is_in(unknown), source)
        first = "" if row is None else f" (first on row {row})"
        raise InputError(
            f"{file}: column {field.header!r} has {rows:,} value{'s' if rows > 1 else ''} that `values` or `bands` of {name!r} in the "
            f"columns file doesn't know{first}. Add {'them' if len(unknown) > 1 else 'it'} there, or to `missing_values`. {RUN_AGAIN}"
        )
    if column.is_number:
        return frame.with_columns(_replace_values(name, meaning)), 0
    spellings = recode.choose_spellings(_count_meanings(counts, meaning))
    final = {value: spellings.get(str(meant), meant) for value, meant in meaning.items()}
    changed = {value: meant for value, meant in final.items() if meant != value}
    return (frame.with_columns(_replace_values(name, changed, keep_others=True)) if changed else frame), len(spellings)


def _count_meanings(counts: Mapping[str, int], meaning: Mapping[str, str | float | None]) -> dict[str, int]:
    """Count rows by what their value means."""
    found: dict[str, int] = {}
    for value, meant in meaning.items():
        if meant is not None:
            found[str(meant)] = found.get(str(meant), 0) + counts[value]
    return found


def _replace_values(name: str, meaning: Mapping[str, str | float | None], *, keep_others: bool = False) -> nw.Expr:
    """Return a column with values replaced."""
    by_meaning: dict[str | float, list[str]] = {}
    for value, meant in meaning.items():
        if meant is not None:
            by_meaning.setdefault(meant, []).append(value)
    gone = [value for value, meant in meaning.items() if meant is None]
    column = nw.col(name)
    result = (
        nw.when(~column.is_in(gone)).then(column) if gone and keep_others else column if keep_others else nw.lit(None)
    )
    for meant, values in by_meaning.items():
        result = nw.when(column.is_in(values)).then(nw.lit(meant)).otherwise(result)
    return result.alias(name)


def _read_dates(frame: "nw.LazyFrame[Any]", field: MatchedColumn, source: str, month: str) -> "nw.LazyFrame[Any]":
    """Return the days from each date to the month's end."""
    name, text = field.column.name, nw.col("date as text")
    frame = frame.with_columns(dates.unify_date_text(nw.col(name)).alias("date as text"))
    known = ~nw.col(name).is_null()
    orders: tuple[dates.DateOrder, ...] = ("ymd", "dmy", "mdy")
    is_number = nw.col(name).str.contains(dates.EXCEL_DAY)
    fits = {order: known & ~is_number & dates.is_date(text, order) for order in orders}
    starts_with_name = nw.col(name).str.to_lowercase().str.contains("^[a-z]")
    has_name = nw.col(name).str.to_lowercase().str.contains("[a-su-z]")
    counts = _count_each(
        frame,
        {
            **{str(one): condition for one, condition in fits.items()},
            "all": known & ~is_number,
            "both": fits["dmy"] & fits["mdy"],
            "words": has_name & known,
            "first": starts_with_name & known,
        },
    )
    order = _choose_date_order(counts, field, source)
    wrong = known & ~is_number & ~(fits["ymd"] | fits[order])
    if count := _count_rows(frame, wrong):
        file, row = _locate_first(frame, wrong, source)
        first = "" if row is None else f" (first on row {row})"
        raise InputError(
            f"{file}: column {field.header!r} has {count:,} value{'s' if count > 1 else ''} that {'are' if count > 1 else 'is'} no date{first}. "
            f"Expected dates such as 2026-10-31, all in one order. Add what means nothing to `missing_values`. {RUN_AGAIN}"
        )
    end = dates.count_days(dates.find_month_end(month))
    days = nw.coalesce(
        nw.when(is_number).then(dates.express_excel_days(nw.col(name))),
        nw.when(fits["ymd"]).then(dates.express_days(text, "ymd")),
        nw.when(fits[order]).then(dates.express_days(text, order)),
    )
    return frame.with_columns((nw.lit(float(end)) - days).alias(name)).drop("date as text")


def _choose_date_order(counts: Mapping[str, int], field: MatchedColumn, source: str) -> dates.DateOrder:
    """Return whether days or months stand first."""
    if counts["words"] and counts["words"] >= counts["all"] - counts["ymd"]:
        return "mdy" if counts["first"] else "dmy"
    if counts["dmy"] == counts["mdy"] == counts["both"] > 0:
        raise InputError(
            f"{source}: column {field.header!r} has dates that can be read in two ways, days first or months first. "
            f"Expected dates such as 2026-10-31. {RUN_AGAIN}"
        )
    return "mdy" if counts["mdy"] > counts["dmy"] else "dmy"


# --- all of these


def _count_rows(frame: "nw.LazyFrame[Any]", condition: nw.Expr) -> int:
    return _count_each(frame, {"rows": condition})["rows"]


def _count_each(frame: "nw.LazyFrame[Any]", conditions: Mapping[str, nw.Expr]) -> dict[str, int]:
    """Count the rows with each condition, in one pass."""
    counts = (nw.when(condition).then(nw.lit(1)).sum().alias(name) for name, condition in conditions.items())
    (row,) = frame.select(*counts).collect("pyarrow").rows(named=True)
    return {name: int(count or 0) for name, count in row.items()}


def _list_origin_columns(frame: "nw.LazyFrame[Any]") -> list[str]:
    return [name for name in (FILE_COLUMN, ROW_COLUMN) if name in frame.collect_schema()]


def _locate_first(frame: "nw.LazyFrame[Any]", condition: nw.Expr, source: str) -> tuple[str, int | None]:
    """Return file and row of a condition's first cell."""
    # No row if none is known
    if not (origin := _list_origin_columns(frame)):
        return source, None
    found = frame.filter(condition).select(*origin).sort(*origin)
    one = found.head(1).collect("pyarrow").rows(named=True)[0]
    file = re.sub(r"(\.(?:csv|tsv|txt))(?:-read)?\.parquet$", r"\1", Path(one.get(FILE_COLUMN, source)).name)
    return source if file == "query.parquet" else file, int(one[ROW_COLUMN])
