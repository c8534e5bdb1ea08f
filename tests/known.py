"""Charts drawn and PDFs printed once for all that need the same: the same input gives the same bytes.

That it does is held by test_month.py, whose runs draw and print for themselves.
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

from report import publish


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


@contextlib.contextmanager
def printings(folder: Path) -> Iterator[None]:
    """Let a run print no page twice; what can't be printed fails each time."""
    folder.mkdir(exist_ok=True)
    prints = publish.print_pdf

    def once(page: Path, out: Path, *, facts: Path, **how: Any) -> int:
        what = [page.read_text("utf-8"), facts.read_text("utf-8"), repr(how)]
        place = folder / hashlib.sha256(json.dumps(what).encode()).hexdigest()
        if place.exists():
            out.write_bytes((place / "page.pdf").read_bytes())
            return int((place / "pages").read_text())
        count = prints(page, out, facts=facts, **how)
        with contextlib.suppress(OSError):  # in some runs no file may grow
            new = place.with_suffix(f".{os.getpid()}")
            new.mkdir()
            (new / "page.pdf").write_bytes(out.read_bytes())
            (new / "pages").write_text(str(count))
            new.rename(place)
        return count

    with mock.patch.object(publish, "print_pdf", once):
        yield
