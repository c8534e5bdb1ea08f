"""What the month's file may look like, and what is said of one that can't be read."""

import codecs
import datetime as dt
import decimal
import io
import logging
import os
import re
import struct
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from openpyxl.chart import BarChart, Reference
from openpyxl.styles import numbers as formats

from report import inputs, workbook
from report.errors import InputError
from report.inputs import read_users
from segmentation import schema

MUSIC = Path(__file__).parents[1] / "../shared/data/music.csv"
ONE = {
    "age": "20",
    "gender": "Male",
    "employment_status": "Student",
    "annual_income": "1000",
    "usage_per_month": "30",
    "top_genre": "Pop",
    "num_of_days_active": "100",
}
HEADER = ",".join(ONE)
ROW = ",".join(ONE.values())


def text(*changes: dict[str, str], sep: str = ",") -> str:
    """One row a dict, each the usual user with some values changed; quoted where they hold the delimiter."""
    rows = [ONE | change for change in changes]
    lines = [sep.join(f'"{v}"' if sep in v else v for v in row.values()) for row in rows]
    return "\n".join([HEADER.replace(",", sep), *lines]) + "\n"


def users(*changes: dict[str, Any]) -> pd.DataFrame:
    """Return the frame that `text` with the same rows should read to."""
    rows = [{**ONE, **dict.fromkeys(schema.NUMBERS)} for _ in changes]
    for row, change in zip(rows, changes, strict=True):
        row.update({name: float(ONE[name]) for name in schema.NUMBERS} | change)
    frame = pd.DataFrame(rows)
    text_type = pd.StringDtype(na_value=np.nan)
    return frame.astype({c: "float64" if c in schema.NUMBERS else text_type for c in frame})


