"""How long each stage of a run took."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class StageTimer:
    """How long each stage took, in seconds."""

    report_progress: Callable[[str], None]  # called with a stage's name as it begins
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def time_stage(self, name: str) -> Iterator[None]:
        """Time what is done inside."""
        self.report_progress(name)
        start = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - start, 3)
