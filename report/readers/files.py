"""The reader of a month's file, in any format."""

import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from report.errors import InputError
from report.readers import csv_text, excel
from report.readers.columns import (
    RUN_AGAIN,
    MatchedColumn,
    RawTable,
    make_spreadsheet_error,
    make_type_error,
    match_columns,
)
from report.readers.ids import MAX_EXACT_INTEGER, make_faulty_id_error, restore_ids
from report.readers.number_text import parse_number_columns
from report.storage.months import DATA_SUFFIXES, PARQUET_SUFFIXES, TEXT_SUFFIXES
from segmentation.preprocessing.spelling import (
    EDGE_BLANKS,
    MISSING_NUMBER_SPELLINGS,
    MISSING_SPELLINGS,
    NORMALISATION_STEPS,
    TRIM_CHARACTERS,
)
from segmentation.schema import MAX_NUMBER

# What spreadsheets write, in any language, in a cell that they can't work out or show: neither a value nor missing. All are in capitals.
SPREADSHEET_ERROR = (
    r"^#(?:[\x{a1}\x{bf}]?\p{Lu}[\p{Lu}0-9/_]*[!?]|\p{Lu}+/\p{Lu}+|NV|YOK|GETTING_DATA)$"  # #SPILL!, #¡REF!, #N/A
    r"|^Err:[0-9]+$|^#+$"
)
TEXT_DTYPE = pd.StringDtype(na_value=np.nan)


@dataclass(frozen=True, slots=True)
class MonthData:
    """What a month's file holds."""

    # The schema's columns that the file has, in schema order: numbers as float64, the rest as `str`, missing as NaN.
    # One row a row of the file, in its order; nothing is dropped or checked for range. What is larger than 1e100 is
    # infinite: its square is more than a float can hold.
    users: pd.DataFrame
    joined: dict[str, int]  # by category: spellings read as another spelling of the same value


def read_users(path: Path, names: Mapping[str, str] = MappingProxyType({})) -> pd.DataFrame:
    """Read the month's users alone, as `read_month_file` does."""
    return read_month_file(path, names).users


def read_month_file(path: Path, names: Mapping[str, str] = MappingProxyType({})) -> MonthData:
    """Read the month's file of users.

    A `.csv`, `.tsv` or `.txt` file in any usual encoding, delimiter and decimal mark; a `.parquet` file; or an `.xlsx`
    workbook, of which the first sheet is read. What a spreadsheet shows as blank is no row: an empty line or sheet row,
    and rows of empty fields at the end of a text file. Such a row between others is a user of whom nothing is known.

    Raises
    ------
    InputError
        If the file can't be read as a table of users without guessing.
    """
    _check_file(path)
    read = _select_reader(path)
    try:
        table = read(path, names)
        month = _interpret_table(table)
    except InputError:
        raise
    except Exception as error:  # noqa: BLE001 - what libraries raise on a damaged file has no common base
        # nor may its text be repeated, which quotes cells
        raise InputError(
            f"{path.name} can't be read as {path.suffix.lower()} ({type(error).__name__}). Expected a whole file, not cut "
            f"short or protected, and text in UTF-8. {RUN_AGAIN}"
        ) from None
    if month.users.empty:
        raise InputError(f"{path.name} has a header and no user rows. Expected one row a user. {RUN_AGAIN}")
    return month


def _select_reader(path: Path) -> Callable[[Path, Mapping[str, str]], RawTable]:
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


def _interpret_table(table: RawTable) -> MonthData:
    """Return the users that the cells describe."""
    columns: dict[str, Any] = {
        name: np.where(np.abs(found) > MAX_NUMBER, np.copysign(np.inf, found), found)
        for name, found in parse_number_columns(table).items()
    }
    joined: dict[str, int] = {}
    for field, text in zip(table.fields, table.texts, strict=True):
        name = field.column.name
        if field.column.kind == "category":
            columns[name], joined[name] = _normalise_categories(field, text, table)
        elif field.column.kind == "id":
            columns[name] = _normalise_ids(field, text, table)
    users = pd.DataFrame({field.column.name: columns[field.column.name] for field in table.fields})
    return MonthData(users, {name: count for name, count in joined.items() if count})


def _normalise_categories(field: MatchedColumn, text: Any, table: RawTable) -> tuple[Any, int]:
    """Return categories in one spelling each."""
    # With them, how many spellings were joined to another
    found = text.combine_chunks().dictionary_encode()
    values = found.dictionary
    for written, meant in NORMALISATION_STEPS:
        values = pc.replace_substring_regex(values, written, meant)
    values = pc.utf8_normalize(pc.utf8_trim(values, TRIM_CHARACTERS), form="NFC")
    known = _null_missing(values, MISSING_SPELLINGS)
    joined = len(known) - known.null_count - len(pc.unique(known.drop_null()))
    cells = known.take(found.indices)
    _refuse_spreadsheet_errors(field, cells, table)
    return cells.to_pandas(types_mapper={pa.string(): TEXT_DTYPE}.get), joined


