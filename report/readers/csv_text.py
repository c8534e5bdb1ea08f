"""Delimited text files: encoding, delimiter and rows."""

import codecs
import contextlib
import csv
import io
import logging
import re
from collections.abc import Iterator
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from report.errors import InputError, NoUsersError
from report.readers.columns import (
    MAX_TITLE_ROWS,
    RUN_AGAIN,
    RawTable,
    find_header_row,
    list_known_headers,
    match_columns,
    normalise_header,
)
from segmentation.preprocessing.spelling import normalise_text
from segmentation.schema import Schema

DELIMITERS = ",;\t|"
SAVE_AS_UTF8_HINT = "Save it again as 'CSV UTF-8' (in a spreadsheet: Save As), and run `make report` again."
WIDE_BOMS = {  # UTF-32 before UTF-16, whose mark its own starts with
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
MAGIC_BYTES = {b"PK\x03\x04": "an Excel workbook or a zip", b"PAR1": "a Parquet file", b"\x1f\x8b": "a gzip archive"}
SEPARATOR_LINE = re.compile(rb"\A(?i:sep=)[,;\t|]\r?\n")  # a note to Excel, which shows it as no row
# What Western words hardly have, and other encodings read as Windows-1252 nearly always: three such characters in a
# row, or two alone; a sign such as ‡ or ³ before a small letter; a capital after one; ƒ.
UNLIKELY_IN_WINDOWS_1252 = re.compile(
    rb"\x83|[\x80-\xff]{3}|(?<![A-Za-z\x80-\xff])[\xc0-\xff]{2}(?![A-Za-z])"
    rb"|(?<=[A-Za-z\xc0-\xff])[\x80\x82\x84-\x89\x8b\x93-\x95\x98\x99\x9b\xa1-\xac\xae-\xb6\xb8-\xbf][a-z\xdf-\xff]"
    rb"|[\xa6\xa8\xac\xae-\xb4\xb6\xb8-\xbe][a-z\xdf-\xff]|[a-z\xdf-\xff][\x8a\x8c\x8e\x9f\xc0-\xd6\xd8-\xde]"
)
# The last line of psql in any language, sqlcmd, SQL*Plus and MySQL
ROW_COUNT_FOOTER = re.compile(
    r"\(\d+ [^\W\d_]+(?: affected)?\)|(?:Query OK,? ?)?\d+ rows?(?: selected| affected| in set)?\.?(?: ?\(\d+\.\d+ sec\))?"
)
MAX_COLUMNS = 10_000
CELLS_PER_CHUNK = 1 << 17  # held as Python text before they go to Arrow, a tenth of the size

_log = logging.getLogger(__name__)


def read_delimited_text(path: Path, schema: Schema) -> RawTable:
    """Read every row of a delimited text file.

    Blank lines, and rows of empty cells at the end, are left out. Raises InputError if the encoding, the quotes, the
    header or a row's length is not that of a table.
    """
    data = SEPARATOR_LINE.sub(b"", _decode_to_utf8(path.read_bytes(), path.name))
    delimiter = detect_delimiter(data, schema)
    lines = _iterate_rows(data, delimiter, path.name)
    titles = read_csv_header(data, delimiter, schema)[1]
    filled_lines = (record for _, record in lines if _is_filled(record))
    header = next(islice(filled_lines, titles, None), None)
    if header is None:
        raise NoUsersError(f"{path.name} is empty. Expected a header and one row a user. {RUN_AGAIN}")
    if len(header) > MAX_COLUMNS:
        raise InputError(f"{path.name} has {len(header):,} columns, expected at most {MAX_COLUMNS:,}. {RUN_AGAIN}")
    fields = match_columns(header, schema, path.name)
    pick = itemgetter(*(field.index for field in fields))
    texts: list[list[Any]] = [[] for _ in fields]
    cells: list[str] = []
    rows: list[int] = []
    filled = 0  # rows up to the last with anything in it

    def flush_cells() -> None:
        for i, chunks in enumerate(texts):
            chunks.append(pa.array(cells[i :: len(fields)], pa.string()))
        cells.clear()

    for row, record in lines:
        is_ragged = len(record) != len(header)
        # an end mark of DOS, "\x1a", is no word
        words = "".join(map(normalise_text, record)) if is_ragged or not any(record[1:]) else ""
        if ROW_COUNT_FOOTER.fullmatch(words) or (is_ragged and words):
            _refuse_ragged(path.name, row, record, header, lines)
            break
        if is_ragged:
            continue
        cells += pick(record)
        rows.append(row)
        if any(map(str.strip, record)):
            filled = len(rows)
        if len(cells) >= CELLS_PER_CHUNK:
            flush_cells()
    flush_cells()
    columns = tuple(pa.chunked_array(chunks, pa.string())[:filled] for chunks in texts)
    return RawTable(path.name, fields, columns, np.array(rows[:filled], dtype=int), delimiter == ",")


def _decode_to_utf8(data: bytes, file: str) -> bytes:
    """Return the text as UTF-8 without byte order marks."""
    for magic, kind in MAGIC_BYTES.items():
        if data.startswith(magic):
            raise InputError(f"{file} is {kind}, not text. Export it as CSV, or give it the ending that fits.")
    wide = next((mark for mark in WIDE_BOMS if data.startswith(mark)), b"")
    encoding = WIDE_BOMS.get(wide, "utf-8" if data.startswith(codecs.BOM_UTF8) else "")
    try:
        if wide:
            data = data[len(wide) :].decode(encoding).encode()
        while data.startswith(codecs.BOM_UTF8):  # some tools add a mark to a file that has one
            data = data[len(codecs.BOM_UTF8) :]
        if b"\0" in data:
            line = 1 + data[: data.index(b"\0")].count(b"\n")
            raise InputError(
                f"{file} has a NUL character on line {line}: it isn't text, is damaged, or is UTF-16 without its "
                f"mark. {SAVE_AS_UTF8_HINT}"
            )
        data.decode()
    except UnicodeError as error:
        if encoding:
            raise InputError(
                f"{file} starts as {encoding.upper()} and doesn't stay so ({getattr(error, 'reason', type(error).__name__)} at byte "
                f"{getattr(error, 'start', 0):,}). {SAVE_AS_UTF8_HINT}"
            ) from error
        data = _decode_windows_1252(data, file).encode()
    return data


def _decode_windows_1252(data: bytes, file: str) -> str:
    """Decode Windows-1252, which includes Latin-1, with a warning.

    Of 59 Western words, each in 300 rows, charset-normalizer 3.5 took 28 for another encoding's and ruled 8 out. This
    rule takes them all, and refuses other scripts, Polish, DOS and mostly Mac. Czech, Hungarian and Turkish have
    the same bytes as Western letters, so that only a person sees the difference: hence the warning, with the lines to look at.
    """
    lines = data.splitlines()
    odd = b"\n".join(dict.fromkeys(line for line in lines if not line.isascii()))
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError:
        text = ""
    if not text or UNLIKELY_IN_WINDOWS_1252.search(odd) or _has_utf8(odd):
        number = next(i for i, line in enumerate(lines, 1) if not line.isascii())
        raise InputError(
            f"{file} is neither UTF-8 nor Windows-1252 throughout (line {number}): it has another encoding, or "
            f"several. {SAVE_AS_UTF8_HINT}"
        )
    first = [str(i) for i, line in enumerate(lines, 1) if not line.isascii()][:5]
    _log.warning(
        "%s isn't UTF-8; read as Windows-1252. Look whether its letters are right in line %s; if they aren't: %s",
        file,
        ", ".join(first),
        SAVE_AS_UTF8_HINT,
    )
    return text


def _has_utf8(data: bytes) -> bool:
    """Return whether some characters are UTF-8."""
    # In a text that isn't UTF-8 as a whole, they show that files were joined
    return not data.decode(errors="ignore").isascii()


def _open_csv_reader(data: bytes, delimiter: str) -> Any:
    """Return the reader of rows."""
    text = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8", newline="")
    return csv.reader(text, delimiter=delimiter, strict=True, skipinitialspace=True)


def _iterate_rows(data: bytes, delimiter: str, file: str) -> Iterator[tuple[int, list[str]]]:
    """Yield every row with its number."""
    # It counts as a spreadsheet does: a line break in quotes starts no row
    row = 0
    try:
        for row, record in enumerate(_open_csv_reader(data, delimiter), 1):
            yield row, record
    except csv.Error as error:
        fault = f"a quote that doesn't close where its value ends ({error})"
        if "limit" in str(error):
            fault = f"a value of more than {csv.field_size_limit():,} characters, or a quote that never closes"
        raise InputError(
            f'{file}: row {row + 1} has {fault}. Expected a value that starts with " to end with ", '
            f"and a quote inside it twice. {RUN_AGAIN}"
        ) from error


def read_csv_header(data: bytes, delimiter: str, schema: Schema) -> tuple[list[str], int]:
    """Return the header, and how many titles stand above it."""
    filled = (record for record in _open_csv_reader(data, delimiter) if _is_filled(record))
    rows: list[list[str]] = []
    with contextlib.suppress(csv.Error):  # whoever reads the rows names it
        for row in islice(filled, MAX_TITLE_ROWS + 1):
            rows.append(row)  # noqa: PERF402 - those before the error stay
    place = find_header_row(rows, schema)
    return (rows[place], place) if rows else ([], 0)


def _is_filled(record: list[str]) -> bool:
    """Return whether a row has anything that can be seen."""
    return bool(record) and bool(normalise_text("".join(record)).strip("".join(DELIMITERS)))


def detect_delimiter(data: bytes, schema: Schema) -> str:
    """Return the delimiter that gives the most known names."""
    wanted = {normalise_header(name) for name in list_known_headers(schema)}

    def count_known_names(delimiter: str) -> tuple[int, int]:
        try:
            header, _ = read_csv_header(data, delimiter, schema)
        except csv.Error:
            return 0, 0
        return len(wanted & {normalise_header(name) for name in header[:MAX_COLUMNS]}), len(header)

    return max(DELIMITERS, key=count_known_names)


def _refuse_ragged(
    file: str, row: int, record: list[str], header: list[str], rest: Iterator[tuple[int, list[str]]]
) -> None:
    """Refuse a row of another length."""
    # The last row may be a count of rows, as some programs write it
    is_last = not any(any(map(normalise_text, later)) for _, later in rest)
    is_footer = ROW_COUNT_FOOTER.fullmatch("".join(map(normalise_text, record)))
    if is_last and is_footer:
        return
    width = len([cell for cell in record if cell] if is_footer else record)
    rule = (
        "It is the last row of the file."
        if is_last and width < len(header)
        else "A value that holds the delimiter has to stand in quotes."
    )
    raise InputError(
        f"{file}: row {row} has {width} field{'s' if width > 1 else ''}, expected {len(header)} as in "
        f"the header. {rule} {RUN_AGAIN}"
    )


def read_text_records(path: Path) -> Iterator[list[str]]:
    """Yield every record of a delimited text file of any columns.

    The delimiter is the one that splits most of the first rows into equally many fields, and leaves no other delimiter in the
    header.
    """
    data = SEPARATOR_LINE.sub(b"", _decode_to_utf8(path.read_bytes(), path.name))
    for _, record in _iterate_rows(data, _detect_any_delimiter(data), path.name):
        yield record


def _detect_any_delimiter(data: bytes, rows: int = 200) -> str:
    """Return the delimiter that splits the first rows alike."""

    def rate_delimiter(delimiter: str) -> tuple[bool, float, int]:
        records: list[list[str]] = []
        with contextlib.suppress(csv.Error):
            for record in _open_csv_reader(data, delimiter):
                records += [record] if any(record) else []
                if len(records) == rows:
                    break
        widths = [len(record) for record in records]
        usual = max(set(widths), key=lambda width: (widths.count(width), width), default=0)
        if usual < 2:
            return False, 0.0, 0
        first = widths.index(usual)  # the header, below rows of titles
        is_even = sum(width == usual for width in widths[first:]) >= 0.9 * len(widths[first:])
        others = DELIMITERS.replace(delimiter, "")
        clean = sum(not any(mark in cell for mark in others) for cell in records[first]) / usual
        return is_even, clean, usual

    return max(DELIMITERS, key=rate_delimiter)
