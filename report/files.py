"""The one door to disk: months in, a month's folder out, whole or not at all."""

import ctypes
import hashlib
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from report.errors import InputError, MachineError, ReportError
from report.sources.places import Place
from segmentation.facts import Facts, from_dict, to_dict

ROOT = Path(__file__).parent.parent
TEMPLATES = ROOT / "templates"
OUTBOX = "outbox"  # beside the months, so that it outlives a report that is made again
KINDS = (".csv", ".parquet", ".xlsx")
_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
_LEFT = re.compile(rf"\.{_MONTH.pattern}-\w+")  # a month in the making, or moved aside
_HERE, _EXCHANGE = -100, 2  # AT_FDCWD and RENAME_EXCHANGE of Linux
_LARGER = 1_000_000  # bytes: than any of the synthetic months, so that a large one isn't read for that
_FONTS = ("font_source_sans_pro", "font_source_serif_pro")


def check_month(month: str) -> str:
    """Make sure that a month reads "2026-10".

    Raises
    ------
    InputError
        If it doesn't.
    """
    if not _MONTH.fullmatch(month):
        raise InputError(f"MONTH={month} is no month. Write it as year and month: MONTH=2026-10.")
    return month


def find_month(folder: Path, month: str = "") -> Path:
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
    months = sorted(
        path
        for path in folder.iterdir()
        if _MONTH.fullmatch(path.stem) and (path.suffix.lower() in KINDS or path.is_dir())
    )
    wanted = check_month(month) if month else months[-1].stem if months else ""
    found = [path for path in months if path.stem == wanted]
    if not found:
        there = f"; the newest is {months[-1].stem}" if months else ""
        raise InputError(
            f"{folder}: holds no {f'file of {month}' if month else 'month'}{there}. Put a file there named like "
            f"{month or '2026-10'}.csv (or .parquet, .xlsx, or a folder of such), or name one: make report DATA=file MONTH={month or '2026-10'}."
        )
    if len(found) > 1:
        raise InputError(
            f"{folder}: {' and '.join(path.name for path in found)} are the same month. "
            f"Keep one, or name it: make report DATA={found[0]}."
        )
    return found[0]


def month_in(folder: Path, month: str) -> Path | None:
    """Give a month's file in a folder, or its own folder there; None where there is neither."""
    names = (*(f"{month}{kind}" for kind in KINDS), month)
    return next((path for name in names if (path := folder / name).exists()), None)


def sha256(path: Path) -> str:
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
    if path.is_dir() or (path.is_file() and path.stat().st_size > _LARGER):
        return False
    known = (ROOT / "data" / "SHA256SUMS").read_text(encoding="ascii").split()
    return sha256(path) in known


@contextmanager
def alone(output: Path) -> Iterator[None]:
    """Keep other runs out of the output folder, and sweep what runs that were killed left in it.

    The system itself takes the lock back, however a run ends.

    Raises
    ------
    MachineError
        If nothing can be written there, or another run is at work.
    """
    try:
        output.mkdir(parents=True, exist_ok=True)
        held = os.open(output, os.O_RDONLY)
    except OSError as error:
        raise _unwritable(output, error) from error
    try:
        if not _locked(held):
            raise MachineError(
                f"{output}: another run is at work there. Wait until it has ended, and run again; or name another folder: "
                "make report OUTPUT=folder."
            )
        for left in sorted(output.glob(".*-*")):
            if _LEFT.fullmatch(left.name) and left.is_dir():
                _put_back(left, output / left.name[1:8])
        yield
    finally:
        os.close(held)


def at_work(output: Path) -> bool:
    """Tell whether a run is at work in an output folder."""
    try:
        held = os.open(output, os.O_RDONLY)
    except OSError:
        return False
    try:
        return not _locked(held)
    finally:
        os.close(held)


@contextmanager
def building(output: Path, month: str) -> Iterator[Path]:
    """Give a folder beside the month's; when all went well it takes the month's place, else it is gone.

    The two change places in one step where the system can. Where it can't, the last good month is moved aside before
    and deleted after, so that there is always a whole one.
    """
    place, old = output / month, output / f".{month}-old"
    try:
        output.mkdir(parents=True, exist_ok=True)
        _put_back(old, place)
        new = Path(tempfile.mkdtemp(prefix=f".{month}-", dir=output))
    except OSError as error:
        raise _unwritable(output, error) from error
    try:
        yield new
        new.chmod(0o755)
        if not place.exists():
            new.rename(place)
        elif not _exchanged(new, place):
            place.rename(old)
            try:
                new.rename(place)
            except OSError:
                old.rename(place)
                raise
            shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _put_back(left: Path, place: Path) -> None:
    """Sweep what a killed run left behind; a month that it had moved aside, with nothing in its place yet, is good."""
    if left.name.endswith("-old") and left.exists() and not place.exists():
        left.rename(place)
    shutil.rmtree(left, ignore_errors=True)


def _exchanged(one: Path, other: Path) -> bool:
    """Let two folders change places in one step (Linux: renameat2); False where this system can't."""
    try:
        exchange = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, TypeError, AttributeError):
        return False
    return bool(exchange(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE) == 0)


def _locked(folder: int) -> bool:
    """Lock an open folder; True also where this system or disk knows no locks."""
    try:
        import fcntl  # noqa: PLC0415 - Windows has none

        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except (ImportError, OSError):
        pass
    return True


