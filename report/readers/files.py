"""The reader of a month's file, in any format."""

import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from report.errors import InputError
from report.readers import csv_text, excel
from report.readers.columns import RUN_AGAIN, MatchedColumn, RawTable, make_type_error, match_columns
from report.readers.normalise import collect_users, normalise_table
from report.storage.months import DATA_SUFFIXES, PARQUET_SUFFIXES, TEXT_SUFFIXES
from segmentation.schema import Schema


@dataclass(frozen=True, slots=True)
class MonthData:
    """What a month's file holds."""

    # The schema's columns that the file has, in schema order: numbers as float64, the rest as `str`, missing as NaN.
    # One row a row of the file, in its order; nothing is dropped or checked for range.
    users: pd.DataFrame
    joined: dict[str, int]  # by category: spellings read as another spelling of the same value


def read_users(path: Path, schema: Schema, month: str = "") -> pd.DataFrame:
    """Read the month's users alone, as `read_month_file` does."""
    return read_month_file(path, schema, month).users


def read_month_file(path: Path, schema: Schema, month: str = "") -> MonthData:
    """Read the month's file of users.

    A `.csv`, `.tsv` or `.txt` file in any usual encoding, delimiter and decimal mark; a `.parquet` file; or an `.xlsx`
    workbook, of which the first sheet is read. What a spreadsheet shows as blank is no row: an empty line or sheet row,
    and rows of empty fields at the end of a text file. Such a row between others is a user of whom nothing is known.
    Raises InputError if the file can't be read as a table of users without guessing.
    """
    _check_file(path)
    read = _select_reader(path)
    try:
        table = read(path, schema)
        frame, _, joined = normalise_table(table, schema, month)
        return MonthData(collect_users(frame, schema), joined)
    except InputError:
        raise
    except Exception as error:  # noqa: BLE001 - what libraries raise on a damaged file has no common base
        # nor may its text be repeated, which quotes cells
        raise InputError(
            f"{path.name} can't be read as {path.suffix.lower()} ({type(error).__name__}). Expected a whole file, not cut "
            f"short or protected, and text in UTF-8. {RUN_AGAIN}"
        ) from None


def _select_reader(path: Path) -> Callable[[Path, Schema], RawTable]:
    """Return what reads files with this ending."""
    kind = path.suffix.lower()
    if kind not in DATA_SUFFIXES:
        raise InputError(
            f"{path.name} ends in {kind or 'nothing'!r}, expected one of {', '.join(DATA_SUFFIXES)}. "
            "Export the month in one of these."
        )
    return (
        csv_text.read_delimited_text
        if kind in TEXT_SUFFIXES
        else _read_parquet
        if kind in PARQUET_SUFFIXES
        else excel.read_workbook
    )


def _check_file(path: Path) -> None:
    """Refuse what is no ordinary, filled file."""
    # Opening a pipe would wait for its writer, so the path is checked before
    try:
        found = path.stat()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InputError(f"{path} can't be opened: {reason}. Check the name and the folder.") from error
    if stat.S_ISDIR(found.st_mode):
        raise InputError(f"{path} is a folder, expected a file. Name the month's file in it.")
    if not stat.S_ISREG(found.st_mode):
        raise InputError(f"{path} is a pipe or a device, expected an ordinary file. Save it as one first.")
    if not found.st_size:
        raise InputError(f"{path.name} is empty. Expected a header and one row a user. {RUN_AGAIN}")


def _read_parquet(path: Path, schema: Schema) -> RawTable:
    """Read a Parquet file."""
    # Its rows are numbered as in a sheet with a header
    import pyarrow.parquet as pq  # noqa: PLC0415 - most files are text

    with pq.ParquetFile(path) as file:
        headers = file.schema_arrow.names
        fields = match_columns(headers, schema, path.name)
        for field in fields:
            refuse_arrow_type(field, file.schema_arrow.field(field.index).type, path.name)
        data = file.read(columns=[headers[field.index] for field in fields])
    cells = tuple(_simplify_type(field, data.column(headers[field.index])) for field in fields)
    return RawTable(path.name, fields, cells, np.arange(data.num_rows) + 2)


def refuse_arrow_type(field: MatchedColumn, arrow_type: Any, file: str) -> None:
    """Refuse a column of neither text nor numbers.

    Truth values may be a category; half precision may only be a number.
    """
    if pa.types.is_dictionary(arrow_type):
        arrow_type = arrow_type.value_type
    tests = [pa.types.is_null, pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal]
    tests += [pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view, pa.types.is_binary]
    if field.allows_truth_values:
        tests.append(pa.types.is_boolean)
    if field.meaning.kind == "date":
        tests += [pa.types.is_date, pa.types.is_timestamp]
    is_half = pa.types.is_float16(arrow_type) and field.column.kind != "number"  # exact to 2,048 alone
    if is_half or not any(test(arrow_type) for test in tests):
        raise make_type_error(file, field, arrow_type)


def _simplify_type(field: MatchedColumn, column: Any) -> Any:
    """Return a column as text, numbers or truth values."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_decimal(column.type):  # as text, for Arrow's own cast is off in the last digit
        column = column.cast(pa.string())
        return column.cast(pa.float64()) if field.column.kind == "number" else column
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        return column.cast(pa.float64(), safe=False) if field.column.kind == "number" else column
    if pa.types.is_boolean(column.type):
        return column.cast(pa.float64()) if field.column.kind == "number" else column
    text = column.cast(pa.string())
    text.validate(full=True)  # Parquet may call text what is none
    return text


def check_data_file(path: Path) -> None:
    """Refuse what is no filled file with a known ending."""
    _check_file(path)
    _select_reader(path)
