"""DuckDB over Parquet, text and its own databases.

It reads what memory can't hold, within the memory it is given.
"""

import re
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import narwhals as nw
import pyarrow as pa
import pyarrow.parquet as pq

from report.errors import InputError
from report.readers.columns import RUN_AGAIN, make_type_error, match_columns
from report.readers.files import make_unreadable_error, refuse_arrow_type
from report.readers.normalise import FILE_COLUMN, ROW_COLUMN
from report.settings import Settings
from report.sources import faults
from report.storage.passwords import redact_secrets

_ORIGIN_COLUMNS = ("filename", "file_row_number")  # columns of DuckDB's own


def connect_duckdb(settings: Settings, scratch: Path, database: str = "") -> duckdb.DuckDBPyConnection:
    """Connect to DuckDB with the settings' limits.

    No extension is fetched. A database that others made is only read; its views, its macros and the query reach no file
    but those in `scratch`, and no network. Without a database it is a new one in memory.
    """
    scale = settings.scale
    scratch.mkdir(parents=True, exist_ok=True)
    options: dict[str, Any] = {
        "memory_limit": scale.memory_limit.replace(" ", ""),
        "temp_directory": str(scratch / "spill"),
        "preserve_insertion_order": False,  # or writing holds back what comes early
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "allow_persistent_secrets": False,
        "python_enable_replacements": False,  # or a table's name would find a variable of this program
    }
    if scale.threads:
        options["threads"] = scale.threads
    connection = duckdb.connect(database or ":memory:", read_only=bool(database), config=options)
    # counts, silently
    connection.execute("SET enable_progress_bar = true; SET enable_progress_bar_print = false")
    if database:
        connection.execute(f"SET allowed_directories = [{quote_sql(str(scratch.absolute()))}]")
        connection.execute("SET enable_external_access = false; SET lock_configuration = true")
    return connection


def scan_parquet(
    connection: duckdb.DuckDBPyConnection, paths: Sequence[Path], settings: Settings
) -> "nw.LazyFrame[Any]":
    """Open Parquet files as one frame.

    Raises InputError if one is no Parquet file, or lacks a column that others have.
    """
    heads = {path: read_parquet_metadata(path).schema.to_arrow_schema() for path in paths}
    schemas = list(heads.values())
    for path, head in heads.items():
        _refuse_misread_types(path, head, settings)
    if len({tuple(head.names) for head in schemas}) > 1:
        _refuse_missing_columns({path: head.names for path, head in heads.items()}, settings)
    same = all(head.equals(schemas[0]) for head in schemas)
    knows_rows = not {name.casefold() for head in schemas for name in head.names} & {*_ORIGIN_COLUMNS}
    relation = connection.from_parquet(
        [escape_glob(path) for path in paths],
        binary_as_string=True,
        union_by_name=not same,
        filename=knows_rows,
        file_row_number=knows_rows,
    )
    if knows_rows:  # numbered as if it were a sheet with a header
        relation = relation.project(
            f'* EXCLUDE ({", ".join(_ORIGIN_COLUMNS)}), filename AS "{FILE_COLUMN}", file_row_number + 2 AS "{ROW_COLUMN}"'
        )
    return nw.from_native(relation)


def _refuse_misread_types(path: Path, head: Any, settings: Settings) -> None:
    """Refuse columns whose type DuckDB reads wrongly."""
    # A duration, half precision, and names that differ by case alone
    folded = [name.casefold() for name in head.names]
    for field in match_columns(head.names, settings.columns, path.name, require_all=False):
        kind = head.field(field.index).type
        if pa.types.is_duration(kind) or pa.types.is_float16(kind):
            refuse_arrow_type(field, kind, path.name)
        if folded.count(folded[field.index]) > 1:
            raise InputError(
                f"{path.name}: column {field.header!r} is there twice, but for case. Expected one. Rename the other. "
                f"{RUN_AGAIN}"
            )