def write(folder: Path, content: str | bytes, name: str = "2026-10.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    """Values, types, order and index are all exactly the same."""
    pd.testing.assert_frame_equal(found, expected, check_exact=True)
    assert isinstance(found.index, pd.RangeIndex)
    assert [str(found[c].dtype) for c in found] == [
        "float64" if c in schema.NUMBERS else "str" for c in found
    ]


def refused(path: Path, *said: str, **options: Any) -> None:
    """Hold that the file is refused, by name, in words that include all of these."""
    with pytest.raises(InputError) as caught:
        read_users(path, **options)
    message = str(caught.value)
    for words in (path.name, *said):
        assert words in message
    assert message.endswith(".")
    assert "\n" not in message
    assert not isinstance(caught.value.__cause__, (TypeError, AttributeError, NameError, AssertionError)), (
        "ours"
    )


# --- the real file


@pytest.mark.skipif(not MUSIC.exists(), reason="the real file has no licence and stays outside the project")
def test_the_real_file_reads_whole() -> None:
    """It has 4,914 users, 1,000 of them students, starts with a byte-order mark, and five ages are impossible."""
    frame = read_users(MUSIC)

    assert list(frame) == list(ONE)
    assert len(frame) == 4914
    assert (frame["employment_status"] == "Student").sum() == 1000
    assert frame.index[frame["age"] < 16].tolist() == [941, 1973, 3431, 3544, 4325]
    assert frame["annual_income"].sum() == 200_762_950
    assert frame.isna().sum().sum() == 0


# --- text files that read


TWO = HEADER + "\n" + ROW + "\n" + ROW + "\n"
LATIN = {"top_genre": "Música"}
READS: dict[str, tuple[str | bytes, pd.DataFrame]] = {
    "LF": (TWO, users({}, {})),
    "CRLF": (TWO.replace("\n", "\r\n"), users({}, {})),
    "CR": (TWO.replace("\n", "\r"), users({}, {})),
    "line ends written twice": (TWO.replace("\n", "\r\r\n"), users({}, {})),
    "no end of line at the end": (TWO.rstrip(), users({}, {})),
    "empty lines at the end": (TWO + "\n\n  \n", users({}, {})),
    "empty fields at the end": (TWO + ",,,,,,\n,,,,,,\n", users({}, {})),
    "a tail of delimiters": (TWO + ",,,\n", users({}, {})),
    "empty lines at the start": ("\n\n" + TWO, users({}, {})),
    "an empty line within": (f"{HEADER}\n{ROW}\n\n{ROW}\n", users({}, {})),
    "empty fields within": (
        f"{HEADER}\n{ROW}\n,,,,,,\n{ROW}\n",
        users({}, dict.fromkeys(ONE, None), {}),
    ),
    "semicolons": (text({}, {}, sep=";"), users({}, {})),
    "tabs": (text({}, {}, sep="\t"), users({}, {})),
    "pipes": (text({}, {}, sep="|"), users({}, {})),
    "Excel's note on the delimiter": ("sep=;\r\n" + text({}, sep=";"), users({})),
    "commas within semicolons": (text({"top_genre": "Pop,Rock,Indie"}, sep=";"), users({"top_genre": "Pop,Rock,Indie"})),
    "everything quoted": (
        re.sub(r"[^,\n]+", r'"\g<0>"', TWO),
        users({}, {}),
    ),
    "a quoted delimiter": (text({"top_genre": "Pop, Rock"}), users({"top_genre": "Pop, Rock"})),
    "a quoted line break": (
        TWO.replace("Pop", '"Pop\nRock"', 1),
        users({"top_genre": "Pop\nRock"}, {}),
    ),
    "a quote in quotes": (TWO.replace("Pop", '"12"" Pop"', 1), users({"top_genre": '12" Pop'}, {})),
    "a quote within a word": (TWO.replace("Pop", '12" Pop', 1), users({"top_genre": '12" Pop'}, {})),
    "blanks around everything": (TWO.replace(",", " ,  "), users({}, {})),
    "a blank before quotes": (TWO.replace("Pop", ' "Pop, Rock"', 1), users({"top_genre": "Pop, Rock"}, {})),
    "no-break spaces": (text({"gender": "\u00a0Male\u00a0", "age": "\u00a020"}), users({})),
    "UTF-8": (text(LATIN), users(LATIN)),
    "UTF-8, marked": (codecs.BOM_UTF8 + text(LATIN).encode(), users(LATIN)),
    "UTF-8, marked twice": (codecs.BOM_UTF8 * 2 + text(LATIN).encode(), users(LATIN)),
    "UTF-16 LE": (codecs.BOM_UTF16_LE + text(LATIN).encode("utf-16-le"), users(LATIN)),
    "UTF-16 BE": (codecs.BOM_UTF16_BE + text(LATIN).encode("utf-16-be"), users(LATIN)),
    "UTF-16 with tabs": (text(LATIN, sep="\t").encode("utf-16"), users(LATIN)),
    "UTF-32": (text(LATIN).encode("utf-32"), users(LATIN)),
    "Windows-1252": (text(LATIN).encode("cp1252"), users(LATIN)),
    "Windows-1252, last character": (
        (HEADER.replace("top_genre,num_of_days_active", "num_of_days_active,top_genre") + "\n20,Male,Student,1000,30,100,José")
        .encode("cp1252"),
        users({"top_genre": "José"}),
    ),
    "Windows-1252, curly quotes": (
        text({"top_genre": "Rock ’n’ Roll – live"}).encode("cp1252"),
        users({"top_genre": "Rock ’n’ Roll – live"}),
    ),
    "other case, blanks and hyphens": (
        TWO.replace(HEADER, "AGE, Gender ,Employment-Status,Annual income,USAGE_per-month,Top  Genre,Num of days active"),
        users({}, {}),
    ),
    "columns of no concern": (
        "note," + HEADER + ",,note\n" + "x," + ROW + ",,y\n",
        users({}),
    ),
    "another order": (",".join(reversed(ONE)) + "\n" + ",".join(reversed(ONE.values())) + "\n", users({})),
}  # fmt: skip


@pytest.mark.parametrize(("content", "expected"), READS.values(), ids=READS.keys())
def test_a_text_file_reads_as_a_person_would(
    tmp_path: Path, content: str | bytes, expected: pd.DataFrame
) -> None:
    """Encodings, delimiters, line ends, quotes and headers are the export's business, not the reader's."""
    same(read_users(write(tmp_path, content)), expected)


@pytest.mark.parametrize("name", ["m.csv", "m.CSV", "m.tsv", "m.txt"])
def test_the_ending_does_not_settle_the_delimiter(tmp_path: Path, name: str) -> None:
    """Spreadsheets write tabs into .txt and semicolons into .csv; the header says which."""
    for sep in ",;\t|":
        same(read_users(write(tmp_path, text({}, sep=sep), name)), users({}))


def test_an_id_is_text_with_its_zeros(tmp_path: Path) -> None:
    """An id that looks like a number isn't one, and comes first as in the schema."""
    path = write(tmp_path, f"{HEADER},User ID\n{ROW},0071\n{ROW},7.10\n{ROW},NA\n")

    found = read_users(path)

    assert list(found) == ["user_id", *ONE]
    assert found["user_id"].tolist()[:2] == ["0071", "7.10"]
    assert found["user_id"].isna().tolist() == [False, False, True]
    assert found["user_id"].dtype == "str"


def test_more_rows_than_one_batch_stay_in_order(tmp_path: Path) -> None:
    """Cells go to Arrow in batches of 131,072; row 60,000 is row 60,000 across them."""
    rows = "".join(f"{i},Male,Student,{i}.5,30,Pop{i % 7},100\n" for i in range(60_000))

    found = read_users(write(tmp_path, f"{HEADER}\n{rows}"))

    assert found["age"].tolist() == list(range(60_000))
    assert found["annual_income"].tolist() == [i + 0.5 for i in range(60_000)]
    assert found["top_genre"].tolist() == [f"Pop{i % 7}" for i in range(60_000)]


# --- missing values


@pytest.mark.parametrize(
    "marker", ["", " ", "NA", "N/A", "n/a", "na", "NaN", "nan", "null", "NULL", "None", "-", " - "]
)
def test_a_number_may_be_missing_in_many_ways(tmp_path: Path, marker: str) -> None:
    same(read_users(write(tmp_path, text({"age": marker}, {}))), users({"age": np.nan}, {}))


@pytest.mark.parametrize("marker", ["", " ", "NA", "N/A", "n/a", "NaN", "nan", "null", "NULL"])
def test_a_category_may_be_missing_in_fewer(tmp_path: Path, marker: str) -> None:
    same(read_users(write(tmp_path, text({"top_genre": marker}, {}))), users({"top_genre": None}, {}))


@pytest.mark.parametrize("value", ["None", "none", "-", "Na", "Unknown", "0", "1.5", "True", "inf"])
def test_what_may_be_an_answer_stays_one(tmp_path: Path, value: str) -> None:
    """A user whose favourite genre is "None" has said something."""
    same(read_users(write(tmp_path, text({"top_genre": value}, {}))), users({"top_genre": value}, {}))


def test_a_number_column_may_be_all_missing(tmp_path: Path) -> None:
    """Whether that is too little is for cleaning to say."""
    same(
        read_users(write(tmp_path, text({"age": ""}, {"age": "NA"}))), users({"age": np.nan}, {"age": np.nan})
    )


# --- numbers


NUMBERS: dict[str, tuple[str, list[str], list[float]]] = {
    "signs and exponents": (",", ["-29", "+5", "1e3", "1.5E+03", "-2e-1"], [-29, 5, 1000, 1500, -0.2]),
    "nothing before or after the point": (",", [".5", "5.", "-.25"], [0.5, 5, -0.25]),
    "zeros in front": (",", ["007", "0.50"], [7, 0.5]),
    "infinities and the largest": (",", ["inf", "-Infinity", "1e308", "1e999"], [np.inf, -np.inf, 1e308, np.inf]),
    "17 digits": (",", ["0.30000000000000004", "9007199254740993"], [0.30000000000000004, 9007199254740992]),
    "quoted thousands": (",", ["1,234", "115,000", "12", "1,234,567.5"], [1234, 115000, 12, 1234567.5]),
    "thousands by blanks": (",", ["1 234", "12\u00a0345", "1\u202f234\u202f567.5", "7"], [1234, 12345, 1234567.5, 7]),
    "thousands by apostrophes": (",", ["1'234", "12’345.5"], [1234, 12345.5]),
    "decimal commas": (";", ["12,5", "0,25", "-3", ",5"], [12.5, 0.25, -3, 0.5]),
    "decimal commas in tabs": ("\t", ["12,5", "7"], [12.5, 7]),
    "decimal commas, thousands by points": (";", ["1.234,5", "12.345", "1.234.567,25"], [1234.5, 12345, 1234567.25]),
    "decimal commas, thousands by blanks": (";", ["1 234,5", "12 345"], [1234.5, 12345]),
    "decimal commas and exponents": (";", ["1,5E+03", "2"], [1500, 2]),
    "three decimals, and one that proves them": (";", ["1,234", "12,5"], [1.234, 12.5]),
    "a first group of zero proves decimals": (";", ["0,123", "1,234"], [0.123, 1.234]),
    "a long number proves decimals": (";", ["1234,567", "1,234"], [1234.567, 1.234]),
    "two groups prove thousands": (";", ["1.234.567", "1.234"], [1234567, 1234]),
    "decimal points in semicolons": (";", ["12.5", "1.234"], [12.5, 1.234]),
    "both marks prove thousands by commas": (";", ["1,234.5", "1,234"], [1234.5, 1234]),
    "three decimals throughout, in commas": (",", ["12.345", "1.234"], [12.345, 1.234]),
    "three decimals beside a long whole number": (",", ["1.234", "1500", "7"], [1.234, 1500, 7]),
}  # fmt: skip


@pytest.mark.parametrize(("sep", "written", "meant"), NUMBERS.values(), ids=NUMBERS.keys())
def test_a_number_is_what_its_column_proves(
    tmp_path: Path, sep: str, written: list[str], meant: list[float]
) -> None:
    """Marks and separators are read where the whole column leaves one way to read them."""
    path = write(tmp_path, text(*({"annual_income": value} for value in written), sep=sep))

    same(read_users(path), users(*({"annual_income": value} for value in meant)))


@pytest.mark.parametrize(
    ("income", "usage", "meant"),
    [("1.234", "0,5", 1234), ("1,234", "0,5", 1.234), ("1,234", "0.5", 1234), ("1.234", "0.5", 1.234)],
)
def test_a_column_in_doubt_follows_one_that_is_not(
    tmp_path: Path, income: str, usage: str, meant: float
) -> None:
    """A file has one decimal mark: "0,5" says that the "." of "1.234" is none."""
    path = write(tmp_path, text({"annual_income": income, "usage_per_month": usage}, sep=";"))

    same(read_users(path), users({"annual_income": meant, "usage_per_month": 0.5}))


def test_columns_that_contradict_each_other_settle_nothing_for_a_third(tmp_path: Path) -> None:
    path = write(tmp_path, text({"annual_income": "1.234", "usage_per_month": "0,5", "age": "20.5"}, sep=";"))

    refused(path, "'annual_income' is ambiguous: '1.234' on row 2 can be read as 1.234 and as 1234")


@pytest.mark.parametrize(
    ("sep", "values", "said"),
    [
        (";", ["12", "1,234"], "'1,234' on row 3 can be read as 1234 and as 1.234"),
        (";", ["12.500"], "'12.500' on row 2 can be read as 12.5 and as 12500"),
        ("\t", ["1.234", "5.678"], "'1.234' on row 2 can be read as 1.234 and as 1234"),
        ("|", ["-1,234"], "'-1,234' on row 2 can be read as -1234 and as -1.234"),
        (",", ["115.000", "0", "950"], "'115.000' on row 2 can be read as 115 and as 115000"),
        (",", ["1.234", "1,234"], "'1.234' on row 2 can be read as 1.234 and as 1234"),
    ],
)
def test_a_number_that_can_be_read_in_two_ways_is_refused(
    tmp_path: Path, sep: str, values: list[str], said: str
) -> None:
    """Neither reading is taken when the file proves neither: one would be wrong a thousand times over."""
    path = write(tmp_path, text(*({"annual_income": value} for value in values), sep=sep))

    refused(path, "column 'annual_income' is ambiguous", said, "Export without separators between thousands")


def test_marks_that_change_within_a_column_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path, text({}, {"usage_per_month": "1,5"}, {"usage_per_month": "2.25"}, sep=";"))

    refused(path, "'usage_per_month' mixes decimal points and commas ('2.25' on row 4 and '1,5' on row 3)")


