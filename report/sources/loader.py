"""A month's users opened by pandas or an engine.

Pandas reads what memory holds easily.
"""

import hashlib
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from report.errors import InputError, NoUsersError
from report.readers import normalise
from report.readers.files import MonthData, read_month_file, refuse_inflated_parquet
from report.settings import Settings
from report.sources.progress import poll_progress
from report.storage import paths as files
from report.storage.location import DatabaseSource, DataLocation, list_data_files
from report.storage.months import PARQUET_SUFFIXES, TEXT_SUFFIXES
from segmentation.facts import Source
from segmentation.schema import Schema

if TYPE_CHECKING:
    import narwhals as nw

_log = logging.getLogger(__name__)
_MIN_ROW_BYTES = 20  # bytes of a row, at least: its fields and what is between them
_BYTES_PER_READ = 1 << 22


@dataclass(frozen=True, slots=True)
class LoadedUsers:
    """A month's users, and the engine that reads them."""

    frame: Any  # of pandas, DuckDB or Spark: one row a user, with the schema's columns
    rows: int
    engine: str  # "pandas", "duckdb" or "spark"
    connection: Any = None  # DuckDB's connection or Spark's session; it ends with the last that holds it
    joined: Mapping[str, int] = field(default_factory=dict)  # as in `MonthData`

    def open_earlier_month(self, path: Path) -> Any:
        """Open an earlier month's users with the same engine.

        Raises OSError or ValueError if they can't be read.
        """
        if self.engine == "duckdb":
            from report.sources import duckdb  # noqa: PLC0415 - by then it is there

            return duckdb.read_duckdb_assignments(self.connection, path)
        if self.engine == "spark":
            from report.sources import spark  # noqa: PLC0415 - as above

            return spark.read_spark_assignments(self.connection, path)
        import pandas as pd  # noqa: PLC0415 - as above

        return pd.read_parquet(path)

    def materialise_frame(self, frame: "nw.LazyFrame[Any]") -> "nw.LazyFrame[Any]":
        """Return a lazy frame computed.

        Otherwise every further query would compute it again.
        """
        if self.engine == "duckdb":
            from report.sources import duckdb  # noqa: PLC0415 - as above

            return duckdb.materialise_duckdb_frame(self.connection, frame)
        if self.engine == "spark":
            import narwhals as nw  # noqa: PLC0415 - as above

            kept: nw.LazyFrame[Any] = nw.from_native(frame.to_native().persist())
            return kept
        return frame

    @contextmanager
    def watch_progress(self, report_progress: Callable[[str], None]) -> Iterator[Callable[[str], None]]:
        """Yield a `report_progress` that counts rows.

        Only DuckDB knows how far it is.
        """
        if self.engine != "duckdb":
            yield report_progress
            return
        with poll_progress(report_progress, self.rows, self.connection.query_progress) as begin:
            yield begin


def describe_source(place: DataLocation, month: str, settings: Settings) -> Source:
    """Return where users come from, with a hash.

    Of a file, its bytes; of a folder, the list of its files with the hash of each, as `sha256sum` writes it; of a
    database or a cluster, who is asked for what, and in which month: its answer has no bytes of its own.
    """
    if isinstance(place, DatabaseSource):
        request = "\n".join([place.name, place.table or _fill_in_query(place, month, settings), month])
        return Source(place.name, hashlib.sha256(request.encode()).hexdigest(), synthetic=False, hashed="query")
    if place.is_dir():
        lines = [
            f"{files.hash_file(path)}  {path.relative_to(place).as_posix()}\n" for path in list_data_files(place, month)
        ]
        return Source(place.name, hashlib.sha256("".join(lines).encode()).hexdigest(), synthetic=False, hashed="files")
    return Source(name=place.name, sha256=files.hash_file(place), synthetic=files.is_sample(place))


@contextmanager
def ensure_unchanged(place: DataLocation, month: str) -> Iterator[None]:
    """Make sure that a month's files don't change meanwhile.

    What was read is then what was hashed. Of a database nobody can tell. Raises InputError if one was written.
    """
    before = _read_file_states(place, month)
    yield
    if _read_file_states(place, month) != before:
        raise InputError(
            f"{place.name} changed while it was read. Wait until it is written, and run `make report` again."
        )


def _read_file_states(place: DataLocation, month: str) -> tuple[tuple[str, int, int], ...]:
    """Return each file's name, size and change time."""
    # Nothing for files that aren't there: reading them gives the error
    if isinstance(place, DatabaseSource):
        return ()
    try:
        states = {path: path.stat() for path in (list_data_files(place, month) if place.is_dir() else [place])}
    except (InputError, OSError, ValueError):
        return ()
    return tuple((str(path), state.st_size, state.st_mtime_ns) for path, state in states.items())


def load_users(place: DataLocation, month: str, settings: Settings, scratch: Path) -> LoadedUsers:
    """Open a month's users.

    An engine writes into `scratch`, a folder of this run's own. Raises ReportError if they can't be read as users
    without guessing.
    """
    if isinstance(place, Path) and not place.is_dir() and _fits_in_memory(place, settings):
        return _wrap_month_data(read_month_file(place, settings.columns, month))
    if isinstance(place, DatabaseSource) and place.engine == "spark":
        from report.sources import spark  # noqa: PLC0415 - an extra

        query = "" if place.table else _fill_in_query(place, month, settings)
        frame, writer = spark.scan_spark_source(place, query, month)
        frame, rows, joined = normalise.normalise_users(frame, settings.columns, place.name, writer, month)
        if rows <= settings.scale.exact_users:
            return _wrap_month_data(_collect_month(frame, joined, settings.columns))
        return LoadedUsers(frame.to_native(), rows, "spark", spark.start_spark(place), joined)
    return _load_with_duckdb(place, month, settings, scratch)


