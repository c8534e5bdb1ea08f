"""What a page is called in a window, in a tab and in the PDF that is printed from it: its document, month and brand.

A document's front matter can't say it, for it holds no values, and Quarto's `-M` doesn't outweigh it (quarto-r#181).
"""

import html
import json
import re
from pathlib import Path

from report.written import NBSP, month_name

_TITLE = re.compile(r"(?<=<title>)(.*?)(?=</title>)", re.DOTALL)


def entitled(page: Path, facts: Path) -> Path:
    """Add month and brand to a page's title.

    Parameters
    ----------
    page : Path
        An HTML file; one without a title, or whose title has them, is left alone.
    facts : Path
        The month's facts.json; where there is none, nothing is added.
    """
    if not facts.is_file():
        return page
    said = json.loads(facts.read_bytes())
    month = month_name(said["month"]).replace(NBSP, " ")
    added = html.escape(f" · {month} · {said['brand']['name']}", quote=False)
    text = page.read_text(encoding="utf-8")
    title = _TITLE.search(text)
    if title and not title[1].endswith(added):
        page.write_text(f"{text[: title.end()]}{added}{text[title.end() :]}", encoding="utf-8")
    return page