def _unwritable(output: Path, error: OSError) -> MachineError:
    return MachineError(
        f"{output}: nothing can be written there ({error.strerror}). Name another folder: make report OUTPUT=folder."
    )


def facts_text(facts: Facts) -> str:
    """Write facts as JSON."""
    return json.dumps(to_dict(facts), indent=1, ensure_ascii=False) + "\n"


def write_json(path: Path, data: Any) -> None:
    """Write JSON for people and programs."""
    path.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_facts(path: Path) -> Facts:
    """Read a month's facts.json.

    Raises
    ------
    ReportError
        If the file isn't there or is no JSON.
    FactsError
        If it was written by another version.
    """
    try:
        return from_dict(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ReportError(
            f"{path}: can't be read ({error.strerror}). Make the month first: make report."
        ) from error
    except json.JSONDecodeError as error:
        raise ReportError(f"{path}: is no JSON ({error}). Make the month again: make report.") from error


def newest_facts(output: Path = ROOT / "_output") -> Path:
    """Find the facts of the newest month that was made.

    Raises
    ------
    ReportError
        If none was.
    """
    made = sorted(path for path in output.glob("*/facts.json") if _MONTH.fullmatch(path.parent.name))
    if not made:
        raise ReportError(f"{output}: no month was made yet. Make one first: make report.")
    return made[-1]


def made_before(output: Path, month: str) -> list[Path]:
    """List the facts of all months that were made before this one, oldest first."""
    made = [path for path in output.glob("*/facts.json") if _MONTH.fullmatch(path.parent.name)]
    return sorted(path for path in made if path.parent.name < month)


def month_before(month: str) -> str:
    """Give the month before.

    Examples
    --------
    >>> month_before("2026-01")
    '2025-12'
    """
    count = int(month[:4]) * 12 + int(month[5:]) - 2
    return f"{count // 12:04d}-{count % 12 + 1:02d}"


def template(name: str) -> str:
    """Read a file of templates/."""
    return (TEMPLATES / name).read_text(encoding="utf-8")


def font_folders() -> list[Path]:
    """Find the folders of the fonts that charts and pages use; they come as packages."""
    specs = [find_spec(package) for package in _FONTS]
    return [Path(spec.origin).parent / "files" for spec in specs if spec and spec.origin]


def workshop(folder: Path) -> Path:
    """Lay out a copy of the documents and templates in a folder, for an engine to work in."""
    shutil.copytree(TEMPLATES, folder / "templates")
    (folder / "report").mkdir()
    for document in (ROOT / "report").glob("*.qmd"):
        shutil.copy(document, folder / "report")
    shutil.copy(ROOT / "_quarto.yml", folder)
    return folder


def owner_only(path: Path) -> None:
    """Let nobody but the owner read a file, or a folder of files: they have a row a user."""
    for part in (*path.rglob("*"), path):
        part.chmod(0o700 if part.is_dir() else 0o600)


def clear(folder: Path) -> None:
    """Delete a folder that this program may have made."""
    shutil.rmtree(folder, ignore_errors=True)


def remove(folder: Path) -> None:
    """Delete a folder that this program made."""
    shutil.rmtree(folder)


def month_of(source: Place, month: str) -> str:
    """Give the month that was asked for, else the one that the file is named for.

    Raises
    ------
    InputError
        If neither is a month.
    """
    if month or _MONTH.fullmatch(source.stem):
        return check_month(month or source.stem)
    raise InputError(f"{source.name}: which month is it? Name it: make report DATA={source} MONTH=2026-10.")


def shown(path: Path) -> Path:
    """Give a path as short as it can be shown: relative to where the reader is."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def write_sample(folder: Path, months: Mapping[str, str]) -> None:
    """Write the synthetic months, and the hashes by which `is_sample` knows them."""
    for month, text in months.items():
        (folder / f"{month}.csv").write_bytes(text.encode())
    sums = [f"{sha256(folder / f'{month}.csv')}  {month}.csv" for month in months]
    (folder / "SHA256SUMS").write_text("\n".join(sums) + "\n", encoding="ascii")


def kept(name: str, make: Callable[[], str]) -> str:
    """Give a text that is the same for every run, made once and kept beside the environment's packages."""
    path = Path(sys.prefix) / "share" / "listener-segments" / name
    with suppress(OSError):  # not made yet, or by another user who let nobody read it
        return path.read_text(encoding="utf-8")
    text = make()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text)
    except OSError:
        pass  # an environment that can't be written to makes it anew each time
    return text


def kept_folder(name: str, make: Callable[[Path], None]) -> Path | None:
    """Give a folder that is the same for every run, filled once and kept there too; None where that can't be."""
    path = Path(sys.prefix) / "share" / "listener-segments" / name
    if path.is_dir():
        return path
    with suppress(OSError):  # nobody may write there, or another run was faster
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as place:
            new = Path(place) / name
            new.mkdir()
            make(new)
            new.rename(path)
    return path if path.is_dir() else None


def write_whole(path: Path, text: str) -> None:
    """Write a text that others may look for meanwhile, or write too: they find it whole, or not at all."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as file:
        file.write(text)
    Path(file.name).replace(path)
