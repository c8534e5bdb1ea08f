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

from report.errors import MachineError, ReportError, UnexpectedError
from segmentation.errors import SegmentationError

T = TypeVar("T")
_SPAWN_CONTEXT = multiprocessing.get_context("spawn")  # a fork would copy locks that other threads hold


@dataclass(frozen=True, slots=True)
class WorkerProcess(Generic[T]):
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

    def wait_for_result(self, report_progress: Callable[[str], None]) -> T:
        """Wait for the work to end, and pass on what it says until then.

        Raises
        ------
        MachineError
            If the process was ended from outside.
        Exception
            What the work raised; `UnexpectedError` where nobody foresaw it.
        """
        while True:
            try:
                kind, said = self.pipe.recv()
            except (EOFError, ConnectionError):
                self.process.join()
                raise _make_killed_error(f" (exit code {self.process.exitcode})") from None
            if kind == "step":
                report_progress(said)
            elif kind == "failed":
                raise said
            else:
                done: T = said
                return done


@contextmanager
def run_in_process(work: Callable[..., T], *arguments: object) -> Iterator[WorkerProcess[T]]:
    """Begin work in a process of its own; it ends with the block, done or not.

    Parameters
    ----------
    work : callable
        A module's function; called with the arguments and `step`, which passes on how far it is.
    arguments : object
        What can be pickled.
    """
    with _start_process(_run_task, work, arguments) as (process, pipe):
        yield WorkerProcess(process, pipe)


@contextmanager
def open_process_executor(preload: str) -> Iterator[Executor]:
    """Give one more process, that computes one thing after the other and ends with the block.

    Parameters
    ----------
    preload : str
        Module that it imports at once.
    """
    with ThreadPoolExecutor(1) as thread, _start_process(_serve_tasks, preload) as (process, pipe):
        yield _ProcessExecutor(thread, process, pipe)


@dataclass(frozen=True, slots=True)
class _ProcessExecutor(Executor):
    """A process that computes, and a thread that waits for it."""

    thread: ThreadPoolExecutor
    process: Any
    pipe: Connection

    def submit(self, work: Callable[..., T], /, *arguments: object, **keywords: object) -> "Future[T]":
        """Begin it when all that was submitted before is done."""
        return self.thread.submit(self._run_remotely, partial(work, *arguments, **keywords))

    def _run_remotely(self, work: Callable[[], T]) -> T:
        try:
            self.pipe.send(work)
            worker: WorkerProcess[T] = WorkerProcess(self.process, self.pipe)
            return worker.wait_for_result(lambda _: None)
        except ConnectionError:
            raise _make_killed_error() from None


@contextmanager
def _start_process(serve: Callable[..., None], *arguments: object) -> Iterator[tuple[Any, Connection]]:
    """Start a process that serves at a pipe, and end it with the block."""
    here, there = _SPAWN_CONTEXT.Pipe()
    process = _SPAWN_CONTEXT.Process(
        target=serve, args=(there, *arguments)
    )  # no daemon: those have no children
    process.start()
    there.close()
    try:
        yield process, here
    finally:
        if process.is_alive():
            process.terminate()
        process.join()  # it isn't closed: a thread that waits for it may see its end first
        here.close()


def _make_killed_error(how: str = "") -> MachineError:
    return MachineError(
        f"The analysis was ended from outside{how}. Is there enough memory? "
        "Close other programs, or run it on a larger machine."
    )


def _exit_with_parent() -> None:
    """End with the process that began this one: killed, it can't end it any more."""
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(1)


def _set_up_process() -> None:
    """Leave Ctrl-C, which reaches every process, to the first one; and go with the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_exit_with_parent, daemon=True).start()


def _run_task(pipe: Connection, work: Callable[..., object], arguments: tuple[object, ...]) -> None:
    """Do the work, and say how it went."""
    _set_up_process()
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    _send_result(pipe, partial(work, *arguments, report_progress=lambda name: pipe.send(("step", name))))


def _serve_tasks(pipe: Connection, preload: str) -> None:
    """Do what is asked, one after the other, until nobody asks any more."""
    _set_up_process()
    import_module(preload)
    while True:
        try:
            work = pipe.recv()
        except (EOFError, ConnectionError):
            return
        _send_result(pipe, work)


def _send_result(pipe: Connection, work: Callable[[], object]) -> None:
    """Do it and send what came of it."""
    said: tuple[str, object]
    try:
        said = "done", work()
    except Exception as error:  # noqa: BLE001 - whatever it is, the one who asked decides
        said = "failed", _make_sendable(error)
    try:
        pipe.send(said)
    except ConnectionError:
        sys.exit(1)  # nobody is there any more to be told
    except Exception as error:  # noqa: BLE001 - a result that can't be sent is told of
        pipe.send(("failed", _make_sendable(error)))


def _make_sendable(error: Exception) -> Exception:
    """Give an error that a person can correct as it is, any other by name and place: not all can be made again elsewhere."""
    foreseen = isinstance(error, (ReportError, SegmentationError, OSError, MemoryError))
    sent = error if foreseen else UnexpectedError.from_exception(error)
    sent.add_note("".join(traceback.format_exception(error)))
    return sent
