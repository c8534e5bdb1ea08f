"""The reader of a month's file, in any format."""

import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from report.errors import InputError
from report.readers import csv_text, excel
from report.readers.columns import RUN_AGAIN, MatchedColumn, RawTable, make_type_error, match_columns
from report.readers.normalise import MAX_TEXT_CHARACTERS, collect_users, make_long_text_error, normalise_table
from report.storage.months import DATA_SUFFIXES, PARQUET_SUFFIXES, TEXT_SUFFIXES
from segmentation.schema import Schema

MAX_UNPACKED_BYTES = 1 << 30  # of the columns that are used, for a file that memory reads whole


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
        raise make_unreadable_error(path, error) from None


def make_unreadable_error(path: Path, error: Exception) -> InputError:
    """Return the error for a file that a library refuses."""
    return InputError(
        f"{path.name} can't be read as {path.suffix.lower()} ({type(error).__name__}{_describe_ends(path)}). Expected a "
        f"whole file, with text in UTF-8. {_SAVE_AGAIN.get(path.suffix.lower(), RUN_AGAIN)}"
    )


_SAVE_AGAIN = {
    ".xlsx": "Open it in Excel or LibreOffice, save it as .xlsx or as CSV UTF-8, and run `make report` again."
}


def _describe_ends(path: Path) -> str:
    """Return what a Parquet file's first and last bytes say."""
    if path.suffix.lower() not in PARQUET_SUFFIXES:
        return ""
    with path.open("rb") as file:
        begins = file.read(4)
        file.seek(max(0, path.stat().st_size - 4))
        ends = file.read(4)
    if b"PARE" in (begins, ends):
        return "; it is encrypted"
    if begins != b"PAR1"[: len(begins)]:
        return "; it doesn't begin as a Parquet file"
    return "" if ends == b"PAR1" and path.stat().st_size > len("PAR1PAR1") else "; it is cut short"


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
        found, columns = file.metadata, file.schema_arrow  # of the metadata alone, a UUID's type would be lost
    refuse_inflated_parquet(path, found.num_rows)
    fields = match_columns(columns.names, schema, path.name)
    used = [columns.names[field.index] for field in fields]
    for field in fields:
        refuse_arrow_type(field, columns.field(field.index).type, path.name)
    groups = (found.row_group(place) for place in range(found.num_row_groups))
    unpacked = sum(
        group.column(place).total_uncompressed_size
        for group in groups
        for place in range(group.num_columns)
        if group.column(place).path_in_schema in used
    )
    if unpacked > MAX_UNPACKED_BYTES:
        raise InputError(
            f"{path.name} unpacks to {unpacked:,} bytes, expected at most {MAX_UNPACKED_BYTES:,} for {found.num_rows:,} rows. "
            f"{RUN_AGAIN}"
        )
    # a word that many rows have is kept once until its length is known
    with pq.ParquetFile(path, read_dictionary=used) as file:
        data = file.read(columns=used)
    for field, name in zip(fields, used, strict=True):
        _refuse_long_texts(field, data.column(name), path.name)
    cells = tuple(_simplify_type(field, data.column(name)) for field, name in zip(fields, used, strict=True))
    return RawTable(path.name, fields, cells, np.arange(data.num_rows) + 2)


def refuse_inflated_parquet(path: Path, rows: int) -> None:
    """Refuse a Parquet file of more rows than bytes.

    Even well packed users take more than a byte each. A file that repeats a few could keep the program busy for hours.
    """
    size = path.stat().st_size
    if rows > size:
        raise InputError(
            f"{path.name} has {rows:,} rows in {size:,} bytes, so that most are copies of others. Expected one row a user. {RUN_AGAIN}"
        )


def _refuse_long_texts(field: MatchedColumn, column: Any, file: str) -> None:
    """Refuse words that are too long, before they are copied."""
    before = count = 0
    first = None
    for chunk in column.chunks if pa.types.is_dictionary(column.type) else ():
        if not pa.types.is_integer(chunk.dictionary.type) and not pa.types.is_floating(chunk.dictionary.type):
            # every character has at most four bytes
            long = pc.greater(pc.binary_length(chunk.dictionary), 4 * MAX_TEXT_CHARACTERS)
            rows = np.flatnonzero(long.take(chunk.indices).fill_null(fill_value=False).to_numpy(zero_copy_only=False))
            first = first if first is not None or not len(rows) else before + int(rows[0])
            count += len(rows)
        before += len(chunk)
    if first is not None:
        raise make_long_text_error(file, field, count, first + 2)


def refuse_arrow_type(field: MatchedColumn, arrow_type: Any, file: str) -> None:
    """Refuse a column of neither text nor numbers.

    Truth values may be a category; half precision may only be a number.
    """
    if pa.types.is_dictionary(arrow_type):
        arrow_type = arrow_type.value_type
    tests = [pa.types.is_null, pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal]
    tests += [pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view, pa.types.is_binary]
    if field.column.kind != "number":
        tests.append(_is_uuid)
    if field.allows_truth_values:
        tests.append(pa.types.is_boolean)
    if field.meaning.kind == "date":
        tests += [pa.types.is_date, pa.types.is_timestamp]
    is_half = pa.types.is_float16(arrow_type) and field.column.kind != "number"  # exact to 2,048 alone
    if is_half or not any(test(arrow_type) for test in tests):
        raise make_type_error(file, field, arrow_type)


def _is_uuid(arrow_type: Any) -> bool:
    return isinstance(arrow_type, pa.UuidType)


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
    if _is_uuid(column.type):
        return pa.chunked_array([[None if value is None else str(value) for value in column.to_pylist()]], pa.string())
    text = column.cast(pa.string())
    text.validate(full=True)  # Parquet may call text what is none
    return text


def check_data_file(path: Path) -> None:
    """Refuse what is no filled file with a known ending."""
    _check_file(path)
    _select_reader(path)
