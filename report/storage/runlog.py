"""The last run's result, kept as a file."""

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Literal

from report.errors import describe_error
from report.storage.months import MONTH_PATTERN

_RUN_FILE = "last-run.json"


@dataclass(frozen=True, slots=True)
class LastRun:
    """The result of the last run."""

    month: str  # as requested; empty for the newest
    state: Literal["running", "failed", "done"]  # a killed run stays "running"
    why: str  # the error message, if it failed
    at: str  # when it began, ISO 8601
    sender: str = ""  # sender and owner as in settings, for notices once that file is lost
    owner: str = ""

    @property
    def sentence(self) -> str:
        """Describe a run that isn't done."""
        what = f"The run of {self.month or 'the newest month'}"
        if self.state == "failed":
            return f"{what} failed: {self.why}"
        return f"{what} that began at {self.at} has not ended: it is still at work, or was cut off."


@contextlib.contextmanager
def record_run(
    output: Path, month: str, clock: Callable[[], datetime], *, sender: str = "", owner: str = ""
) -> Iterator[None]:
    """Record that a run began, and how it ended.

    A record that can't be written doesn't stop the run.
    """
    run = LastRun(month, "running", "", clock().isoformat(timespec="seconds"), sender, owner)
    _write_run(output, run)
    try:
        yield
    except BaseException as error:
        _write_run(output, replace(run, state="failed", why=describe_error(error)))
        raise
    _write_run(output, replace(run, state="done"))


def record_run_failure(output: Path, month: str, clock: Callable[[], datetime], error: Exception) -> None:
    """Record that a run failed before it began.

    Sender and owner stay those of the last run: only accepted settings change them.
    """
    last, at = read_last_run(output), clock().isoformat(timespec="seconds")
    sender, owner = (last.sender, last.owner) if last else ("", "")
    _write_run(output, LastRun(month, "failed", describe_error(error), at, sender, owner))


def read_last_run(output: Path) -> LastRun | None:
    """Return the last run; unreadable means failed."""
    try:
        found = LastRun(**json.loads((output / _RUN_FILE).read_text(encoding="utf-8")))
        return found if MONTH_PATTERN.fullmatch(found.month) else replace(found, month="")
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError):
        return LastRun("", "failed", f"{_RUN_FILE}, which says what became of it, can't be read.", "")


def _write_run(output: Path, run: LastRun) -> None:
    with contextlib.suppress(OSError):
        output.mkdir(parents=True, exist_ok=True)
        (output / _RUN_FILE).touch(mode=0o600)
        (output / _RUN_FILE).chmod(0o600)  # it may be older than this rule
        text = json.dumps(asdict(run), indent=1, ensure_ascii=False) + "\n"
        (output / _RUN_FILE).write_text(text, encoding="utf-8")