WORDS = [
    "abc", "2026-01-31", "31/01/2026", "12:30", "12 years", "$1,000", "1,000 USD", "15%", "(5)", "1_000", "0x1A", "1,23,456",
    "12 34", "1,2345", "1 234,567", "0,123", "1.2.3", "--5", "5-", "1e", "e5", ".", ",", "+", "TRUE", "#N/A", "١٢", "１２", "½",
    "1'234 567", "1,234e5", "nan nan", "?", "=1+1",
]  # fmt: skip


@pytest.mark.parametrize("value", WORDS)
def test_text_among_numbers_is_refused_with_its_place(tmp_path: Path, value: str) -> None:
    """Rows count as in a spreadsheet: the header is row 1, so the second and third users are rows 3 and 4."""
    path = write(tmp_path, text({}, {"annual_income": value}, {"annual_income": value}))

    refused(path, "column 'annual_income' has 2 texts where numbers are expected", f"first on row 3: {value!r}",
            "Expected income (USD a year)", "Correct the export")  # fmt: skip


def test_a_decimal_comma_between_commas_is_explained(tmp_path: Path) -> None:
    path = write(tmp_path, text({"age": "20,5"}))

    refused(path, "'age' has 1 text where numbers are expected (first on row 2: '20,5')", "export with `;`")


def test_a_message_repeats_forty_characters_and_no_more(tmp_path: Path) -> None:
    path = write(tmp_path, text({"age": "x" * 500}))

    refused(path, f"first on row 2: '{'x' * 40}…')")


def test_rows_are_counted_as_a_spreadsheet_counts_them(tmp_path: Path) -> None:
    """Two empty lines, the header on row 3, a value with a line break on row 4, an empty line: the fault is on 6."""
    body = ROW.replace("Pop", '"Pop\nRock"') + "\n\n" + ROW.replace("20", "twenty")

    refused(write(tmp_path, f"\n\n{HEADER}\n{body}\n"), "first on row 6: 'twenty'")


# --- text files that don't read


