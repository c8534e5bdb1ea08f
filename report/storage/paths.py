"""What lies where, and how it is read and written: months' files, facts, templates, fonts."""

import hashlib
import json
import re
import shlex
import shutil
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from report.errors import InputError, ReportError
from report.storage.location import DataLocation, parse_months
from report.storage.months import DATA_SUFFIXES, MONTH_PATTERN, list_month_files
from report.text.formatting import format_month
from segmentation.facts import Facts, facts_from_dict, facts_to_dict

ROOT = Path(__file__).parents[2]
TEMPLATES = ROOT / "templates"
DEFAULT_OUTPUT = ROOT / "_output"  # where months lie, unless settings name another folder
JOURNAL_FOLDER = "_output-mailed"  # in the project: journals of what was mailed, whatever the output folder
LEDGER_FOLDER = "outbox"  # beside the months, so that it outlives a report that is made again
_IGNORED_SUFFIXES = (".md", ".toml", ".log", ".sha256", ".md5")  # beside a month's file, and no table
_MAX_SAMPLE_BYTES = (
    1_000_000  # bytes: than any of the synthetic months, so that a large one isn't read for that
)
_FONT_PACKAGES = ("font_source_sans_pro", "font_source_serif_pro")


def check_month(month: str) -> str:
    """Make sure that a month reads "2026-10".

    Raises
    ------
    InputError
        If it doesn't.
    """
    if not MONTH_PATTERN.fullmatch(month):
        said = (
            f"MONTH={month}" if re.fullmatch(r"[\w./-]{1,12}", month) else "MONTH"
        )  # DATA in its place holds a password
        raise InputError(f"{said} is no month. Write it as year and month: MONTH=2026-10.")
    return month


def find_month_file(folder: Path, month: str = "") -> Path:
    """Find a month's file in a folder, the newest month's if none is named.

    Raises
    ------
    InputError
        If there is none, or two of the same month.
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
    """Refuse to pass over what by name is the month that is looked for, or a newer one, and can't be read.

    Raises
    ------
    InputError
        Naming the newest.
    """
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
    """Give a month's file in a folder, or its own folder there; None where there is neither."""
    return next((path for path in list_month_files(folder) if path.stem == month), None)


def hash_file(path: Path) -> str:
    """Give the hash of a file's bytes.

    Raises
    ------
    InputError
        If it can't be opened, or is no ordinary file: to open a pipe is to wait for who writes into it.
    """
    if path.exists() and not path.is_file():
        raise InputError(
            f"{path} is a folder, a pipe or a device, expected an ordinary file. Name the month's file."
        )
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(
            f"{path} can't be opened: {error.strerror}. Check the name and the folder."
        ) from error


def is_sample(path: Path) -> bool:
    """Tell whether a file is one of the synthetic months that the project ships, byte for byte."""
    if path.is_dir() or (path.is_file() and path.stat().st_size > _MAX_SAMPLE_BYTES):
        return False
    known = (ROOT / "data" / "SHA256SUMS").read_text(encoding="ascii").split()
    return hash_file(path) in known


def dump_facts_json(facts: Facts) -> str:
    """Write facts as JSON; a number that JSON doesn't know is a fault of ours, and no month is made of it."""
    return json.dumps(facts_to_dict(facts), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def write_json(path: Path, data: Any) -> None:
    """Write JSON for people and programs."""
    path.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_facts(path: Path) -> Facts:
    """Read a month's facts.json.

    Raises
    ------
    ReportError
        If the file isn't there, is no text or no JSON.
    FactsError
        If it was written by another version.
    """
    try:
        return facts_from_dict(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ReportError(
            f"{path}: can't be read ({error.strerror}). Make the month first: make report."
        ) from error
    except UnicodeDecodeError as error:
        raise ReportError(f"{path}: is no text. Make the month again: make report.") from error
    except (RecursionError, ValueError) as error:  # no JSON, or thousands of brackets or digits
        raise ReportError(f"{path}: is no JSON ({error}). Make the month again: make report.") from error


def find_newest_facts(output: Path = DEFAULT_OUTPUT) -> Path:
    """Find the facts of the newest month that was made.

    Raises
    ------
    ReportError
        If none was.
    """
    made = sorted(path for path in output.glob("*/facts.json") if MONTH_PATTERN.fullmatch(path.parent.name))
    if not made:
        raise ReportError(f"{output}: no month was made yet. Make one first: make report.")
    return made[-1]


def list_earlier_facts(output: Path, month: str) -> list[Path]:
    """List the facts of all months that were made before this one, oldest first."""
    made = [path for path in output.glob("*/facts.json") if MONTH_PATTERN.fullmatch(path.parent.name)]
    return sorted(path for path in made if path.parent.name < month)


def read_template(name: str) -> str:
    """Read a file of templates/."""
    return (TEMPLATES / name).read_text(encoding="utf-8")


def find_font_folders() -> list[Path]:
    """Find the folders of the fonts that charts and pages use; they come as packages."""
    specs = [find_spec(package) for package in _FONT_PACKAGES]
    return [Path(spec.origin).parent / "files" for spec in specs if spec and spec.origin]


def create_workspace(folder: Path) -> Path:
    """Lay out a copy of the documents and templates in a folder, for an engine to work in."""
    shutil.copytree(TEMPLATES, folder / "templates")
    (folder / "report").mkdir()
    for document in (ROOT / "report").glob("*.qmd"):
        shutil.copy(document, folder / "report")
    shutil.copy(ROOT / "_quarto.yml", folder)
    return folder


def restrict_to_owner(path: Path) -> None:
    """Let nobody but the owner read a file, or a folder of files: they have a row a user."""
    for part in (*path.rglob("*"), path):
        part.chmod(0o700 if part.is_dir() else 0o600)


def discard_folder(folder: Path) -> None:
    """Delete a folder that this program may have made."""
    shutil.rmtree(folder, ignore_errors=True)


def delete_folder(folder: Path) -> None:
    """Delete a folder that this program made."""
    shutil.rmtree(folder)


def resolve_month(source: DataLocation, month: str) -> str:
    """Give the month that was asked for, else the one that the file is named for.

    Raises
    ------
    InputError
        If neither is a month.
    """
    if month or MONTH_PATTERN.fullmatch(source.stem):
        return check_month(month or source.stem)
    raise InputError(f"{source.name}: which month is it? Name it: make report DATA={source} MONTH=2026-10.")


def shorten_path(path: Path) -> Path:
    """Give a path as short as it can be shown: relative to where the reader is."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def format_output_option(output: Path, default: Path) -> str:
    """Write what names an output folder to `make`, for a person to type: nothing for the one that settings name."""
    if output.resolve() == default.resolve():
        return ""
    return f" OUTPUT={shlex.quote(str(output.resolve()))}".replace("$", "$$")


def write_sample_months(folder: Path, months: Mapping[str, str]) -> None:
    """Write the synthetic months, and the hashes by which `is_sample` knows them."""
    for month, text in months.items():
        (folder / f"{month}.csv").write_bytes(text.encode())
    sums = [f"{hash_file(folder / f'{month}.csv')}  {month}.csv" for month in months]
    (folder / "SHA256SUMS").write_text("\n".join(sums) + "\n", encoding="ascii")
