"""What DATA names: a file or a folder here, or a database or a cluster elsewhere. Light: the command line asks it."""

import re
from collections.abc import Sequence
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
KINDS = (*TEXT, *PARQUET, ".xlsx")  # every ending that is read
# Endings of tables that aren't read, and of downloads that aren't finished: never passed over without a word.
UNREAD = (
    ".gz", ".bz2", ".xz", ".zst", ".lz4", ".snappy", ".zip", ".7z", ".rar", ".tgz", ".tar", ".part", ".crdownload",
    ".xls", ".xlsm", ".xlsb", ".ods", ".tab", ".psv", ".dat", ".jsonl", ".ndjson", ".orc", ".avro", ".pq", ".parq",
    ".feather", ".arrow", ".sav", ".dta", ".rds",
)  # fmt: skip
# How names of files and folders say a month: 2026-10, 2026-10-01, month=202610, year=2026/month=10.
_NAMED = (
    re.compile(r"(?<![0-9A-Za-z])([0-9]{4})[-_](0[1-9]|1[0-2])(?![0-9A-Za-z])"),
    re.compile(r"=([0-9]{4})(0[1-9]|1[0-2])(?:[0-3][0-9])?(?=/)"),
    re.compile(r"(?i)(?:^|/)y(?:ear)?=([0-9]{4})/m(?:onth)?=0?([1-9]|1[0-2])(?=/)"),
)


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
    check_name(data)
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


def check_name(path: str | Path) -> None:
    """Make sure that the name of a file can be written down.

    Raises
    ------
    InputError
        If it isn't UTF-8, as names from old systems and archives may be.
    """
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        shown = Path(str(path).encode(errors="replace").decode()).name
        raise InputError(f"{shown}: the file's name isn't UTF-8. Rename it, and run again.") from error


def months_named(path: str) -> set[str]:
    """Return the months that a path's names say.

    Examples
    --------
    >>> months_named("month=2026-09/part-0.parquet"), months_named("year=2026/month=9/a.csv"), months_named("a.csv")
    ({'2026-09'}, {'2026-09'}, set())
    """
    return {f"{year}-{int(month):02d}" for one in _NAMED for year, month in one.findall(path)}


def part_of(paths: Sequence[str], month: str, folder: str) -> list[str]:
    """Return those of a folder's files that are the month's, by what their names say.

    Parameters
    ----------
    paths : sequence of str
        Of every file.
    month : str
        "2026-10"; nothing for all files.
    folder : str
        The folder's own name. One that says the month vouches for what it holds.

    Raises
    ------
    InputError
        If some names say another month, and not every name says which it is.
    """
    named = {path: months_named(path.rpartition(f"/{folder}/")[2]) for path in paths}
    if not month or months_named(folder) == {month} or not any(named.values()):
        return list(paths)
    others = [path for path, months in named.items() if months and months != {month}]
    kept = [path for path, months in named.items() if months == {month}]
    if kept and not others:
        return list(paths)
    if kept and all(named.values()):
        return kept
    held = ", ".join(path.rpartition(f"/{folder}/")[2] for path in others[:3])
    more = f" and {len(others) - 3} more" if len(others) > 3 else ""
    raise InputError(
        f"{folder}: holds {held}{more}, which by name are of another month than {month}. Expected files of {month} alone, or "
        f"the month in every file's name. Name the month's own file or folder: make report DATA=file MONTH={month}."
    )


def files_of(folder: Path, month: str = "") -> list[Path]:
    """List a folder's Parquet or text files, those of its folders too; what begins with "_" or "." is no data.

    A text file of no bytes is left out: a cluster writes one for a part that has no rows.

    Parameters
    ----------
    folder : Path
        The folder.
    month : str
        The month whose files are wanted, where names say months; nothing for all files.

    Raises
    ------
    InputError
        If there are none, some of both kinds, some that can't be read, or some of another month.
    """
    there = sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and not any(part.startswith(("_", ".")) for part in path.relative_to(folder).parts)
    )
    unread = [path for path in there if path.suffix.lower() in (*UNREAD, ".xlsx")]
    if unread:
        check_name(unread[0])
        raise InputError(
            f"{folder}: holds {unread[0].relative_to(folder)}, which can't be read as a part of a month. Expected Parquet or "
            "text files alone. Unpack it, export it again, or take it out."
        )
    found = [path for path in there if path.suffix.lower() in PARQUET + TEXT]
    for path in found:
        check_name(path)
    kinds = {path.suffix.lower() in PARQUET for path in found}
    if len(kinds) != 1:
        what = "Parquet and text files" if kinds else "no Parquet and no CSV file"
        raise InputError(
            f"{folder}: holds {what}, expected the month's users in files of one kind. Keep one kind, or name another folder."
        )
    found = [path for path in found if path.suffix.lower() in PARQUET or path.stat().st_size]
    if not found:
        raise InputError(
            f"{folder}: all its files are empty. Expected a header and one row a user. Export it again."
        )
    own = f"/{folder.name}/"
    names = {f"{own}{path.relative_to(folder).as_posix()}": path for path in found}
    return [names[name] for name in part_of(list(names), month, folder.name)]
