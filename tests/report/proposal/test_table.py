"""A stranger's file as texts: delimiters, encodings, titles, workbooks and Parquet."""

from datetime import date
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from report.errors import InputError
from report.proposal.table import TextTable, build_table, read_text_table

TITLES = "Customer export,,\nPrinted 2026-11-01,,\n"


def read(tmp_path: Path, content: str | bytes, name: str = "shop.csv") -> TextTable:
    """Read a file with this content."""
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_text_table(path)


@pytest.mark.parametrize(("delimiter", "spend"), [(",", "3.5"), (";", "3,5"), ("\t", "3,5"), ("|", "3.5")])
def test_every_delimiter_is_found(tmp_path: Path, delimiter: str, spend: str) -> None:
    rows = [["id", "city", "spend"], *([str(i), "Town", spend] for i in range(9))]

    table = read(tmp_path, "\n".join(map(delimiter.join, rows)))

    assert table.headers == ("id", "city", "spend")
    assert table.columns[1:] == (("Town",) * 9, (spend,) * 9)


def test_a_list_in_a_cell_is_no_delimiter(tmp_path: Path) -> None:
    table = read(tmp_path, "id,tags,city\n" + "".join(f"{i},a;b,x\n" for i in range(9)))

    assert table.headers == ("id", "tags", "city")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_every_usual_encoding_is_read(tmp_path: Path, encoding: str) -> None:
    table = read(tmp_path, "id;größe\n1;süß\n2;klein\n".encode(encoding))

    assert table.headers == ("id", "größe")
    assert table.columns[1] == ("süß", "klein")


def test_title_rows_are_left_out_and_counted(tmp_path: Path) -> None:
    table = read(tmp_path, TITLES + "id,city,spend\n" + "".join(f"{i},Town,{i}\n" for i in range(9)))

    assert (table.headers, table.title_rows, table.rows) == (("id", "city", "spend"), 2, 9)


def test_titles_of_one_field_are_left_out_too(tmp_path: Path) -> None:
    table = read(tmp_path, "Customer export\n\nid;city;spend\n" + "".join(f"{i};Town;{i}\n" for i in range(9)))

    assert (table.headers, table.title_rows) == (("id", "city", "spend"), 1)


def test_the_second_of_two_header_rows_counts() -> None:
    """As where X1, X2, X3 stand above the names."""
    rows = [["X1", "X2", "X3"], ["limit", "sex", "age"], *([str(i), "1", "30"] for i in range(12))]

    assert build_table("x", rows).headers == ("limit", "sex", "age")


def test_years_may_be_names() -> None:
    rows = [["id", "2025", "2026"], *([str(i), "1", "30"] for i in range(12))]

    assert build_table("x", rows).headers == ("id", "2025", "2026")


def test_rows_of_another_length_are_counted(tmp_path: Path) -> None:
    table = read(tmp_path, "id,city,spend\n" + "".join(f"{i},Town,{i}\n" for i in range(9)) + "(9 rows)\n1,2,3,4\n")

    assert (table.rows, table.odd_rows) == (9, 2)


def test_only_the_first_rows_are_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "shop.csv"
    path.write_text("id,spend\n" + "".join(f"{i},{i}\n" for i in range(300)), encoding="utf-8")

    table = read_text_table(path, limit=100)

    assert (table.rows, table.is_cut) == (100, True)


def test_a_workbook_is_read_as_its_texts(tmp_path: Path) -> None:
    """Dates without a time are dates, whole numbers have no decimals, truth values are words."""
    path = tmp_path / "shop.xlsx"
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    for row in (
        ["Export"],
        ["id", "since", "paid", "spend"],
        ["a", date(2026, 10, 31), True, 12.0],
        ["b", date(2026, 1, 2), False, 2.5],
    ):
        sheet.append(row)
    book.save(path)

    table = read_text_table(path)

    assert (table.headers, table.title_rows) == (("id", "since", "paid", "spend"), 1)
    assert table.columns == (("a", "b"), ("2026-10-31", "2026-01-02"), ("True", "False"), ("12", "2.5"))


def test_parquet_is_read_as_its_texts(tmp_path: Path) -> None:
    path = tmp_path / "shop.parquet"
    frame = pd.DataFrame({
        "id": ["a", "b"], "since": pd.to_datetime(["2026-10-31", None]), "paid": [True, False], "spend": [12.0, None],
    })  # fmt: skip
    frame.to_parquet(path)

    assert read_text_table(path).columns == (("a", "b"), ("2026-10-31", None), ("True", "False"), ("12", None))


@pytest.mark.parametrize(
    ("content", "name", "says"),
    [
        ("", "shop.csv", "is empty"),
        ("id,spend\n", "shop.csv", "no rows below"),
        ("1,2,3\n4,5,6\n7,8,9\n", "shop.csv", "no header"),
        ("39,State-gov,77516,Bachelors\n40,Private,8000,Masters\n", "shop.csv", "no header"),
        ("id\n1\n2\n", "shop.csv", "no header"),
        ("id,spend\n1,2\n", "shop.doc", "expected one of"),
        ("no workbook", "shop.xlsx", "isn't an Excel workbook"),
        ("no parquet", "shop.parquet", "can't be read as Parquet"),
        ('id,spend\n1,"2\n', "shop.csv", "quote"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, content: str, name: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        read(tmp_path, content, name)
