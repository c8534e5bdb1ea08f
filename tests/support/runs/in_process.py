"""What a run does in processes of its own, done in this one: where it is what they do that is looked at, not where."""

import contextlib
from collections.abc import Callable, Iterator
from types import SimpleNamespace


@contextlib.contextmanager
def here(work: Callable[..., object], *arguments: object) -> Iterator[SimpleNamespace]:
    """Stand in for `report.storage.worker.begun`."""
    yield SimpleNamespace(wait_for_result=lambda tell: work(*arguments, report_progress=tell))
