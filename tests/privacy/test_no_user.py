"""No user is on a page: neither the id of one nor a row, in anything that a month leaves but segments.parquet.

What is scanned: the text and the markup of every page, the specifications, drawings and downloads inside them, the text of
every PDF and what is attached to it, every part of every mail, and the files of numbers beside them.
"""

import base64
import email
import email.policy
import io
import re
from collections.abc import Iterator
from email.message import EmailMessage

import pandas as pd
import pikepdf
import pypdfium2
import pytest
from weasyprint import HTML

from report.storage import paths
from tests.support.music import COLUMNS_BY_NAME, NUMBERS
from tests.support.pages.rendered import Rendered, rendered  # noqa: F401 - a fixture

_EMBEDDED = re.compile(r"data:(?:image/svg\+xml|application/json|text/[a-z]+);base64,([A-Za-z0-9+/=]+)")
_ID = re.compile(r"\bu[0-9a-f]{8}\b")
_NUMBER = re.compile(r"(?<![\w.])(?:\d{1,3}(?:[,\u00a0\u202f]\d{3})+|\d+)(?:\.\d+)?(?!\w)")
_NEAR = 12  # numbers between the first and the last of a row that somebody wrote down


@pytest.fixture(scope="module")
def users() -> pd.DataFrame:
    """Give the month's file, as it was read."""
    return pd.read_csv(paths.ROOT / "data" / "2026-10.csv")


@pytest.fixture(scope="module")
def texts(rendered: Rendered) -> dict[str, str]:  # noqa: F811
    """Give every text that the month leaves, by where it stands."""
    folder = rendered.run() / "out" / "2026-10"
    found: dict[str, str] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != "segments.parquet":
            found |= dict(texts_of(path.name, path.read_bytes()))
    assert "report.html" in found
    return found


def texts_of(name: str, content: bytes) -> Iterator[tuple[str, str]]:
    """Give all the texts of a file, and of the files in it."""
    kind = name.rpartition(".")[2]
    if kind == "pdf":
        with pikepdf.open(io.BytesIO(content)) as pdf:
            for inner, file in pdf.attachments.items():
                yield from texts_of(f"{name}/{inner}", file.get_file().read_bytes())
        for number, page in enumerate(pypdfium2.PdfDocument(content), 1):
            yield f"{name}/page {number}", page.get_textpage().get_text_bounded()
    elif kind == "eml":
        for part in email.message_from_bytes(content, policy=email.policy.default).walk():
            if not part.is_multipart():
                inner = part.get_filename() or f"part.{part.get_content_subtype()}"
                yield from texts_of(f"{name}/{inner}", part.get_payload(decode=True))
        yield name, content.decode()
    elif kind not in ("png", "parquet"):
        text = content.decode()
        yield name, text
        for number, drawn in enumerate(_EMBEDDED.findall(text), 1):
            yield f"{name}/embedded {number}", base64.b64decode(drawn).decode()


def rows_in(text: str, users: pd.DataFrame) -> set[int]:
    """Find users whose income stands in a text with all their other numbers close by."""
    numbers = [float(re.sub("[,\u00a0\u202f]", "", found)) for found in _NUMBER.findall(text)]
    whose: dict[float, list[int]] = {}
    for row, income in enumerate(users["annual_income"]):
        whose.setdefault(float(income), []).append(row)
    values = users[list(NUMBERS)].to_numpy(dtype=float)
    found = set()
    for place, number in enumerate(numbers):
        around = set(numbers[max(0, place - _NEAR) : place + _NEAR + 1])
        found |= {row for row in whose.get(number, ()) if set(values[row]) <= around}
    return found


def test_everything_is_looked_into(texts: dict[str, str]) -> None:
    """Pages, drawings in them, PDFs, what is attached to them, and mails."""
    names = " ".join(texts)
    assert [name for name, text in texts.items() if not text.strip()] == []
    for needed in ("report.html", "report.html/embedded", "executive.pdf/page 1", "executive.pdf/facts.json"):
        assert needed in names
    assert re.search(r"\.eml/\S+\.pdf/page 1", names)
    assert re.search(r"\.eml/part\.html", names)
    assert "facts.json" in names


def test_no_text_holds_a_users_id(texts: dict[str, str], users: pd.DataFrame) -> None:
    """None of the 4,914, in plain text or in what is embedded."""
    ids = set(users["user_id"])
    assert len(ids) > 4_900
    for name, text in texts.items():
        assert ids & set(_ID.findall(text)) == set(), name


def test_no_text_holds_a_users_row(texts: dict[str, str], users: pd.DataFrame) -> None:
    """Nowhere do all numbers of one user stand together."""
    for name, text in texts.items():
        assert rows_in(text, users) == set(), name


@pytest.mark.parametrize("layout", ['"a":{},', "<td>{}</td>", "{} "])
def test_a_row_that_slipped_in_is_found(layout: str, users: pd.DataFrame) -> None:
    """As a chart's data, as a table's row and as a text."""
    one = users.dropna().iloc[100]  # its incomes are round, but no other has all numbers
    slipped = "".join(layout.format(f"{one[name]:.{COLUMNS_BY_NAME[name].digits}f}") for name in NUMBERS)

    assert rows_in(f"12 users, 30 % of 1,471: {slipped}", users) == {one.name}


def test_an_id_that_slipped_in_is_found(users: pd.DataFrame) -> None:
    """In a drawing of a page, on a sheet, in what is attached to one, in a mail and in the PDF that it carries."""
    one = str(users["user_id"][7])
    sheet = HTML(string=f"<p>{one}").write_pdf()
    with pikepdf.new() as empty:
        empty.add_blank_page()
        empty.attachments["facts.json"] = f'{{"id":"{one}"}}'.encode()
        empty.save(attached := io.BytesIO())
    letter, parcel = EmailMessage(), EmailMessage()
    letter.set_content(f"<p>{one}", subtype="html", cte="base64")
    parcel.add_attachment(sheet, maintype="application", subtype="pdf", filename="page.pdf")
    drawing = base64.b64encode(f"<svg>{one}</svg>".encode()).decode()
    for name, content in {
        "report.html": f'<img src="data:image/svg+xml;base64,{drawing}">'.encode(),
        "executive.pdf": sheet,
        "attached.pdf": attached.getvalue(),
        "letter.eml": bytes(letter),
        "parcel.eml": bytes(parcel),
    }.items():
        assert one in {found for _, text in texts_of(name, content) for found in _ID.findall(text)}, name