FAULTS: dict[str, tuple[str | bytes, list[str]]] = {
    "nothing": (b"", ["is empty", "Expected a header"]),
    "only blanks": (b"\n \r\n\n", ["is empty"]),
    "only a mark": (codecs.BOM_UTF8, ["is empty"]),
    "only a header": (HEADER + "\n", ["no user rows", "Expected one row a user"]),
    "a header and empty rows": (HEADER + "\n\n,,,,,,\n", ["no user rows"]),
    "no header": (f"{ROW}\n{ROW}\n", ["missing columns age, gender", "found '20', 'Male'", "[columns] in settings.toml"]),
    "a title above the header": (f"Users of October\n{TWO}", ["missing columns age", "found 'Users of October'"]),
    "one column missing": (TWO.replace("gender", "sex"), ["missing column gender;", "'sex'", "[columns] in settings.toml"]),
    "one column twice": (f"{HEADER},age\n{ROW},21\n", ["2 columns could be 'age': 'age', 'age'", "[columns] in settings.toml"]),
    "twice but for case": (f"{HEADER},Top-Genre\n{ROW},Pop\n", ["could be 'top_genre': 'top_genre', 'Top-Genre'"]),
    "an unknown delimiter": (text({}, sep=":"), ["missing columns", "found 'age:gender:"]),
    "rows with another delimiter": (f"{HEADER}\n" + ROW.replace(",", ";"), ["row 2 has 1 field, expected 7"]),
    "a short row": (f"{HEADER}\n{ROW}\n20,Male\n{ROW}\n", ["row 3 has 2 fields, expected 7", "starts '20'"]),
    "a long row": (f"{HEADER}\n{ROW}\n{ROW},5\n{ROW}\n", ["row 3 has 8 fields, expected 7", "in quotes"]),
    "a first row too long": (f"{HEADER}\n{ROW},5\n", ["row 2 has 8 fields, expected 7"]),
    "a last row cut short": (f"{TWO}20,Male,Stu", ["row 4 has 3 fields, expected 7", "perhaps the export wasn't finished"]),
    "decimal commas without quotes": (f"{HEADER}\n" + ROW.replace("30", "30,5"), ["row 2 has 8 fields"]),
    "a quote never closed": (f'{HEADER}\n{ROW}\n20,"Male,Student\n{ROW}\n', ["row 3 has a quote that doesn't close"]),
    "a quote never closed in the header": ('"' + TWO, ["row 1 has a quote that doesn't close"]),
    "a quote closed too early": (f'{HEADER}\n20,"Male"s,Student,1,2,Pop,3\n', ["row 2 has a quote"]),
    "a quote never closed, and much after": (f'{HEADER}\n20,"{ROW * 9000}', ["row 2 has a value of more than 131,072 characters, or a quote that never closes"]),
    "quotes escaped by backslashes": (TWO.replace("Pop", r'"12\" Pop"'), ["row 2 has a quote"]),
    "a NUL": (TWO.replace("Pop", "Po\0"), ["NUL character on line 2"]),
    "NULs for a hole in the file": (TWO.encode() + bytes(4096), ["NUL character on line 4"]),
    "UTF-16 without its mark": (TWO.encode("utf-16-le"), ["NUL character on line 1", "UTF-16", "CSV UTF-8"]),
    "UTF-16, cut short": (TWO.encode("utf-16")[:-1], ["starts as UTF-16-LE", "cut short"]),
    "UTF-8 by its mark, and not": (codecs.BOM_UTF8 + text(LATIN).encode("cp1252"), ["starts as UTF-8", "CSV UTF-8"]),
    "UTF-8 and Windows-1252": (text(LATIN).encode() + ROW.replace("Pop", "Música").encode("cp1252"), ["or several", "line 2"]),
    "UTF-8, cut within a character": (text(LATIN, LATIN).encode() + "20,Må".encode()[:-1], ["neither UTF-8", "CSV UTF-8"]),
    "Russian": (text({"top_genre": "Классика"}, {"gender": "Мужской"}).encode("cp1251"), ["neither UTF-8", "CSV UTF-8"]),
    "Polish": (text({"gender": "Mężczyzna"}, {"top_genre": "Poważna"}).encode("cp1250"), ["neither UTF-8"]),
    "Greek": (text({"gender": "Άνδρας"}, {"gender": "Γυναίκα"}).encode("cp1253"), ["neither UTF-8"]),
    "Japanese": (text({"gender": "男性"}, {"top_genre": "ロック"}).encode("shift_jis"), ["neither UTF-8"]),
    "an old Mac's": (text({"top_genre": "Música clásica"}).encode("mac_roman"), ["neither UTF-8"]),
    "an old Excel file": (bytes.fromhex("d0cf11e0a1b11ae1") + bytes(range(1, 256)), ["neither UTF-8"]),
    "a zip": (b"PK\x03\x04" + b"x" * 99, ["is an Excel workbook or a zip", "ending that fits"]),
    "a Parquet file": (b"PAR1" + b"x" * 99, ["is a Parquet file"]),
    "a gzip archive": (b"\x1f\x8b\x08" + b"x" * 99, ["is a gzip archive"]),
    "a page": ("<!DOCTYPE html>\n<html><body>Log in</body></html>\n", ["missing columns", "'<!DOCTYPE html>'"]),
    "a lookup that failed": (text({}, {"top_genre": "#N/A"}), ["'top_genre' has 1 of Excel's error values", "row 3: '#N/A'"]),
}  # fmt: skip


@pytest.mark.parametrize(("content", "said"), FAULTS.values(), ids=FAULTS.keys())
def test_a_text_file_at_fault_is_refused_in_a_sentence(
    tmp_path: Path, content: str | bytes, said: list[str]
) -> None:
    """What is wrong, where, and what to do: no traceback, and nothing read that may be wrong."""
    refused(write(tmp_path, content), *said)


def test_reading_windows_1252_is_a_guess_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Czech in Windows-1250 has the same bytes as Western letters; only a person sees the difference."""
    czech = [{"top_genre": "Vážná"}, {"employment_status": "Zaměstnán"}, {"top_genre": "Vážná"}]
    with caplog.at_level(logging.WARNING):
        read_users(write(tmp_path, text(*czech).encode("cp1250"), "guess.csv"))
        read_users(write(tmp_path, text(LATIN).encode(), "known.csv"))

    (record,) = caplog.records
    assert "guess.csv isn't UTF-8; read as Windows-1252 (Vážná, Zamìstnán). If" in record.getMessage()
    assert "Save it again as 'CSV UTF-8'" in record.getMessage()


# --- names of columns


def test_a_column_may_be_mapped_to_its_name_in_the_file(tmp_path: Path) -> None:
    """`names` is [columns] of settings.toml; here too case, blanks and hyphens don't matter."""
    path = write(tmp_path, TWO.replace("age", "Customer Age", 1).replace("gender", "sex"))

    same(read_users(path, {"age": "customer-age", "gender": "sex"}), users({}, {}))


def test_a_mapped_name_may_hold_the_delimiter(tmp_path: Path) -> None:
    path = write(tmp_path, TWO.replace("age", '"Age, in years"', 1))

    same(read_users(path, {"age": "Age, in years"}), users({}, {}))


def test_a_mapping_settles_which_of_two_columns(tmp_path: Path) -> None:
    """Letter by letter, "Age" is one of the two."""
    path = write(tmp_path, f"{HEADER},Age\n{ROW},21\n")

    same(read_users(path, {"age": "Age"}), users({"age": 21}))


def test_a_mapped_column_is_not_its_namesake(tmp_path: Path) -> None:
    path = write(tmp_path, f"{HEADER},true_age\n{ROW},21\n")

    same(read_users(path, {"age": "true_age"}), users({"age": 21}))


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (
            {"age": "years"},
            ["maps age to 'years' under [columns]", "found 'age', 'gender'", "Correct the name"],
        ),
        ({"age": " "}, ["maps age to ' '", "no such column"]),
        ({"user_id": "listener"}, ["maps user_id to 'listener'"]),
        ({"age": "annual_income"}, ["'annual_income' would serve as both age and annual_income"]),
        ({"gender": "top_genre"}, ["'top_genre' would serve as both gender and top_genre"]),
    ],
)
def test_a_mapping_that_does_not_fit_the_file_is_refused(
    tmp_path: Path, names: dict[str, str], said: list[str]
) -> None:
    refused(write(tmp_path, TWO), *said, names=names)


