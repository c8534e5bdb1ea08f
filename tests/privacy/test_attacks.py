"""No way in: whoever writes the month's file, a name in it or a page reaches no file, no network and no other reader."""

import ast
import base64
import contextlib
import os
import re
import shutil
import stat
import subprocess
import sys
import urllib.request
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

from report import history as archive
from report.charts import segments
from report.errors import RenderError, SettingsError
from report.pages.document import Document
from report.rendering.pandoc import PageOptions, convert_to_github_markdown, convert_to_html_page
from report.rendering.pdf import PrintedDocument
from report.storage import atomic, paths
from report.transport.ledger import Ledger
from report.transport.server import MailServer
from segmentation.pipeline import Analysis
from tests.report.readers.corpus.made import repack, sheet, user
from tests.support import ROOT
from tests.support.facts.factory import month

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
PRIVATE = "only-its-owner-may-read-this"
PLACES = ("{path}", "file://{path}", "../elsewhere/secret.svg", "http://192.0.2.1/a.svg", "//192.0.2.1/a.svg")
ASKING = {
    "Markdown picture": "![a]({place})",
    "picture": '<img alt="a" src="{place}">',
    "frame": '<iframe src="{place}"></iframe>',
    "object": '<object data="{place}"></object>',
    "embedded": '<embed src="{place}">',
    "script": '<script src="{place}"></script>',
    "sheet": '<link rel="stylesheet" href="{place}">',
    "import": "<style>@import url({place});</style>",
    "ground": "<style>p {{ background: url({place}) }}</style><p>x</p>",
    "film": '<video src="{place}" poster="{place}"></video>',
    "inner picture": '<svg width="9" height="9"><image href="{place}" width="9" height="9"/></svg>',
}
asked = pytest.mark.parametrize("place", PLACES, ids=["path", "file:", "neighbour", "http:", "network path"])
asking = pytest.mark.parametrize("body", ASKING.values(), ids=ASKING.keys())


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Give a folder of the run's own, with a file in another one that is none of its business."""
    (tmp_path / "elsewhere").mkdir()
    drawing = f'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><!-- {PRIVATE} --><rect width="9" height="9"/></svg>'
    (tmp_path / "elsewhere" / "secret.svg").write_text(drawing)
    own = tmp_path / "own"
    own.mkdir()
    (own / "page.template").write_text('<html lang="en"><head><title>$title$</title></head><body>$body$</body></html>')
    return own


def betrayed(content: bytes) -> bool:
    """Tell whether the secret stands in a file, plainly or in any of base64's three shapes."""
    shapes = [base64.b64encode(b" " * shift + PRIVATE.encode() + b" " * 3)[4:-8] for shift in range(3)]
    return any(shape in content for shape in [PRIVATE.encode(), *shapes])


@asked
@asking
def test_pandoc_reads_no_file_but_the_run_s_own(shop: Path, body: str, place: str) -> None:
    """Whatever Markdown or HTML gets into a text: what isn't the run's own ends the run, or is left as it stands."""
    markdown = body.format(place=place.format(path=shop.parent / "elsewhere" / "secret.svg"))
    try:
        page = convert_to_html_page(
            markdown, PageOptions(title="t", template="page.template", css=()), shop / "page.html"
        )
    except RenderError as error:
        assert "Could not fetch resource" in str(error)  # noqa: PT017 - either outcome is right
        assert not (shop / "page.html").exists()
    else:
        assert not betrayed(page.read_bytes())
    assert not betrayed(convert_to_github_markdown(markdown).encode())


def test_the_secret_would_be_seen(shop: Path) -> None:
    """A rule that nothing breaks has to be shown to be one: the run's own picture is carried, and found."""
    (shop / "own.svg").write_bytes((shop.parent / "elsewhere" / "secret.svg").read_bytes())
    page = convert_to_html_page(
        "![a](own.svg)", PageOptions(title="t", template="page.template", css=()), shop / "page.html"
    )

    assert betrayed(page.read_bytes())