def _refuse_missing_columns(names: Mapping[Path, Sequence[str]], settings: Settings) -> None:
    """Refuse a folder whose files have different columns."""
    # One has a column of ours that another lacks, or names otherwise
    first: dict[str, tuple[Path, str]] = {}  # by column: the first file that has it, and what it calls it
    called = {
        path: {
            field.column.name: field.header
            for field in match_columns(own, settings.columns, path.name, require_all=False)
        }
        for path, own in names.items()
    }
    for path, headers in called.items():
        for column, header in headers.items():
            other, known = first.setdefault(column, (path, header))
            if known.casefold() != header.casefold():
                raise InputError(
                    f"{path.name}: column {header!r} is {known!r} in {other.name}. "
                    f"Expected the same names in every file of the folder. {RUN_AGAIN}"
                )
    for column, (other, header) in first.items():
        lacking = [path for path, headers in called.items() if column not in headers]
        if lacking:
            raise InputError(
                f"{lacking[0].name}: lacks column {header!r}, which {other.name} has. "
                f"Expected the same columns in every file of the folder. {RUN_AGAIN}"
            )


def export_duckdb_query(settings: Settings, database: str, query: str, target: Path, source: str) -> Path:
    """Write a query's rows to a Parquet file.

    Raises InputError if the file can't be opened as a database, or the query isn't one that only reads its own tables.
    """
    try:
        opened = connect_duckdb(settings, target.parent, database)
    except duckdb.Error as error:
        raise InputError(f"{source} can't be opened: {faults.explain_engine_error(error)}.") from None
    with opened as connection:
        try:
            statements = connection.extract_statements(query)
            if [statement.type for statement in statements] != [duckdb.StatementType.SELECT]:
                raise _make_query_error(source, "it is no single SELECT")
            rows = connection.sql(query)
            for field in match_columns(rows.columns, settings.columns, source, require_all=False):
                if str(rows.types[field.index]) == "BIT":  # Parquet would have it as text, such as "101"
                    raise make_type_error(source, field, "BIT")
            rows.write_parquet(str(target.absolute()))
        except duckdb.PermissionException:
            raise _make_query_error(
                source, "it, or a view or a macro of the database, reaches for a file or an address outside"
            ) from None
        except duckdb.Error as error:
            raise _make_query_error(source, _redact_error(error, query)) from None
    return target


def _make_query_error(source: str, why: str) -> InputError:
    return InputError(
        f"{source}: the query was refused ({why}). Expected one SELECT that reads the database's own tables. Correct "
        "`query` under [scale] in settings.toml."
    )


def _redact_error(error: duckdb.Error, query: str) -> str:
    """Return what may be repeated of DuckDB's error."""
    # What it says of names, without the query's texts; of cells, nothing
    kind, _, message = str(error).partition("\n")[0].partition(": ")
    if not isinstance(error, (duckdb.CatalogException, duckdb.BinderException)):
        return kind
    texts = re.findall(r"'([^']*)'|\"([^\"]*[^\"\w\s][^\"]*)\"", query)
    return redact_secrets(f"{kind}: {message[:200]}", *(text for pair in texts for text in pair))


def escape_glob(path: Path) -> str:
    """Return a path with its pattern characters escaped."""
    return re.sub(r"([\[*?])", r"[\1]", str(path))


def quote_sql(text: str) -> str:
    """Return a text quoted for SQL."""
    return "'" + text.replace("'", "''") + "'"


def read_duckdb_assignments(connection: duckdb.DuckDBPyConnection, path: Path) -> duckdb.DuckDBPyRelation:
    """Open each user's segment, as a run wrote it.

    A file, or the folder that a cluster made of it. Raises OSError if it can't be read.
    """
    try:
        return connection.from_parquet(f"{escape_glob(path)}/*.parquet" if path.is_dir() else escape_glob(path))
    except duckdb.Error as error:
        raise OSError(faults.explain_engine_error(error)) from None


def materialise_duckdb_frame(connection: duckdb.DuckDBPyConnection, frame: "nw.LazyFrame[Any]") -> "nw.LazyFrame[Any]":
    """Return a frame computed into its own table.

    What memory doesn't hold of it goes to the scratch folder.
    """
    name = f"held_{uuid.uuid4().hex}"
    frame.to_native().create(name)
    return nw.from_native(connection.table(name))


def read_parquet_metadata(path: Path) -> Any:
    """Return a Parquet file's metadata; InputError if it has none."""
    try:
        return pq.read_metadata(path)
    except (OSError, ValueError) as error:  # Arrow's own errors are ValueErrors
        raise make_unreadable_error(path, error) from None
