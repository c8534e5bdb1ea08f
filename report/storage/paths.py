"""Where files lie, and how they are handled."""

import hashlib
import json
import re
import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from report.errors import InputError, ReportError
from report.storage.location import DataLocation, parse_months
from report.storage.months import DATA_SUFFIXES, MONTH_PATTERN, format_month, list_month_files
from segmentation.facts import Facts, facts_from_dict, facts_to_dict

ROOT = Path(__file__).parents[2]
TEMPLATES = ROOT / "templates"
DEFAULT_OUTPUT = ROOT / "_output"  # where months lie, unless settings name another folder
JOURNAL_FOLDER = "_output-mailed"  # in the project: journals of what was mailed, whatever the output folder
LEDGER_FOLDER = "outbox"  # beside the months, so that it outlives a report that is made again
_IGNORED_SUFFIXES = (".md", ".toml", ".log", ".sha256", ".md5")  # beside a month's file, and no table
_MAX_SAMPLE_BYTES = 1_000_000  # bytes: than any of the synthetic months, so that a large one isn't read for that


def check_month(month: str) -> str:
    """Return a month if it reads "2026-10".

    Raises InputError if it doesn't.
    """
    if not MONTH_PATTERN.fullmatch(month):
        # DATA in its place holds a password
        shown = f"MONTH={month}" if re.fullmatch(r"[\w./-]{1,12}", month) else "MONTH"
        raise InputError(f"{shown} is no month. Write it as year and month: MONTH=2026-10.")
    return month


def find_month_file(folder: Path, month: str = "") -> Path:
    """Return a month's file in the data folder.

    The newest month's, if none is named. Raises InputError if there is none, or two of the same month.
    """
    if not folder.is_dir():
        raise InputError(
            f"{folder}: no such folder. Create it with a file like 2026-10.csv, or name one: make report DATA=file."
        )
    months = list_month_files(folder)
    wanted = check_month(month) if month else months[-1].stem if months else ""
    found = [path for path in months if path.stem == wanted]
    _refuse_unreadable(folder, wanted, newer=not month, there=bool(found))
    if not found:
        there = f"; the newest is {months[-1].stem}" if months else ""
        raise InputError(
            f"{folder}: holds no {f'file of {month}' if month else 'month'}{there}. Put a file there named like "
            f"{month or '2026-10'}.csv (or {', '.join(DATA_SUFFIXES[1:])}, or a folder of such), or name one: make report DATA=file MONTH={month or '2026-10'}."
        )
    if len(found) > 1:
        raise InputError(
            f"{folder}: {' and '.join(path.name for path in found)} are the same month. "
            f"Keep one, or name it: make report DATA={found[0]}."
        )
    return found[0]


def _refuse_unreadable(folder: Path, wanted: str, *, newer: bool, there: bool) -> None:
    """Refuse to skip a month that can't be read."""
    # Only if its name says that it is the month looked for, or a newer one. The error names the newest
    months = set(list_month_files(folder))
    unread = [
        (month, path.name)
        for path in folder.iterdir()
        if path not in months
        and path.suffix.lower() not in _IGNORED_SUFFIXES
        and not re.match(r"[._~]|.*~$", path.name)
        for month in parse_months(path.name)
    ]
    for month, name in sorted(unread, reverse=True):
        if (month == wanted and not there) or (newer and month > wanted):
            raise InputError(
                f"{folder}: {name} is {format_month(month)} and can't be read. Expected a name like {month}.csv, with one of the "
                f"endings {', '.join(DATA_SUFFIXES)}. Unpack it, export it again or rename it, or name another month: make report "
                "MONTH=2026-10."
            )


