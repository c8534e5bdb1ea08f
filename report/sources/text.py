"""A text file that memory can't hold, turned into Parquet once: later passes over it are cheap.

Its head is read as every small file is, so that encoding and delimiter mean here what they mean there; DuckDB then reads the
whole. A number is taken at once only where it can be read in one way: the decimal mark of a column is what the whole file
proves, as in a small one, and not what its head looks like.
"""

import codecs
import mmap
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from report import dialect, numerals
from report.columns import RUN_AGAIN, Field, Table, not_numbers
from report.errors import InputError
from report.sources.duck import literal, quoted
from segmentation.text import ENDS, INVISIBLE

HEAD = 1 << 20  # bytes that say how the rest is written
_TAIL = 1 << 12  # bytes in which the last row is
_BY_MEMORY = (
    500_000_000  # bytes of a file with a fault that the reader of small files still takes, and names it
)


class Unplain(Exception):  # noqa: N818 - no error: another reader takes it
    """The file isn't what DuckDB reads: the reader of small files may read it, or says what is wrong."""


def to_parquet(
    connection: duckdb.DuckDBPyConnection, path: Path, names: Mapping[str, str], scratch: Path
) -> Path:
    """Write the schema's columns of a text file as Parquet: numbers as such, all else as it stands.

    Parameters
    ----------
    connection : DuckDBPyConnection
        Within whose memory it happens.
    path : Path
        An ordinary file that isn't empty.
    names : mapping of str to str
        As in `report.columns.find`.
    scratch : Path
        A folder for what is made.

    Returns
    -------
    Path
        The Parquet file.

    Raises
    ------
    InputError
        If the head isn't a table of users, or the file is too large for the other reader to name its fault.
    Unplain
        If it is written in a way that DuckDB doesn't read, and small enough for the other reader.
    """
    head, options = _layout(path, names, scratch)
    fields = head.fields
    rows = f"read_csv({quoted(literal(path))}, {options})"
    target = scratch / f"{path.name}.parquet"
    try:
        connection.execute("SET preserve_insertion_order = true")  # so that a row can be named
        sure = {name for name, mark in numerals.proven(head).items() if mark == "."}
        cells = ", ".join(_plain(field, point=field.column.name in sure) for field in fields)
        _copy(connection, f"SELECT {cells} FROM {rows}", target)
        if not _left(connection, fields, target):
            return target
        marks = numerals.marks(_all_shapes(connection, head, target))
        careful, target = target, scratch / f"{path.name}-read.parquet"
        read = ", ".join(_careful(field, marks) for field in fields)
        _copy(connection, f"SELECT {read} FROM read_parquet({quoted(literal(careful))})", target)
        careful.unlink()
        wrong = _wrong(connection, fields, target)
    except InputError as error:
        raise _by_memory(path, error) from None  # it counts what here was seen a sample of
    except (duckdb.Error, UnicodeDecodeError) as error:  # the second where DuckDB quotes what isn't UTF-8
        line = re.search(r"Line: (\d+)", str(error))  # all that may be repeated: the rest may quote a cell
        raise _refused(path, f"line {line[1]}" if line else type(error).__name__) from None
    finally:
        connection.execute("SET preserve_insertion_order = false")
    if wrong:
        field, count, row = wrong
        raise _by_memory(path, not_numbers(path.name, field, "texts", count=count, row=row + 2))
    return target


def _copy(connection: duckdb.DuckDBPyConnection, query: str, target: Path) -> None:
    connection.execute(f"COPY ({query}) TO {quoted(str(target))} (FORMAT parquet)")


def _plain(field: Field, *, point: bool) -> str:
    """Give a cell, in SQL: a number where it is written plainly, else its text under another name; a word as it stands.

    DuckDB alone takes "1_000" for a number, and "nan"; and "1.234" for little more than one, which only is sure where another
    value of the column proves that a point is its decimal mark. Nor do whole numbers of unusual shapes tell how others are grouped.
    """
    cell = f"c{field.index}"
    if field.column.kind != "number":
        return f"{cell} AS {_name(field)}"
    doubted = f"contains({cell}, '_')" if point else f"regexp_matches({cell}, '[_.eE]|^[^0-9]*0[0-9]')"
    number = f"CASE WHEN NOT ({doubted}) THEN nullif(try_cast({cell} AS DOUBLE), 'nan'::DOUBLE) END"
    return f"{number} AS {_name(field)}, CASE WHEN {number} IS NULL THEN {cell} END AS {_rest(field)}"


def _left(connection: duckdb.DuckDBPyConnection, fields: tuple[Field, ...], target: Path) -> bool:
    """Tell whether any number is left that isn't written plainly."""
    rests = " + ".join(f"count({_rest(field)})" for field in fields if field.column.kind == "number")
    found = connection.execute(f"SELECT {rests} FROM read_parquet(?)", [literal(target)]).fetchone()
    return bool(found and found[0])


def _all_shapes(connection: duckdb.DuckDBPyConnection, head: Table, target: Path) -> Table:
    """Give the head with what else can be told of the whole file's numbers: one cell of each shape that isn't written plainly.

    Which marks a cell allows depends on where its digits and signs are, and on whether it begins with 0, but not on the digits.
    """
    texts, rows = [*head.texts], [head.rows]
    for place, field in enumerate(head.fields):
        if field.column.kind != "number":
            continue
        rest = _bare(field)
        fits = " OR ".join(f"regexp_matches({rest}, {quoted(numerals.pattern(mark))})" for mark in ".,")
        shape = f"regexp_matches({rest}, '^[+-]?0'), translate({rest}, '023456789', '111111111')"
        seen = connection.execute(
            f"SELECT min(file_row_number) + 2, arg_min({rest}, file_row_number) FROM read_parquet(?, file_row_number = true)"
            f" WHERE {fits} GROUP BY {shape} ORDER BY 1",
            [literal(target)],
        ).fetchall()
        for other in range(len(texts)):
            cells = pa.array(
                [cell for _, cell in seen] if other == place else [None] * len(seen), pa.string()
            )
            texts[other] = pa.chunked_array([*texts[other].chunks, cells], pa.string())
        rows.append(np.array([row for row, _ in seen], dtype=head.rows.dtype))
    return replace(head, texts=tuple(texts), values=(None,) * len(texts), rows=np.concatenate(rows))


