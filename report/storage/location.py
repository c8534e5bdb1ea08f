"""What DATA names: file, folder or database."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import unquote

from report.errors import InputError
from report.storage.months import PARQUET_SUFFIXES, TEXT_SUFFIXES

# What a source's hash is of, in words
HASH_DESCRIPTIONS = {
    "bytes": "the file's bytes",
    "files": "the list of the folder's files, each with its own hash, as sha256sum writes it",
    "query": "the name of what was asked, the query and the month, not what was answered",
}
# Endings of tables that aren't read, and of downloads that aren't finished: never passed over without a word.
UNSUPPORTED_SUFFIXES = (
    ".gz", ".bz2", ".xz", ".zst", ".lz4", ".snappy", ".zip", ".7z", ".rar", ".tgz", ".tar", ".part", ".crdownload",
    ".xls", ".xlsm", ".xlsb", ".ods", ".tab", ".psv", ".dat", ".jsonl", ".ndjson", ".orc", ".avro", ".pq", ".parq",
    ".feather", ".arrow", ".sav", ".dta", ".rds",
)  # fmt: skip
# How names of files and folders say a month: 2026-10, 2026.9, 2026/10/, 20261001, 10-2026, October 2026.
_YEAR, _MONTH = "(?<![0-9])(?P<year>(?:19|20)[0-9]{2})", "(?P<month>1[0-2]|0?[1-9])"
_MONTH_WORD = (
    r"(?<![a-z])(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)(?![a-z])"
)
_MONTH_PATTERNS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"{_YEAR}[-_. ]{_MONTH}(?![0-9])",
        rf"(?:^|(?<=/)){_YEAR}/{_MONTH}(?=[/.-])",
        r"(?<![0-9])(?P<year>20[1-9][0-9])(?P<month>0[1-9]|1[0-2])(?:[0-3][0-9](?:[0-9]{4}|[0-9]{6})?)?(?![0-9])",
        r"(?<![0-9])(?P<month>1[0-2]|0[1-9]|(?<![a-z])[1-9])[-_. ](?P<year>(?:19|20)[0-9]{2})(?![0-9]|[-_. ][0-9])",
        rf"{_MONTH_WORD}[-_., ]*(?P<year>(?:19|20)[0-9]{{2}})(?![0-9])",
        rf"{_YEAR}[-_. ]*{_MONTH_WORD}",
    )
)
_MONTH_ABBREVIATIONS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
# As Hive writes them, in any order and with other folders between; a month without a year is that of no year.
_HIVE_YEAR = re.compile(r"(?i)(?:^|/)y(?:ea)?r?=([0-9]{4})(?=/)")
_HIVE_MONTH = re.compile(r"(?i)(?:^|/)m(?:o(?:nth)?)?=(1[0-2]|0?[1-9])(?=/)")
_UUID = re.compile(r"(?i)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]+")  # a UUID, whose digits are no month
_PART_NUMBER_PREFIX = re.compile(r"(?i)(?<![a-z])(?:part|chunk|split|shard|batch|file|p)[-_ ]?$|\w=$")
_COPY_SUFFIX = re.compile(r"(?i)(?:(?: - cop(?:y|ie)| - kopie| copy)(?: ?\([0-9]+\)| [0-9]+)?| ?\([0-9]+\))$")

# A letter that ends no part of a URL for any reader, or one written as %..; NUL is none that libpq takes
_URL_CHARACTER = r"(?:[^\s\x00-\x1f\x7f,:/?#@%&=\[\]]|%(?!00)[0-9A-Fa-f]{2})"
_URL_HOST = rf"(?:\[[0-9A-Fa-f:.]+\]|{_URL_CHARACTER}*)(?::[0-9]{{1,5}})?"
_URL_WORD = rf"(?:{_URL_CHARACTER}|[,&=])*"
_POSTGRES_URL = re.compile(
    rf"postgres(?:ql)?://(?:(?P<user>{_URL_WORD})(?P<password>:(?:{_URL_CHARACTER}|[,&=:])*)?@)?(?P<hosts>{_URL_HOST}(?:,{_URL_HOST})*)"
    rf"(?:/(?P<dbname>{_URL_WORD}))?(?:\?(?P<options>[a-z_]+=(?:{_URL_CHARACTER}|[,:/])*(?:&[a-z_]+=(?:{_URL_CHARACTER}|[,:/])*)*))?"
)
_LIBPQ_PARAMETER = re.compile(
    r"host(addr)?|port|dbname|user|password|passfile|require_auth|channel_binding|connect_timeout|client_encoding|options"
    r"|(fallback_)?application_name|keepalives(_(idle|interval|count))?|tcp_user_timeout|gssencmode|gsslib|gssdelegation"
    r"|ssl((root)?cert|key|mode|password|certmode|crl(dir)?|sni|negotiation|compression)?|ssl_m(in|ax)_protocol_version"
    r"|requirepeer|krbsrvname|service|target_session_attrs|load_balance_hosts"
)
_SPARK_MASTER = re.compile(r"[\w.\[\]*,-]+|[a-z0-9]+://(?:https?://)?[\w.\[\]-]+(?::\d+)?(?:,[\w.-]+(?::\d+)?)*/?")
_REMOTE_ADDRESS = re.compile(
    r"[a-z][a-z0-9+.-]*:(?://(?:[\w-]+@(?=[\w.-]+\.windows\.net(?:/|$)))?(?P<host>[\w.-]*(?::\d+)?))?(?P<path>(?:/(?!/).*)?)"
)


@dataclass(frozen=True, slots=True)
class DatabaseSource:
    """A database or a cluster with a month's users."""

    engine: Literal["duckdb", "postgresql", "spark"]
    # the path of DuckDB's file, PostgreSQL's URL, Spark's master; it may hold a password
    url: str = field(repr=False)
    table: str = ""  # that Spark reads, or a file or folder; empty where the query in settings is asked

    def __str__(self) -> str:
        return "…"

    @property
    def stem(self) -> str:
        """The file's or folder's name without its ending."""
        return self._last_part.partition(".")[0]

    @property
    def _last_part(self) -> str:
        """The last part of the path."""
        # The query and the fragment of an address may hold a key
        path = re.sub(r"(?s)^([a-z][a-z0-9+.-]*:[^?#]*).*", r"\1", self.table)
        return path.rstrip("/").rpartition("/")[2]

    @property
    def name(self) -> str:
        """The name in messages and on pages; no secret."""
        if self.table:
            return self._last_part
        if self.engine == "duckdb":
            return Path(self.url).name
        if self.engine == "postgresql":
            return f"postgresql: {parse_postgres_url(self.url).get('dbname', '')}".removesuffix(": ")
        return f"spark: {self.url}"


