"""Documents and PDFs that several test files look at, each made once a session, whichever worker asks first.

The embedded engine renders them, but for one thing: their cells run in this process. A process for each of nine
months would take minutes, and what it does is tested in test_embedded.py.
"""

import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pandas as pd
import pytest

from data.generate import SAMPLE_MONTHS
from report.mail.export import write_briefs
from report.pages.playbook import assign_plays
from report.pages.profiles import write_profiles
from report.rendering import embedded
from report.rendering.cells import QuartoDocument, run_document
from report.rendering.embedded import EmbeddedEngine
from report.rendering.pdf import PrintedDocument
from report.storage import paths
from report.style.fonts import build_font_css, collect_letters, embed_font_css
from segmentation.facts import Brand, Facts, Source
from segmentation.options import Options
from segmentation.pipeline import analyse
from segmentation.tracking.compare import PreviousMonth
from tests.support.facts import factory as facts_factory
from tests.support.facts.distinct import distinct
from tests.support.mail.briefs import NOW, dials
from tests.support.music import choose_columns, read_playbook

_SETTINGS = """
[brand]
name = "Larkspur Radio"
accent = "#7a1f3d"
[segments]
k = 3
n_init = 4
k_range = [2, 4]
[page]
paper = "Letter"
"""


PASSWORD = "Xq7-only-the-server-may-know"  # noqa: S105 - of no server


