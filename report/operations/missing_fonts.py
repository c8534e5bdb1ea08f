"""Scripts that no font of this machine has.

Boxes stand for their letters in the PDF and in the mails' pictures, so that somebody has to be told before they are sent.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from report.style.coverage import MissingScript, find_missing_scripts
from report.style.fonts import list_own_letters
from report.text.foreign import list_foreign_texts
from report.text.formatting import join_with_and
from segmentation.facts import Facts

RUN_FILE = "run.json"
_KEY = "missing_fonts"  # in run.json


def find_missing_fonts(facts: Facts) -> tuple[MissingScript, ...]:
    """Return the scripts of a month that no font here has."""
    return find_missing_scripts(list_foreign_texts(facts), list_own_letters())


def describe_missing_fonts(missing: Sequence[MissingScript]) -> str:
    """Name each script without a font, and what to install; or ""."""
    if not missing:
        return ""
    scripts = [f"{one.script} ({one.letter}, U+{ord(one.letter):04X}, in {one.place})" for one in missing]
    packages = " ".join(dict.fromkeys(one.package for one in missing if one.package))
    install = f" Debian and Ubuntu: apt-get install {packages}. Then run `make report` again." if packages else ""
    return (
        f"No font on this machine has {join_with_and(scripts)}, so boxes stand for these letters in the PDF and in the pictures of "
        f"the mails.{install}"
    )


def export_missing_fonts(missing: Sequence[MissingScript]) -> dict[str, list[dict[str, str]]]:
    """Return what run.json says of missing fonts."""
    return {_KEY: [one._asdict() for one in missing]}


def read_missing_fonts(folder: Path) -> tuple[MissingScript, ...]:
    """Return what a month's run.json says of missing fonts."""
    try:
        noted = json.loads((folder / RUN_FILE).read_text(encoding="utf-8")).get(_KEY, [])
        return tuple(MissingScript(**one) for one in noted)
    except (OSError, ValueError, TypeError, AttributeError):  # of an earlier version, or not there
        return ()
