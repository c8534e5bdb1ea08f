"""Spark, where the users already lie on a cluster: an extra, and imported by nothing else."""

import os
import shutil
import warnings
from pathlib import Path
from typing import Any

import narwhals as nw

from report.errors import InputError, MachineError
from report.sources.places import TEXT, Elsewhere, files_of


def session(place: Elsewhere) -> Any:
    """Start Spark, or take the session that is there.

    Raises
    ------
    MachineError
        If PySpark or Java isn't there, or the master can't be reached.
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
            if place.url.startswith("local"):  # what counts groups needs no 200 parts on one machine
                builder = builder.config("spark.sql.shuffle.partitions", "8")
            spark = (
                builder.appName("listener-segments")
                .config("spark.ui.showConsoleProgress", "false")
                .config("spark.ui.enabled", "false")
                .config("spark.log.level", "ERROR")
                .config("spark.sql.execution.arrow.pyspark.enabled", "true")
                .config("spark.sql.parquet.binaryAsString", "true")
                .getOrCreate()
            )
    except (PySparkException, RuntimeError) as error:
        raise MachineError(
            f"Spark can't be reached at {place.url} ({str(error).partition(chr(10))[0][:160]}). Check SPARK or DATA."
        ) from error
    return spark


def scan(place: Elsewhere, query: str) -> "nw.LazyFrame[Any]":
    """Open what Spark is asked for as a frame.

    Raises
    ------
    InputError
        If it isn't there.
    """
    spark = session(place)
    from pyspark.errors import PySparkException  # noqa: PLC0415 - as above

    try:
        if not place.table:
            native = spark.sql(query)
        elif place.table.lower().endswith(TEXT):
            native = spark.read.csv(place.table, header=True)
        elif "/" in place.table or Path(place.table).exists():
            native = _folder(spark, place.table)
        else:
            native = spark.table(place.table)
    except PySparkException as error:
        said = str(error).partition("\n")[0][:200]
        raise InputError(
            f"{place.name}: Spark can't read it ({said}). Check DATA, and `query` under [scale] in settings.toml."
        ) from error
    frame: nw.LazyFrame[Any] = nw.from_native(native)
    return frame


def archived(spark: Any, path: Path) -> Any:
    """Open what a month's run wrote.

    Raises
    ------
    OSError
        If it can't be read.
    """
    from pyspark.errors import PySparkException  # noqa: PLC0415 - as above

    try:
        return spark.read.parquet(str(path.absolute()))
    except PySparkException as error:
        raise OSError(str(error).partition("\n")[0]) from error


def _folder(spark: Any, table: str) -> Any:
    """Read a file or folder of Parquet; a folder here may also hold text, and folders."""
    folder = Path(table)
    if not folder.is_dir():
        return spark.read.parquet(table)
    paths = [str(path.absolute()) for path in files_of(folder)]
    read = spark.read.option(
        "basePath", str(folder.absolute())
    )  # so that folders named month=2026-10 are a column
    return read.csv(paths, header=True) if paths[0].lower().endswith(TEXT) else read.parquet(*paths)