def _load_with_duckdb(place: DataLocation, month: str, settings: Settings, scratch: Path) -> LoadedUsers:
    from report.sources import duckdb, large_csv  # noqa: PLC0415 - a small month needs no engine

    connection = duckdb.connect_duckdb(settings, scratch)
    try:
        paths = _convert_to_parquet(connection, place, month, settings, scratch)
    except large_csv.UnsupportedByDuckDB:
        if isinstance(place, DatabaseSource) or place.is_dir():
            raise AssertionError from None  # a folder's files are named one by one
        return _wrap_month_data(read_month_file(place, settings.columns, month))
    writer: normalise.TextOrigin = "database" if isinstance(place, DatabaseSource) else "anybody"
    frame, rows, joined = normalise.normalise_users(
        duckdb.scan_parquet(connection, paths, settings), settings.columns, place.name, writer, month
    )
    if rows <= settings.scale.exact_users:
        return _wrap_month_data(_collect_month(frame, joined, settings.columns))
    return LoadedUsers(frame.to_native(), rows, "duckdb", connection, joined)


def _convert_to_parquet(
    connection: Any, place: DataLocation, month: str, settings: Settings, scratch: Path
) -> list[Path]:
    """Return a month's users as Parquet files."""
    # Other files are converted into the scratch folder
    from report.sources import duckdb, large_csv, postgres  # noqa: PLC0415 - as above

    if isinstance(place, DatabaseSource):
        query, target = _fill_in_query(place, month, settings), scratch / "query.parquet"
        if place.engine == "postgresql":
            return [postgres.export_postgres_query(place.url, query, settings.columns, target, place.name)]
        if not Path(place.url).is_file():
            raise InputError(
                f"duckdb:///{place.url}: no such file. Name the database's file, with four slashes before an absolute path."
            )
        return [duckdb.export_duckdb_query(settings, place.url, query, target, place.name)]
    paths = list_data_files(place, month) if place.is_dir() else [place]
    if paths[0].suffix.lower() in PARQUET_SUFFIXES:
        for path in paths:
            refuse_inflated_parquet(path, duckdb.read_parquet_metadata(path).num_rows)
        return paths
    if place.is_dir():
        parts = [_convert_part(connection, path, n, settings, scratch) for n, path in enumerate(paths)]
        if found := [part for part in parts if part]:
            return found
        raise InputError(
            f"{place.name}: no file in it has a user. Expected a header and one row a user. Export it again."
        )
    return [large_csv.convert_text_to_parquet(connection, place, settings.columns, scratch)]


def _convert_part(connection: Any, path: Path, number: int, settings: Settings, scratch: Path) -> Path | None:
    """Convert one text file of a folder to Parquet.

    None for a part without a row: one more, such as a cluster writes for an empty partition.
    """
    from report.sources import large_csv  # noqa: PLC0415 - as above

    folder = scratch / f"{number:05d}"
    try:
        return large_csv.convert_text_to_parquet(connection, path, settings.columns, folder)
    except large_csv.UnsupportedByDuckDB:
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / f"{path.name}.parquet"
        try:
            read_month_file(path, settings.columns).users.to_parquet(target)
        except NoUsersError:
            return None
        return target


def _fits_in_memory(path: Path, settings: Settings) -> bool:
    """Return whether pandas reads a file."""
    # It does up to the number of rows that are clustered exactly, and gives the error for a file that isn't there
    most = settings.scale.exact_users
    if path.suffix.lower() not in (*PARQUET_SUFFIXES, *TEXT_SUFFIXES) or not path.is_file():
        return True  # a workbook ends at a million rows; what can't be opened is named by who reads it
    if path.stat().st_size <= most * _MIN_ROW_BYTES and path.suffix.lower() in TEXT_SUFFIXES:
        return True
    if path.suffix.lower() in PARQUET_SUFFIXES:
        import pyarrow.parquet as pq  # noqa: PLC0415 - as above

        try:
            return bool(pq.read_metadata(path).num_rows <= most)
        except (OSError, ValueError):
            return True  # as above
    lines = 0
    with path.open("rb") as file:
        while lines <= most and (part := file.read(_BYTES_PER_READ)):
            lines += part.count(b"\n")
    return lines <= most


def _fill_in_query(place: DatabaseSource, month: str, settings: Settings) -> str:
    query = settings.scale.query.replace("{month}", month).strip().rstrip(";")
    if not query:
        raise InputError(
            f"{place.name}: what is it asked for? Write the query that gives the month's users as `query` under [scale] "
            "in settings.toml; {month} in it becomes the month."
        )
    return query


def _collect_month(frame: "nw.LazyFrame[Any]", joined: dict[str, int], schema: Schema) -> MonthData:
    """Return an engine's few users in memory, sorted."""
    # An engine's rows have no order of their own
    users = normalise.collect_users(frame, schema)
    return MonthData(users.sort_values(list(users.columns), kind="stable", ignore_index=True), joined)


def _wrap_month_data(month: MonthData) -> LoadedUsers:
    return LoadedUsers(month.users, len(month.users), "pandas", joined=month.joined)
