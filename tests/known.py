"""What is drawn and laid out once, for all tests or all runs that need the same: a chart takes an eighth of a second."""

import contextlib
import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock
from xml.etree import ElementTree as ET

import vl_convert
import weasyprint

Make = Callable[..., Any]


class Known:
    """Keeps in a folder what was made, by what it was made of.

    Parameters
    ----------
    folder : Path
        The folder, which processes may share.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(exist_ok=True)

    def once(self, make: Callable[[], bytes], *what: object) -> bytes:
        """Give what is made of this, whoever made it."""
        place = self._folder / hashlib.sha256(json.dumps(what, default=repr).encode()).hexdigest()
        if place.exists():
            return place.read_bytes()
        made = make()
        with contextlib.suppress(OSError):  # in some runs no file may grow
            new = place.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
            new.write_bytes(made)
            new.rename(place)
        return made

    @contextlib.contextmanager
    def all(self) -> Iterator[None]:
        """Draw and lay out nothing twice."""
        with self.drawings(), self.pixels(), self.layouts():
            yield

    @contextlib.contextmanager
    def drawings(self) -> Iterator[None]:
        """Draw no chart twice: what draws is the same, and so is what it drew."""
        draw = vl_convert.vegalite_to_svg

        def drawn(spec: object, **how: object) -> str:
            return self.once(lambda: draw(spec, **how).encode(), "svg", spec, how).decode()

        with mock.patch.object(vl_convert, "vegalite_to_svg", drawn):
            yield

    @contextlib.contextmanager
    def pixels(self) -> Iterator[None]:
        """Draw no picture of a mail twice."""
        draw = vl_convert.vegalite_to_png

        def drawn(spec: object, **how: object) -> bytes:
            return self.once(lambda: draw(spec, **how), "png", spec, how)

        with mock.patch.object(vl_convert, "vegalite_to_png", drawn):
            yield

    @contextlib.contextmanager
    def layouts(self) -> Iterator[None]:
        """Lay out no page twice; each run writes the PDF to its place by itself."""
        render, write = weasyprint.HTML.render, weasyprint.Document.write_pdf

        def rendered(page: weasyprint.HTML, **how: Any) -> Any:
            key = hashlib.sha256(ET.tostring(page.etree_element)).hexdigest()
            count = self._folder / f"{key}.pages"
            if count.exists():
                document = weasyprint.Document.__new__(weasyprint.Document)
                document.pages = [None] * int(count.read_text())
            else:
                document = render(page, **how)
            document.key, document.count = key, count
            return document

        def written(document: Any, target: Path, **how: Any) -> None:
            if document.count.exists():
                with target.open("wb") as file:
                    file.write(document.count.with_suffix(".pdf").read_bytes())
                return
            write(document, target, **how)
            with contextlib.suppress(OSError):
                document.count.with_suffix(".pdf").write_bytes(target.read_bytes())
                document.count.write_text(str(len(document.pages)))

        with (
            mock.patch.object(weasyprint.HTML, "render", rendered),
            mock.patch.object(weasyprint.Document, "write_pdf", written),
        ):
            yield
