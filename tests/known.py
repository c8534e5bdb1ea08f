"""Charts drawn once for all runs and documents that need the same: what draws gives the same bytes for the same chart.

That it does is held by test_month.py, whose runs draw for themselves.
"""

import contextlib
import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import vl_convert


@contextlib.contextmanager
def drawings(folder: Path) -> Iterator[None]:
    """Draw no chart twice, neither for a page nor for a mail; the folder may be shared by processes."""
    folder.mkdir(exist_ok=True)
    to_svg, to_png = vl_convert.vegalite_to_svg, vl_convert.vegalite_to_png

    def once(draw: Callable[[], bytes], *what: object) -> bytes:
        place = folder / hashlib.sha256(json.dumps(what).encode()).hexdigest()
        if place.exists():
            return place.read_bytes()
        drawn = draw()
        with contextlib.suppress(OSError):  # in some runs no file may grow
            new = place.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
            new.write_bytes(drawn)
            new.rename(place)
        return drawn

    def svg(spec: dict[str, Any], **how: Any) -> str:
        return once(lambda: to_svg(spec, **how).encode(), "svg", spec, how).decode()

    def png(spec: dict[str, Any], **how: Any) -> bytes:
        return once(lambda: to_png(spec, **how), "png", spec, how)

    with (
        mock.patch.object(vl_convert, "vegalite_to_svg", svg),
        mock.patch.object(vl_convert, "vegalite_to_png", png),
    ):
        yield
