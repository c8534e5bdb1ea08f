"""Spark, for users that lie on a cluster. An extra."""

import atexit
import os
import shutil
import tempfile
import warnings
from pathlib import Path
from typing import Any

import narwhals as nw

from report.errors import InputError, MachineError
from report.readers.normalise import TextOrigin
from report.sources import faults
from report.storage.location import DatabaseSource, list_data_files, select_month_files
from report.storage.months import TEXT_SUFFIXES


def start_spark(place: DatabaseSource) -> Any:
    """Return Spark's session, started if there is none.

    What it keeps on this machine meanwhile lies in a private folder, see `_make_local_dirs`. Raises MachineError if PySpark or Java isn't there, or the master can't be reached.
    """
    try:
        from pyspark.errors import PySparkException  # noqa: PLC0415 - an extra that few install
        from pyspark.sql import SparkSession  # noqa: PLC0415
    except ImportError as error:
        raise MachineError("Spark isn't installed. Install it: make setup-spark.") from error
    if not (shutil.which("java") or os.environ.get("JAVA_HOME")):
        raise MachineError("Spark needs Java 17 or later, and there is none. Install it, or set JAVA_HOME.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PySpark 4 says that it knows pandas 2 best; ours goes by Arrow
            builder = SparkSession.builder.master(place.url)
            if SparkSession.getActiveSession() is None:
                builder = builder.config("spark.local.dir", _make_local_dirs())
            if place.url.startswith("local"):  # what counts groups needs no 200 parts on one machine
                builder = builder.config("spark.sql.shuffle.partitions", "8")
            spark = (
                builder.appName("listener-segments")
                .config("spark.ui.showConsoleProgress", "false")
                .config("spark.ui.enabled", "false")
                .config("spark.log.level", "ERROR")
                .config("spark.sql.execution.arrow.pyspark.enabled", "true")
                .config("spark.sql.parquet.binaryAsString", "true")
                .config("spark.sql.runSQLOnFiles", "false")  # a query reads tables, and no file by its name
                .getOrCreate()
            )
    except (PySparkException, RuntimeError) as error:
        raise MachineError(
            f"Spark can't be reached at {place.url} ({faults.name_engine_error(error)}). Check SPARK or DATA."
        ) from None
    return spark


def _make_local_dirs() -> str:
    """Return new folders for Spark's blocks, which only their owner enters.

    The blocks hold users' rows, Spark lets others read them, and after kill -9 they stay. The folders lie in those that
    SPARK_LOCAL_DIRS names, else in the run's temporary folder. A cluster's workers keep theirs where the cluster says.
    """
    places = [place.strip() for place in os.environ.get("SPARK_LOCAL_DIRS", "").split(",") if place.strip()]
    made = [tempfile.mkdtemp(prefix="spark-", dir=place) for place in places or [tempfile.gettempdir()]]
    for folder in made:
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["SPARK_LOCAL_DIRS"] = ",".join(made)  # it goes before the configuration
    return os.environ["SPARK_LOCAL_DIRS"]


def scan_spark_source(place: DatabaseSource, query: str, month: str) -> tuple["nw.LazyFrame[Any]", TextOrigin]:
    """Return Spark's frame, and who wrote the data.

    Raises InputError if it isn't there, or holds other months beside this one.
    """
    spark = start_spark(place)
    from pyspark.errors import PySparkException  # noqa: PLC0415 - as above

    try:
        native, writer = _read_native(spark, place.table, query, month)
    except PySparkException as error:
        raise InputError(
            f"{place.name}: Spark can't read it ({faults.name_engine_error(error)}). Check DATA, and `query` under [scale] in "
            "settings.toml, which may only read."
        ) from None
    return nw.from_native(native), writer


def _read_native(spark: Any, table: str, query: str, month: str) -> tuple[Any, TextOrigin]:
    """Return a query, table, file or folder as a frame."""
    # A folder on this machine may also hold text, and folders
    if not table:
        # in brackets, where only a query fits and nothing that writes
        return spark.sql(f"SELECT * FROM (\n{query}\n)"), "database"  # noqa: S608
    folder = Path(table)
    is_text = table.lower().endswith(TEXT_SUFFIXES)
    if not is_text and "/" not in table and not folder.exists():
        return spark.table(table), "database"
    base, paths = table, [table]
    if folder.is_dir():
        base, paths = (str(folder.absolute()), [str(path.absolute()) for path in list_data_files(folder, month)])
        is_text = paths[0].lower().endswith(TEXT_SUFFIXES)
    reader = spark.read.option("basePath", base) if paths != [table] else spark.read
    native = reader.csv(paths, header=True) if is_text else reader.parquet(*paths)
    if paths == [table] and (found := sorted(native.inputFiles())):  # a folder that only Spark reaches
        kept = select_month_files(found, month, table.rstrip("/").rpartition("/")[2])
        if kept != found:
            reader = spark.read.option("basePath", table)
            native = reader.csv(kept, header=True) if is_text else reader.parquet(*kept)
    return native, "commas" if is_text else "anybody"


def read_spark_assignments(spark: Any, path: Path) -> Any:
    """Open each user's segment of a month.

    Raises OSError if they can't be read.
    """
    from pyspark.errors import PySparkException  # noqa: PLC0415 - as above

    try:
        return spark.read.parquet(str(path.absolute()))
    except PySparkException as error:
        raise OSError(faults.name_engine_error(error)) from None
