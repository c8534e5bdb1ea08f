"""What DATA names: a file or a folder here, or a database or a cluster elsewhere. Light: the command line asks it."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from report.errors import InputError

# What a source's hash is of, in words
HASHED = {
    "bytes": "the file's bytes",
    "files": "the list of the folder's files, each with its own hash, as sha256sum writes it",
    "query": "the name of what was asked, the query and the month, not what was answered",
}
TEXT = (".csv", ".tsv", ".txt")
PARQUET = (".parquet",)


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A database or a cluster that is asked for a month's users.

    Attributes
    ----------
    engine : {"duckdb", "postgresql", "spark"}
        Who is asked.
    url : str
        How: the path of DuckDB's file, PostgreSQL's URL, Spark's master.
    table : str
        The file, folder or table that Spark reads; empty where the query in settings says what is asked.
    """

    engine: Literal["duckdb", "postgresql", "spark"]
    url: str = field(repr=False)  # it may hold a password
    table: str = ""

    def __str__(self) -> str:
        return "…"

    @property
    def stem(self) -> str:
        """What it may be named for: the month, where a cluster reads a file or a folder."""
        return self.table.rstrip("/").rpartition("/")[2].partition(".")[0]

    @property
    def name(self) -> str:
        """What messages and pages call it: nothing that could let anybody in."""
        if self.table:
            return self.table.rstrip("/").rpartition("/")[2]
        if self.engine == "duckdb":
            return Path(self.url).name
        if self.engine == "postgresql":
            return f"postgresql: {re.split(r'[?#]', self.url)[0].rstrip('/').rpartition('/')[2].rpartition('@')[2]}"
        return f"spark: {self.url}"


Place = Path | Elsewhere


def place_of(data: str, spark: str = "") -> Place:
    """Say what DATA and SPARK name.

    Parameters
    ----------
    data : str
        A file or a folder; "duckdb:///file.db" (four slashes before an absolute path); "postgresql://…"; or
        "spark://…", the master of a cluster that the query in settings asks.
    spark : str
        Spark's master, "local[2]" or "spark://…"; then it reads the file, folder or table that `data` names.

    Raises
    ------
    InputError
        If it is none of these.
    """
    kind, separator, rest = data.partition("://")
    if spark:
        if not data:
            raise InputError(
                f"SPARK={spark} has nothing to read. Name it: make report DATA=folder SPARK={spark}."
            )
        return Elsewhere("spark", spark, data)
    if not separator:
        return Path(data)
    if kind == "spark":
        return Elsewhere("spark", data)
    if kind in ("postgresql", "postgres"):
        return Elsewhere("postgresql", data)
    if kind == "duckdb" and rest.startswith("/") and rest != "/":
        return Elsewhere("duckdb", rest[1:])
    raise InputError(
        f"DATA={kind}://… can't be read. Expected a file or a folder, duckdb:///file.db, postgresql://… or spark://…; "
        "what lies elsewhere is for a cluster: make report DATA=s3a://… SPARK=spark://…."
    )


def files_of(folder: Path) -> list[Path]:
    """List a folder's Parquet or text files, those of its folders too; what begins with "_" or "." is no data.

    Raises
    ------
    InputError
        If there are none, or of both kinds.
    """
    found = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in PARQUET + TEXT
        and path.is_file()
        and not any(part.startswith(("_", ".")) for part in path.relative_to(folder).parts)
    )
    kinds = {path.suffix.lower() in PARQUET for path in found}
    if len(kinds) != 1:
        what = "Parquet and text files" if kinds else "no Parquet and no CSV file"
        raise InputError(
            f"{folder}: holds {what}, expected the month's users in files of one kind. Keep one kind, or name another folder."
        )
    return found
