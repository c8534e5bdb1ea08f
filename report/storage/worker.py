"""Work in a process of its own.

Its memory goes with it, and others go on meanwhile. A `ProcessPoolExecutor` won't do: where its parent is killed with
kill -9, it leaves a process that never ends, or a warning of leaked semaphores on the terminal.
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
from typing import Any, TypeVar

from report.errors import MachineError, ReportError, UnexpectedError
from segmentation.errors import SegmentationError

T = TypeVar("T")
_SPAWN_CONTEXT = multiprocessing.get_context("spawn")  # a fork would copy locks that other threads hold


@dataclass(frozen=True, slots=True)
class WorkerProcess(Executor):
    """A process that does one task after the other."""

    name: str
    process: Any
    pipe: Connection
    thread: ThreadPoolExecutor

    def submit(self, work: Callable[..., T], /, *arguments: object, **keywords: object) -> "Future[T]":
        """Start a function after those submitted before."""
        return self.thread.submit(self._run, partial(work, *arguments, **keywords), None)

    def submit_reporting(
        self, work: Callable[..., T], *arguments: object, report_progress: Callable[[str], None]
    ) -> "Future[T]":
        """Start a function that takes `report_progress`.

        It is called in this process.
        """
        return self.thread.submit(self._run, partial(work, *arguments), report_progress)

    def _run(self, work: Callable[..., T], report_progress: Callable[[str], None] | None) -> T:
        """Return the work's result, or raise its error.

        Raises MachineError if the process ends before; UnexpectedError if the work raises what nobody foresaw.
        """
        try:
            self.pipe.send((work, report_progress is not None))
            kind, content = self.pipe.recv()
            while kind == "progress" and report_progress:
                report_progress(content)
                kind, content = self.pipe.recv()
        except (EOFError, ConnectionError):
            self.process.join()
            code = self.process.exitcode
            if code == -signal.SIGKILL:
                raise MachineError(
                    f"{self.name} was killed before its work was done (signal 9). A system does that where memory runs out: "
                    "close other programs, or run it on a larger machine."
                ) from None
            raise MachineError(
                f"{self.name} ended before its work was done (exit code {code}). Run it again."
            ) from None
        if kind == "failed":
            raise content
        result: T = content
        return result


@contextmanager
def start_worker(name: str, preload: str = "") -> Iterator[WorkerProcess]:
    """Start a process that ends with the block.

    Errors call it by its name. It imports the module to preload first.
    """
    here, there = _SPAWN_CONTEXT.Pipe()
    process = _SPAWN_CONTEXT.Process(target=_serve_tasks, args=(there,))  # no daemon: those have no children
    process.start()
    there.close()
    thread = ThreadPoolExecutor(1)
    try:
        worker = WorkerProcess(name, process, here, thread)
        if preload:
            worker.submit(import_module, preload)
        yield worker
    finally:
        process.terminate()
        thread.shutdown(cancel_futures=True)
        process.join()
        here.close()


def _serve_tasks(pipe: Connection) -> None:
    """Do what is submitted, one after the other."""
    # Ctrl-C reaches every process; the first one ends the others
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    while True:
        try:
            work, reports = pipe.recv()
        except (EOFError, ConnectionError):
            return
        if reports:
            work = partial(work, report_progress=lambda text: pipe.send(("progress", text)))
        _send_result(pipe, work)


def _exit_with_parent() -> None:
    """End with the parent process."""
    # A parent that is killed can't end this one
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(1)


def _send_result(pipe: Connection, work: Callable[[], object]) -> None:
    """Send the work's result, or its error."""
    answer: tuple[str, object]
    try:
        answer = "done", work()
    except Exception as error:  # noqa: BLE001 - whatever it is, the parent decides
        answer = "failed", _make_sendable(error)
    try:
        pipe.send(answer)
    except ConnectionError:
        sys.exit(1)  # the parent is gone
    except Exception as error:  # noqa: BLE001 - the result can't be pickled
        pipe.send(("failed", _make_sendable(error)))


def _make_sendable(error: Exception) -> Exception:
    """Return an error that another process can receive.

    One that a person can correct stays as it is; any other is sent by name and place, for not every error can be pickled.
    """
    foreseen = isinstance(error, (ReportError, SegmentationError, OSError, MemoryError))
    sent = error if foreseen else UnexpectedError.from_exception(error)
    sent.add_note("".join(traceback.format_exception(error)))
    return sent
