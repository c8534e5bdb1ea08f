"""A folder of months: one run at a time, and each month there whole or not at all."""

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
from report.months import MONTH

_LEFT = re.compile(rf"\.{MONTH.pattern}-\w+")  # a month in the making, or moved aside
_TRIES, _PAUSE = 5, 0.05  # seconds: whoever only looks whether a run is at work holds the lock for a moment
_HERE, _EXCHANGE = -100, 2  # AT_FDCWD and RENAME_EXCHANGE of Linux


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
        if not _locked_soon(held):
            raise MachineError(
                f"{output}: another run is at work there. Wait until it has ended, and run again; or name another folder: "
                "make report OUTPUT=folder."
            )
        _sweep(output)
        try:
            yield
        finally:
            _sweep(output)  # a process of this run that was ended had no time for it
    finally:
        os.close(held)


def at_work(output: Path) -> bool:
    """Tell whether a run is at work in an output folder."""
    try:
        held = os.open(output, os.O_RDONLY)
    except OSError:
        return False
    try:
        return not _locked(held, shared=True)
    finally:
        os.close(held)


@contextmanager
def building(output: Path, month: str) -> Iterator[Path]:
    """Give a folder beside the month's; when all went well it takes the month's place, else it is gone.

    The two change places in one step where the system can. Where it can't, the last good month is moved aside before
    and deleted after, so that there is always a whole one.

    Raises
    ------
    MachineError
        If nothing can be written there, or something else has the month's name.
    """
    place, old = output / month, output / f".{month}-old"
    if place.is_symlink() or (place.exists() and not place.is_dir()):
        raise MachineError(
            f"{place} is a {'link' if place.is_symlink() else 'file'}, expected the month's folder or nothing. "
            "Move it away, and run again; or name another folder: make report OUTPUT=folder."
        )
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


def _sweep(output: Path) -> None:
    """Clear away months in the making that nobody makes any more."""
    for left in sorted(output.glob(".*-*")):
        if _LEFT.fullmatch(left.name) and left.is_dir():
            with suppress(OSError):  # what can't be moved now is there for the next run
                _put_back(left, output / left.name[1:8])


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


def _locked(folder: int, *, shared: bool = False) -> bool:
    """Lock an open folder, alone or with others who only look; True also where this system or disk knows no locks."""
    try:
        import fcntl  # noqa: PLC0415 - Windows has none

        fcntl.flock(folder, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except (ImportError, OSError):
        pass
    return True


def _locked_soon(folder: int) -> bool:
    """Lock an open folder alone, and give whoever only looks a moment to be gone."""
    for _ in range(_TRIES):
        if _locked(folder):
            return True
        time.sleep(_PAUSE)
    return False


def _unwritable(output: Path, error: OSError) -> MachineError:
    return MachineError(
        f"{output}: nothing can be written there ({error.strerror}). Name another folder: make report OUTPUT=folder."
    )
