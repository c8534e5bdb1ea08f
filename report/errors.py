"""Errors that end a run with a sentence."""

import errno
import os
import shutil
import traceback
from pathlib import Path
from typing import Self

from segmentation.errors import SegmentationError


class ReportError(Exception):
    """A problem that a person can correct.

    Its text says where, what was found, what was expected and what to do.
    """


class InputError(ReportError):
    """The month's file isn't a table of users."""


class NoUsersError(InputError):
    """The month's file, or a part of it, has no row."""


class SettingsError(ReportError):
    """settings.toml or the playbook has a mistake."""


class MachineError(ReportError):
    """The machine lacks something that the report needs."""


class RenderError(ReportError):
    """A document could not be rendered or printed."""


# Their text is about the program; that of others, such as ValueError, may quote a cell or a password.
_PROGRAMMING_ERRORS = (AssertionError, AttributeError, ImportError, NameError, TypeError, ZeroDivisionError)


class UnexpectedError(Exception):
    """A programming error, named with its file and line."""

    @classmethod
    def from_exception(cls, error: Exception) -> Self:
        """Wrap an exception, unless it is wrapped already."""
        if isinstance(error, cls):
            return error
        text = type(error).__name__
        if isinstance(error, _PROGRAMMING_ERRORS):
            text = f"{text}: {' '.join(str(error).split())[:200]}"
        frames = traceback.extract_tb(error.__traceback__)
        return cls(f"{text} ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else text)


_ROOM, _PERMISSION = "Make room there", "Give permission"
_OS_REMEDIES = {
    errno.ENOSPC: _ROOM,
    errno.EDQUOT: _ROOM,
    errno.EFBIG: "Allow larger files (ulimit -f)",
    errno.EACCES: _PERMISSION,
    errno.EPERM: _PERMISSION,
    errno.EROFS: "Name a folder that can be written to",
    errno.EMFILE: "Allow more open files (ulimit -n 1024)",
    errno.ENFILE: "Close other programs",
    errno.ENOMEM: "Close other programs, or use a larger machine",
    errno.EAGAIN: "Allow more processes (ulimit -u), or close other programs",
    errno.ENOENT: "Restore it",
    errno.ENOTDIR: "Restore it",
    errno.EIO: "Look after that disk",
}


def describe_error(error: BaseException) -> str:
    """Describe what ended a run, and what to do."""
    if isinstance(error, (ReportError, SegmentationError)):
        return str(error)
    if isinstance(error, OSError):  # such as no space or no permission
        place = f"{error.filename}: " if error.filename else ""
        return (
            f"{place}{describe_os_error(error)}. {_OS_REMEDIES.get(error.errno or 0, 'Correct that')}, and run again."
        )
    if isinstance(error, MemoryError):
        return "The memory is used up. Close other programs, or run it on a larger machine."
    if isinstance(error, Exception):
        return (
            f"Something unforeseen: {UnexpectedError.from_exception(error)}. The last good report is as it was. Tell whoever looks after "
            "this program; with REPORT_DEBUG=1 it says more."
        )
    return "it was stopped before it had ended."


def describe_os_error(error: OSError) -> str:
    """Return the system's message for an error."""
    if isinstance(error, shutil.Error) and error.args and isinstance(error.args[0], list):
        return str(error.args[0][0][2]).partition("] ")[2].partition(":")[0]
    # without a number it comes from a library, and may quote a cell
    return os.strerror(error.errno) if error.errno else type(error).__name__
