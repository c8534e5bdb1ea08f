"""Charts drawn, pages converted and PDFs printed once for all that need the same: the same input gives the same bytes.

That it does is held by test_month_folder.py, whose runs do it for themselves.
"""

import contextlib
import hashlib
import json
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import vl_convert

from report import publish
from report.rendering import pandoc

CARRIED = (".css", ".js", ".png", ".svg")  # what carry.lua hands to Pandoc


def _once(folder: Path, make: Callable[[], bytes], *what: object) -> bytes:
    """Give what was made of the same before, or make it."""
    place = folder / hashlib.sha256(json.dumps(what).encode()).hexdigest()
    if place.exists():
        return place.read_bytes()
    made = make()
    with contextlib.suppress(OSError):  # in some runs no file may grow
        new = place.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
        new.write_bytes(made)
        new.rename(place)
    return made


@contextlib.contextmanager
def drawings(folder: Path) -> Iterator[None]:
    """Draw no chart twice, neither for a page nor for a mail; the folder may be shared by processes."""
    folder.mkdir(exist_ok=True)
    to_svg, to_png = vl_convert.vegalite_to_svg, vl_convert.vegalite_to_png

    def svg(spec: dict[str, Any], **how: Any) -> str:
        return _once(folder, lambda: to_svg(spec, **how).encode(), "svg", spec, how).decode()

    def png(spec: dict[str, Any], **how: Any) -> bytes:
        return _once(folder, lambda: to_png(spec, **how), "png", spec, how)

    with mock.patch.object(vl_convert, "vegalite_to_svg", svg), mock.patch.object(vl_convert, "vegalite_to_png", png):
        yield


class ConversionError(Exception):
    """Pandoc failed."""


@contextlib.contextmanager
def conversions(folder: Path) -> Iterator[None]:
    """Let Pandoc convert nothing twice: the same text with the same files beside it. What fails, fails each time."""
    folder.mkdir(exist_ok=True)
    run, convert_text = pandoc.subprocess.run, pandoc.pypandoc.convert_text
    filters = [path.read_text("utf-8") for path in sorted(Path(pandoc.__file__).parent.glob("filters/*.lua"))]

    def once(arguments: list[str], *, cwd: Path, **how: Any) -> Any:
        page = cwd / arguments[-1].removeprefix("--output=")
        named = [one.partition("=")[2] for one in arguments if one.startswith(("--css=", "--template="))]
        beside = [path for part in (cwd, cwd / "figures") for path in sorted(part.glob("*")) if path.suffix in CARRIED]
        read = [
            (os.path.relpath(path, cwd), hashlib.sha256(path.read_bytes()).hexdigest())
            for path in (*(cwd / name for name in named), *beside)
        ]

        def make() -> bytes:
            done = run(arguments, cwd=cwd, **how)
            if done.returncode:
                raise ConversionError(done)
            return page.read_bytes()

        try:
            made = _once(folder, make, "page", arguments, how["input"], read, filters)
        except ConversionError as error:
            return error.args[0]
        page.write_bytes(made)
        return subprocess.CompletedProcess(arguments, 0, "", "")

    def text(source: str, *arguments: Any, **how: Any) -> str:
        def make() -> bytes:
            return convert_text(source, *arguments, **how).encode()

        return _once(folder, make, "text", source, arguments, how, filters).decode()

    with (
        mock.patch.object(pandoc, "subprocess", SimpleNamespace(run=once)),
        mock.patch.object(pandoc.pypandoc, "convert_text", text),
    ):
        yield


@contextlib.contextmanager
def printings(folder: Path) -> Iterator[None]:
    """Let a run print no page twice; what can't be printed fails each time."""
    folder.mkdir(exist_ok=True)
    prints = publish.PrintedDocument

    class Once:
        """Lays a page out only where something of it wasn't printed before."""

        def __init__(self, page: Path, **how: Any) -> None:
            self._said = [page.read_text("utf-8"), repr(how)]
            self._sheets = cache(lambda: prints(page, **how))

        def write_pdf(self, out: Path, *, facts: Path) -> int:
            return self._once(out, [facts.read_text("utf-8")], lambda: self._sheets().write_pdf(out, facts=facts))

        def write_section(self, anchor: str, heading: str, out: Path, *, title: str) -> int:
            what = [anchor, heading, title]
            return self._once(out, what, lambda: self._sheets().write_section(anchor, heading, out, title=title))

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

    with mock.patch.object(publish, "PrintedDocument", Once):
        yield
