"""An output folder with one run at a time.

Each month in it is there whole or not at all.
"""

import ctypes
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from report.errors import MachineError
from report.storage.months import MONTH_PATTERN

_LEFTOVER = re.compile(rf"\.{MONTH_PATTERN.pattern}-\w+")  # a month in the making, or moved aside
# Seconds between tries: `is_locked` holds the lock for a moment
_LOCK_TRIES, _LOCK_PAUSE = 5, 0.05
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2  # of Linux


@contextmanager
def run_lock(output: Path) -> Iterator[None]:
    """Keep other runs out of the output folder.

    What killed runs left in it is deleted. The system releases the lock however a run ends. Raises MachineError if
    nothing can be written there, or another run is at work.
    """
    try:
        output.mkdir(parents=True, exist_ok=True)
        held = os.open(output, os.O_RDONLY)
    except OSError as error:
        raise _make_unwritable_error(output, error) from error
    try:
        if not _retry_lock(held):
            raise MachineError(
                f"{output}: another run is at work there. Wait until it has ended, and run again; or name another folder: "
                "make report OUTPUT=folder."
            )
        _delete_leftovers(output)
        try:
            yield
        finally:
            _delete_leftovers(output)  # a process of this run that was ended had no time for it
    finally:
        os.close(held)


def is_locked(output: Path) -> bool:
    """Return whether a run is at work there."""
    try:
        held = os.open(output, os.O_RDONLY)
    except OSError:
        return False
    try:
        return not _try_lock(held, shared=True)
    finally:
        os.close(held)


@contextmanager
def atomic_folder(output: Path, month: str) -> Iterator[Path]:
    """Yield a folder that will become the month's.

    The two change places in one step where the system can. Where it can't, the last good month is moved aside before
    and deleted after, so that there is always a whole one. Raises MachineError if nothing can be written there, or
    something else has the month's name.
    """
    place, old = output / month, output / f".{month}-old"
    if place.is_symlink() or (place.exists() and not place.is_dir()):
        raise MachineError(
            f"{place} is a {'link' if place.is_symlink() else 'file'}, expected the month's folder or nothing. "
            "Move it away, and run again; or name another folder: make report OUTPUT=folder."
        )
    try:
        output.mkdir(parents=True, exist_ok=True)
        _restore_or_delete(old, place)
        new = Path(tempfile.mkdtemp(prefix=f".{month}-", dir=output))
    except OSError as error:
        raise _make_unwritable_error(output, error) from error
    try:
        yield new
        new.chmod(0o755)
        if not place.exists():
            new.rename(place)
        elif not _swap_folders(new, place):
            place.rename(old)
            try:
                new.rename(place)
            except OSError:
                old.rename(place)
                raise
            shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(new, ignore_errors=True)


@contextmanager
def use_temporary_folder(folder: Path) -> Iterator[None]:
    """Have this process and those it starts keep temporary files there.

    They may hold users' rows: the folder is its owner's alone, and is deleted with the one that it lies in.
    """
    folder.mkdir(mode=0o700)
    before, place = tempfile.tempdir, os.environ.get("TMPDIR")
    tempfile.tempdir = os.environ["TMPDIR"] = str(folder.absolute())
    try:
        yield
    finally:
        tempfile.tempdir = before
        os.environ.pop("TMPDIR")
        if place is not None:
            os.environ["TMPDIR"] = place
        for _ in range(_LOCK_TRIES):  # a process that is about to end may still write there
            shutil.rmtree(folder, ignore_errors=True)
            if not folder.exists():
                break
            time.sleep(_LOCK_PAUSE)


def _delete_leftovers(output: Path) -> None:
    """Delete unfinished months that no run works on."""
    for left in sorted(output.glob(".*-*")):
        if _LEFTOVER.fullmatch(left.name) and left.is_dir():
            with suppress(OSError):  # what can't be moved now is there for the next run
                _restore_or_delete(left, output / left.name[1:8])


def _restore_or_delete(left: Path, place: Path) -> None:
    """Delete what a killed run left behind."""
    # A month that it had moved aside, with nothing in its place yet, is good and moves back
    if left.name.endswith("-old") and left.exists() and not place.exists():
        left.rename(place)
    shutil.rmtree(left, ignore_errors=True)


def _swap_folders(one: Path, other: Path) -> bool:
    """Swap two folders in one step; return whether it worked."""
    # Linux can, by renameat2
    try:
        exchange = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, TypeError, AttributeError):
        return False
    return bool(exchange(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0)


def _try_lock(folder: int, *, shared: bool = False) -> bool:
    """Return whether an open folder could be locked."""
    # A shared lock is for those who only look. True also where this system or disk knows no locks
    try:
        import fcntl  # noqa: PLC0415 - Windows has none

        fcntl.flock(folder, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except (ImportError, OSError):
        pass
    return True


def _retry_lock(folder: int) -> bool:
    """Return whether an open folder could be locked alone."""
    # One who only looks holds a lock for a moment
    for _ in range(_LOCK_TRIES):
        if _try_lock(folder):
            return True
        time.sleep(_LOCK_PAUSE)
    return False


def _make_unwritable_error(output: Path, error: OSError) -> MachineError:
    return MachineError(
        f"{output}: nothing can be written there ({error.strerror}). Name another folder: make report OUTPUT=folder."
    )
