"""Engines' errors as sentences that help a person."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from report.errors import MachineError

_ENGINE_NAMES = {"duckdb": "DuckDB", "_duckdb": "DuckDB", "pyspark": "Spark", "py4j": "Spark"}
# What an engine's text may be about; the text itself may quote a cell, the query, or a password in an address.
_ERROR_CAUSES = {
    r"conflicting lock|set lock on file": "another process has it open for writing; wait until that has closed it, or ask a copy",
    r"no space left|disk quota|max_temp_directory_size": "there is no room left; make some where the output goes",
    r"out of memory|failed to (?:allocate|pin|offload)|OutOfMemory": "it needs more memory; raise memory_limit under [scale] in settings.toml",
    r"too many open files": "a program may not have more files open; allow more (ulimit -n 1024)",
    r"permission denied": "a file may not be read or written; give permission where the month and the output lie",
    r"not a valid DuckDB|corrupt|could not read enough|version number|sqlite_scanner": "it is no whole DuckDB database of a version "
    "that is read here; copy it again, or write it with the version in requirements.txt",
}


@contextmanager
def translate_errors() -> Iterator[None]:
    """Turn an engine's errors into sentences.

    The engine needn't be installed. Raises MachineError for any of them.
    """
    try:
        yield
    except Exception as error:
        engine = next((_ENGINE_NAMES[name] for name in _list_packages(error) if name in _ENGINE_NAMES), None)
        if engine is None:
            raise
        raise MachineError(f"{engine} could not go on: {explain_engine_error(error)}.") from None


def explain_engine_error(error: BaseException) -> str:
    """Return an engine's problem and what to do.

    The engine's own text is not repeated.
    """
    found = (cause for pattern, cause in _ERROR_CAUSES.items() if re.search(pattern, str(error), re.IGNORECASE))
    return next(
        found,
        f"{name_engine_error(error)}; its own text may quote a cell and isn't repeated here: read the same data in its own shell to see it",
    )


def name_engine_error(error: BaseException) -> str:
    """Return an error's name: Spark's condition, else its class."""
    condition = getattr(error, "getCondition", getattr(error, "getErrorClass", lambda: None))()
    return str(condition or type(error).__name__)


def _list_packages(error: BaseException) -> Iterator[str]:
    """Yield the packages that define an error's classes."""
    return (kind.__module__.partition(".")[0] for kind in type(error).__mro__)
