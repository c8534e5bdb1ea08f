"""What the month's file may look like, and what is said of one that can't be read."""

import codecs
import datetime as dt
import io
import logging
import struct
import zipfile
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

from report.errors import InputError
from report.readers import excel, files
from segmentation.preprocessing.spelling import MISSING_NUMBER_SPELLINGS, normalise_text
from tests.report.readers.corpus.made import (
    HEADER,
    ONE,
    ROW,
    parquet,
    refused,
    repack,
    same,
    sheet,
    text,
    user,
    users,
    write,
)
from tests.report.readers.corpus.table import LATIN, TWO
from tests.support import ROOT
from tests.support.facts.columns import lacking
from tests.support.music import CATEGORIES, COLUMNS, NUMBERS, read_users

MUSIC = ROOT.parent / "shared" / "data" / "music.csv"
# --- the real file


@pytest.mark.skipif(not MUSIC.exists(), reason="the real file has no licence and stays outside the project")
def test_the_real_file_reads_whole() -> None:
    """It has 4,914 users, 1,000 of them students, starts with a byte-order mark, and five ages are impossible."""
    if lacks := lacking(pd.read_csv(MUSIC, encoding="utf-8-sig", nrows=1)):
        pytest.skip(f"the real file has no {', '.join(lacks)}, which the schema asks for by now")
    frame = read_users(MUSIC)

    assert list(frame) == list(users({}))
    assert len(frame) == 4914
    assert (frame["employment_status"] == "Student").sum() == 1000
    assert frame.index[frame["age"] < 16].tolist() == [941, 1973, 3431, 3544, 4325]
    assert frame["annual_income"].sum() == 200_762_950
    assert frame.isna().sum().sum() == 0


# --- text files that read


@pytest.mark.parametrize("name", ["m.csv", "m.CSV", "m.tsv", "m.txt"])
def test_the_ending_does_not_settle_the_delimiter(tmp_path: Path, name: str) -> None:
    """Spreadsheets write tabs into .txt and semicolons into .csv; the header says which."""
    for sep in ",;\t|":
        same(read_users(write(tmp_path, text({}, sep=sep), name)), users({}))


def test_an_id_is_text_with_its_zeros(tmp_path: Path) -> None:
    """An id that looks like a number isn't one, and comes first as in the schema."""
    path = write(tmp_path, f"{HEADER},User ID\n{ROW},0071\n{ROW},7.10\n{ROW},NA\n")

    found = read_users(path)

    assert list(found) == [column.name for column in COLUMNS]
    assert found["user_id"].tolist()[:2] == ["0071", "7.10"]
    assert found["user_id"].isna().tolist() == [False, False, True]
    assert found["user_id"].dtype == "str"


def test_more_rows_than_one_batch_stay_in_order(tmp_path: Path) -> None:
    """Cells go to Arrow in batches of 131,072; row 60,000 is row 60,000 across them."""
    rows = "".join(
        f"{text({'age': str(i), 'annual_income': f'{i}.5', 'top_genre': f'Pop{i % 7}'}).splitlines()[1]}\n"
        for i in range(60_000)
    )

    found = read_users(write(tmp_path, f"{HEADER}\n{rows}"))

    assert found["age"].tolist() == list(range(60_000))
    assert found["annual_income"].tolist() == [i + 0.5 for i in range(60_000)]
    assert found["top_genre"].tolist() == [f"Pop{i % 7}" for i in range(60_000)]


# --- missing values

# pandas, MySQL and PostgreSQL, Oracle, DBeaver, DataGrip, Azure Data Studio, MongoDB, Excel's pivot tables, Bloomberg, C.
MARKERS = [
    *("", " ", "NA", "N/A", "n/a", "na", "NaN", "nan", "null", "NULL", "Null", "<NA>", "NaT", "-nan", "-nan(ind)"),
    *(
        r"\N",
        "(null)",
        "(NULL)",
        "[NULL]",
        "<null>",
        "{null}",
        "(blank)",
        "#N/A N/A",
        "#NA",
        "n.a.",
        "1.#QNAN",
        *("(none)", "<none>", "nil", "<nil>", "undefined", "<missing>", "(missing)", "(leer)", "(empty)", r"\\N"),
        *("-1.#IND00", "1.#QNAN0", "(N/A)", "[N/A]", "<NaN>", "#NULL", "pd.NA", "NA_character_", "n. a."),
        "\u200bNULL\u00a0",
    ),
]


@pytest.mark.parametrize("marker", ["None", "-", " - ", "--", ".", "?", *MARKERS])
def test_a_number_may_be_missing_in_many_ways(tmp_path: Path, marker: str) -> None:
    same(read_users(write(tmp_path, text({"age": marker}, {}))), users({"age": np.nan}, {}))


