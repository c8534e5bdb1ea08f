"""One spelling for each text: what looks the same becomes the same.

Files, databases, settings, the playbook and earlier months all pass here. Python, pandas, DuckDB and Spark use the same patterns, so
they agree. The patterns are written for RE2 (Arrow, DuckDB) and Java (Spark); `normalise_text` translates them for Python.
"""

import re
import unicodedata

# Removed: marks that nobody sees. Soft hyphen, grapheme joiner, Arabic letter mark, Mongolian vowel separator, zero-width space, marks and
# overrides of direction, word joiner, invisible operators, byte-order mark. U+200C and U+200D stay: words and emoji need them.
INVISIBLE = (
    r"[\x{ad}\x{34f}\x{61c}\x{180e}\x{200b}\x{200e}\x{200f}\x{202a}-\x{202e}\x{2060}-\x{206f}\x{feff}]"
)
# One blank: control characters and everything that Unicode calls white space, fillers that print as nothing, and two code points
# that XML forbids. A chart can't be drawn from some of them, so nothing may let them through.
BLANK = (
    r"[\x{0}-\x{20}\x{7f}-\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{2800}\x{3000}"
    r"\x{3164}\x{ffa0}\x{fffe}\x{ffff}]+"
)
ENDS = rf"^{BLANK}|{BLANK}$"
# Written for a missing value by databases, spreadsheets and programs; compared in lower case, after normalising.
MISSING = (
    *("", "na", "n/a", "n.a.", "#na", "#n/a n/a", "<na>", "nat", "(blank)"),
    *("null", "(null)", "<null>", "[null]", "{null}", r"\n"),
    *("nan", "+nan", "-nan", "nan(ind)", "-nan(ind)", "1.#ind", "-1.#ind", "1.#qnan", "-1.#qnan"),
)
# Missing as a number or an id, but a category may have it as its answer.
NO_NUMBER = (*MISSING, "none", "-")


def _compile(pattern: str) -> re.Pattern[str]:
    """Compile a pattern of RE2's for Python, which writes code points in another way."""
    return re.compile(re.sub(r"\\x\{(\w+)\}", lambda found: rf"\U{found[1]:0>8}", pattern))


_INVISIBLE, _BLANK = _compile(INVISIBLE), _compile(BLANK)


def normalise_text(text: str) -> str:
    r"""Return the text in its one spelling.

    Invisible marks are removed, every run of white space becomes one blank, blanks at the ends are removed, and letters are
    composed (Unicode NFC). In this order: DuckDB composes no further than a NUL, which is a blank by then.

    Examples
    --------
    >>> normalise_text(" Cafe\u0301\u00a0 mu\u00adsique\u200b")
    'Café musique'
    """
    return unicodedata.normalize("NFC", _BLANK.sub(" ", _INVISIBLE.sub("", text)).strip(" "))
