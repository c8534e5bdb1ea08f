"""What an engine says when it can't go on, said for the person who has to put it right."""

from collections.abc import Iterator
from contextlib import contextmanager

from report.errors import MachineError

_SHOWN = 200  # characters of what an engine says
_ENGINES = {"duckdb": "DuckDB", "_duckdb": "DuckDB", "pyspark": "Spark", "py4j": "Spark"}


@contextmanager
def said() -> Iterator[None]:
    """Turn an engine's faults inside into sentences; it needn't be there to be asked.

    Raises
    ------
    MachineError
        For any of them.
    """
    try:
        yield
    except Exception as error:
        engine = next((_ENGINES[name] for name in _modules(error) if name in _ENGINES), None)
        if engine is None:
            raise
        first = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise MachineError(
            f"{engine} could not go on: {first[:_SHOWN]} If it lacks memory, raise memory_limit under [scale] in "
            "settings.toml; if it lacks room, make some where the output goes."
        ) from error


def _modules(error: BaseException) -> Iterator[str]:
    """Name the packages that an error and its kinds come from."""
    return (kind.__module__.partition(".")[0] for kind in type(error).__mro__)
