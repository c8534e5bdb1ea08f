"""PostgreSQL, read once into Parquet: batch by batch, so that memory never holds more than one."""

from pathlib import Path

from report.errors import InputError, MachineError


def stored(url: str, query: str, target: Path, source: str) -> Path:
    """Write what a query gives to a Parquet file.

    Parameters
    ----------
    url : str
        "postgresql://user@host/database"; what it leaves out, libpq takes from PGPASSWORD and the like.
    query : str
        One SELECT.
    target : Path
        The file.
    source : str
        What messages call the database: nothing that could let anybody in.

    Raises
    ------
    InputError
        If the database can't be reached or refuses the query.
    MachineError
        If the driver isn't installed.
    """
    try:
        from adbc_driver_manager import Error  # noqa: PLC0415 - an extra that few install
        from adbc_driver_postgresql import dbapi  # noqa: PLC0415
    except ImportError as error:
        raise MachineError(
            f"{source}: the driver for PostgreSQL isn't installed. Install it: make setup-postgres."
        ) from error
    import pyarrow.parquet as pq  # noqa: PLC0415 - as above

    try:
        with dbapi.connect(url) as connection, connection.cursor() as cursor:
            cursor.execute(query)
            batches = cursor.fetch_record_batch()
            with pq.ParquetWriter(target, batches.schema) as file:
                for batch in batches:
                    file.write_batch(batch)
    except Error as error:
        said = " ".join(str(error).split())[:200]
        raise InputError(
            f"{source}: can't be asked ({said}). Check DATA, and `query` under [scale] in settings.toml."
        ) from error
    return target
