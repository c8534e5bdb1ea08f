"""A real PostgreSQL server on loopback, for the tests that ask one."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT_HAS = "postgres"  # the account under which a server runs that root may not run
OWNER = "postgresql://owner:owns@127.0.0.1:{port}/music"


def _folder() -> Path | None:
    """Find the server's programs: on the path, or where Debian puts them."""
    found = shutil.which("pg_ctl")
    places = [Path(found).resolve().parent] if found else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((place for place in places if (place / "initdb").exists()), None)


@pytest.fixture(scope="module")
def postgresql() -> Iterator[int]:
    """Give the port of a server with a database "music", whose accounts log in by password alone."""
    pytest.importorskip("adbc_driver_postgresql", reason="PostgreSQL's driver is an extra: make setup-postgres")
    programs = _folder()
    if programs is None:
        pytest.skip("there is no PostgreSQL server on this machine (initdb, pg_ctl)")
    as_other = ["runuser", "-u", ROOT_HAS, "--"] if os.geteuid() == 0 else []
    if as_other and subprocess.run([*as_other, "true"], capture_output=True, check=False).returncode:
        pytest.skip("PostgreSQL refuses to run as root, and there is no account called postgres")
    with tempfile.TemporaryDirectory(prefix="pg") as short:  # a socket's path has at most 107 bytes
        place, data = Path(short), Path(short) / "data"
        place.chmod(0o777)
        word = place / "word"
        word.write_text("owns")
        word.chmod(0o644)

        def run(program: str, *arguments: str) -> None:
            subprocess.run(
                [*as_other, str(programs / program), *arguments], cwd=place, check=True, stdout=subprocess.DEVNULL
            )

        run(
            "initdb", "-D", str(data), "-U", "owner", "-A", "scram-sha-256", f"--pwfile={word}", "-E", "UTF8", "--no-sync",
            "--locale=C",
        )  # fmt: skip
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = int(free.getsockname()[1])
        settings = f"-p {port} -k {place} -c listen_addresses=127.0.0.1 -c fsync=off"
        run("pg_ctl", "-D", str(data), "-o", settings, "-l", str(place / "log"), "-w", "start")
        try:
            do(port, "CREATE DATABASE music", database="postgres")
            yield port
        finally:
            run("pg_ctl", "-D", str(data), "-m", "immediate", "-w", "stop")


def do(port: int, *statements: str, database: str = "music") -> None:
    """Do something as the owner."""
    from adbc_driver_postgresql import dbapi

    with (
        dbapi.connect(OWNER.format(port=port).replace("/music", f"/{database}"), autocommit=True) as connection,
        connection.cursor() as cursor,
    ):
        for statement in statements:
            cursor.execute(statement)


def lay(port: int, table: Any) -> None:
    """Lay a table of Arrow's into the database, as "users"."""
    from adbc_driver_postgresql import dbapi

    with dbapi.connect(OWNER.format(port=port)) as connection, connection.cursor() as cursor:
        cursor.adbc_ingest("users", table, mode="replace")
        connection.commit()