def _normalise_ids(field: MatchedColumn, text: Any, table: RawTable) -> Any:
    """Return ids trimmed and composed."""
    # Nothing more: two ids may differ in a letter that nobody sees
    cells = pc.replace_substring_regex(pc.utf8_normalize(text.combine_chunks(), form="NFC"), EDGE_BLANKS, "")
    cells = _null_missing(cells, MISSING_NUMBER_SPELLINGS)
    _refuse_spreadsheet_errors(field, cells, table)
    cells = restore_ids(field, cells, table)
    return cells.to_pandas(types_mapper={pa.string(): TEXT_DTYPE}.get)


def _null_missing(cells: Any, missing: Sequence[str]) -> Any:
    """Return cells, null where a missing value is spelled."""
    return pc.if_else(pc.is_in(pc.utf8_lower(cells), pa.array(missing)), pa.scalar(None, pa.string()), cells)


def _refuse_spreadsheet_errors(field: MatchedColumn, cells: Any, table: RawTable) -> None:
    """Refuse a spreadsheet's error values."""
    flags = pc.match_substring_regex(cells, SPREADSHEET_ERROR).fill_null(fill_value=False)
    wrong = np.flatnonzero(flags.to_numpy(zero_copy_only=False))
    if len(wrong):
        raise make_spreadsheet_error(table.file, field, len(wrong), int(table.rows[wrong[0]]))


def _read_parquet(path: Path, names: Mapping[str, str]) -> RawTable:
    """Read a Parquet file."""
    # Its rows are numbered as in a sheet with a header
    import pyarrow.parquet as pq  # noqa: PLC0415 - most files are text

    with pq.ParquetFile(path) as file:
        headers = file.schema_arrow.names
        fields = match_columns(headers, names, path.name)
        types = [file.schema_arrow.field(field.index).type for field in fields]
        for field, kind in zip(fields, types, strict=True):
            refuse_arrow_type(field, kind, path.name)
        data = file.read(columns=[headers[field.index] for field in fields])
        columns = [_decode_dictionary(data.column(headers[field.index])) for field in fields]
    rows = np.arange(data.num_rows) + 2
    for field, column in zip(fields, columns, strict=True):
        if not pa.types.is_floating(column.type):
            continue
        is_single = column.type.bit_width == 32 and field.column.kind == "category"
        if field.column.kind == "id" or is_single:
            size = np.abs(column.to_numpy())
            large = np.flatnonzero((size >= MAX_EXACT_INTEGER[column.type.bit_width]) & ~(np.isinf(size) & is_single))
            if len(large):
                raise make_faulty_id_error(path.name, field, "long", len(large), int(rows[large[0]]))
    pairs = [_split_texts_and_numbers(field, column) for field, column in zip(fields, columns, strict=True)]
    return RawTable(path.name, fields, tuple(p[0] for p in pairs), tuple(p[1] for p in pairs), rows)


def _decode_dictionary(column: Any) -> Any:
    """Return a column without its dictionary."""
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


def refuse_arrow_type(field: MatchedColumn, arrow_type: Any, file: str) -> None:
    """Refuse a column of neither text nor numbers.

    Truth values may be a category; half precision may only be a number.
    """
    if pa.types.is_dictionary(arrow_type):
        arrow_type = arrow_type.value_type
    tests = [pa.types.is_null, pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal]
    tests += [pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view, pa.types.is_binary]
    if field.column.kind == "category":
        tests.append(pa.types.is_boolean)
    is_half = pa.types.is_float16(arrow_type) and field.column.kind != "number"  # exact to 2,048 alone
    if is_half or not any(test(arrow_type) for test in tests):
        raise make_type_error(file, field, arrow_type)


def _split_texts_and_numbers(field: MatchedColumn, column: Any) -> tuple[Any, np.ndarray | None]:
    """Return one column's texts, and its numbers if any."""
    if pa.types.is_decimal(column.type):  # as text, for Arrow's own cast is off in the last digit
        column = column.cast(pa.string())
        column = column.cast(pa.float64()) if field.column.kind == "number" else column
    if field.column.kind == "number" and (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        nothing = pa.chunked_array([pa.nulls(len(column), pa.string())])
        return nothing, np.array(column.cast(pa.float64(), safe=False).to_numpy(), dtype=float)
    if pa.types.is_floating(column.type):  # whole numbers beside gaps or parts: 7, not 7.0 or 1.2e+10
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
        is_whole = pc.and_(pc.equal(pc.round(column), column), pc.less_equal(pc.abs(column), MAX_EXACT_INTEGER[64]))
        whole = pc.if_else(is_whole, column, pa.scalar(None, column.type)).cast(pa.int64())
        return pc.coalesce(whole.cast(pa.string()), column.cast(pa.string())), None
    text = column.cast(pa.string())
    text.validate(full=True)  # Parquet may call text what is none
    return (pc.utf8_capitalize(text) if pa.types.is_boolean(column.type) else text), None
