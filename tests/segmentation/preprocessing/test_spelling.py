"""One spelling for each text, the same in Python, Arrow and DuckDB."""

import unicodedata

import duckdb
import narwhals as nw
import pyarrow as pa
import pytest

from report.readers.columns import make_matched_column
from report.readers.normalise import _apply_normalisation
from segmentation.preprocessing.spelling import MISSING_NUMBER_SPELLINGS, MISSING_SPELLINGS, normalise_text
from tests.support.music import COLUMNS_BY_NAME

GENRE = make_matched_column(COLUMNS_BY_NAME["top_genre"], "top_genre", 0)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("Salarie\u0301", "Salari\u00e9"),
        ("\u212bngstro\u0308m", "\u00c5ngstr\u00f6m"),
        ("\u200bClassical\u2060", "Classical"),
        ("Clas\u00adsical\ufeff", "Classical"),
        ("e\u200b\u0301", "\u00e9"),
        ("\u202eRock\u202c \u2066Pop\u2069\u200e\u200f", "Rock Pop"),
        ("Hard\u00a0 \u3000\u2009space\t\n", "Hard space"),
        ("Po\x00p\x1a", "Po p"),
        ("Pop\u115f\u180b\ufff0\U000e0041", "Pop"),
        ("\u2764\ufe0f", "\u2764"),
        ("\u200cHip\u200d \u200cHop\u200d", "Hip Hop"),
        ("K\u2010Pop K\u2011Pop", "K-Pop K-Pop"),
        ("\u3164\u2800\uffa0", ""),
        ("\u0646\u0645\u06cc\u200c\u062f\u0627\u0646\u0645", "\u0646\u0645\u06cc\u200c\u062f\u0627\u0646\u0645"),
        ("\U0001f469\u200d\U0001f3a4", "\U0001f469\u200d\U0001f3a4"),
        ("\uff30op", "\uff30op"),
    ],
)
def test_what_looks_the_same_is_the_same(written: str, meant: str) -> None:
    """Composed, without marks that nobody sees, one blank for any white space; joiners that words and emoji need stay."""
    assert normalise_text(written) == meant
    assert normalise_text(meant) == meant


def test_every_white_space_and_control_character_is_a_blank() -> None:
    """By Unicode's own categories, and by what Python calls a space."""
    spaces = [
        chr(c) for c in range(0x110000) if unicodedata.category(chr(c)) in ("Zs", "Zl", "Zp", "Cc") or chr(c).isspace()
    ]

    assert len(spaces) == 84
    assert {normalise_text(f"a{space}{space}b{space}") for space in spaces} == {"a b"}


def test_python_arrow_and_duckdb_agree_on_every_letter() -> None:
    """Each character that this Python's Unicode knows, between letters and before an accent."""
    letters = [chr(c) for c in range(0x110000) if unicodedata.category(chr(c)) not in ("Cn", "Cs", "Co")]
    texts = [text for c in letters for text in (f"a{c}b{c}", f"e{c}\u0301")]
    expected = [normalise_text(text) for text in texts]
    table = pa.table({"n": range(len(texts)), "top_genre": texts})

    with duckdb.connect() as connection:
        for frame in (nw.from_native(table).lazy(), nw.from_native(connection.from_arrow(table))):
            found = _apply_normalisation(frame, [GENRE]).sort("n").collect("pyarrow")
            assert found.get_column("top_genre").to_list() == expected
    assert len(texts) > 280_000


def test_words_for_nothing_are_normalised_and_in_lower_case() -> None:
    """Or no cell could ever be one of them."""
    assert [normalise_text(word).lower() for word in MISSING_NUMBER_SPELLINGS] == list(MISSING_NUMBER_SPELLINGS)
    assert set(MISSING_NUMBER_SPELLINGS) - set(MISSING_SPELLINGS) == {"none", "-", "--", ".", "?"}
