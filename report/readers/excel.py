"""The first sheet of an Excel workbook.

Formulas count with the value that Excel last calculated; one that was never calculated is refused.
"""

import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from report.errors import InputError
from report.readers.columns import (
    MAX_TITLE_ROWS,
    RUN_AGAIN,
    MatchedColumn,
    RawTable,
    find_header_row,
    make_not_numeric_error,
    match_columns,
)
from report.readers.ids import make_faulty_id_error
from segmentation.preprocessing.spelling import normalise_text
from segmentation.schema import Schema

MAX_EXACT_NUMBER = 10**15  # Excel keeps 15 digits of a number
STRICT_NAMESPACE = b"http://purl.oclc.org/ooxml/"  # the names of Strict Open XML, which openpyxl doesn't know
UNPACKED_LIMIT = 1 << 30  # bytes; a full sheet of a million rows and eight columns is a third of it
CELL_LIMIT = 10_000_000  # of all sheets; that full sheet has eight million
FREE_CELLS = 200_000  # however small the file is. Above, a cell takes two bytes of the file at least: most take four
CELL_TAGS = (b"<c ", b"<c>", b"<c/", b":c ", b":c>", b":c/")
TEXT_LIMIT = 1 << 20  # bytes without a tag; a cell has at most 32,767 characters
OTHER_PARTS_LIMIT = 100 << 20  # bytes of styles, names and the like, which are read whole; texts are apart
ROW_LIMIT = 1_048_576  # Excel's own; a row number beyond it would have us count for days
FORMULA_ELEMENT = re.compile(rb"<(?:\w+:)?f[\s/>]")
CALCULATED_ON_OPENING = re.compile(rb"""fullCalcOnLoad\s*=\s*["'](?:1|true)["']""")
OLE_MAGIC = bytes.fromhex("d0cf11e0a1b11ae1")  # of old Excel files, and of those with a password
ESCAPED_CONTROL = re.compile("_x(00[01][0-9A-Fa-f])_")
DATE_TYPES = (date, time, timedelta)  # a datetime is a date


def read_workbook(path: Path, schema: Schema) -> RawTable:
    """Read every row that isn't blank of a workbook's first sheet.

    Text stays text, numbers stay numbers. Raises InputError if it isn't a workbook, unpacks to more than a gigabyte, or
    a column that we use has a formula never calculated, a date, or in a number column a truth value.
    """
    has_formulas = _inspect_archive(path)
    with warnings.catch_warnings():  # openpyxl reports what it doesn't keep: styles, validations, extensions
        warnings.simplefilter("ignore")
        rows = _read_rows(path)
        if not rows:
            raise InputError(f"{path.name} is empty on its first sheet. Expected a header and one row a user.")
        first = [
            ["" if name is None else str(name) for name in rows[number]]
            for number in sorted(rows)[: MAX_TITLE_ROWS + 1]
        ]
        place = find_header_row(first, schema)
        headers = first[place]
        for number in sorted(rows)[: place + 1]:
            del rows[number]
        fields = match_columns(headers, schema, path.name)
        if has_formulas:
            _refuse_uncalculated(path, fields)
    numbers = np.array(list(rows), dtype=int)
    columns = [_pick_cells(field, list(rows.values()), numbers, path.name) for field in fields]
    texts = tuple(
        pa.array([cell if isinstance(cell, str) else None for cell in cells], pa.string()) for cells in columns
    )
    values = {
        field.column.name: np.array(
            [np.nan if cell is None or isinstance(cell, str) else float(cell) for cell in cells]
        )
        for field, cells in zip(fields, columns, strict=True)
        if field.column.kind == "number"
    }
    return RawTable(path.name, fields, texts, numbers, numbers=values)


def _inspect_archive(path: Path) -> bool:
    """Return whether the workbook has formulas."""
    # A file that is no workbook or too large is refused before it is unpacked
    try:
        with zipfile.ZipFile(path) as archive:
            _refuse_large_parts(path, archive)
            if any("\\" in part.orig_filename for part in archive.infolist()):
                raise InputError(
                    f"{path.name} names its parts with backslashes, where a workbook has slashes. Open it in Excel or LibreOffice, "
                    "save it again as .xlsx, and run `make report` again."
                )
            if any(n.endswith("workbook.xml") and STRICT_NAMESPACE in archive.read(n) for n in archive.namelist()):
                raise InputError(
                    f"{path.name} is a Strict Open XML workbook, which can't be read. Save it as 'Excel Workbook (*.xlsx)', "
                    "and run `make report` again."
                )
            return _scan_parts(path, archive)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, zlib.error) as error:  # others are of packed parts
        with path.open("rb") as file:
            begins = file.read(8)
        what = (
            "it is a zip that is cut short or damaged"
            if begins.startswith(b"PK")
            else "it has a password, or is an old .xls"
            if begins == OLE_MAGIC
            else "it doesn't begin as a zip"
        )
        raise InputError(
            f"{path.name} isn't an Excel workbook that can be read ({error}): {what}. Save it again as .xlsx without a password, or "
            "as CSV, and run `make report` again."
        ) from error