def test_a_mapping_of_an_unknown_column_is_refused(tmp_path: Path) -> None:
    """The fault is in the settings, so they are named instead of the file."""
    with pytest.raises(
        InputError, match=r"settings.toml maps income under \[columns\].*Expected some of user_id, age"
    ):
        read_users(write(tmp_path, TWO), {"income": "annual_income"})


def test_a_long_header_is_listed_in_part(tmp_path: Path) -> None:
    path = write(tmp_path, ",".join(f"c{i}" for i in range(50)) + "\n")

    refused(path, "found 'c0', 'c1'", "'c19' and 30 more.")


# --- what is no ordinary file


def test_a_file_that_is_not_there_is_named_as_given(tmp_path: Path) -> None:
    refused(tmp_path / "2026-10.csv", str(tmp_path / "2026-10.csv"), "can't be opened: No such file")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "2026-10.csv").mkdir()

    refused(tmp_path / "2026-10.csv", "is a folder, expected a file")


def test_a_pipe_is_refused_without_waiting_for_it(tmp_path: Path) -> None:
    """To open a pipe that nobody writes into would be to wait for ever."""
    os.mkfifo(tmp_path / "2026-10.csv")

    refused(tmp_path / "2026-10.csv", "is a pipe or a device")


def test_a_device_is_refused(tmp_path: Path) -> None:
    (tmp_path / "2026-10.csv").symlink_to("/dev/zero")

    refused(tmp_path / "2026-10.csv", "is a pipe or a device")


def test_a_link_to_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "2026-10.csv").symlink_to(tmp_path / "gone.csv")

    refused(tmp_path / "2026-10.csv", "can't be opened")


def test_a_link_to_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "latest.csv").symlink_to(write(tmp_path, TWO))

    same(read_users(tmp_path / "latest.csv"), users({}, {}))


def test_a_path_that_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match="can't be opened"):
        read_users(Path("a\0b.csv"))


@pytest.mark.parametrize(
    ("name", "shown"), [("m.xls", "'.xls'"), ("m.csv.gz", "'.gz'"), ("m", "'nothing'"), ("m.json", "'.json'")]
)
def test_another_ending_is_refused_with_those_accepted(tmp_path: Path, name: str, shown: str) -> None:
    refused(write(tmp_path, TWO, name), f"ends in {shown}", "one of .csv, .tsv, .txt, .parquet, .xlsx")


@pytest.mark.parametrize("name", ["m.csv", "m.parquet", "m.xlsx"])
def test_an_empty_file_is_refused_in_any_form(tmp_path: Path, name: str) -> None:
    refused(write(tmp_path, b"", name), "is empty")


