"""What ends a run with a sentence instead of a traceback."""

import traceback
from pathlib import Path


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


class UnforeseenError(Exception):
    """An error that nobody foresaw: its text names it, and the place where it arose, which may be in another process."""

    @classmethod
    def of(cls, error: Exception) -> "UnforeseenError":
        """Name an error, unless it is one of these already."""
        if isinstance(error, cls):
            return error
        at = traceback.extract_tb(error.__traceback__)[-1]
        said = " ".join(str(error).split())[:200]
        return cls(f"{type(error).__name__}: {said} ({Path(at.filename).name}, line {at.lineno})")
