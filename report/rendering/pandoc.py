"""Markdown to a self-contained page, by Pandoc's wheel."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pypandoc

from report.errors import RenderError

_CROSSREF_FILTER = Path(__file__).with_name("filters") / "crossref.lua"
_EMBED_FILTER = Path(__file__).with_name("filters") / "carry.lua"
_UTF8_LOCALE = "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8"  # each system has its own


@dataclass(frozen=True, slots=True)
class PageOptions:
    """Options of a page: title, template, styles, contents."""

    title: str
    template: str  # this and the style sheets are relative to the page
    css: tuple[str, ...]
    lang: str = "en"
    toc_depth: int = 0  # levels of headings in the contents; 0 for no contents


def get_pandoc_version() -> str:
    """Return Pandoc's version."""
    return str(pypandoc.get_pandoc_version())


def convert_to_html_page(markdown: str, options: PageOptions, page: Path) -> Path:
    """Write a self-contained page.

    Pandoc itself may read no file and ask no network: a filter hands it what the page needs. Any warning of Pandoc's,
    such as of a file that isn't the run's own, is a `RenderError`.
    """
    arguments = [
        pypandoc.get_pandoc_path(),
        "--from=markdown",
        "--to=html5",
        "--sandbox",
        "--standalone",
        "--embed-resources",
        "--section-divs",
        "--wrap=none",
        "--fail-if-warnings",
        f"--lua-filter={_CROSSREF_FILTER}",
        f"--lua-filter={_EMBED_FILTER}",
        f"--template={options.template}",
        f"--metadata=title:{options.title}",
        f"--metadata=lang:{options.lang}",
        *(f"--css={path}" for path in options.css),
        *(["--toc", f"--toc-depth={options.toc_depth}"] if options.toc_depth else []),
        f"--output={page.name}",
    ]
    done = subprocess.run(
        arguments,
        input=markdown,
        env=os.environ | {"LC_ALL": _UTF8_LOCALE},  # it reads its arguments by the locale
        cwd=page.parent,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode:
        first, *more = done.stderr.split("\n")
        if first.endswith(":") and more:  # a filter's own words stand on the next line
            first = f"{first} {more[0]}"
        first = re.sub(r"^Error running filter \S+ \S+:\d+: ", "", first)  # where in the filter
        message = first.removeprefix("[WARNING] ").strip().rstrip(".")[:400]
        raise RenderError(f"{page.name}: Pandoc ended with {done.returncode}: {message or 'nothing was said'}.")
    return page


def convert_to_github_markdown(markdown: str) -> str:
    """Return Pandoc's Markdown as GitHub and Jupyter understand it."""
    done: str = pypandoc.convert_text(
        markdown, "gfm", format="markdown", extra_args=["--sandbox", "--wrap=none", f"--lua-filter={_CROSSREF_FILTER}"]
    )
    return done.strip()