def test_a_file_that_grows_while_it_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows read are whole, and yet not all: only that the file changed tells."""
    path = write(tmp_path, TWO)
    whole = inputs.dialect.read

    def read(path: Path, names: Any) -> Any:
        table = whole(path, names)
        path.write_text(TWO + ROW)
        return table

    monkeypatch.setattr(inputs.dialect, "read", read)

    refused(path, "changed while it was read", "Wait until it is written")


def test_what_a_library_raises_becomes_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> Any:
        raise MemoryError

    monkeypatch.setattr(inputs.dialect, "read", fail)

    refused(write(tmp_path, TWO), "can't be read as .csv (MemoryError)")


# --- Parquet


def parquet(folder: Path, **columns: Any) -> Path:
    """Two usual users, with some columns replaced by these arrays."""
    data = {name: pa.array([value, value]) for name, value in ONE.items()}
    data |= {name: pa.array([float(ONE[name])] * 2) for name in schema.NUMBERS}
    path = folder / "2026-10.parquet"
    pq.write_table(pa.table(data | columns), path)
    return path


PARQUET: dict[str, tuple[dict[str, Any], list[Any]]] = {
    "whole numbers with gaps": ({"age": pa.array([20, None], pa.int16())}, [20, np.nan]),
    "large whole numbers": ({"age": pa.array([2**60 + 1, 1], pa.uint64())}, [float(2**60), 1]),
    "half precision": ({"age": pa.array(np.array([0.5, 2], dtype="float16"))}, [0.5, 2]),
    "infinities and NaN": ({"age": pa.array([np.inf, np.nan])}, [np.inf, np.nan]),
    "decimals": ({"age": pa.array([decimal.Decimal("0.07"), decimal.Decimal("1.23")])}, [0.07, 1.23]),
    "decimals in thousandths": ({"age": pa.array([decimal.Decimal("1.234"), None])}, [1.234, np.nan]),
    "dictionary of numbers": ({"age": pa.array([20, 21]).dictionary_encode()}, [20, 21]),
    "nothing at all": ({"age": pa.nulls(2)}, [np.nan, np.nan]),
    "numbers as text": ({"age": pa.array([" 20", "1e3"])}, [20, 1000]),
    "numbers as text, missing": ({"age": pa.array(["-", None])}, [np.nan, np.nan]),
    "decimal commas as text": ({"age": pa.array(["20,5", "1.234,5"], pa.large_string())}, [20.5, 1234.5]),
    "dictionary of text": ({"top_genre": pa.array(["Pop", None]).dictionary_encode()}, ["Pop", None]),
    "categories as bytes": ({"top_genre": pa.array([b"M\xc3\xbasica", b" "])}, ["Música", None]),
    "categories as whole numbers": ({"gender": pa.array([1, None])}, ["1", None]),
    "categories as floats": ({"gender": pa.array([1.0, None])}, ["1", None]),
    "categories as truth values": ({"employment_status": pa.array([True, False])}, ["True", "False"]),
}  # fmt: skip


@pytest.mark.parametrize(("columns", "meant"), PARQUET.values(), ids=PARQUET.keys())
def test_a_parquet_column_of_any_plain_type_reads(
    tmp_path: Path, columns: dict[str, Any], meant: list[Any]
) -> None:
    (name,) = columns

    same(read_users(parquet(tmp_path, **columns)), users(*({name: value} for value in meant)))


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"age": pa.array(["x", "20"])}, ["'age' has 1 text", "first on row 2: 'x'", "(years)"]),
        ({"age": pa.array(["1.234", "5"])}, ["'age' is ambiguous"]),
        ({"age": pa.array([True, False])}, ["'age' holds bool, expected age as numbers (years)"]),
        ({"age": pa.array([dt.datetime.fromisoformat("2026-01-01")] * 2)}, ["'age' holds timestamp[us], expected age as numbers"]),
        ({"age": pa.array([dt.timedelta(1)] * 2)}, ["'age' holds duration"]),
        ({"age": pa.array([[1], [2]])}, ["'age' holds list<"]),
        ({"age": pa.array([{"x": 1}] * 2)}, ["'age' holds struct<"]),
        ({"top_genre": pa.array([["Pop"]] * 2)}, ["'top_genre' holds list<", "expected top genre as text"]),
        ({"top_genre": pa.array([dt.date(2026, 1, 1)] * 2)}, ["'top_genre' holds date32"]),
        ({"top_genre": pa.array([b"\xff", b"Pop"])}, ["can't be read as .parquet"]),
        ({"Age": pa.array([1, 2])}, ["2 columns could be 'age'"]),
    ],
)  # fmt: skip
def test_a_parquet_column_of_another_type_is_refused(
    tmp_path: Path, columns: dict[str, Any], said: list[str]
) -> None:
    refused(parquet(tmp_path, **columns), *said)


def test_parquet_ids_and_names_are_read_like_any(tmp_path: Path) -> None:
    """A mapped name may have a point, which to Parquet is a path; ids beside gaps lose no digit."""
    path = parquet(
        tmp_path, **{"user_id": pa.array([12345678901.0, None]), "genre.v2": pa.array(["Jazz", "Rock"])}
    )

    found = read_users(path, {"top_genre": "genre.v2"})

    assert found["user_id"].tolist()[0] == "12345678901"
    assert found["top_genre"].tolist() == ["Jazz", "Rock"]


def test_a_parquet_file_cut_short_is_refused(tmp_path: Path) -> None:
    path = parquet(tmp_path)
    whole = path.read_bytes()
    for length in (3, 8, 100, len(whole) - 1):
        refused(write(tmp_path, whole[:length], path.name), "can't be read as .parquet", "cut short")


def test_a_parquet_file_without_rows_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.parquet"
    pq.write_table(pa.table({name: pa.array([], pa.string()) for name in ONE}), path)

    refused(path, "no user rows")


# --- Excel


def sheet(folder: Path, *rows: Iterable[Any], edit: Callable[[Any], Any] | None = None) -> Path:
    """Write a workbook with the usual header and these rows."""
    book = openpyxl.Workbook()
    for row in ([*ONE], *rows):
        book.active.append(list(row))
    if edit:
        edit(book)
    path = folder / "2026-10.xlsx"
    book.save(path)
    return path


def repack(path: Path, name: str, old: str, new: str) -> Path:
    """Change the text of one part of a workbook, as another program would have written it."""
    with zipfile.ZipFile(path) as archive:
        parts = {part: archive.read(part) for part in archive.namelist()}
    plain = parts[name].decode().replace("<v></v>", "<v/>").replace(" />", "/>")  # as with lxml, or without
    assert old in plain
    parts[name] = plain.replace(old, new).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for part, content in parts.items():
            archive.writestr(part, content)
    return path


def user(**changes: Any) -> list[Any]:
    """Return the usual user with numbers as numbers."""
    return list((ONE | {name: int(ONE[name]) for name in schema.NUMBERS} | changes).values())


SHEETS: dict[str, tuple[list[list[Any]], list[dict[str, Any]]]] = {
    "numbers and text": ([user(), user(age=20.5)], [{}, {"age": 20.5}]),
    "empty cells": ([user(age=None, top_genre=None), user()], [{"age": np.nan, "top_genre": None}, {}]),
    "numbers stored as text": ([user(age="21", annual_income=" 1 234 "), user()], [{"age": 21, "annual_income": 1234}, {}]),
    "decimal commas as text": ([user(age="20,5"), user(age=20.25)], [{"age": 20.5}, {"age": 20.25}]),
    "missing, as text": ([user(age="n/a", gender="NA"), user()], [{"age": np.nan, "gender": None}, {}]),
    "categories as numbers": ([user(gender=1), user(gender=2.5)], [{"gender": "1"}, {"gender": "2.5"}]),
    "categories as truth values": ([user(gender=True)], [{"gender": "True"}]),
    "the largest number": ([user(age=1e308)], [{"age": 1e308}]),
    "blank rows": ([user(), [None] * 7, [], user()], [{}, {}]),
    "more columns than headers": ([[*user(), "note", 5]], [{}]),
}  # fmt: skip


@pytest.mark.parametrize(("rows", "meant"), SHEETS.values(), ids=SHEETS.keys())
def test_a_workbook_reads_as_it_looks(tmp_path: Path, rows: list[list[Any]], meant: list[Any]) -> None:
    same(read_users(sheet(tmp_path, *rows)), users(*meant))


def test_only_the_first_visible_sheet_is_read(tmp_path: Path) -> None:
    """A workbook opens on the first sheet that isn't hidden."""

    def edit(book: Any) -> None:
        book.create_sheet("notes", 0).append(["hidden"])
        book.worksheets[0].sheet_state = "hidden"
        book.create_sheet("more").append(["after"])

    same(read_users(sheet(tmp_path, user(), edit=edit)), users({}))


def test_a_wrong_note_on_the_size_leaves_nothing_out(tmp_path: Path) -> None:
    """Some programs write that the sheet is one cell large."""
    path = repack(sheet(tmp_path, user(), user()), "xl/worksheets/sheet1.xml", 'ref="A1:G3"', 'ref="A1"')

    same(read_users(path), users({}, {}))


def test_a_row_of_a_workbook_keeps_its_number(tmp_path: Path) -> None:
    """With rows 3 and 4 blank, the fault stands on row 5."""
    refused(sheet(tmp_path, user(), [], [], user(age="x")), "'age' has 1 text", "first on row 5: 'x'")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"age": dt.datetime.fromisoformat("2026-01-31")}, ["'age' has 1 date where numbers are expected", "row 3: '2026-01-31 00:00:00'", "(years)"]),
        ({"age": dt.time(12, 30)}, ["'age' has 1 date where", "'12:30:00'"]),
        ({"age": dt.timedelta(days=2)}, ["'age' has 1 date where"]),
        ({"age": True}, ["'age' has 1 truth value where numbers are expected", "row 3: 'True'"]),
        ({"age": "twelve"}, ["'age' has 1 text where numbers are expected", "row 3: 'twelve'"]),
        ({"age": "1,234"}, ["'age' is ambiguous", "row 3"]),
        ({"age": "#DIV/0!"}, ["'age' has 1 text", "row 3: '#DIV/0!'"]),
        ({"top_genre": "#REF!"}, ["'top_genre' has 1 of Excel's error values", "row 3: '#REF!'"]),
        ({"top_genre": dt.date(2026, 1, 31)}, ["'top_genre' has 1 date where text is expected", "row 3"]),
        ({"age": "=20+1"}, ["cell A3 holds a formula that was never calculated", "save it"]),
    ],
)  # fmt: skip
def test_a_cell_that_is_not_what_its_column_holds_is_refused(
    tmp_path: Path, changes: dict[str, Any], said: list[str]
) -> None:
    refused(sheet(tmp_path, user(), user(**changes)), *said)