@pytest.mark.parametrize("marker", MARKERS)
def test_a_category_may_be_missing_in_fewer(tmp_path: Path, marker: str) -> None:
    """All but "None" and "-", which may be answers; however a program or a person writes them."""
    same(read_users(write(tmp_path, text({"top_genre": marker}, {}))), users({"top_genre": None}, {}))


@pytest.mark.parametrize(
    "value",
    ["None", "none", "-", "--", ".", "?", "#1 hits", "#1", "#kpop", "Nina", "Unknown", "0", "1.5", "True", "inf"],
)
def test_what_may_be_an_answer_stays_one(tmp_path: Path, value: str) -> None:
    """A user whose favourite genre is "None" has said something."""
    same(read_users(write(tmp_path, text({"top_genre": value}, {}))), users({"top_genre": value}, {}))


@pytest.mark.parametrize(
    "value",
    ["#SPILL!", "#CALC!", "#NV", "#BEZUG!", "#WERT!", "#ÜBERLAUF!", "#¡REF!", "#¿NOMBRE?", "#Н/Д", "#N/A", "Err:502", "#####"],
)  # fmt: skip
def test_a_spreadsheet_s_errors_are_no_answers(tmp_path: Path, value: str) -> None:
    """In any language, and those of newer versions."""
    refused(write(tmp_path, text({}, {"top_genre": value})), "'top_genre' has 1 of Excel's error values")


def test_a_number_column_may_be_all_missing(tmp_path: Path) -> None:
    """Whether that is too little is for cleaning to say."""
    same(read_users(write(tmp_path, text({"age": ""}, {"age": "NA"}))), users({"age": np.nan}, {"age": np.nan}))


# --- numbers


@pytest.mark.parametrize(
    ("income", "usage", "meant"), [("1.234", "0,5", 1234), ("1,234", "0,5", 1.234), ("1,234", "0.5", 1234)]
)
def test_a_column_in_doubt_follows_one_that_is_not(tmp_path: Path, income: str, usage: str, meant: float) -> None:
    """A file has one decimal mark: "0,5" says that the "." of "1.234" is none."""
    path = write(tmp_path, text({"annual_income": income, "usage_per_month": usage}, sep=";"))

    same(read_users(path), users({"annual_income": meant, "usage_per_month": 0.5}))


@pytest.mark.parametrize("sep", [",", ";"])
def test_another_column_s_points_do_not_settle_three_digits(tmp_path: Path, sep: str) -> None:
    """A program writes the age 20.5, and a person groups the income 22.300 in the same file."""
    path = write(tmp_path, text({"annual_income": "22.300", "age": "20.5"}, sep=sep))

    refused(path, "'annual_income' is ambiguous: the point on row 2", "more or fewer than three decimals")


def test_columns_that_contradict_each_other_settle_nothing_for_a_third(tmp_path: Path) -> None:
    path = write(tmp_path, text({"annual_income": "1.234", "usage_per_month": "0,5", "age": "20.5"}, sep=";"))

    refused(path, "'annual_income' is ambiguous: the point on row 2 can be a decimal mark or stand between thousands")


@pytest.mark.parametrize(
    ("income", "usage"),
    [
        (["22.300", "146.300"], ["139,125", "88,250"]),
        (["22.317", "146.301"], ["139,125", "7"]),
        (["22.317", "1.5"], ["139,125", "7"]),
    ],
)
def test_two_marks_in_two_columns_of_a_comma_file(tmp_path: Path, income: list[str], usage: list[str]) -> None:
    """A point with three digits here and a comma with three there: one of them separates thousands, unless 1.5 proves which."""
    rows = [{"annual_income": i, "usage_per_month": u} for i, u in zip(income, usage, strict=True)]
    path = write(tmp_path, text(*rows))

    if "1.5" in income:
        assert read_users(path)["annual_income"].tolist() == [22.317, 1.5]
        assert read_users(path)["usage_per_month"].tolist() == [139125, 7]
    else:
        refused(path, "'annual_income' is ambiguous", "on row 2")


def test_marks_that_change_within_a_column_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path, text({}, {"usage_per_month": "1,5"}, {"usage_per_month": "2.25"}, sep=";"))

    refused(path, "'usage_per_month' mixes decimal points (row 4) and commas (row 3)")


def test_a_decimal_comma_between_commas_is_explained(tmp_path: Path) -> None:
    path = write(tmp_path, text({"age": "20,5"}))

    refused(path, "'age' has 1 text where numbers are expected (first on row 2)", "export with `;`")


def test_a_message_repeats_forty_characters_of_a_name_and_no_more(tmp_path: Path) -> None:
    path = write(tmp_path, text({}).replace("gender", "x" * 500))

    refused(path, f"found 'age', '{'x' * 40}…', 'employment_status'")