DataLocation = Path | DatabaseSource


def parse_location(data: str, spark: str = "") -> DataLocation:
    """Return what DATA and SPARK name.

    DATA is a file or a folder; "duckdb:///file.db" (four slashes before an absolute path); "postgresql://…"; or
    "spark://…", the master of a cluster that the query in settings asks. With SPARK, which is Spark's master, "local[2]"
    or "spark://…", that reads the file, folder or table.
    """
    check_file_name(data)
    if spark:
        if not _SPARK_MASTER.fullmatch(spark):
            raise InputError(
                "SPARK can't be read. Expected a master such as spark://host:7077 or local[2], without a user or password."
            )
        if not data:
            raise InputError(f"SPARK={spark} has nothing to read. Name it: make report DATA=folder SPARK={spark}.")
        return DatabaseSource("spark", spark, _check_credential_free(data))
    kind, separator, rest = data.partition("://")
    if not separator:
        return Path(_check_path(data))
    if kind == "spark" and _SPARK_MASTER.fullmatch(data):
        return DatabaseSource("spark", data)
    if kind in ("postgresql", "postgres"):
        parse_postgres_url(data)
        return DatabaseSource("postgresql", data)
    if kind == "duckdb" and rest.startswith("/") and rest != "/":
        return DatabaseSource("duckdb", _check_path(rest[1:]))
    shown = f"DATA={kind}://…" if re.fullmatch(r"[a-z][a-z0-9]{1,9}", kind) else "DATA"
    raise InputError(
        f"{shown} can't be read. Expected a file or a folder, duckdb:///file.db, postgresql://… or spark://…; "
        "what lies elsewhere is for a cluster: make report DATA=s3a://… SPARK=spark://…."
    )


