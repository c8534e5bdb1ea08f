"""What became of the last run, kept beside the months: a run that failed, or was cut off, mails nobody."""

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
    """What became of the last run.

    Attributes
    ----------
    month : str
        The month that was asked for; empty where it was the newest.
    state : {"running", "failed", "done"}
        A run that was killed is "running" for ever.
    why : str
        What it ended with, for a person.
    at : str
        When it began, ISO 8601 with its zone.
    sender, owner : str
        As settings.toml named them: who is told of a failure after the file was lost.
    """

    month: str
    state: Literal["running", "failed", "done"]
    why: str
    at: str
    sender: str = ""
    owner: str = ""

    @property
    def sentence(self) -> str:
        """Say what became of a run that isn't done."""
        what = f"The run of {self.month or 'the newest month'}"
        if self.state == "failed":
            return f"{what} failed: {self.why}"
        return f"{what} that began at {self.at} has not ended: it is still at work, or was cut off."


@contextlib.contextmanager
def record_run(
    output: Path, month: str, clock: Callable[[], datetime], *, sender: str = "", owner: str = ""
) -> Iterator[None]:
    """Note that a run began, and at its end what became of it; a note that can't be written keeps nobody from a report."""
    run = LastRun(month, "running", "", clock().isoformat(timespec="seconds"), sender, owner)
    _write_run(output, run)
    try:
        yield
    except BaseException as error:
        _write_run(output, replace(run, state="failed", why=describe_error(error)))
        raise
    _write_run(output, replace(run, state="done"))


def record_run_failure(output: Path, month: str, clock: Callable[[], datetime], error: Exception) -> None:
    """Note that a run failed before it began.

    Sender and owner stay those of the last run: only settings that were accepted name others, or nobody.
    """
    last, at = read_last_run(output), clock().isoformat(timespec="seconds")
    sender, owner = (last.sender, last.owner) if last else ("", "")
    _write_run(output, LastRun(month, "failed", describe_error(error), at, sender, owner))


def read_last_run(output: Path) -> LastRun | None:
    """Tell what became of the last run; None where there was none. A note that can't be read is of one that failed."""
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
        (output / _RUN_FILE).chmod(0o600)  # where an older version wrote it
        text = json.dumps(asdict(run), indent=1, ensure_ascii=False) + "\n"
        (output / _RUN_FILE).write_text(text, encoding="utf-8")