def test_rows_are_counted_as_a_spreadsheet_counts_them(tmp_path: Path) -> None:
    """Two empty lines, the header on row 3, a value with a line break on row 4, an empty line: the fault is on 6."""
    body = ROW.replace("Pop", '"Pop\nRock"') + "\n\n" + ROW.replace("20", "twenty")

    refused(write(tmp_path, f"\n\n{HEADER}\n{body}\n"), "(first on row 6)")


# --- text files that don't read


def test_reading_windows_1252_is_a_guess_and_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Czech in Windows-1250 has the same bytes as Western letters; only a person sees the difference."""
    czech = [{"top_genre": "Vážná"}, {"employment_status": "Zaměstnán"}, {"top_genre": "Vážná"}]
    with caplog.at_level(logging.WARNING):
        read_users(write(tmp_path, text(*czech).encode("cp1250"), "guess.csv"))
        read_users(write(tmp_path, text(LATIN).encode(), "known.csv"))

    (record,) = caplog.records
    assert (
        "guess.csv isn't UTF-8; read as Windows-1252. Look whether its letters are right in line 2, 3, 4; if"
        in record.getMessage()
    )
    assert "Save it again as 'CSV UTF-8'" in record.getMessage()


# --- names of columns


def test_a_column_may_be_mapped_to_its_name_in_the_file(tmp_path: Path) -> None:
    """By `source` of the columns file; here too case, blanks and hyphens don't matter."""
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
        ({"age": "years"}, ["missing column age ('years' in the file)", "found 'age', 'gender'", "as `source`"]),
        ({"age": "annual_income"}, ["'annual_income' would serve as both age and annual_income"]),
        ({"gender": "top_genre"}, ["'top_genre' would serve as both gender and top_genre"]),
    ],
)
def test_a_mapping_that_does_not_fit_the_file_is_refused(
    tmp_path: Path, names: dict[str, str], said: list[str]
) -> None:
    refused(write(tmp_path, TWO), *said, names=names)


def test_a_long_header_is_listed_in_part(tmp_path: Path) -> None:
    path = write(tmp_path, "age," + ",".join(f"c{i}" for i in range(50)) + "\n")

    refused(path, "found 'age', 'c0', 'c1'", "'c18' and 31 more.")


# --- what is no ordinary file


def test_a_file_that_is_not_there_is_named_as_given(tmp_path: Path) -> None:
    refused(tmp_path / "2026-10.csv", str(tmp_path / "2026-10.csv"), "can't be opened: No such file")


def test_a_path_that_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match="can't be opened"):
        read_users(Path("a\0b.csv"))


def test_what_a_library_raises_becomes_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> Any:
        raise MemoryError

    monkeypatch.setattr(files.csv_text, "read_delimited_text", fail)

    refused(write(tmp_path, TWO), "can't be read as .csv (MemoryError)")


# --- Parquet


def test_parquet_ids_and_names_are_read_like_any(tmp_path: Path) -> None:
    """A mapped name may have a point, which to Parquet is a path; ids beside gaps lose no digit."""
    path = parquet(tmp_path, **{"user_id": pa.array([12345678901.0, None]), "genre.v2": pa.array(["Jazz", "Rock"])})

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


def test_only_the_first_visible_sheet_is_read(tmp_path: Path) -> None:
    """A workbook opens on the first sheet that isn't hidden."""

    def edit(book: Any) -> None:
        book.create_sheet("notes", 0).append(["hidden"])
        book.worksheets[0].sheet_state = "hidden"
        book.create_sheet("more").append(["after"])

    same(read_users(sheet(tmp_path, user(), edit=edit)), users({}))


def test_a_wrong_note_on_the_size_leaves_nothing_out(tmp_path: Path) -> None:
    """Some programs write that the sheet is one cell large."""
    path = repack(
        sheet(tmp_path, user(), user()), "xl/worksheets/sheet1.xml", f'ref="A1:{chr(64 + len(ONE))}3"', 'ref="A1"'
    )

    same(read_users(path), users({}, {}))


def test_a_row_of_a_workbook_keeps_its_number(tmp_path: Path) -> None:
    """With rows 3 and 4 blank, the fault stands on row 5."""
    refused(sheet(tmp_path, user(), [], [], user(age="x")), "'age' has 1 text", "(first on row 5)")


def test_a_date_in_a_column_of_no_concern_is_of_none(tmp_path: Path) -> None:
    """Formulas and dates matter only in the columns that we use."""

    def edit(book: Any) -> None:
        for row, value in enumerate(("joined", dt.date(2026, 1, 31), "=A1"), 1):
            book.active.cell(row, len(ONE) + 1, value)

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
    path = calculated(sheet(tmp_path, user(), user(age="=20+1")), '<c r="A3" t="e"><f>20+1</f><v>#DIV/0!</v></c>')

    refused(path, "'age' has 1 text", "(first on row 3)")


