"""Text files that memory can't hold, converted to Parquet.

Its head is read as every small file is, so that encoding and delimiter mean here what they mean there; DuckDB then reads the
whole. A number is taken at once only where it can be read in one way: the decimal mark of a column is what the whole file
proves, as in a small one, and not what its head looks like.
"""

import codecs
import mmap
import re
from pathlib import Path

import duckdb
import narwhals as nw

from report.errors import InputError
from report.readers import csv_text, number_text
from report.readers.columns import RUN_AGAIN, MatchedColumn, RawTable
from report.readers.normalise import ROW_COLUMN, parse_number_columns
from report.sources.duckdb import escape_glob, quote_sql
from segmentation.schema import Schema

HEAD_BYTES = 1 << 20  # bytes that say how the rest is written
_TAIL_BYTES = 1 << 12  # bytes in which the last row is
_MAX_IN_MEMORY_BYTES = 500_000_000  # of a file with a fault that the reader of small files still takes, and names it


class UnsupportedByDuckDB(Exception):  # noqa: N818 - no error: another reader takes it
    """The reader of small files must read this one."""


def convert_text_to_parquet(connection: duckdb.DuckDBPyConnection, path: Path, schema: Schema, scratch: Path) -> Path:
    """Write a text file's schema columns as Parquet.

    Numbers become numbers, all else stays text. The Parquet file lies in `scratch`.

    Raises InputError if the head isn't a table of users, or the file is too large for the other reader to name its
    fault; UnsupportedByDuckDB if DuckDB can't read it as it is written, and it is small enough for the other reader.
    """
    head, options = _detect_layout(path, schema, scratch)
    fields = head.fields
    rows = f"read_csv({quote_sql(escape_glob(path))}, {options})"
    target = scratch / f"{path.name}.parquet"
    try:
        connection.execute("SET preserve_insertion_order = true")  # so that a row can be named
        sure = {name for name, mark in number_text.find_proven_marks(head).items() if mark == "."}
        cells = ", ".join(_cast_plain_cell(field, point=field.column.name in sure) for field in fields)
        _copy_to_parquet(connection, f"SELECT {cells} FROM {rows}", target)
        if not _has_unparsed_numbers(connection, fields, target):
            return target
        return _parse_remaining_cells(connection, head, target)
    except InputError as error:
        raise _choose_error(path, error) from None
    except (duckdb.Error, UnicodeDecodeError) as error:  # the second where DuckDB quotes what isn't UTF-8
        line = re.search(r"Line: (\d+)", str(error))  # all that may be repeated: the rest may quote a cell
        raise _make_text_error(path, f"line {line[1]}" if line else type(error).__name__) from None
    finally:
        connection.execute("SET preserve_insertion_order = false")


def _copy_to_parquet(connection: duckdb.DuckDBPyConnection, query: str, target: Path) -> None:
    connection.execute(f"COPY ({query}) TO {quote_sql(str(target))} (FORMAT parquet)")


def _cast_plain_cell(field: MatchedColumn, *, point: bool) -> str:
    """Return the SQL that reads a cell.

    A number where it is written plainly, else its text under another name; a word stays as it is.
    DuckDB alone takes "1_000" for a number, and "nan"; and "1.234" for little more than one, which is only sure where another
    value of the column proves that a point is its decimal mark. Nor do whole numbers of unusual shapes tell how others are grouped.
    """
    cell = f"c{field.index}"
    if field.column.kind != "number":
        return f"{cell} AS {_quote_name(field)}"
    doubted = f"contains({cell}, '_')" if point else f"regexp_matches({cell}, '[_.eE]|^[^0-9]*0[0-9]')"
    number = f"CASE WHEN NOT ({doubted}) THEN nullif(try_cast({cell} AS DOUBLE), 'nan'::DOUBLE) END"
    return f"{number} AS {_quote_name(field)}, CASE WHEN {number} IS NULL THEN {cell} END AS {_quote_text_name(field)}"


def _has_unparsed_numbers(
    connection: duckdb.DuckDBPyConnection, fields: tuple[MatchedColumn, ...], target: Path
) -> bool:
    """Return whether some number is still text."""
    rests = " + ".join(f"count({_quote_text_name(field)})" for field in fields if field.column.kind == "number")
    ((count,),) = connection.execute(f"SELECT {rests} FROM read_parquet(?)", [escape_glob(target)]).fetchall()
    return bool(count)


