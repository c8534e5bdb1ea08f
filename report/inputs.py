"""The month's file, in any of the forms it arrives in: one frame of users, or a sentence that says why not."""

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

from report import dialect, workbook
from report.columns import RUN_AGAIN, Field, Table, find
from report.errors import InputError
from report.ids import EXACT, read_ids, refuse_ids
from report.months import KINDS, PARQUET, TEXT
from report.numerals import numbers
from segmentation.schema import LARGEST
from segmentation.text import ENDS, MISSING, NO_NUMBER, STEPS, TRIMMED

# What spreadsheets write, in any language, in a cell that they can't work out or show: neither a value nor missing. All are in capitals.
BROKEN = (
    r"^#(?:[\x{a1}\x{bf}]?\p{Lu}[\p{Lu}0-9/_]*[!?]|\p{Lu}+/\p{Lu}+|NV|YOK|GETTING_DATA)$"  # #SPILL!, #¡REF!, #N/A
    r"|^Err:[0-9]+$|^#+$"
)
WORDS = pd.StringDtype(na_value=np.nan)


@dataclass(frozen=True, slots=True)
class Month:
    """What a month's file holds.

    Attributes
    ----------
    users : pandas.DataFrame
        The schema's columns that the file has, in schema order: numbers as float64, the rest as `str`, missing as
        NaN. One row a row of the file, indexed from 0 in file order; nothing is dropped or checked for range, and
        infinities stay; what is larger than 1e100 is one, for its square is more than a float can hold.
    joined : dict of str to int
        By category: spellings that were read as another spelling of the same value. A column without any is left out.
    """

    users: pd.DataFrame
    joined: dict[str, int]


def read_users(path: Path, names: Mapping[str, str] = MappingProxyType({})) -> pd.DataFrame:
    """Read the month's users alone, as `read_month` does."""
    return read_month(path, names).users


def read_month(path: Path, names: Mapping[str, str] = MappingProxyType({})) -> Month:
    """Read the month's file of users.

    Parameters
    ----------
    path : Path
        A `.csv`, `.tsv` or `.txt` file in any usual encoding, delimiter and decimal mark; a `.parquet` file; or an
        `.xlsx` workbook, of which the first sheet is read.
    names : mapping of str to str
        From a name in the schema to the name in the file, where they differ by more than case, spaces and hyphens.

    Returns
    -------
    Month
        What a spreadsheet shows as blank is no row: an empty line or sheet row, and rows of empty fields at the end of a text
        file. Such a row between others is a user of whom nothing is known.

    Raises
    ------
    InputError
        If the file can't be read as a table of users without guessing.
    """
    before = _state(path)
    read = _reader(path)
    try:
        table = read(path, names)
        month = _month(table)
    except InputError:
        raise
    except Exception as error:  # noqa: BLE001 - what libraries raise on a damaged file has no common base
        # nor may its text be repeated, which quotes cells
        raise InputError(
            f"{path.name} can't be read as {path.suffix.lower()} ({type(error).__name__}). Expected a whole file, not cut "
            f"short or protected, and text in UTF-8. {RUN_AGAIN}"
        ) from None
    if _state(path) != before:
        raise InputError(
            f"{path.name} changed while it was read. Wait until it is written, and run `make report` again."
        )
    if month.users.empty:
        raise InputError(f"{path.name} has a header and no user rows. Expected one row a user. {RUN_AGAIN}")
    return month


def _reader(path: Path) -> Callable[[Path, Mapping[str, str]], Table]:
    """Return what reads files with this ending."""
    kind = path.suffix.lower()
    if kind not in KINDS:
        raise InputError(
            f"{path.name} ends in {kind or 'nothing'!r}, expected one of {', '.join(KINDS)}. "
            "Export the month in one of these."
        )
    return dialect.read if kind in TEXT else _read_parquet if kind in PARQUET else workbook.read


def _state(path: Path) -> tuple[int, int]:
    """Return size and time of change, having made sure that it is an ordinary file with something in it.

    Asked of the path, not of an open file: to open a pipe is to wait for who writes into it.
    """
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
    return found.st_size, found.st_mtime_ns


def _month(table: Table) -> Month:
    """Say what the cells mean."""
    columns: dict[str, Any] = {
        name: np.where(np.abs(found) > LARGEST, np.copysign(np.inf, found), found)
        for name, found in numbers(table).items()
    }
    joined: dict[str, int] = {}
    for field, text in zip(table.fields, table.texts, strict=True):
        name = field.column.name
        if field.column.kind == "category":
            columns[name], joined[name] = _categories(field, text, table)
        elif field.column.kind == "id":
            columns[name] = _ids(field, text, table)
    users = pd.DataFrame({field.column.name: columns[field.column.name] for field in table.fields})
    return Month(users, {name: count for name, count in joined.items() if count})


def _categories(field: Field, text: Any, table: Table) -> tuple[Any, int]:
    """Give every value its one spelling, and count the spellings that were joined to another."""
    found = text.combine_chunks().dictionary_encode()
    values = found.dictionary
    for written, meant in STEPS:
        values = pc.replace_substring_regex(values, written, meant)
    values = pc.utf8_normalize(pc.utf8_trim(values, TRIMMED), form="NFC")
    known = _without(values, MISSING)
    joined = len(known) - known.null_count - len(pc.unique(known.drop_null()))
    cells = known.take(found.indices)
    _refuse_broken(field, cells, table)
    return cells.to_pandas(types_mapper={pa.string(): WORDS}.get), joined