def test_a_date_out_of_range_is_refused(tmp_path: Path) -> None:
    """Formatted as a date, -29 is none; openpyxl warns and calls it an error, and so do we."""

    def edit(book: Any) -> None:
        book.active["A2"].number_format = formats.FORMAT_DATE_YYYYMMDD2

    refused(sheet(tmp_path, user(age=-29e9), edit=edit), "'age' has 1 text", "(first on row 2)")


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
    monkeypatch.setattr(excel, "_scan_parts", pytest.fail)

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
    st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=12)
    .map(normalise_text)
    .filter(lambda word: word.lower() not in MISSING_NUMBER_SPELLINGS and not word.startswith(("#", "Err:")))
)
NUMBER = st.one_of(
    st.floats(-1e100, 1e100), st.integers(-(10**9), 10**9), st.decimals(-9999, 9999, places=3), st.none()
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
            st.tuples(
                *(NUMBER for _ in NUMBERS), *(WORD.map(str.casefold) | st.none() for _ in range(len(CATEGORIES) + 1))
            ),
            max_size=5,
        )
    )
    rows.append((0.5,) * len(NUMBERS) + ("x",) * (len(CATEGORIES) + 1))
    frame = pd.DataFrame(rows, columns=[*NUMBERS, *CATEGORIES, "user_id"])
    types = {name: "float64" if name in NUMBERS else "str" for name in frame}
    return frame.astype(types)[[c.name for c in COLUMNS]]


@given(
    frame=frames(),
    sep=st.sampled_from(",;\t|"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32"]),
    decimal_mark=st.sampled_from(".,"),
    ends=st.sampled_from(["\n", "\r\n", "\r"]),
    shuffled=st.permutations([c.name for c in COLUMNS]),
)
@settings(max_examples=25, **QUIET)
def test_any_frame_that_pandas_writes_is_read_back(
    tmp_path: Path, *, frame: pd.DataFrame, sep: str, encoding: str, decimal_mark: str, ends: str, shuffled: list[str]
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
def test_western_words_in_windows_1252_are_read_as_written(tmp_path: Path, words: list[str], encoding: str) -> None:
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
    assert list(found) == [c.name for c in COLUMNS if c.name in found]
    return found


@given(content=st.binary(max_size=300), name=st.sampled_from(["m.csv", "m.parquet", "m.xlsx"]))
@settings(max_examples=100, **QUIET)
def test_any_bytes_are_read_or_refused(tmp_path: Path, content: bytes, name: str) -> None:
    """No file, whatever it holds, ends in a traceback."""
    assert outcome(write(tmp_path, content, name)) is None


@given(
    content=st.text(st.sampled_from("0129.,;-+eE'\" \n\r\t|NAx\u00a0é"), max_size=60), place=st.integers(0, len(TWO))
)
@settings(max_examples=150, **QUIET)
def test_a_good_file_with_anything_put_in_is_read_or_refused(tmp_path: Path, content: str, place: int) -> None:
    """Nor does a file that is nearly right."""
    found = outcome(write(tmp_path, TWO[:place] + content + TWO[place:]))

    assert found is None or list(found) == list(users({}))


@given(damage=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=8))
@settings(max_examples=80, **QUIET)
def test_a_damaged_workbook_is_read_or_refused(tmp_path: Path, damage: list[tuple[float, int]]) -> None:
    """Checks within the zip catch most damage; openpyxl raises all sorts of things at the rest."""
    content = bytearray(sheet(tmp_path, user(), user()).read_bytes())
    for place, byte in damage:
        content[int(place * len(content))] = byte

    outcome(write(tmp_path, bytes(content), "m.xlsx"))


@given(damage=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=3))
@settings(max_examples=80, **QUIET)
def test_a_damaged_footer_of_parquet_is_read_or_refused(tmp_path: Path, damage: list[tuple[float, int]]) -> None:
    """The footer says where everything is."""
    content = bytearray(parquet(tmp_path).read_bytes())
    (size,) = struct.unpack("<I", content[-8:-4])
    for place, byte in damage:
        content[len(content) - 8 - size + int(place * size)] = byte

    outcome(write(tmp_path, bytes(content), "m.parquet"))


def test_a_thousand_rows_by_a_quoted_reader_are_the_same(tmp_path: Path) -> None:
    """The csv module, writing everything in quotes, is read to what it was given."""
    out = io.StringIO()
    frame = pd.concat([users({"age": i / 4, "top_genre": f"Pop, {i}"}) for i in range(100)] * 10, ignore_index=True)
    frame.to_csv(out, index=False, quoting=1)

    same(read_users(write(tmp_path, out.getvalue())), frame)