def test_a_date_in_a_column_of_no_concern_is_of_none(tmp_path: Path) -> None:
    """Formulas and dates matter only in the columns that we use."""

    def edit(book: Any) -> None:
        for row, value in enumerate(("joined", dt.date(2026, 1, 31), "=A1"), 1):
            book.active.cell(row, 8, value)

    same(read_users(sheet(tmp_path, user(), user(), edit=edit)), users({}, {}))


def calculated(path: Path, value: str) -> Path:
    """Make the formula in B2... of a workbook look as Excel saves it, with this as its cell's type and value."""
    repack(path, "xl/workbook.xml", 'fullCalcOnLoad="1"', "")
    return repack(path, "xl/worksheets/sheet1.xml", '<c r="A3"><f>20+1</f><v/></c>', value)


@pytest.mark.parametrize(
    ("cell", "age"),
    [
        ('<c r="A3"><f>20+1</f><v>21</v></c>', 21),
        ('<c r="A3" t="str"><f>20+1</f><v>1 234</v></c>', 1234),
        ('<c r="A3" t="str"><f>20+1</f><v></v></c>', np.nan),
    ],
    ids=["a number", "a text", "the empty text"],
)
def test_a_formula_is_read_by_the_value_that_excel_saved(tmp_path: Path, cell: str, age: float) -> None:
    """The empty text, as of =IF(B2="","",B2), is a value: that of a missing one."""
    path = calculated(sheet(tmp_path, user(), user(age="=20+1"), user()), cell)

    same(read_users(path), users({}, {"age": age}, {}))


def test_a_formula_without_a_saved_value_is_refused(tmp_path: Path) -> None:
    path = calculated(sheet(tmp_path, user(), user(age="=20+1"), user()), '<c r="A3"><f>20+1</f></c>')

    refused(path, "cell A3 holds a formula that was never calculated")


def test_a_formula_with_a_made_up_zero_is_refused(tmp_path: Path) -> None:
    """XlsxWriter saves 0 and asks Excel to calculate on opening; until then nobody knows the value."""
    path = sheet(tmp_path, user(), user(age="=20+1"))
    repack(path, "xl/worksheets/sheet1.xml", "<f>20+1</f><v/>", "<f>20+1</f><v>0</v>")

    refused(path, "cell A3 holds a formula that was never calculated")


def test_a_formula_error_is_refused(tmp_path: Path) -> None:
    path = calculated(
        sheet(tmp_path, user(), user(age="=20+1")), '<c r="A3" t="e"><f>20+1</f><v>#DIV/0!</v></c>'
    )

    refused(path, "'age' has 1 text", "row 3: '#DIV/0!'")


def test_a_date_out_of_range_is_refused(tmp_path: Path) -> None:
    """Formatted as a date, -29 is none; openpyxl warns and calls it an error, and so do we."""

    def edit(book: Any) -> None:
        book.active["A2"].number_format = formats.FORMAT_DATE_YYYYMMDD2

    refused(sheet(tmp_path, user(age=-29e9), edit=edit), "'age' has 1 text", "row 2: '#VALUE!'")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"age,gender\n", ["isn't an Excel workbook", "another format"]),
        (bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600), ["isn't an Excel workbook", "has a password"]),
        (b"PK\x03\x04" + bytes(99), ["isn't an Excel workbook", "cut short"]),
    ],
    ids=["text", "with a password", "the start of a zip"],
)
def test_what_is_no_workbook_is_refused(tmp_path: Path, content: str | bytes, said: list[str]) -> None:
    refused(write(tmp_path, content, "m.xlsx"), *said)


def test_a_workbook_cut_short_is_refused(tmp_path: Path) -> None:
    path = sheet(tmp_path, user())
    whole = path.read_bytes()
    for length in (10, 1000, len(whole) // 2, len(whole) - 1):
        refused(write(tmp_path, whole[:length], path.name), "isn't an Excel workbook", "cut short")


def test_a_zip_of_something_else_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "m.xlsx", "w") as archive:
        archive.writestr("readme.txt", "hello")

    refused(tmp_path / "m.xlsx", "can't be read as .xlsx")