def _ids(field: Field, text: Any, table: Table) -> Any:
    """Trim and compose ids, and nothing more: two of them may differ in a letter that nobody sees."""
    cells = pc.replace_substring_regex(pc.utf8_normalize(text.combine_chunks(), form="NFC"), ENDS, "")
    cells = _without(cells, NO_NUMBER)
    _refuse_broken(field, cells, table)
    cells = read_ids(field, cells, table)
    return cells.to_pandas(types_mapper={pa.string(): WORDS}.get)


def _without(cells: Any, missing: Sequence[str]) -> Any:
    """Take out what stands for a missing value."""
    return pc.if_else(pc.is_in(pc.utf8_lower(cells), pa.array(missing)), pa.scalar(None, pa.string()), cells)


def _refuse_broken(field: Field, cells: Any, table: Table) -> None:
    """Refuse a spreadsheet's error values."""
    flags = pc.match_substring_regex(cells, BROKEN).fill_null(fill_value=False)
    wrong = np.flatnonzero(flags.to_numpy(zero_copy_only=False))
    if len(wrong):
        raise InputError(
            f"{table.file}: column {field.header!r} has {len(wrong):,} of Excel's error values (first on row "
            f"{table.rows[wrong[0]]}). Expected {field.column.label}. {RUN_AGAIN}"
        )


def _read_parquet(path: Path, names: Mapping[str, str]) -> Table:
    """Read a Parquet file; its rows are numbered as if it were a sheet with a header."""
    import pyarrow.parquet as pq  # noqa: PLC0415 - most files are text

    with pq.ParquetFile(path) as file:
        headers = file.schema_arrow.names
        fields = find(headers, names, path.name)
        types = [file.schema_arrow.field(field.index).type for field in fields]
        for field, kind in zip(fields, types, strict=True):
            refuse_type(field, kind, path.name)
        data = file.read(columns=[headers[field.index] for field in fields])
        columns = [_decode(data.column(headers[field.index])) for field in fields]
    rows = np.arange(data.num_rows) + 2
    for field, column in zip(fields, columns, strict=True):
        if not pa.types.is_floating(column.type):
            continue
        is_single = column.type.bit_width == 32 and field.column.kind == "category"
        if field.column.kind == "id" or is_single:
            size = np.abs(column.to_numpy())
            large = np.flatnonzero((size >= EXACT[column.type.bit_width]) & ~(np.isinf(size) & is_single))
            if len(large):
                raise refuse_ids(path.name, field, "long", len(large), int(rows[large[0]]))
    pairs = [_cells(field, column) for field, column in zip(fields, columns, strict=True)]
    return Table(path.name, fields, tuple(p[0] for p in pairs), tuple(p[1] for p in pairs), rows)


def _decode(column: Any) -> Any:
    """Give a column without its dictionary."""
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


def refuse_type(field: Field, kind: Any, file: str) -> None:
    """Refuse a Parquet column that is neither text nor numbers (half precision as words), nor truth values as a category."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    tests = [pa.types.is_null, pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal]
    tests += [pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view, pa.types.is_binary]
    if field.column.kind == "category":
        tests.append(pa.types.is_boolean)
    is_half = pa.types.is_float16(kind) and field.column.kind != "number"  # exact to 2,048 alone
    if is_half or not any(test(kind) for test in tests):
        expected = f"numbers ({field.column.unit})" if field.column.kind == "number" else "text"
        raise InputError(
            f"{file}: column {field.header!r} holds {kind}, expected {field.column.label} as {expected}. {RUN_AGAIN}"
        )


def _cells(field: Field, column: Any) -> tuple[Any, np.ndarray | None]:
    """Return a Parquet column's texts, and its numbers if it is a number column that has them as such."""
    if pa.types.is_decimal(column.type):  # as text, for Arrow's own cast is off in the last digit
        column = column.cast(pa.string())
        column = column.cast(pa.float64()) if field.column.kind == "number" else column
    if field.column.kind == "number" and (
        pa.types.is_integer(column.type) or pa.types.is_floating(column.type)
    ):
        nothing = pa.chunked_array([pa.nulls(len(column), pa.string())])
        return nothing, np.array(column.cast(pa.float64(), safe=False).to_numpy(), dtype=float)
    if pa.types.is_floating(column.type):  # whole numbers beside gaps or parts: 7, not 7.0 or 1.2e+10
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
        is_whole = pc.and_(pc.equal(pc.round(column), column), pc.less_equal(pc.abs(column), EXACT[64]))
        whole = pc.if_else(is_whole, column, pa.scalar(None, column.type)).cast(pa.int64())
        return pc.coalesce(whole.cast(pa.string()), column.cast(pa.string())), None
    text = column.cast(pa.string())
    text.validate(full=True)  # Parquet may call text what is none
    return (pc.utf8_capitalize(text) if pa.types.is_boolean(column.type) else text), None