def _parse_remaining_cells(connection: duckdb.DuckDBPyConnection, head: RawTable, careful: Path) -> Path:
    """Read the numbers that are still text, into another file."""
    rows = connection.from_parquet(escape_glob(careful), file_row_number=True)
    frame = nw.from_native(rows.project(f'* EXCLUDE (file_row_number), file_row_number + 2 AS "{ROW_COLUMN}"'))
    texts = {field: f"{field.column.name} as text" for field in head.fields if field.column.kind == "number"}
    frame = parse_number_columns(frame, texts, head.file, "commas" if head.comma_is_delimiter else "anybody", head)
    target = careful.with_name(f"{careful.stem}-read.parquet")
    frame.select(field.column.name for field in head.fields).sink_parquet(target)
    careful.unlink()
    return target


def _detect_layout(path: Path, schema: Schema, scratch: Path) -> tuple[RawTable, str]:
    """Return the head, and DuckDB's options for the file."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as whole:
        head = _cut_at_row_end(file.read(HEAD_BYTES))
        if whole.find(b"\0") >= 0:
            raise _make_text_error(path, "it has a NUL character")
    plain = head.removeprefix(codecs.BOM_UTF8)
    try:
        plain.decode()
    except UnicodeDecodeError:
        raise _make_text_error(path, "it isn't UTF-8") from None
    if plain.startswith((b"\n", b"\r")) or csv_text.SEPARATOR_LINE.match(plain):
        raise _make_text_error(path, "its first line is no header")
    scratch.mkdir(parents=True, exist_ok=True)
    sample = scratch / path.name
    sample.write_bytes(head)
    try:
        table = csv_text.read_delimited_text(sample, schema)
    except InputError as error:
        raise _choose_error(path, error) from None
    finally:
        sample.unlink()
    delimiter = csv_text.detect_delimiter(plain, schema)
    if _ends_without_user(path, delimiter):
        raise _make_text_error(path, "it ends in rows of no user")
    header, titles = csv_text.read_csv_header(plain, delimiter, schema)
    if titles:
        raise _make_text_error(path, "its first line is no header")
    width = len(header)
    columns = ", ".join(f"'c{i}': 'VARCHAR'" for i in range(width))
    options = (
        f"columns = {{{columns}}}, auto_detect = false, header = true, delim = {quote_sql(delimiter)}, "
        "quote = '\"', escape = '\"', strict_mode = true"
    )
    return table, options


def _make_text_error(path: Path, problem: str) -> Exception:
    """Return the error for an unreadable text file."""
    error = InputError(
        f"{path.name} can't be read as text ({problem}). Expected UTF-8, rows as long as the header, and quotes "
        f"around a value that holds the delimiter. {RUN_AGAIN}"
    )
    return _choose_error(path, error)


def _choose_error(path: Path, error: InputError) -> Exception:
    """Return the error to raise for a fault."""
    # A file that the reader of small files can take is left to it: it may read the file, or name the fault
    return UnsupportedByDuckDB(str(error)) if path.stat().st_size <= _MAX_IN_MEMORY_BYTES else error


def _cut_at_row_end(head: bytes) -> bytes:
    """Return the head's whole rows."""
    cut = head.rfind(b"\n") + 1
    quotes = head.count(b'"', 0, cut)
    while cut and quotes % 2:
        before = head.rfind(b"\n", 0, cut - 1) + 1
        quotes -= head.count(b'"', before, cut)
        cut = before
    return head[:cut] or head[: head.rfind(b"\n") + 1] or head


def _ends_without_user(path: Path, delimiter: str) -> bool:
    """Return whether the last row isn't a user."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
        last = file.read().rstrip(b"\r\n \t").rpartition(b"\n")[2] + delimiter.encode()
    words = last.strip(delimiter.encode() + b'\r" ').decode(errors="replace")
    return not words or bool(csv_text.ROW_COUNT_FOOTER.fullmatch(words))


def _quote_name(field: MatchedColumn) -> str:
    return f'"{field.column.name}"'


def _quote_text_name(field: MatchedColumn) -> str:
    return f'"{field.column.name} as text"'