def parse_postgres_url(url: str) -> dict[str, str]:
    """Return libpq's parameters of a PostgreSQL URL.

    Only what every reader of URLs reads in the same way is taken: else libpq may take a part of the password for a host,
    a port or a database, which its messages name. The error repeats nothing of the URL but a database's name.
    """
    found = _POSTGRES_URL.fullmatch(url)
    if not found:
        raise _make_url_error(url)
    hosts = [
        host.rpartition(":") if re.search(r":\d+$", host) else (host, "", "") for host in found["hosts"].split(",")
    ]
    named = [
        ("user", found["user"] or ""),
        ("password", (found["password"] or "")[1:]),
        ("host", ",".join(host.strip("[]") for host, _, _ in hosts)),
        ("port", ",".join(port for _, _, port in hosts) if any(port for _, _, port in hosts) else ""),
        ("dbname", found["dbname"] or ""),
        *(option.split("=") for option in (found["options"] or "").split("&") if option),
    ]
    given = [(name, unquote(value, errors="surrogateescape")) for name, value in named if value]
    parameters = dict(given)
    # a name with these letters would be read as a URL or as keywords, and stands on every page
    strange = re.search("[=:@]", parameters.get("dbname", ""))
    if strange or len(parameters) < len(given) or not all(map(_LIBPQ_PARAMETER.fullmatch, parameters)):
        raise _make_url_error(url)
    return parameters


def _make_url_error(url: str) -> InputError:
    """Return the error for an unreadable URL."""
    # The database's name is repeated only where it can't be a piece of a password
    named = re.fullmatch(r"[^?#]*@[\w.-]*(?::\d+)?/([A-Za-z_][\w-]*)", url)
    return InputError(
        f"postgresql: {f'{named[1]}: ' if named else ''}DATA can't be read as a URL: write the letters : / ? # @ % of a "
        "password as %3A %2F %3F %23 %40 %25, and a blank as %20; or leave the password to PGPASSWORD. Expected "
        "postgresql://user:password@host:port/database."
    )


def _check_path(path: str) -> str:
    """Return a path that is no database's address."""
    # A message would repeat the password in it
    if re.search(r"[@?#=]|^\w+:", path) and not os.path.exists(path):  # noqa: PTH110 - Path raises where a name is too long
        raise InputError(
            "DATA names no file or folder that is there; it isn't repeated here, for it may hold a password. Expected a "
            "file or a folder, duckdb:///file.db, postgresql://user@host/database or spark://host:7077."
        )
    return path


def _check_credential_free(table: str) -> str:
    """Return a cluster's address, unless it holds a secret."""
    # The cluster's messages would repeat it
    found = _REMOTE_ADDRESS.fullmatch(table)
    if found or not re.search("[:@]", table) or os.path.exists(table):  # noqa: PTH110 - as above
        path = found["path"] if found else table
        # a secret with "/" in it, after a user
        split = found and ":" in (found["host"] or "") and "@" in path
        if not split and not re.search("[?&;#][^/]*=", path):
            return table
    raise InputError(
        "DATA can't be read as the address of a file, a folder or a table: keys and passwords belong into Spark's own "
        "configuration (spark-defaults.conf). Expected an address without them, such as s3a://bucket/2026-10."
    )


def check_file_name(path: str | Path) -> None:
    """Make sure that a file's name is UTF-8.

    Names from old systems and archives may not be. Raises InputError if it isn't.
    """
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        shown = Path(str(path).encode(errors="replace").decode()).name
        raise InputError(f"{shown}: the file's name isn't UTF-8. Rename it, and run again.") from error


def parse_months(path: str) -> set[str]:
    """Return the months that appear in a path.

    Examples
    --------
    >>> parse_months("month=2026-09/part-0.parquet"), parse_months("year=2026/month=9/a.csv"), parse_months("a.csv")
    ({'2026-09'}, {'2026-09'}, set())
    """
    path = _UUID.sub("", path)
    found = [(one["year"], one["month"]) for pattern in _MONTH_PATTERNS for one in pattern.finditer(path)]
    year = _HIVE_YEAR.search(path)
    found += [(year[1] if year else "0000", month) for month in _HIVE_MONTH.findall(path)]
    return {f"{year}-{_parse_month_number(month):02d}" for year, month in found}


def _parse_month_number(month: str) -> int:
    return int(month) if month.isdecimal() else _MONTH_ABBREVIATIONS.index(month[:3].lower()) + 1


