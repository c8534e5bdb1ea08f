"""Work in another process comes back as if it had been done here: its result, its words on the way, its errors."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from report.errors import InputError, MachineError, UnexpectedError
from report.storage.worker import start_worker

Step = Callable[[str], None]


def add(a: int, b: int, *, report_progress: Step) -> tuple[int, int]:
    """Give the sum, and where it was worked out."""
    report_progress("adding")
    report_progress("done")
    return a + b, os.getpid()


def refuse(path: Path) -> None:
    """Refuse a file."""
    raise InputError(f"{path.name} is empty.")


def wait(note: str, *, report_progress: Step) -> None:
    """Say who it is, and never end."""
    Path(note).write_text(str(os.getpid()))
    report_progress("waiting")
    time.sleep(600)


def test_the_result_comes_from_another_process() -> None:
    """2 + 3 is 5 there as well, and what it says on the way is heard in order."""
    told: list[str] = []
    with start_worker("The work") as worker:
        total, where = worker.submit_reporting(add, 2, 3, report_progress=told.append).result()

    assert total == 5
    assert where != os.getpid()
    assert told == ["adding", "done"]


def test_an_error_is_raised_here_with_the_place_where_it_arose() -> None:
    """A person reads its sentence; whoever mends it finds the line."""
    with start_worker("The work") as worker, pytest.raises(InputError) as refused:
        worker.submit(refuse, Path("2026-10.csv")).result()

    assert str(refused.value) == "2026-10.csv is empty."
    assert "in refuse" in "".join(refused.value.__notes__)


class UnsendableError(Exception):
    """An error that can't be made again from what it says."""

    def __init__(self, one: int, *, other: int) -> None:
        super().__init__(f"{one} and {other}")


def fail_unsendably() -> None:
    raise UnsendableError(1, other=2)


def test_an_error_that_cannot_be_sent_is_told_of() -> None:
    """Else nobody would hear of it, and the one who waits would be told that the process was killed."""
    with (
        start_worker("The work") as worker,
        pytest.raises(UnexpectedError, match=r"^UnsendableError \(test_worker\.py, line \d+\)") as failed,
    ):
        worker.submit(fail_unsendably).result()

    assert "in fail_unsendably" in "".join(failed.value.__notes__)


def give_unsendably() -> object:
    return threading.Lock()


def test_a_result_that_cannot_be_sent_is_told_of() -> None:
    with start_worker("The work") as worker, pytest.raises(UnexpectedError, match=r"^TypeError: .*lock"):
        worker.submit(give_unsendably).result()


def test_a_process_that_is_killed_is_a_sentence() -> None:
    with (
        start_worker("The work") as worker,
        pytest.raises(
            MachineError,
            match=r"The work was killed before its work was done \(signal 9\)\. A system does that where memory runs out",
        ),
    ):
        worker.submit(end).result()


def where(a: int, b: int) -> tuple[int, int]:
    """Give the sum, and where it was worked out."""
    return a + b, os.getpid()


def end() -> None:
    """End as a process does that the system kills for want of memory."""
    os.kill(os.getpid(), signal.SIGKILL)


def test_what_is_computed_beside_comes_from_one_more_process() -> None:
    """2 + 3 is 5 there as well, and 4 + 5 is 9 in the same one."""
    with start_worker("The work", preload="json") as aside:
        (five, one), (nine, other) = aside.submit(where, 2, 3).result(), aside.submit(where, 4, 5).result()

    assert (five, nine) == (5, 9)
    assert one == other != os.getpid()


def compute_beside(note: str, *, report_progress: Step) -> None:
    """Begin work beside, say where, and never end."""
    with start_worker("The work", preload="json") as aside:
        Path(note).write_text(str(aside.submit(os.getpid).result()))
        report_progress("waiting")
        aside.submit(time.sleep, 600).result()


@pytest.mark.parametrize("work", [wait, compute_beside])
def test_nobody_works_on_when_the_block_is_left(tmp_path: Path, work: Callable[..., None]) -> None:
    """Ctrl-C here ends the work there, and what computes beside it."""
    note = tmp_path / "pid"

    def stop(_: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), start_worker("The work") as worker:
        worker.submit_reporting(work, str(note), report_progress=stop).result()

    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(int(note.read_text())).wait(20)


def refuse_connection() -> None:
    """Find nobody at home, as where a database or a cluster is down."""
    raise ConnectionRefusedError("nobody is at home")


def test_a_connection_that_is_refused_there_is_told_here() -> None:
    """It isn't taken for the end of the connection between the two."""
    with start_worker("The work") as worker, pytest.raises(ConnectionRefusedError, match="nobody is at home"):
        worker.submit(refuse_connection).result()


def leave() -> None:
    """Refuse a file while something is computed beside."""
    with start_worker("The work", preload="json") as aside:
        aside.submit(time.sleep, 60)
        raise InputError("It is empty.")


def test_a_block_left_while_something_is_computed_beside_raises_what_ended_it() -> None:
    """Twenty times, since two threads see the process end, and either may be first."""
    for _ in range(20):
        with pytest.raises(InputError, match="empty"):
            leave()
