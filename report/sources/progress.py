"""How far an engine is, told while it works: a pass over a hundred million rows says nothing by itself."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_EVERY = 0.5  # seconds


@contextmanager
def watched(
    tell: Callable[[str], None], rows: int, percent: Callable[[], float]
) -> Iterator[Callable[[str], None]]:
    """Give a `tell` for the names of stages, and tell beside each how many rows the pass at work has read.

    Parameters
    ----------
    tell : callable
        Told what to show; called by one thread at a time.
    rows : int
        Rows of a whole pass.
    percent : callable
        Asked twice a second how far the pass is, 0 to 100; anything else, and there is none.
    """
    stage, done, lock = "", threading.Event(), threading.Lock()

    def begin(name: str) -> None:
        nonlocal stage
        with lock:
            stage = name
            tell(name)

    def watch() -> None:
        while not done.wait(_EVERY):
            read = round(rows * percent() / 100)
            with lock:
                if stage and 0 < read < rows:
                    tell(f"{stage}: {read:,} rows read, {rows - read:,} remain")

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield begin
    finally:
        done.set()
        watcher.join()
