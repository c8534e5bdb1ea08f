"""Work in a process of its own: what it imported and held in memory goes with it, and others go on meanwhile.

`concurrent.futures` has processes too, but none that says how far it is, and one that is killed there leaves
"BrokenProcessPool" to read.
"""

import logging
import multiprocessing
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Generic, TypeVar

from report.errors import MachineError

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
            What the work raised.
        """
        while True:
            try:
                kind, said = self.pipe.recv()
            except EOFError:
                self.process.join()
                raise MachineError(
                    f"The analysis was ended from outside (exit code {self.process.exitcode}). Is there enough memory? "
                    "Close other programs, or run it on a larger machine."
                ) from None
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
    here, there = _SPAWN.Pipe(duplex=False)
    process = _SPAWN.Process(target=_serve, args=(there, work, arguments), daemon=True)
    process.start()
    there.close()
    try:
        yield Worker(process, here)
    finally:
        if process.is_alive():
            process.terminate()
        process.join()
        process.close()
        here.close()


def _go_with_parent() -> None:
    """End with the process that began this one: killed, it can't end it any more."""
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(1)


def _serve(pipe: Connection, work: Callable[..., object], arguments: tuple[object, ...]) -> None:
    """Do the work, and say how it went."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process; the first one ends this
    threading.Thread(target=_go_with_parent, daemon=True).start()
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        pipe.send(("done", work(*arguments, step=lambda name: pipe.send(("step", name)))))
    except BrokenPipeError:
        sys.exit(1)  # nobody is there any more to be told
    except Exception as error:  # noqa: BLE001 - whatever it is, the one who asked decides
        error.add_note("".join(traceback.format_exception(error)))
        pipe.send(("failed", error))