def test_a_workbook_that_unpacks_to_too_much_is_refused_unopened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sizes stand in the zip's directory, here forged; nothing is unpacked to find out."""
    with zipfile.ZipFile(tmp_path / "m.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * 1000)
        archive.filelist[0].file_size = 3 << 30
    monkeypatch.setattr(workbook, "_mentions_formula", pytest.fail)

    refused(tmp_path / "m.xlsx", "unpacks to 3,221,225,472 bytes", "CSV or Parquet")


def test_a_row_number_beyond_excels_is_refused(tmp_path: Path) -> None:
    """Each row up to it would be counted: a number large enough would take days."""
    path = repack(sheet(tmp_path, user()), "xl/worksheets/sheet1.xml", '<row r="2"', '<row r="999999999999"')
    repack(path, "xl/worksheets/sheet1.xml", 'r="A2"', 'r="A999999999999"')

    with pytest.raises(InputError, match=r"2026-10\.xlsx"):
        read_users(path)


@pytest.mark.parametrize("rows", [[], [[None] * 7]])
def test_a_workbook_with_only_a_header_is_refused(tmp_path: Path, rows: list[list[Any]]) -> None:
    refused(sheet(tmp_path, *rows), "no user rows")


def test_an_empty_workbook_is_refused(tmp_path: Path) -> None:
    openpyxl.Workbook().save(tmp_path / "m.xlsx")

    refused(tmp_path / "m.xlsx", "is empty on its first sheet")


def test_a_workbook_of_charts_is_refused(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.sheet_state = "hidden"
    chart = BarChart()
    chart.add_data(Reference(book.active, min_col=1, min_row=1, max_row=5))
    book.create_chartsheet("chart").add_chart(chart)
    book.active = 1
    book.save(tmp_path / "m.xlsx")

    refused(tmp_path / "m.xlsx", "has no sheet of cells")


# --- any frame, any bytes


WORD = (
    st.text(st.characters(codec="utf-8", exclude_categories=["C"], exclude_characters="\ufeff"), min_size=1, max_size=12)
    .map(str.strip)
    .filter(lambda word: word and word not in {*inputs.MISSING.to_pylist(), *inputs.BROKEN.to_pylist()})
)  # fmt: skip
NUMBER = st.one_of(
    st.floats(allow_nan=False), st.integers(-(10**9), 10**9), st.decimals(-9999, 9999, places=3), st.none()
)
QUIET = {
    "deadline": None,
    "derandomize": True,  # one commit, one result
    "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
}


@st.composite
def frames(draw: st.DrawFn) -> pd.DataFrame:
    """Users of any kind; the last proves the decimal mark, for alone the others may leave it open."""
    rows = draw(
        st.lists(
            st.tuples(*(NUMBER for _ in schema.NUMBERS), *(WORD | st.none() for _ in range(4))), max_size=5
        )
    )
    rows.append((0.5,) * 4 + ("x",) * 4)
    frame = pd.DataFrame(rows, columns=[*schema.NUMBERS, *schema.CATEGORIES, "user_id"])
    types = {name: "float64" if name in schema.NUMBERS else "str" for name in frame}
    return frame.astype(types)[[c.name for c in schema.COLUMNS]]


@given(
    frame=frames(),
    sep=st.sampled_from(",;\t|"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32"]),
    decimal_mark=st.sampled_from(".,"),
    ends=st.sampled_from(["\n", "\r\n", "\r"]),
    shuffled=st.permutations([c.name for c in schema.COLUMNS]),
)
@settings(max_examples=60, **QUIET)
def test_any_frame_that_pandas_writes_is_read_back(
    tmp_path: Path,
    *,
    frame: pd.DataFrame,
    sep: str,
    encoding: str,
    decimal_mark: str,
    ends: str,
    shuffled: list[str],
) -> None:
    """Every delimiter, encoding, decimal mark and line end brings back the same values to the last bit."""
    mark = "." if sep == "," else decimal_mark
    content = frame[shuffled].to_csv(index=False, sep=sep, decimal=mark, lineterminator=ends)
    bom = codecs.BOM_UTF16_BE if encoding == "utf-16-be" else b""

    same(read_users(write(tmp_path, bom + content.encode(encoding))), frame)


@given(values=st.lists(st.integers(0, 9_999_999).map(lambda n: n / 1000) | st.integers(0, 9999), min_size=1, max_size=4),
       sep=st.sampled_from(",;\t|"), mark=st.sampled_from(".,"), grouped=st.booleans())  # fmt: skip
@settings(max_examples=150, **QUIET)
@example(values=[1.234], sep=";", mark=",", grouped=False)
@example(values=[1234, 5.5], sep=";", mark=",", grouped=True)
def test_a_number_is_read_right_or_not_at_all(
    tmp_path: Path, *, values: list[float], sep: str, mark: str, grouped: bool
) -> None:
    """Written with either mark, with and without separators, a value comes back or the file is refused."""
    mark = "." if sep == "," else mark
    swap = str.maketrans(",.", ".,") if mark == "," else {}
    written = [(f"{v:,}" if grouped else f"{v}").translate(swap) for v in values]
    path = write(tmp_path, text(*({"annual_income": value} for value in written), sep=sep))

    try:
        found = read_users(path)
    except InputError as error:
        assert "ambiguous" in str(error)  # noqa: PT017 - either outcome is right
    else:
        assert found["annual_income"].tolist() == values


@given(words=st.lists(st.sampled_from(["Música", "Étudiant", "weiß", "Ældre", "Forró", "Övrigt", "Ñandú", "Año", "Préfère", "Göteborg"]), min_size=1),
       encoding=st.sampled_from(["cp1252", "latin-1", "iso8859-15"]))  # fmt: skip
@settings(max_examples=40, **QUIET)
def test_western_words_in_windows_1252_are_read_as_written(
    tmp_path: Path, words: list[str], encoding: str
) -> None:
    """Latin-1 and Latin-9 have the same letters in the same places."""
    path = write(tmp_path, text(*({"top_genre": word} for word in words)).encode(encoding))

    assert read_users(path)["top_genre"].tolist() == words


def outcome(path: Path) -> pd.DataFrame | None:
    """Read or refuse; and refuse for a reason in the file, not for a slip of ours."""
    try:
        found = read_users(path)
    except InputError as error:
        assert not isinstance(error.__cause__, (NameError, AssertionError)), error  # noqa: PT017
        return None
    assert list(found) == [c.name for c in schema.COLUMNS if c.name in found]
    return found


@given(content=st.binary(max_size=300), name=st.sampled_from(["m.csv", "m.parquet", "m.xlsx"]))
@settings(max_examples=100, **QUIET)
def test_any_bytes_are_read_or_refused(tmp_path: Path, content: bytes, name: str) -> None:
    """No file, whatever it holds, ends in a traceback."""
    assert outcome(write(tmp_path, content, name)) is None


@given(
    content=st.text(st.sampled_from("0129.,;-+eE'\" \n\r\t|NAx\u00a0é"), max_size=60),
    place=st.integers(0, len(TWO)),
)
@settings(max_examples=150, **QUIET)
def test_a_good_file_with_anything_put_in_is_read_or_refused(
    tmp_path: Path, content: str, place: int
) -> None:
    """Nor does a file that is nearly right."""
    found = outcome(write(tmp_path, TWO[:place] + content + TWO[place:]))

    assert found is None or list(found) == list(ONE)


@given(
    damage=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=8)
)
@settings(max_examples=80, **QUIET)
def test_a_damaged_workbook_is_read_or_refused(tmp_path: Path, damage: list[tuple[float, int]]) -> None:
    """Checks within the zip catch most damage; openpyxl raises all sorts of things at the rest."""
    content = bytearray(sheet(tmp_path, user(), user()).read_bytes())
    for place, byte in damage:
        content[int(place * len(content))] = byte

    outcome(write(tmp_path, bytes(content), "m.xlsx"))


@given(
    damage=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=3)
)
@settings(max_examples=80, **QUIET)
def test_a_damaged_footer_of_parquet_is_read_or_refused(
    tmp_path: Path, damage: list[tuple[float, int]]
) -> None:
    """The footer says where everything is."""
    content = bytearray(parquet(tmp_path).read_bytes())
    (size,) = struct.unpack("<I", content[-8:-4])
    for place, byte in damage:
        content[len(content) - 8 - size + int(place * size)] = byte

    outcome(write(tmp_path, bytes(content), "m.parquet"))


def test_a_thousand_rows_by_a_quoted_reader_are_the_same(tmp_path: Path) -> None:
    """The csv module, writing everything in quotes, is read to what it was given."""
    out = io.StringIO()
    frame = pd.concat(
        [users({"age": i / 4, "top_genre": f"Pop, {i}"}) for i in range(100)] * 10, ignore_index=True
    )
    frame.to_csv(out, index=False, quoting=1)

    same(read_users(write(tmp_path, out.getvalue())), frame)
