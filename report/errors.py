"""What ends a run with a sentence instead of a traceback."""

import os
import shutil
import traceback
from pathlib import Path

from segmentation.errors import SegmentationError


class ReportError(Exception):
    """Something outside the analysis that a person can correct.

    Its text says where, what was found, what was expected and what to do.
    """


class InputError(ReportError):
    """The month's file can't be read as a table of users."""


class SettingsError(ReportError):
    """settings.toml, or the playbook, says something that can't be meant."""


class MachineError(ReportError):
    """The machine lacks something that the report needs."""


class RenderError(ReportError):
    """A document could not be rendered or printed as it should be."""


# Errors whose text is about the program; that of others, such as ValueError, may quote a user's cell or a password.
_PROGRAMMING_ERRORS = (AssertionError, AttributeError, ImportError, NameError, TypeError, ZeroDivisionError)


class UnexpectedError(Exception):
    """An error that nobody foresaw: its text names it, and the place where it arose, which may be in another process."""

    @classmethod
    def from_exception(cls, error: Exception) -> "UnexpectedError":
        """Name an error, unless it is one of these already."""
        if isinstance(error, cls):
            return error
        said = type(error).__name__
        if isinstance(error, _PROGRAMMING_ERRORS):
            said = f"{said}: {' '.join(str(error).split())[:200]}"
        at = traceback.extract_tb(error.__traceback__)
        return cls(f"{said} ({Path(at[-1].filename).name}, line {at[-1].lineno})" if at else said)


def describe_error(error: BaseException) -> str:
    """Say to a person what ended a run, and what to do."""
    if isinstance(error, (ReportError, SegmentationError)):
        return str(error)
    if isinstance(error, OSError):  # no space, no permission: the machine's, not the month's
        place = f"{error.filename}: " if error.filename else ""
        return f"{place}{describe_os_error(error)}. Make room or give permission, and run again."
    if isinstance(error, MemoryError):
        return "The memory is used up. Close other programs, or run it on a larger machine."
    if isinstance(error, Exception):
        return (
            f"Something unforeseen: {UnexpectedError.from_exception(error)}. The last good report is as it was. Tell whoever looks after "
            "this program; with REPORT_DEBUG=1 it says more."
        )
    return "it was stopped before it had ended."


def describe_os_error(error: OSError) -> str:
    """Say what the system said, also where it was said of several files at once."""
    if isinstance(error, shutil.Error) and error.args and isinstance(error.args[0], list):
        return str(error.args[0][0][2]).partition("] ")[2].partition(":")[0]
    # what a library calls one, without the system's number, may quote a user's cell
    return os.strerror(error.errno) if error.errno else type(error).__name__
