"""Text normalisation: one spelling for what looks the same.

For files, databases, settings, the playbook and earlier months. Python, pandas, DuckDB and Spark use the same patterns. The patterns are written for RE2 (Arrow, DuckDB) and Java (Spark); `normalise_text` translates them for Python.
"""

import re
import unicodedata

# Removed: invisible marks, Unicode's Default_Ignorable_Code_Point, such as a soft hyphen, a zero-width space, direction marks
# and variation selectors. U+200C and U+200D stay within a word: words and emoji need them. U+3164 and U+FFA0 are wide, hence blanks.
INVISIBLE_CHARACTERS = (
    r"[\x{ad}\x{34f}\x{61c}\x{115f}\x{1160}\x{17b4}\x{17b5}\x{180b}-\x{180f}\x{200b}\x{200e}\x{200f}\x{202a}-\x{202e}"
    r"\x{2060}-\x{206f}\x{fe00}-\x{fe0f}\x{feff}\x{fff0}-\x{fff8}\x{1bca0}-\x{1bca3}\x{1d173}-\x{1d17a}\x{e0000}-\x{e0fff}]"
)
_JOINERS = "\u200c\u200d"
# Read as a blank: control characters, Unicode's white space, fillers that print as nothing, and two code points that XML
# forbids. Some of them break charts, so all are replaced.
_BLANK_CHARACTERS = (
    r"\x{0}-\x{20}\x{7f}-\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{2800}\x{3000}"
    r"\x{3164}\x{ffa0}\x{fffe}\x{ffff}"
)
BLANK_RUN = (
    rf"[{_JOINERS}]*[{_BLANK_CHARACTERS}][{_BLANK_CHARACTERS}{_JOINERS}]*"  # with the joiners at the ends of words
)
EDGE_BLANKS = rf"^[{_BLANK_CHARACTERS}]+|[{_BLANK_CHARACTERS}]+$"
# Replaced in this order; then TRIM_CHARACTERS are removed at the ends, and letters composed. The two hyphens look like "-".
NORMALISATION_STEPS = ((INVISIBLE_CHARACTERS, ""), (BLANK_RUN, " "), (r"[\x{2010}\x{2011}]", "-"))
TRIM_CHARACTERS = f" {_JOINERS}"
# Written for a missing value by databases, spreadsheets and programs; compared in lower case, after normalising.
MISSING_SPELLINGS = (
    *("", "na", "n/a", "n.a.", "#na", "#n/a n/a", "<na>", "nat", "(blank)"),
    *("(n/a)", "[n/a]", "n. a.", "pd.na", "na_character_", "(none)", "<none>", "nil", "<nil>", "undefined"),
    *("(missing)", "<missing>", "(empty)", "(leer)"),
    *("null", "(null)", "<null>", "[null]", "{null}", "#null", r"\n", r"\\n"),
    *("nan", "<nan>", "+nan", "-nan", "nan(ind)", "-nan(ind)", "1.#ind", "-1.#ind", "1.#qnan", "-1.#qnan"),
    *("1.#ind00", "-1.#ind00", "1.#qnan0", "-1.#qnan0"),
)
# Missing as a number or an id, but valid as a category.
MISSING_NUMBER_SPELLINGS = (*MISSING_SPELLINGS, "none", "-", "--", ".", "?")


def _compile_pattern(re2_pattern: str) -> re.Pattern[str]:
    """Compile an RE2 pattern for Python."""
    return re.compile(re.sub(r"\\x\{(\w+)\}", lambda match: rf"\U{match[1]:0>8}", re2_pattern))


_COMPILED_STEPS = tuple((_compile_pattern(pattern), new) for pattern, new in NORMALISATION_STEPS)


def normalise_text(text: str) -> str:
    r"""Return the text in its normalised spelling.

    Invisible marks are removed, every run of white space becomes one blank, blanks and joiners at the ends are removed, and letters
    are composed (Unicode NFC). In this order: DuckDB composes no further than a NUL, which is a blank by then.

    Examples
    --------
    >>> normalise_text(" Cafe\u0301\u00a0 mu\u00adsique\u200b")
    'Café musique'
    """
    for pattern, replacement in _COMPILED_STEPS:
        text = pattern.sub(replacement, text)
    return unicodedata.normalize("NFC", text.strip(TRIM_CHARACTERS))