def _refuse_large_parts(path: Path, archive: zipfile.ZipFile) -> None:
    """Refuse a workbook that unpacks to more than memory holds."""
    sizes = {part.filename: part.file_size for part in archive.infolist()}
    others = sum(size for name, size in sizes.items() if not re.search(r"worksheets/|sharedStrings|media/", name))
    for size, most in ((sum(sizes.values()), UNPACKED_LIMIT), (others, OTHER_PARTS_LIMIT)):
        if size > most:
            raise InputError(
                f"{path.name} unpacks to {size:,} bytes{' beside its sheets' * (most == OTHER_PARTS_LIMIT)}, expected at most "
                f"{most:,}. Export the month as CSV or Parquet instead."
            )


def _scan_parts(path: Path, archive: zipfile.ZipFile) -> bool:
    """Return whether the sheets' XML has a formula."""
    # Much faster than reading them as sheets. More cells than a file of this size can have are refused
    cells, has_formulas = 0, False
    most = min(CELL_LIMIT, max(FREE_CELLS, path.stat().st_size // 2))
    for name in archive.namelist():
        if not (name.endswith(".xml") and ("worksheets/" in name or "sharedStrings" in name)):
            continue
        tail = b""
        with archive.open(name) as part:
            while chunk := part.read(TEXT_LIMIT):
                cells += sum(map(chunk.count, CELL_TAGS)) + chunk.count(b"<si") + chunk.count(b":si")
                if cells > most:
                    raise InputError(
                        f"{path.name} has more than {most:,} cells, too many for a workbook of {path.stat().st_size:,} bytes. "
                        "Delete the empty ones beside and below the users, or export the month as CSV or Parquet instead."
                    )
                if b"<" not in chunk and len(chunk) == TEXT_LIMIT:
                    raise InputError(
                        f"{path.name} has a text of more than {TEXT_LIMIT:,} bytes, which no cell can hold. {RUN_AGAIN}"
                    )
                has_formulas = has_formulas or bool("worksheets/" in name and FORMULA_ELEMENT.search(tail + chunk))
                tail = chunk[-32:]
    return has_formulas


def _find_first_sheet(book: Any, file: str) -> Any:
    """Return the first visible sheet."""
    sheet = next((sheet for sheet in book.worksheets if sheet.sheet_state == "visible"), None)
    if sheet is None:
        raise InputError(f"{file} has no sheet of cells. Expected the users on its first. {RUN_AGAIN}")
    sheet.reset_dimensions()  # some programs write a size that leaves cells out
    return sheet


@contextmanager
def _open_workbook(path: Path, *, calculated: bool) -> Iterator[Any]:
    """Open a workbook for its values or its formulas."""
    # The file is closed whatever openpyxl raises
    import openpyxl  # noqa: PLC0415 - slow to import, and most files are text

    with path.open("rb") as file:
        yield openpyxl.load_workbook(file, read_only=True, data_only=calculated)


def _read_rows(path: Path) -> dict[int, tuple[Any, ...]]:
    """Return the rows that aren't blank, by number."""
    rows: dict[int, tuple[Any, ...]] = {}
    with _open_workbook(path, calculated=True) as book:
        sheet = _find_first_sheet(book, path.name)
        for number, row in enumerate(sheet.iter_rows(values_only=True, max_col=_measure_header(sheet)), 1):
            if number > ROW_LIMIT:
                raise InputError(f"{path.name} has more rows than Excel's {ROW_LIMIT:,}. Export as CSV or Parquet.")
            if not all(value is None or (isinstance(value, str) and not normalise_text(value)) for value in row):
                rows[number] = tuple(_unescape_text(value) for value in row)
    return rows


def _measure_header(sheet: Any) -> int:
    """Return the width of the header, below titles if there are any."""
    # One cell far to the right would give every row sixteen thousand more
    found: list[list[int]] = []
    for number, row in enumerate(sheet.iter_rows(values_only=True), 1):
        filled = [place for place, value in enumerate(row, 1) if value is not None and normalise_text(str(value))]
        if filled:
            found.append(filled)
        if len(found) > MAX_TITLE_ROWS or number > ROW_LIMIT:
            break
    most = max(map(len, found), default=0)
    return next((filled[-1] for filled in found if 2 * len(filled) >= most), 1)


def _unescape_text(value: Any) -> Any:
    """Return a cell as Excel shows it."""
    # XML can't hold control characters: a sheet writes "_x000D_"
    return (
        ESCAPED_CONTROL.sub(lambda found: chr(int(found[1], 16)), value)
        if isinstance(value, str) and "_x" in value
        else value
    )


def _refuse_uncalculated(path: Path, fields: Sequence[MatchedColumn]) -> None:
    """Refuse a formula that was never calculated.

    Such a cell has no value; or a made-up 0 if a program asks Excel to calculate when the file is opened, and gives that value to
    every formula. A formula whose value is the empty text has a type and no value: it is calculated, and missing.
    """
    used = {field.index + 1 for field in fields}
    with zipfile.ZipFile(path) as archive:  # openpyxl takes a note that isn't there for one that is
        on_opening = any(
            CALCULATED_ON_OPENING.search(archive.read(n)) for n in archive.namelist() if n.endswith("workbook.xml")
        )
    zero = ""
    with _open_workbook(path, calculated=True) as cached, _open_workbook(path, calculated=False) as formulas:
        sheets = (_find_first_sheet(book, path.name).iter_rows(max_col=max(used)) for book in (cached, formulas))
        for row in zip(*sheets, strict=True):
            for value, formula in zip(*row, strict=True):
                if formula.data_type != "f" or formula.column not in used:
                    continue
                if value.value is None and value.data_type == "n":
                    raise _make_uncalculated_error(path.name, formula.coordinate)
                if value.value != 0:
                    on_opening = False  # this one was calculated, and so were those beside it
                zero = zero or formula.coordinate
    if on_opening and zero:
        raise _make_uncalculated_error(path.name, zero)


def _make_uncalculated_error(file: str, cell: str) -> InputError:
    return InputError(
        f"{file}: cell {cell} holds a formula that was never calculated. "
        "Open the workbook in Excel or LibreOffice, save it, and run `make report` again."
    )


def _pick_cells(field: MatchedColumn, rows: Sequence[tuple[Any, ...]], numbers: np.ndarray, file: str) -> list[Any]:
    """Return one column's cells: numbers only in a column of numbers."""
    cells = [row[field.index] if field.index < len(row) else None for row in rows]
    for kinds, what in ((DATE_TYPES, "dates"), (bool, "truth values")):
        wrong = [i for i, cell in enumerate(cells) if isinstance(cell, kinds)]
        if not wrong:
            continue
        if field.meaning.kind == "date" and kinds is DATE_TYPES:
            cells = [str(cell) if isinstance(cell, date) else cell for cell in cells]
            continue
        if field.column.kind == "number" and field.allows_truth_values and kinds is bool:
            cells = [float(cell) if isinstance(cell, bool) else cell for cell in cells]
            continue
        if field.column.kind == "number":
            raise make_not_numeric_error(file, field, what, count=len(wrong), row=int(numbers[wrong[0]]))
        if kinds is DATE_TYPES:
            raise InputError(
                f"{file}: column {field.header!r} has {len(wrong):,} date{'s' if len(wrong) > 1 else ''} where text "
                f"is expected (first on row {numbers[wrong[0]]}). Excel turns text that "
                "looks like a date into one: format the column as text, correct it, and run `make report` again."
            )
    if field.column.kind == "number":
        return cells
    if field.column.kind == "id":
        _refuse_truncated_ids(field, cells, numbers, file)
    whole = (int(cell) if isinstance(cell, float) and cell.is_integer() else cell for cell in cells)
    return [None if cell is None else str(cell) for cell in whole]


def _refuse_truncated_ids(field: MatchedColumn, cells: Sequence[Any], numbers: np.ndarray, file: str) -> None:
    """Refuse ids of which Excel may have dropped digits."""
    # The last digits of long numbers, or zeros in front of some
    is_number = [isinstance(cell, int | float) and not isinstance(cell, bool) for cell in cells]
    long = [i for i, cell in enumerate(cells) if is_number[i] and abs(cell) >= MAX_EXACT_NUMBER]
    zeros = [i for i, cell in enumerate(cells) if isinstance(cell, str) and re.match(r"\s*0[0-9]+\s*$", cell)]
    for fault, found in (("long", long), ("zeros", zeros if any(is_number) else [])):
        if found:
            raise make_faulty_id_error(file, field, fault, len(found), int(numbers[found[0]]))


def read_sheet_rows(path: Path) -> dict[int, tuple[Any, ...]]:
    """Read the first sheet's rows that aren't blank, by number."""
    _inspect_archive(path)
    with warnings.catch_warnings():  # as in `read_workbook`
        warnings.simplefilter("ignore")
        return _read_rows(path)
