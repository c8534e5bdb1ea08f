"""Work in a process of its own: what it imported and held in memory goes with it, and others go on meanwhile.

`concurrent.futures` has processes too, but none that says how far it is; one that is killed there leaves
"BrokenProcessPool" to read, and one whose parent is ended leaves a warning of leaked semaphores.
"""

import logging
import multiprocessing
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from multiprocessing.connection import Connection
from typing import Any, Generic, TypeVar

from report.errors import MachineError, ReportError, UnforeseenError
from segmentation.errors import SegmentationError

T = TypeVar("T")
_SPAWN = multiprocessing.get_context("spawn")  # a fork would copy locks that other threads hold


@dataclass(frozen=True, slots=True)
class Worker(Generic[T]):
    """A process at work.

    Attributes
    ----------
    process : Process
        Where the work is done.
    pipe : Connection
        What it says.
    """

    process: Any
    pipe: Connection

    def result(self, tell: Callable[[str], None]) -> T:
        """Wait for the work to end, and pass on what it says until then.

        Raises
        ------
        MachineError
            If the process was ended from outside.
        Exception
            What the work raised; `UnforeseenError` where nobody foresaw it.
        """
        while True:
            try:
                kind, said = self.pipe.recv()
            except (EOFError, ConnectionError):
                self.process.join()
                raise _ended(f" (exit code {self.process.exitcode})") from None
            if kind == "step":
                tell(said)
            elif kind == "failed":
                raise said
            else:
                done: T = said
                return done


@contextmanager
def begun(work: Callable[..., T], *arguments: object) -> Iterator[Worker[T]]:
    """Begin work in a process of its own; it ends with the block, done or not.

    Parameters
    ----------
    work : callable
        A module's function; called with the arguments and `step`, which passes on how far it is.
    arguments : object
        What can be pickled.
    """
    with _process(_work, work, arguments) as (process, pipe):
        yield Worker(process, pipe)


@contextmanager
def beside(ahead: str) -> Iterator[Executor]:
    """Give one more process, that computes one thing after the other and ends with the block.

    Parameters
    ----------
    ahead : str
        Module that it imports at once.
    """
    with ThreadPoolExecutor(1) as thread, _process(_compute, ahead) as (process, pipe):
        yield _Beside(thread, process, pipe)


@dataclass(frozen=True, slots=True)
class _Beside(Executor):
    """A process that computes, and a thread that waits for it."""

    thread: ThreadPoolExecutor
    process: Any
    pipe: Connection

    def submit(self, work: Callable[..., T], /, *arguments: object, **how: object) -> "Future[T]":
        """Begin it when all that was submitted before is done."""
        return self.thread.submit(self._asked, partial(work, *arguments, **how))

    def _asked(self, work: Callable[[], T]) -> T:
        try:
            self.pipe.send(work)
            worker: Worker[T] = Worker(self.process, self.pipe)
            return worker.result(lambda _: None)
        except ConnectionError:
            raise _ended() from None


@contextmanager
def _process(serve: Callable[..., None], *arguments: object) -> Iterator[tuple[Any, Connection]]:
    """Start a process that serves at a pipe, and end it with the block."""
    here, there = _SPAWN.Pipe()
    process = _SPAWN.Process(target=serve, args=(there, *arguments))  # no daemon: those have no children
    process.start()
    there.close()
    try:
        yield process, here
    finally:
        if process.is_alive():
            process.terminate()
        process.join()  # it isn't closed: a thread that waits for it may see its end first
        here.close()


def _ended(how: str = "") -> MachineError:
    return MachineError(
        f"The analysis was ended from outside{how}. Is there enough memory? "
        "Close other programs, or run it on a larger machine."
    )


def _go_with_parent() -> None:
    """End with the process that began this one: killed, it can't end it any more."""
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(1)


def _settle_in() -> None:
    """Leave Ctrl-C, which reaches every process, to the first one; and go with the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_go_with_parent, daemon=True).start()


def _work(pipe: Connection, work: Callable[..., object], arguments: tuple[object, ...]) -> None:
    """Do the work, and say how it went."""
    _settle_in()
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    _answer(pipe, partial(work, *arguments, step=lambda name: pipe.send(("step", name))))


def _compute(pipe: Connection, ahead: str) -> None:
    """Do what is asked, one after the other, until nobody asks any more."""
    _settle_in()
    import_module(ahead)
    while True:
        try:
            work = pipe.recv()
        except (EOFError, ConnectionError):
            return
        _answer(pipe, work)


def _answer(pipe: Connection, work: Callable[[], object]) -> None:
    """Do it and send what came of it."""
    said: tuple[str, object]
    try:
        said = "done", work()
    except Exception as error:  # noqa: BLE001 - whatever it is, the one who asked decides
        said = "failed", _sendable(error)
    try:
        pipe.send(said)
    except ConnectionError:
        sys.exit(1)  # nobody is there any more to be told
    except Exception as error:  # noqa: BLE001 - a result that can't be sent is told of
        pipe.send(("failed", _sendable(error)))


def _sendable(error: Exception) -> Exception:
    """Give an error that a person can correct as it is, any other by name and place: not all can be made again elsewhere."""
    foreseen = isinstance(error, (ReportError, SegmentationError, OSError, MemoryError))
    sent = error if foreseen else UnforeseenError.of(error)
    sent.add_note("".join(traceback.format_exception(error)))
    return sent
