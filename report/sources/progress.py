"""An engine's progress, reported while it works."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_POLL_SECONDS = 0.5  # seconds


@contextmanager
def poll_progress(
    report_progress: Callable[[str], None], rows: int, read_percent: Callable[[], float]
) -> Iterator[Callable[[str], None]]:
    """Yield a `report_progress` that adds the rows read.

    It is called by one thread at a time. Twice a second `read_percent` is asked how far a pass over the rows is, 0 to
    100; anything else means that there is none.
    """
    stage, done, lock = "", threading.Event(), threading.Lock()

    def begin_stage(name: str) -> None:
        nonlocal stage
        with lock:
            stage = name
            report_progress(name)

    def poll_engine() -> None:
        while not done.wait(_POLL_SECONDS):
            read = round(rows * read_percent() / 100)
            with lock:
                if stage and 0 < read < rows:
                    report_progress(f"{stage}: {read:,} rows read, {rows - read:,} remain")

    watcher = threading.Thread(target=poll_engine, daemon=True)
    watcher.start()
    try:
        yield begin_stage
    finally:
        done.set()
        watcher.join()