class Rendered:
    """One session's documents, in a folder that all workers share.

    Parameters
    ----------
    folder : Path
        The folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def facts(self, name: str) -> Path:
        """Give a month's facts.json: "sample", "distinct", or one of `facts_factory.AWKWARD`."""
        others = {"sample": _sample, "distinct": distinct}

        def make(place: Path) -> None:
            made = others[name]() if name in others else facts_factory.awkward(name)
            (place / "facts.json").write_text(paths.dump_facts_json(made), encoding="utf-8")

        return self._once(f"facts-{name}", make) / "facts.json"

    def month(self, name: str) -> Facts:
        """Give a month's facts."""
        return paths.read_facts(self.facts(name))

    def executive(self, name: str) -> Path:
        """Give the executives' document as the page that is printed; beside it lies figures/."""
        facts = self.facts(name)

        def make(place: Path) -> None:
            _render(facts, place, "executive.qmd")

        return self._once(f"executive-{name}", make) / "report" / "executive.html"

    def pdf(self, name: str, paper: str = "A4") -> Path:
        """Give the executives' PDF."""
        page, facts = self.executive(name), self.facts(name)

        def make(place: Path) -> None:
            with _written_down(place / "layout.json"):
                PrintedDocument(page, paper=paper, identifier=b"0" * 32).write_pdf(place / "executive.pdf", facts=facts)

        return self._once(f"pdf-{name}-{paper}", make) / "executive.pdf"

    def layout(self, name: str, paper: str = "A4", *, printed: bool = True) -> list[dict[str, Any]]:
        """Give what stands where on each page of the executives' PDF, as `_boxes` writes it; laying out is a third of printing."""
        page = self.executive(name)

        def make(place: Path) -> None:
            with _written_down(place / "layout.json", prints=False):
                PrintedDocument(page, paper=paper, identifier=b"0" * 32).write_pdf(place / "executive.pdf")

        place = self.pdf(name, paper).parent if printed else self._once(f"layout-{name}-{paper}", make)
        pages: list[dict[str, Any]] = json.loads((place / "layout.json").read_bytes())
        return pages

    def screen(self, name: str) -> Path:
        """Give report.html alone, which needs neither the executives' document nor profiles."""
        facts = self.facts(name)

        def make(place: Path) -> None:
            report = _render(facts, place / "bench", "report.qmd")
            embed_font_css(report, build_font_css(collect_letters(report)))
            report.rename(place / "report.html")

        return self._once(f"screen-{name}", make) / "report.html"

    def pages(self, name: str) -> Path:
        """Give a folder with report.html, facts.json and profiles/."""
        facts, executive = self.facts(name), self.executive(name)

        def make(place: Path) -> None:
            report = _render(facts, place / "bench", "report.qmd")
            with contextlib.chdir(executive.parent):  # a profile's pictures are those that executives see
                profiles = write_profiles(paths.read_facts(facts), executive.parent, place / "profiles")
            faces = build_font_css(collect_letters(report, *profiles))
            for page in (report, *profiles):
                embed_font_css(page, faces)
            report.rename(place / "report.html")
            (place / "facts.json").write_bytes(facts.read_bytes())

        return self._once(f"pages-{name}", make)

    def whole(self, name: str) -> Path:
        """Give a folder with all that people get of a month: report.html, profiles/, executive.pdf, and briefs/.

        The pages are without their fonts; a brief goes to its segment's own address, s1@example.com.
        """
        facts, executive, month = self.facts(name), self.executive(name), self.month(name)
        settings = dials(recipients={one.id: [f"{one.id.lower()}@example.com"] for one in month.segments})

        def make(place: Path) -> None:
            _render(facts, place / "bench", "report.qmd").rename(place / "report.html")
            with contextlib.chdir(executive.parent):
                write_profiles(month, executive.parent, place / "profiles")
            sheets = PrintedDocument(executive, paper="A4", identifier=b"0" * 32)
            sheets.write_pdf(place / "executive.pdf", facts=facts)
            write_briefs(month, sheets, place, settings, now=NOW)

        return self._once(f"whole-{name}", make)

    def run(self, threads: int = 1) -> Path:
        """Give a folder where `python -m report` made the newest sample month, with the one before beside it: all of it in out/.

        Each number of threads is a run of its own, in another folder and with another hash seed.
        """

        def make(place: Path) -> None:
            (place / "data").mkdir()
            for name in ("2026-09.csv", "2026-10.csv"):
                shutil.copy(paths.ROOT / "data" / name, place / "data")
            (place / "settings.toml").write_text(_SETTINGS)
            done = subprocess.run(
                [
                    *(sys.executable, "-m", "report", "report", "--data", str(place / "data" / "2026-10.csv")),
                    *(
                        "--settings",
                        str(place / "settings.toml"),
                        "--output",
                        str(place / "out"),
                        "--engine",
                        "embedded",
                    ),
                ],
                cwd=paths.ROOT,
                env=os.environ
                | {"COLUMNS": "200", "PYTHONHASHSEED": str(threads), "SOURCE_DATE_EPOCH": "1793602800"}
                | dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
                | {"SMTP_HOST": "smtp.example.com", "SMTP_USER": "briefs", "SMTP_PASSWORD": PASSWORD},
                capture_output=True,
                text=True,
                check=False,
            )
            (place / "said.json").write_text(json.dumps([done.returncode, done.stdout, done.stderr]))

        return self._once(f"month-run-{threads}", make)

    def _once(self, name: str, make: Callable[[Path], None]) -> Path:
        """Give a folder that whoever comes first fills, while the others wait."""
        place = self.folder / "".join(letter if letter.isalnum() else "-" for letter in name)
        with (self.folder / f"{place.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not place.exists():
                new = place.with_suffix(f".{os.getpid()}")
                new.mkdir()
                make(new)
                new.rename(place)
        return place


@pytest.fixture(scope="session")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Rendered:
    """Give the session's documents."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "rendered"
    folder.mkdir(exist_ok=True)
    return Rendered(folder)


@contextlib.contextmanager
def _written_down(place: Path, *, prints: bool = True) -> Iterator[None]:
    """Write down where WeasyPrint puts things, on the way to a PDF or instead of one."""
    from weasyprint import Document

    write = Document.write_pdf

    def noting(document: Any, *arguments: Any, **options: Any) -> Any:
        place.write_text(json.dumps([_boxes(page._page_box) for page in document.pages]), encoding="utf-8")
        return write(document, *arguments, **options) if prints else None

    with mock.patch.object(Document, "write_pdf", noting):
        yield


def _boxes(page: Any) -> dict[str, Any]:
    """Give a page's measures, in pixels, and its blocks in reading order: element, its number, place, lines and text."""
    from weasyprint.formatting_structure.boxes import BlockReplacedBox, InlineReplacedBox, LineBox, ReplacedBox

    numbers = {id(element): number for number, element in enumerate(_root(page).iter())}
    blocks = []
    for box in page.descendants():
        if box.element is None or (box.element_tag or "").endswith(("::before", "::after", "::marker")):
            continue
        lines = [line for line in getattr(box, "children", ()) if isinstance(line, LineBox)]
        picture = isinstance(box, ReplacedBox | BlockReplacedBox | InlineReplacedBox)
        if picture or lines or box.element_tag in ("thead", "table", "tr"):
            blocks.append(
                {
                    "tag": box.element_tag,
                    "number": numbers.get(id(box.element)),
                    "at": [box.position_x, box.position_y, box.margin_width(), box.margin_height()],
                    "lines": len(lines),
                    "picture": picture,
                    "text": "" if picture else " ".join("".join(box.element.itertext()).split()),
                }
            )
    content = [page.content_box_x(), page.content_box_y(), page.width, page.height]
    return {"content": content, "size": [page.margin_width(), page.margin_height()], "blocks": blocks}


def _root(page: Any) -> Any:
    """Give the document's root element."""
    return next(box.element for box in page.descendants() if box.element_tag == "html")


def _sample() -> Facts:
    """Analyse the newest month that the project ships, with those before it, from a few starts."""
    plan = Options(
        choose_columns(valid=facts_factory.VALID | {"age": (16.0, 120.0), "num_of_days_active": (0.0, 365.0)}),
        k=4,
        n_init=3,
        draws=4,
        bootstraps=8,
    )
    last, earlier = None, []
    for month in SAMPLE_MONTHS:
        path = paths.ROOT / "data" / f"{month}.csv"
        made = analyse(
            pd.read_csv(path),
            plan,
            month=month,
            source=Source(path.name, paths.hash_file(path), synthetic=True),
            brand=Brand("Cadence", "#0b5563", "insights@example.com"),
            last=last,
            earlier=tuple(earlier),
        )
        last = PreviousMonth(made.facts, made.users)
        earlier.append(made.facts)
    return assign_plays(made.facts, read_playbook(paths.TEMPLATES / "playbook.toml").play)


def _render(facts: Path, place: Path, document: str) -> Path:
    """Render a document in a workshop."""
    place.mkdir(exist_ok=True)
    paths.create_workspace(place)
    with mock.patch.object(embedded, "_run_in_worker", run_here):
        return EmbeddedEngine().render(place / "report" / document, facts)


def run_here(document: QuartoDocument, folder: Path, facts: Path, _: object) -> str:
    """Run a document's cells in this process, which needs no time to start."""
    return run_document(document, folder, facts)
