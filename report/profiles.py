"""A page for each segment, for whoever looks after it."""

from pathlib import Path

from report import files
from report.document import Document
from report.engines.pandoc import Look, make_page
from segmentation.facts import Facts


def write_profiles(facts: Facts, bench: Path, out: Path) -> list[Path]:
    """Write one self-contained page a segment.

    Parameters
    ----------
    facts : Facts
        The month.
    bench : Path
        Folder in which the executives' document was rendered: what it drew is used again.
    out : Path
        Where the pages go.
    """
    out.mkdir()
    document = Document(facts, "print", files.TEMPLATES, figures=bench / "figures")
    pages: list[Path] = []
    for segment in facts.segments:
        look = Look(
            title=f"{segment.name}, {facts.month}",
            template="../templates/page.html",
            css=("../templates/screen.css",),
        )
        markdown = f"{document.template('masthead.md')}\n\n{document.profile(segment.id)}"
        page = make_page(markdown, look, bench / f"profile-{segment.id}.html")  # never a document's name
        name = slug(segment.name)
        if (out / f"{name}.html").exists():
            name = f"{name}-{segment.id.lower()}"  # of two that differ in signs alone
        pages.append(page.rename(out / f"{name}.html"))
    return pages


def slug(name: str) -> str:
    """Write a segment's name as a file's: "young-light-listeners"."""
    words = "".join(letter if letter.isalnum() else " " for letter in name.lower()).split()
    cut = "-".join(words).encode()[:80].decode(errors="ignore")  # a file's name has at most 255 bytes
    return cut.strip("-") or "segment"
