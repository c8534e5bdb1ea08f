"""What a run does in processes of its own, done in this one: where it is what they do that is looked at, not where."""

import contextlib
from collections.abc import Callable, Iterator
from types import SimpleNamespace


@contextlib.contextmanager
def here(*_: object) -> Iterator[SimpleNamespace]:
    """Stand in for `report.storage.worker.start_worker`."""

    def submit_reporting(
        work: Callable[..., object], *arguments: object, report_progress: Callable[[str], None]
    ) -> SimpleNamespace:
        return SimpleNamespace(result=lambda: work(*arguments, report_progress=report_progress))

    yield SimpleNamespace(submit_reporting=submit_reporting)
