"""A text file that memory can't hold, turned into Parquet once: later passes over it are cheap.

Its head is read as every small file is, so that encoding, delimiter and decimal marks mean here what they mean there.
DuckDB then reads the whole by what the head says.
"""

import codecs
from collections.abc import Iterable, Mapping
from pathlib import Path

import duckdb

from report import dialect, numerals
from report.columns import RUN_AGAIN, Field, not_numbers, shown
from report.errors import InputError
from report.sources.cells import BLANKS
from report.sources.duck import literal

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
    fields, marks, options = _layout(path, names, scratch)
    rows = f"read_csv({_quoted(literal(path))}, {options})"
    target = scratch / f"{path.name}.parquet"
    try:
        connection.execute("SET preserve_insertion_order = true")  # so that a row can be named
        _copy(connection, f"SELECT {', '.join(_plain(field) for field in fields)} FROM {rows}", target)
        if not _left(connection, fields, target):
            return target
        careful, target = target, scratch / f"{path.name}-read.parquet"
        read = ", ".join(_careful(field, marks) for field in fields)
        _copy(connection, f"SELECT {read} FROM read_parquet({_quoted(literal(careful))})", target)
        careful.unlink()
        wrong = _wrong(connection, fields, target)
    except (duckdb.Error, UnicodeDecodeError) as error:  # the second where DuckDB quotes what isn't UTF-8
        raise _refused(path, str(error)) from error
    finally:
        connection.execute("SET preserve_insertion_order = false")
    if wrong and path.stat().st_size <= _BY_MEMORY:
        raise Unplain
    if wrong:
        field, count, row, value = wrong
        raise not_numbers(path.name, field, "texts", count=count, row=row + 2, value=value)
    return target


def _copy(connection: duckdb.DuckDBPyConnection, query: str, target: Path) -> None:
    connection.execute(f"COPY ({query}) TO {_quoted(str(target))} (FORMAT parquet)")


def _plain(field: Field) -> str:
    """Give a cell, in SQL: a number where it is written plainly, else its text under another name; a word as it stands.

    DuckDB alone takes "1_000" for a number, and "nan".
    """
    cell = f"c{field.index}"
    if field.column.kind != "number":
        return f"{cell} AS {_name(field)}"
    number = f"CASE WHEN NOT contains({cell}, '_') THEN nullif(try_cast({cell} AS DOUBLE), 'nan'::DOUBLE) END"
    return f"{number} AS {_name(field)}, CASE WHEN {number} IS NULL THEN {cell} END AS {_rest(field)}"


def _left(connection: duckdb.DuckDBPyConnection, fields: tuple[Field, ...], target: Path) -> bool:
    """Tell whether any number is left that isn't written plainly."""
    rests = " + ".join(f"count({_rest(field)})" for field in fields if field.column.kind == "number")
    found = connection.execute(f"SELECT {rests} FROM read_parquet(?)", [literal(target)]).fetchone()
    return bool(found and found[0])


def _careful(field: Field, marks: Mapping[str, str]) -> str:
    """Read what is left as `numerals` does, in SQL; what is no number either stays under its other name."""
    if field.column.kind != "number":
        return _name(field)
    mark = marks[field.column.name]
    text = f"trim({_rest(field)}, {_quoted(BLANKS)})"
    bare = f"regexp_replace({text}, {_quoted(numerals.separators(mark))}, '', 'g')"
    bare = f"replace({bare}, ',', '.')" if mark == "," else bare
    fits = f"regexp_matches({text}, {_quoted(numerals.pattern(mark))})"
    nothing = f"lower({text}) IN ({', '.join(map(_quoted, numerals.MISSING.to_pylist()))})"
    read = f"coalesce({_name(field)}, CASE WHEN {fits} THEN CAST({bare} AS DOUBLE) END) AS {_name(field)}"
    return f"{read}, CASE WHEN NOT {nothing} AND NOT {fits} THEN {_rest(field)} END AS {_rest(field)}"


def _wrong(
    connection: duckdb.DuckDBPyConnection, fields: tuple[Field, ...], target: Path
) -> tuple[Field, int, int, str] | None:
    """Find the first number column with a cell that is none: how many, and the first one's row and text."""
    for field in fields:
        if field.column.kind == "number":
            found = connection.execute(
                f"SELECT count(*), min(file_row_number), arg_min({_rest(field)}, file_row_number)"
                f" FROM read_parquet(?, file_row_number = true) WHERE {_rest(field)} IS NOT NULL",
                [literal(target)],
            ).fetchone()
            if found and found[0]:
                return field, *found
    return None


def _layout(
    path: Path, names: Mapping[str, str], scratch: Path
) -> tuple[tuple[Field, ...], Mapping[str, str], str]:
    """Read the head: which columns there are, how their numbers are written, and how DuckDB is to read the file."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    head = head[: head.rfind(b"\n") + 1] or head
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
        marks = numerals.marks(table)
    except InputError:
        if path.stat().st_size <= _BY_MEMORY:
            raise Unplain from None  # what is in doubt here may be settled further on
        raise
    finally:
        sample.unlink()
    delimiter = dialect.delimiter_of(plain, names)
    if _ends_in_nothing(path, delimiter):
        raise _refused(path, "it ends in rows of nothing")
    width = len(dialect.header_of(plain, delimiter))
    columns = ", ".join(f"'c{i}': 'VARCHAR'" for i in range(width))
    options = (
        f"columns = {{{columns}}}, auto_detect = false, header = true, delim = {_quoted(delimiter)}, "
        "quote = '\"', escape = '\"', strict_mode = true"
    )
    return table.fields, marks, options


def _refused(path: Path, said: str) -> Exception:
    """Let the reader of small files name the fault, unless it is the file that is too large for it."""
    if path.stat().st_size <= _BY_MEMORY:
        return Unplain(said)
    lines: Iterable[str] = (line.strip() for line in said.splitlines())
    first = next((line for line in lines if line), "").removeprefix("Invalid Input Error: ")
    return InputError(
        f"{path.name} can't be read as text ({shown(first)}). Expected UTF-8, rows as long as the header, and quotes "
        f"around a value that holds the delimiter. {RUN_AGAIN}"
    )


def _ends_in_nothing(path: Path, delimiter: str) -> bool:
    """Tell whether the last row is empty cells alone: a spreadsheet's way of ending, and no user."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL))
        last = file.read().rstrip(b"\r\n \t").rpartition(b"\n")[2] + delimiter.encode()
    return not last.strip(delimiter.encode() + b'\r" ')


def _name(field: Field) -> str:
    return f'"{field.column.name}"'


def _rest(field: Field) -> str:
    return f'"{field.column.name} as text"'


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
