"""PostgreSQL, read once into Parquet.

Batch by batch, so that memory never holds more than one.
"""

import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

from report.errors import InputError, MachineError
from report.readers.columns import MatchedColumn, match_columns
from report.storage.location import parse_postgres_url
from segmentation.schema import Schema

# What may be repeated of what libpq says: its own words, and never what they are said of.
_LIBPQ_REASONS = re.compile(
    r"Connection refused|No such file or directory|timeout expired|could not translate host name|No route to host"
    r"|(?:password|peer|ident|certificate|LDAP|GSSAPI) authentication failed|no password supplied|no pg_hba\.conf entry"
    r"|does not support SSL|certificate verify failed|too many clients|the database system is starting up"
)
_SQLSTATE_MEANINGS = {
    "22P02": "a text is no number",
    "22012": "a division by zero",
    "25006": "it would write",
    "42501": "the account may not read that",
    "42601": "a mistake in its syntax",
    "42703": "no such column",
    "42804": "types that don't go together",
    "42846": "types that don't go together",
    "42883": "no such function or operator",
    "42P01": "no such table",
    "57014": "it took too long, or was cancelled",
}
# A comment in a comment is none to this pattern, and is to PostgreSQL: a query that begins with one is refused.
_SELECT_STATEMENT = re.compile(
    r"(?:\s|\(|--[^\n]*\n|/\*(?:(?!/\*).)*?\*/)*(?:select|with|values|table)\b", re.IGNORECASE | re.DOTALL
)
# What the driver gives as what it is; texts and enums come as Arrow's strings
_SUPPORTED_TYPES = ("int2", "int4", "int8", "float4", "float8", "numeric", "bool", "uuid")


def export_postgres_query(url: str, query: str, schema: Schema, target: Path, source: str) -> Path:
    """Write a query's rows to a Parquet file.

    The query is one SELECT, in a transaction that may only read and is never committed. What an account may do by a
    function, such as read the server's files, is the server's to allow. What the URL leaves out, libpq takes from
    PGPASSWORD and the like. Messages name the source, without a secret.

    Raises InputError if the database can't be reached, refuses the query, or answers with what is no table of users;
    MachineError if the driver isn't installed.
    """
    try:
        from adbc_driver_manager import Error  # noqa: PLC0415 - an extra that few install
        from adbc_driver_postgresql import dbapi  # noqa: PLC0415
    except ImportError as error:
        raise MachineError(
            f"{source}: the driver for PostgreSQL isn't installed. Install it: make setup-postgres."
        ) from error
    import pyarrow as pa  # noqa: PLC0415 - as above
    import pyarrow.parquet as pq  # noqa: PLC0415

    # each parameter by its name and with every letter escaped, so that libpq can't read it in another way than we did
    address = "&".join(
        f"{name}={quote(value, safe='', errors='surrogateescape')}" for name, value in parse_postgres_url(url).items()
    )
    if not _SELECT_STATEMENT.match(query):  # COPY ... TO PROGRAM is no writing to PostgreSQL
        raise _make_query_error(source, "it is no single SELECT")
    # their texts quote the query and cells, and which letters of a password they may quote is theirs to say
    try:
        connection = dbapi.connect(f"postgresql://?{address}")
    except Error as error:
        known = _LIBPQ_REASONS.search(str(error))
        raise InputError(
            f"{source}: can't be asked ({known[0] if known else 'for a reason that only psql shows'}). Check DATA, and "
            "PGPASSWORD or ~/.pgpass."
        ) from None
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION READ ONLY")
            cursor.execute(query)
            batches = cursor.fetch_record_batch()
            fields = match_columns(batches.schema.names, schema, source)
            for field in fields:
                _refuse_column_type(field, batches.schema.field(field.index), source)
            columns = [field.index for field in fields]
            with pq.ParquetWriter(target, pa.schema([batches.schema.field(column) for column in columns])) as file:
                for batch in batches:
                    file.write_batch(batch.select(columns))
    # the driver's words, too, come as an OSError while rows are on their way
    except (Error, pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno:
            raise
        state = getattr(error, "sqlstate", None) or ""
        why = _SQLSTATE_MEANINGS.get(state, f"SQLSTATE {state}" if state else "a row of it can't be worked out")
        raise _make_query_error(source, why) from None
    return target


def _make_query_error(source: str, why: str) -> InputError:
    return InputError(
        f"{source}: the query was refused ({why}). Expected one SELECT that only reads. Correct `query` under [scale] in "
        "settings.toml; psql says more."
    )


def _refuse_column_type(field: MatchedColumn, column: Any, source: str) -> None:
    """Refuse types that the driver changes."""
    # Money becomes cents, networks become bytes
    import pyarrow as pa  # noqa: PLC0415 - as above

    kind = (column.metadata or {}).get(b"POSTGRESQL:type", b"").decode()
    if kind in _SUPPORTED_TYPES or pa.types.is_string(column.type):
        return
    wanted = "numeric" if field.column.kind == "number" else "text"
    raise InputError(
        f"{source}: column {field.header!r} is of PostgreSQL's type {kind or 'unknown'}, expected {field.column.label} as "
        f"{'numbers' if wanted == 'numeric' else 'text'}. Select it as {wanted} in `query` under [scale] in "
        f"settings.toml, such as {field.header}::{wanted}."
    )