def test_only_pictures_scripts_and_sheets_are_carried(shop: Path) -> None:
    """Another kind of file is not handed to Pandoc, though it lies where they do."""
    (shop / "figures").mkdir()
    (shop / "figures" / "facts.json").write_text(PRIVATE)

    with pytest.raises(RenderError, match="Could not fetch resource"):
        convert_to_html_page(
            "![a](figures/facts.json)", PageOptions(title="t", template="page.template", css=()), shop / "page.html"
        )


@asked
@asking
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # WeasyPrint's open colour profile
def test_weasyprint_reads_no_file_but_fonts(shop: Path, body: str, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page carries everything; what asks for more ends the run, or is nothing that paper shows."""
    read: list[str] = []
    real = urllib.request.FileHandler.file_open

    def note(self: urllib.request.FileHandler, request: urllib.request.Request) -> object:
        read.append(request.full_url)
        return real(self, request)

    monkeypatch.setattr(urllib.request.FileHandler, "file_open", note)
    body = body.replace("![a]({place})", '<p style="background: url({place})">x</p>')
    text = body.format(place=place.format(path=shop.parent / "elsewhere" / "secret.svg"))
    (shop / "page.html").write_text(
        f'<!doctype html><html lang="en"><head><title>t</title></head><body><p>x</p>{text}</body></html>'
    )
    with contextlib.suppress(RenderError):
        PrintedDocument(shop / "page.html", paper="A4", identifier=b"0" * 32).write_pdf(shop / "page.pdf")

    assert read
    assert {url.rpartition(".")[2] for url in read} == {"ttf"}


CALLED = """
import sys
from pathlib import Path

from tests.support.music import read_users

path = Path(sys.argv[1])
read_users(path)  # imports what it needs
events = []
sys.addaudithook(lambda event, arguments: events.append((event, str(arguments[:1]))))
print(read_users(path)["age"].tolist())
print(any(event == "open" and path.name in what for event, what in events))
reaching = ("open", "socket", "subprocess", "os", "urllib", "ctypes", "webbrowser")
print([one for one in events if one[0].partition(".")[0] in reaching and path.name not in one[1]])
"""


def test_a_workbook_starts_nothing_and_opens_no_other_file(tmp_path: Path) -> None:
    """With a macro, a link to another workbook, and formulas that start a program or ask a server: their saved values are read."""
    formulas = (
        "'[1]Sheet1'!A1",
        'cmd|"/C touch hacked"!A1',
        'WEBSERVICE("http://192.0.2.1/")',
        'HYPERLINK("file:///etc/passwd")',
    )
    path = sheet(tmp_path, *(user(age="=20+1") for _ in formulas))
    repack(path, "xl/workbook.xml", 'fullCalcOnLoad="1"', "")
    for row, formula in enumerate(formulas, 2):
        cell = f'<c r="A{row}"><f>{escape(formula)}</f><v>{20 + row}</v></c>'
        repack(path, "xl/worksheets/sheet1.xml", f'<c r="A{row}"><f>20+1</f><v/></c>', cell)
    relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("xl/vbaProject.bin", b"\xd0\xcf\x11\xe0 Sub Auto_Open()")
        archive.writestr(
            "xl/externalLinks/externalLink1.xml",
            f'<externalLink xmlns="{MAIN}"><externalBook xmlns:r="{relations}" r:id="rId1"/></externalLink>',
        )
        archive.writestr(
            "xl/externalLinks/_rels/externalLink1.xml.rels",
            '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
            f'<Relationship Id="rId1" Type="{relations}/externalLinkPath" Target="{tmp_path}/other.xlsx" TargetMode="External"/>'
            "</Relationships>",
        )
    repack(
        path,
        "xl/_rels/workbook.xml.rels",
        "</Relationships>",
        f'<Relationship Id="rId99" Type="{relations}/externalLink" Target="externalLinks/externalLink1.xml"/></Relationships>',
    )
    repack(
        path,
        "xl/workbook.xml",
        "</workbook>",
        f'<externalReferences><externalReference xmlns:r="{relations}" r:id="rId99"/></externalReferences></workbook>',
    )
    shutil.copy(path, tmp_path / "other.xlsx")
    done = subprocess.run(
        [sys.executable, "-c", CALLED, str(path)], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert done.stdout.splitlines() == ["[22.0, 23.0, 24.0, 25.0]", "True", "[]"]


@pytest.mark.parametrize("host", ["localhost.evil.com", "localhost.", "127.0.0.1.evil.com", "127.evil.com", "10.0.0.1"])
def test_what_only_looks_like_this_machine_gets_no_password_in_the_clear(host: str) -> None:
    with pytest.raises(SettingsError, match="the mail would cross the network in the clear"):
        MailServer(host, 25, tls="none")
    for own in ("localhost", "LOCALHOST", "127.0.0.1", "127.8.8.8", "::1"):
        assert MailServer(own, 25, tls="none").host == own


def test_every_template_is_strict_and_escapes() -> None:
    """Each of Jinja2's environments takes an unknown name for an error, and says how it escapes."""
    found = []
    for path in sorted((ROOT / "report").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(
                ("Environment", "Template", "from_string")
            ):
                words = {word.arg: ast.unparse(word.value) for word in node.keywords}
                found.append(
                    (
                        path.name,
                        words.get("undefined"),
                        "autoescape" in words and ("finalize" in words or words["autoescape"] != "False"),
                    )
                )

    assert sorted(found) == [
        ("document.py", "jinja2.StrictUndefined", True),
        ("layout.py", "jinja2.StrictUndefined", True),
    ]


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_rows_of_users_and_the_ledger_are_their_owner_s_alone(tmp_path: Path, umask: int, analysis: Analysis) -> None:
    """However careless the account's umask is; a folder in the making is closed to others before there is anything in it."""
    before = os.umask(umask)
    try:
        with atomic.atomic_folder(tmp_path / "out", "2026-10") as folder:
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
            archive.write_assignments(analysis, folder)
        with Ledger.open(tmp_path / "ledger.sqlite", lambda: datetime(2026, 11, 1, tzinfo=UTC)):
            pass
    finally:
        os.umask(before)

    for path in (tmp_path / "out" / "2026-10" / "segments.parquet", tmp_path / "ledger.sqlite"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_page_lets_the_browser_fetch_nothing() -> None:
    """Should a script or a picture get into a page all the same, it has nowhere to send to: the page itself forbids it."""
    page = (ROOT / "templates" / "page.html").read_text(encoding="utf-8")
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    rules = dict(rule.split(maxsplit=1) for rule in policy.split("; "))

    assert rules.pop("default-src") == "'none'"
    assert {word for value in rules.values() for word in value.split()} <= {
        "'none'",
        "data:",
        "'unsafe-inline'",
        "'unsafe-eval'",
    }
    assert page.index("Content-Security-Policy") < page.index("<title>")


def test_a_name_cannot_leave_the_folder_of_profiles(tmp_path: Path) -> None:
    """A segment's name comes from words of ours, but names of files are made so that it wouldn't matter."""
    from report.pages.profiles import list_profile_file_names
    from tests.support.facts.factory import named

    names = list_profile_file_names(named(month(4), "../../etc/passwd", "/root", "..", "a\0b"))

    assert len(set(names)) == 4
    assert all(re.fullmatch(r"[\w-]+", name) for name in names)
    assert tmp_path.joinpath(*names).is_relative_to(tmp_path)


def test_a_chart_s_label_cannot_leave_the_folder_of_figures(tmp_path: Path) -> None:
    page = Document(month(4), "print", paths.TEMPLATES, figures=tmp_path / "figures")
    page.show(segments.plot_sizes)

    assert [path.parent for path in tmp_path.rglob("*.svg")] == [tmp_path / "figures"]