def _careful(field: Field, marks: Mapping[str, str]) -> str:
    """Read what is left as `numerals` does, in SQL; what is no number either stays under its other name."""
    if field.column.kind != "number":
        return _name(field)
    mark = marks[field.column.name]
    text = _bare(field)
    bare = f"regexp_replace({text}, {quoted(numerals.separators(mark))}, '', 'g')"
    bare = f"replace({bare}, ',', '.')" if mark == "," else bare
    fits = f"regexp_matches({text}, {quoted(numerals.pattern(mark))})"
    nothing = f"lower({text}) IN ({', '.join(map(quoted, numerals.MISSING.to_pylist()))})"
    read = f"coalesce({_name(field)}, CASE WHEN {fits} THEN CAST({bare} AS DOUBLE) END) AS {_name(field)}"
    return f"{read}, CASE WHEN NOT {nothing} AND NOT {fits} THEN {_rest(field)} END AS {_rest(field)}"


def _wrong(
    connection: duckdb.DuckDBPyConnection, fields: tuple[Field, ...], target: Path
) -> tuple[Field, int, int] | None:
    """Find the first number column with a cell that is none: how many, and the first one's row."""
    for field in fields:
        if field.column.kind == "number":
            found = connection.execute(
                f"SELECT count(*), min(file_row_number) FROM read_parquet(?, file_row_number = true) WHERE {_rest(field)} IS NOT NULL",
                [literal(target)],
            ).fetchone()
            if found and found[0]:
                return field, *found
    return None


def _layout(path: Path, names: Mapping[str, str], scratch: Path) -> tuple[Table, str]:
    """Read the head, and say how DuckDB is to read the file."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as whole:
        head = _whole_rows(file.read(HEAD))
        if whole.find(b"\0") >= 0:
            raise _refused(path, "it has a NUL character")
    plain = head.removeprefix(codecs.BOM_UTF8)
    try:
        plain.decode()
    except UnicodeDecodeError:
        raise _refused(path, "it isn't UTF-8") from None
    if plain.startswith((b"\n", b"\r")) or dialect.SEPARATOR_LINE.match(plain):
        raise _refused(path, "its first line is no header")
    scratch.mkdir(parents=True, exist_ok=True)
    sample = scratch / path.name
    sample.write_bytes(head)
    try:
        table = dialect.read(sample, names)
        numerals.proven(table)
    except InputError as error:
        raise _by_memory(path, error) from None  # what is in doubt here may be settled further on
    finally:
        sample.unlink()
    delimiter = dialect.delimiter_of(plain, names)
    if _ends_in_nothing(path, delimiter):
        raise _refused(path, "it ends in rows of no user")
    width = len(dialect.header_of(plain, delimiter))
    columns = ", ".join(f"'c{i}': 'VARCHAR'" for i in range(width))
    options = (
        f"columns = {{{columns}}}, auto_detect = false, header = true, delim = {quoted(delimiter)}, "
        "quote = '\"', escape = '\"', strict_mode = true"
    )
    return table, options


def _refused(path: Path, said: str) -> Exception:
    """Say what can't be read."""
    error = InputError(
        f"{path.name} can't be read as text ({said}). Expected UTF-8, rows as long as the header, and quotes "
        f"around a value that holds the delimiter. {RUN_AGAIN}"
    )
    return _by_memory(path, error)


def _by_memory(path: Path, error: InputError) -> Exception:
    """Leave a file with a fault to the reader of small files, which may read it or names the fault, if it can take it."""
    return Unplain(str(error)) if path.stat().st_size <= _BY_MEMORY else error


def _whole_rows(head: bytes) -> bytes:
    """Cut the beginning of a file where a row ends: at a line break that stands in no quotes."""
    cut = head.rfind(b"\n") + 1
    quotes = head.count(b'"', 0, cut)
    while cut and quotes % 2:
        before = head.rfind(b"\n", 0, cut - 1) + 1
        quotes -= head.count(b'"', before, cut)
        cut = before
    return head[:cut] or head[: head.rfind(b"\n") + 1] or head


def _ends_in_nothing(path: Path, delimiter: str) -> bool:
    """Tell whether the last row is empty cells alone, or says how many rows there are: no user."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL))
        last = file.read().rstrip(b"\r\n \t").rpartition(b"\n")[2] + delimiter.encode()
    words = last.strip(delimiter.encode() + b'\r" ').decode(errors="replace")
    return not words or bool(dialect.FOOTER.fullmatch(words))


def _bare(field: Field) -> str:
    """Give the text that is left without marks that nobody sees and blanks at its ends, in SQL."""
    text = f"regexp_replace({_rest(field)}, {quoted(INVISIBLE)}, '', 'g')"
    return f"regexp_replace({text}, {quoted(ENDS)}, '', 'g')"


def _name(field: Field) -> str:
    return f'"{field.column.name}"'


def _rest(field: Field) -> str:
    return f'"{field.column.name} as text"'
