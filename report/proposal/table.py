"""A stranger's file as a raw table of texts."""

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from report.errors import InputError
from report.proposal.cells import parse_number, tidy_cell
from report.readers.csv_text import read_text_records
from report.readers.excel import read_sheet_rows
from report.readers.files import check_data_file
from report.storage.months import PARQUET_SUFFIXES, TEXT_SUFFIXES
from segmentation.preprocessing.spelling import normalise_text

SAMPLE_ROWS = 200_000  # rows that are looked at
_HEADER_SEARCH_ROWS = 30  # a header is expected among so many first rows
_MIN_COLUMNS = 2


@dataclass(frozen=True, slots=True)
class TextTable:
    """The cells of a file as text, not yet interpreted."""

    file: str  # its name
    headers: tuple[str, ...]
    columns: tuple[tuple[str | None, ...], ...]  # by header: every row's cell, None if empty
    title_rows: int = 0  # above the header
    odd_rows: int = 0  # with another number of fields, left out
    is_cut: bool = False  # whether the file has more rows than were read

    @property
    def rows(self) -> int:
        """The number of rows read."""
        return len(self.columns[0]) if self.columns else 0


def read_text_table(path: Path, limit: int = SAMPLE_ROWS) -> TextTable:
    """Read the first rows of a file as text.

    A `.csv`, `.tsv` or `.txt` file, the first sheet of an `.xlsx` workbook, or a `.parquet` file. Rows above the header are
    left out and counted. Raises InputError if it is no table with a header and two columns.
    """
    check_data_file(path)
    kind = path.suffix.lower()
    if kind in PARQUET_SUFFIXES:
        return _read_parquet_head(path, limit)
    try:
        if kind in TEXT_SUFFIXES:
            records = islice(read_text_records(path), limit + _HEADER_SEARCH_ROWS)
            rows: list[list[str | None]] = [[cell or None for cell in record] for record in records]
        else:
            rows = [[_write_cell(cell) for cell in row] for row in read_sheet_rows(path).values()]
    except csv.Error as error:
        raise InputError(f"{path.name}: a quote doesn't close where its value ends. Correct the export.") from error
    return build_table(path.name, rows, limit)


def build_table(file: str, rows: Sequence[Sequence[str | None]], limit: int = SAMPLE_ROWS) -> TextTable:
    """Find the header among rows, and return the columns below."""
    filled = [row for row in rows if any(cell and cell.strip() for cell in row)]
    place = _find_header_row(filled)
    if place is None:
        raise InputError(
            f"{file}: found no header with names of two or more columns. Expected a row of names above the users' rows. "
            "Add it to the export."
        )
    header = [cell or "" for cell in filled[place]]
    while (
        header
        and not header[-1].strip()
        and not any(len(row) >= len(header) and row[-1] for row in filled[place + 1 :])
    ):
        header.pop()
    body = filled[place + 1 :]
    fitting = [row for row in body if len(row) == len(header) or _fits_width(row, len(header))]
    kept = fitting[:limit]
    columns = tuple(tuple((row[at] or None) if at < len(row) else None for row in kept) for at in range(len(header)))
    if not kept:
        raise InputError(f"{file}: has a header and no rows below it. Expected one row a user. Export it again.")
    return TextTable(
        file,
        tuple(map(normalise_text, header)),
        columns,
        title_rows=place,
        odd_rows=len(body) - len(fitting),
        is_cut=len(fitting) > limit,
    )


def _find_header_row(rows: Sequence[Sequence[str | None]]) -> int | None:
    """Return the place of the header among filled rows."""
    head = rows[: _HEADER_SEARCH_ROWS + 20]
    widths = Counter(_count_filled(row) for row in head[len(head) // 2 :])
    usual = max(widths, key=lambda width: (widths[width], width), default=0)
    for place, row in enumerate(head[:_HEADER_SEARCH_ROWS]):
        names = [cell.strip() for cell in row if cell and cell.strip()]
        if len(names) < max(_MIN_COLUMNS, 0.6 * usual):
            continue
        numbers = [name for name in names if parse_number(name) is not None]
        if len(numbers) > max(1, len(names) / 4) and not all(_is_year(name) for name in numbers):
            return None  # a user's row
        following = head[place + 1] if place + 1 < len(head) else ()
        below = [_count_numbers(other) for other in head[place + 2 : place + 12]]
        # a second row of names, above rows with numbers
        is_doubled = (
            not numbers
            and not _count_numbers(following)
            and len({cell for cell in following if cell}) == _count_filled(following) >= len(names) - 1 > 0
            and bool(below)
            and min(below) >= max(2, len(names) / 2)
        )
        return place + 1 if is_doubled else place
    return None


def _is_year(name: str) -> bool:
    return bool(re.fullmatch(r"(19|20)\d\d", name))


def _count_filled(row: Sequence[str | None]) -> int:
    return sum(bool(cell and cell.strip()) for cell in row)


def _count_numbers(row: Sequence[str | None]) -> int:
    return sum(bool(cell) and parse_number(str(cell).strip()) is not None for cell in row)


def _fits_width(row: Sequence[str | None], width: int) -> bool:
    """Return whether a row only lacks, or only has, empty cells beyond the header's end.

    A sheet's rows end with their last cell; one field alone is a footer.
    """
    if len(row) > width:
        return not any(cell and cell.strip() for cell in row[width:])
    return len(row) > 1 and width - len(row) <= width // 2


def _read_parquet_head(path: Path, limit: int) -> TextTable:
    """Read the first rows of a Parquet file as text."""
    import pyarrow.parquet as pq  # noqa: PLC0415 - most files are text

    try:
        with pq.ParquetFile(path) as file:
            headers = tuple(file.schema_arrow.names)
            total = file.metadata.num_rows
            rows: list[dict[str, Any]] = []
            batches = file.iter_batches(batch_size=min(limit, 65_536))
            while len(rows) < min(limit, total):
                rows += next(batches).to_pylist()
    except Exception as error:  # noqa: BLE001 - Arrow's errors on damaged files have no common base
        raise InputError(
            f"{path.name} can't be read as Parquet ({type(error).__name__}). Expected a whole file. Export it again."
        ) from None
    if len(headers) < _MIN_COLUMNS or not rows:
        raise InputError(f"{path.name}: expected two columns or more, and one row a user. Export it again.")
    columns = tuple(tuple(_write_cell(row[name]) for row in rows[:limit]) for name in headers)
    return TextTable(path.name, headers, columns, is_cut=total > limit)


def _write_cell(cell: Any) -> str | None:
    """Return a typed cell as the text that readers take it for."""
    if cell is None or cell != cell:  # noqa: PLR0124 - the only value that isn't itself is not a number
        return None
    if isinstance(cell, datetime):
        return cell.date().isoformat() if not (cell.hour or cell.minute or cell.second) else f"{cell:%Y-%m-%d %H:%M:%S}"
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    return tidy_cell(str(cell)) or None