def select_month_files(paths: Sequence[str], month: str, folder: str) -> list[str]:
    """Return the month's files of a folder; all of them without a month.

    If the folder's own name says the month, all files are the month's. Raises InputError if some names say another month,
    and not every name says which it is.
    """
    own = parse_months(folder)
    if not month or own == {month}:
        return list(paths)
    inner = {path: path.rpartition(f"/{folder}/")[2] for path in paths}
    # a folder of a year, or "year=2026", says it for the months in it
    named = {path: parse_months(name if own else f"{folder}/{name}") for path, name in inner.items()}
    if not any(named.values()):
        if numbered := _find_numbered_names(list(inner.values())):
            raise InputError(
                f"{folder}: holds {numbered[0]} and {numbered[1]}, whose names differ by a number that may be a month's. Expected "
                f"files of {month} alone, or the month in every file's name, as in {month}.csv. Rename them, or name the month's "
                f"own file or folder: make report DATA=file MONTH={month}."
            )
        return list(paths)
    others = [path for path, months in named.items() if months and months != {month}]
    kept = [path for path, months in named.items() if months == {month}]
    if kept and not others:
        return list(paths)
    if kept and all(named.values()):
        return kept
    held = ", ".join(inner[path] for path in others[:3])
    more = f" and {len(others) - 3} more" if len(others) > 3 else ""
    raise InputError(
        f"{folder}: holds {held}{more}, which by name are of another month than {month}. Expected files of {month} alone, or "
        f"the month in every file's name. Name the month's own file or folder: make report DATA=file MONTH={month}."
    )


def _find_numbered_names(names: Sequence[str]) -> list[str]:
    """Return file names that end in a month's number."""
    # They differ only by a number from 1 to 12, unless a word such as "part" says what it counts
    alike: dict[tuple[str, str], dict[str, str]] = {}
    for name in names:
        plain = _UUID.sub("", name)
        for number in re.finditer("[0-9]+", plain):
            if not _PART_NUMBER_PREFIX.search(plain[: number.start()]):
                around = plain[: number.start()], plain[number.end() :]
                alike.setdefault(around, {})[number[0]] = name
    for found in alike.values():
        if len(found) > 1 and all(re.fullmatch("1[0-2]|0?[1-9]", number) for number in found):
            return list(found.values())
    return []


def _refuse_copies(paths: Sequence[Path], folder: Path) -> None:
    """Refuse a second copy of a file."""
    # File managers name it "… copy" or "… (2)". Its users would count twice
    there = set(paths)
    for path in paths:
        stem = _COPY_SUFFIX.sub("", path.stem)
        first = path.with_name(stem + path.suffix)
        if stem and first != path and first in there:
            raise InputError(
                f"{folder}: holds {path.relative_to(folder)} beside {first.name}, whose users would count twice. Expected each "
                "file once. Delete the copy, or rename it if its users are others."
            )


def list_data_files(folder: Path, month: str = "") -> list[Path]:
    """List a folder's Parquet or text files.

    Names that begin with "_" or "." are no data. A text file of no bytes is left out: a cluster writes one for a part
    that has no rows. With a month, only its files. Raises InputError if there are none, some of both kinds, some that
    can't be read, one twice, or some of another month.
    """
    there = sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and not any(part.startswith(("_", ".")) for part in path.relative_to(folder).parts)
    )
    unread = [path for path in there if path.suffix.lower() in (*UNSUPPORTED_SUFFIXES, ".xlsx")]
    if unread:
        check_file_name(unread[0])
        raise InputError(
            f"{folder}: holds {unread[0].relative_to(folder)}, which can't be read as a part of a month. Expected Parquet or "
            "text files alone. Unpack it, export it again, or take it out."
        )
    found = [path for path in there if path.suffix.lower() in PARQUET_SUFFIXES + TEXT_SUFFIXES]
    for path in found:
        check_file_name(path)
    _refuse_copies(found, folder)
    kinds = {path.suffix.lower() in PARQUET_SUFFIXES for path in found}
    if len(kinds) != 1:
        what = "Parquet and text files" if kinds else "no Parquet and no CSV file"
        raise InputError(
            f"{folder}: holds {what}, expected the month's users in files of one kind. Keep one kind, or name another folder."
        )
    found = [path for path in found if path.suffix.lower() in PARQUET_SUFFIXES or path.stat().st_size]
    if not found:
        raise InputError(f"{folder}: all its files are empty. Expected a header and one row a user. Export it again.")
    own = f"/{folder.name}/"
    names = {f"{own}{path.relative_to(folder).as_posix()}": path for path in found}
    return [names[name] for name in select_month_files(list(names), month, folder.name)]