def look_up_month_file(folder: Path, month: str) -> Path | None:
    """Return a month's file or folder, or None."""
    return next((path for path in list_month_files(folder) if path.stem == month), None)


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes.

    Raises InputError if it can't be opened, or is no ordinary file: opening a pipe would wait for its writer.
    """
    if path.exists() and not path.is_file():
        raise InputError(f"{path} is a folder, a pipe or a device, expected an ordinary file. Name the month's file.")
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path} can't be opened: {error.strerror}. Check the name and the folder.") from error


def is_sample(path: Path) -> bool:
    """Return whether a file is a shipped sample month."""
    if path.is_dir() or (path.is_file() and path.stat().st_size > _MAX_SAMPLE_BYTES):
        return False
    try:
        known = (ROOT / "data" / "SHA256SUMS").read_text(encoding="ascii").split()
    except (OSError, UnicodeDecodeError):  # data/ holds somebody's own months alone
        return False
    return hash_file(path) in known


def dump_facts_json(facts: Facts) -> str:
    """Return facts as JSON.

    A number that JSON doesn't know, such as NaN, raises an error.
    """
    return json.dumps(facts_to_dict(facts), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def write_json(path: Path, data: Any) -> None:
    """Write JSON for people and programs."""
    path.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_facts(path: Path) -> Facts:
    """Read a month's facts.json.

    Raises ReportError if the file isn't there, is no text or no JSON; FactsError if it was written by another version.
    """
    try:
        return facts_from_dict(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ReportError(f"{path}: can't be read ({error.strerror}). Make the month first: make report.") from error
    except UnicodeDecodeError as error:
        raise ReportError(f"{path}: is no text. Make the month again: make report.") from error
    except (RecursionError, ValueError) as error:  # no JSON, or thousands of brackets or digits
        raise ReportError(f"{path}: is no JSON ({error}). Make the month again: make report.") from error


def find_newest_facts(output: Path = DEFAULT_OUTPUT) -> Path:
    """Return the facts.json of the newest month.

    Raises ReportError if there is none.
    """
    made = list_earlier_facts(output, "9999-99")
    if not made:
        raise ReportError(f"{output}: no month was made yet. Make one first: make report.")
    return made[-1]


def list_earlier_facts(output: Path, month: str) -> list[Path]:
    """List the facts.json of earlier months, oldest first."""
    made = [path for path in output.glob("*/facts.json") if MONTH_PATTERN.fullmatch(path.parent.name)]
    return sorted(path for path in made if path.parent.name < month)


def read_template(name: str) -> str:
    """Read a file of templates/."""
    return (TEMPLATES / name).read_text(encoding="utf-8")


def create_workspace(folder: Path) -> Path:
    """Copy the documents and templates into a folder."""
    shutil.copytree(TEMPLATES, folder / "templates")
    (folder / "report").mkdir()
    for document in (ROOT / "report").glob("*.qmd"):
        shutil.copy(document, folder / "report")
    shutil.copy(ROOT / "_quarto.yml", folder)
    return folder


def restrict_to_owner(path: Path) -> None:
    """Let only the owner read it.

    A file, or a folder of files, with a row a user.
    """
    for part in (*path.rglob("*"), path):
        part.chmod(0o700 if part.is_dir() else 0o600)


def resolve_month(source: DataLocation, month: str) -> str:
    """Return the month asked for, else the file name's.

    Raises InputError if neither is a month.
    """
    if month or MONTH_PATTERN.fullmatch(source.stem):
        return check_month(month or source.stem)
    raise InputError(f"{source.name}: which month is it? Name it: make report DATA={source} MONTH=2026-10.")


def shorten_path(path: Path) -> Path:
    """Return a path relative to here, if below."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def format_output_option(output: Path, default: Path) -> str:
    """Return the `make` option for an output folder.

    Nothing for the folder that settings name.
    """
    if output.resolve() == default.resolve():
        return ""
    return f" OUTPUT={shlex.quote(str(output.resolve()))}".replace("$", "$$")


def write_sample_months(folder: Path, months: Mapping[str, str]) -> None:
    """Write the synthetic months and their hashes."""
    for month, text in months.items():
        (folder / f"{month}.csv").write_bytes(text.encode())
    sums = [f"{hash_file(folder / f'{month}.csv')}  {month}.csv" for month in months]
    (folder / "SHA256SUMS").write_text("\n".join(sums) + "\n", encoding="ascii")
