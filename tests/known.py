"""Charts drawn and PDFs printed once for all that need the same: the same input gives the same bytes.

That it does is held by test_month.py, whose runs draw and print for themselves.
"""

import contextlib
import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterator
from functools import cache
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
    prints = publish.Sheets

    class Once:
        """Lays a page out only where something of it wasn't printed before."""

        def __init__(self, page: Path, **how: Any) -> None:
            self._said = [page.read_text("utf-8"), repr(how)]
            self._sheets = cache(lambda: prints(page, **how))

        def write(self, out: Path, *, facts: Path) -> int:
            return self._once(out, [facts.read_text("utf-8")], lambda: self._sheets().write(out, facts=facts))

        def write_section(self, anchor: str, heading: str, out: Path, *, title: str) -> int:
            what = [anchor, heading, title]
            return self._once(
                out, what, lambda: self._sheets().write_section(anchor, heading, out, title=title)
            )

        def _once(self, out: Path, what: list[str], write: Callable[[], int]) -> int:
            place = folder / hashlib.sha256(json.dumps([*self._said, *what]).encode()).hexdigest()
            if place.exists():
                out.write_bytes((place / "page.pdf").read_bytes())
                return int((place / "pages").read_text())
            count = write()
            with contextlib.suppress(OSError):  # in some runs no file may grow
                new = place.with_suffix(f".{os.getpid()}")
                new.mkdir()
                (new / "page.pdf").write_bytes(out.read_bytes())
                (new / "pages").write_text(str(count))
                new.rename(place)
            return count

    with mock.patch.object(publish, "Sheets", Once):
        yield
