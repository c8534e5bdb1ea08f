"""A page of its own for each segment."""

from pathlib import Path

from report.pages.document import Document
from report.rendering.pandoc import PageOptions, convert_to_html_page
from report.storage import paths
from report.text.foreign import isolate_text
from report.text.formatting import format_month
from segmentation.facts import Facts


def write_profiles(facts: Facts, bench: Path, out: Path) -> list[Path]:
    """Write one self-contained page for each segment.

    `bench` is the folder in which the executives' document was rendered; its charts are used again. `out` is made.
    """
    out.mkdir()
    document = Document(facts, "page", paths.TEMPLATES, figures=bench / "figures")
    pages: list[Path] = []
    for segment, name in zip(facts.segments, list_profile_file_names(facts), strict=True):
        look = PageOptions(
            title=" · ".join(map(isolate_text, (segment.name, format_month(facts.month), facts.brand.name))),
            template="../templates/page.html",
            css=("../templates/screen.css",),
        )
        markdown = f"{document.render_template('parts/masthead.md')}\n\n{document.render_profile(segment.id)}"
        page = convert_to_html_page(markdown, look, bench / f"profile-{segment.id}.html")  # never a document's name
        pages.append(page.rename(out / f"{name}.html"))
    return pages


def list_profile_file_names(facts: Facts) -> tuple[str, ...]:
    """Return a file name for each segment.

    Where two names differ in punctuation only, the second gets its id.
    """
    names: list[str] = []
    for segment in facts.segments:
        name = slugify_name(segment.name)
        names.append(f"{name}-{segment.id.lower()}" if name in names else name)
    return tuple(names)


def slugify_name(name: str) -> str:
    """Return a name as a file's name: "young-light-listeners"."""
    words = "".join(letter if letter.isalnum() else " " for letter in name.lower()).split()
    cut = "-".join(words).encode()[:80].decode(errors="ignore")  # a file's name has at most 255 bytes
    return cut.strip("-") or "segment"
