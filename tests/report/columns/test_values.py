"""What cells mean by the columns file: read from a file, as the analysis gets them."""

import hashlib
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import narwhals as nw
import pandas as pd
import pytest

from report.columns.dictionary import read_columns
from report.columns.recode import read_band
from report.errors import InputError
from report.readers.files import read_month_file
from report.readers.normalise import collect_users, normalise_users

FEATURES = '[columns.a]\nkind = "number"\nrole = "feature"\n[columns.b]\nkind = "number"\nrole = "feature"\n'
Read = Callable[..., pd.DataFrame]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Read one column beside two features, from text and by DuckDB, and compare the two."""

    def read_cells(column: str, *cells: Any, header: str = "x") -> list[Any]:
        path = tmp_path / "columns.toml"
        path.write_text(FEATURES + column, encoding="utf-8")
        schema = read_columns(path)
        frame = pd.DataFrame({"a": [1.5] * len(cells), "b": [2.5] * len(cells), header: cells})
        frame.to_csv(tmp_path / "m.csv", index=False, sep=";")
        small = read_month_file(tmp_path / "m.csv", schema, "2026-10").users
        texts = pd.read_csv(tmp_path / "m.csv", sep=";", dtype=str, keep_default_na=False)
        lazy = nw.from_native(duckdb.from_df(texts)).lazy()
        large = collect_users(normalise_users(lazy, schema, "m", "anybody", "2026-10")[0], schema)
        pd.testing.assert_frame_equal(small, large)
        return [None if pd.isna(value) else value for value in small["x"]]

    return read_cells


@pytest.mark.parametrize(
    ("text", "middle"),
    [
        *(("20-35", 27.5), ("20 – 35", 27.5), ("18 to 24", 21), ("$60K - $80K", 70_000), ("0-10%", 5)),
        *(("Less than $40K", 20_000), ("<18", 9), ("65+", 65), ("$120K +", 120_000), ("over 100k", 100_000)),
        *(("1,000-2,000", 1_500), ("55", 55), ("$1.5M", 1_500_000), ("unknown", None), ("35-20", None)),
    ],
)
def test_a_band_counts_as_its_middle(text: str, middle: float | None) -> None:
    """An open one as where it begins, and one below a number as half of it."""
    assert read_band(text) == middle


def test_bands_are_numbers(read: Read) -> None:
    column = '[columns.x]\nkind = "number"\nbands = true\nmissing_values = ["unknown"]\n'

    assert read(column, "20-35", "65+", "Unknown", "20-35", "40") == [27.5, 65, None, 27.5, 40]


def test_a_band_that_is_none_is_refused_without_repeating_it(read: Read) -> None:
    with pytest.raises(
        InputError, match=r"m\.csv: column 'x' has 1 value that `values` or `bands`.*first on row 3"
    ) as error:
        read('[columns.x]\nkind = "number"\nbands = true\n', "20-35", "secret")

    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    "cells",
    [
        ("2026-10-30", "2025-10-31", ""),
        ("30.10.2026", "31.10.2025", ""),
        ("30/10/2026 12:30", "31/10/2025 00:00", ""),
        ("10/30/2026", "10/31/2025", ""),
        ("30 Oct 2026", "31-Oct-2025", ""),
        ("Oct 30, 2026", "October 31, 2025", ""),
        ("46325", "45961", ""),  # as Excel counts days
    ],
    ids=["ISO", "points", "with a time", "months first", "month names", "month names first", "Excel's days"],
)
def test_a_date_is_the_days_to_the_end_of_the_month(read: Read, cells: tuple[str, ...]) -> None:
    """October 31 is the last day of the month asked for."""
    assert read('[columns.x]\nkind = "date"\n', *cells) == [1, 365, None]


def test_a_date_agrees_with_python_s_calendar(read: Read) -> None:
    """Leap years, ends of months and of centuries."""
    days = [
        date(1900, 2, 28),
        date(2000, 2, 29),
        date(2024, 2, 29),
        date(2025, 12, 31),
        date(2026, 1, 1),
        date(2026, 10, 31),
    ]

    assert read('[columns.x]\nkind = "date"\n', *map(str, days)) == [(date(2026, 10, 31) - day).days for day in days]


def test_dates_that_can_be_read_in_two_ways_are_refused(read: Read) -> None:
    with pytest.raises(InputError, match="two ways, days first or months first"):
        read('[columns.x]\nkind = "date"\n', "01/02/2026", "03/04/2026")


def test_a_cell_that_is_no_date_is_named_by_its_row(read: Read) -> None:
    with pytest.raises(InputError, match=r"column 'x' has 1 value that is no date \(first on row 3\)"):
        read('[columns.x]\nkind = "date"\n', "2026-10-30", "2026-13-01")


def test_dates_of_other_files_are_dates(tmp_path: Path) -> None:
    """Parquet and workbooks hold dates as such."""
    (tmp_path / "columns.toml").write_text(f'{FEATURES}[columns.x]\nkind = "date"\n')
    schema = read_columns(tmp_path / "columns.toml")
    frame = pd.DataFrame({"a": [1, 2], "b": [1, 2], "x": [pd.Timestamp(2026, 10, 30), pd.Timestamp(2025, 10, 31)]})
    frame.to_parquet(tmp_path / "m.parquet")
    frame.to_excel(tmp_path / "m.xlsx", index=False)

    for name in ("m.parquet", "m.xlsx"):
        assert read_month_file(tmp_path / name, schema, "2026-10").users["x"].tolist() == [1, 365]


@pytest.mark.parametrize(
    ("value", "worked_out"),
    [
        ("2026 - x", [2006.0, 2016.0]),
        ("a + 2 * x", [41.5, 21.5]),
        ("x / (x - 10)", [2.0, None]),
        ("x > 10", [1.0, 0.0]),
    ],
)
def test_a_column_is_worked_out_from_others(read: Read, value: str, worked_out: list[float]) -> None:
    """A division by zero is nothing."""
    column = f'[columns.y]\nkind = "number"\nsource = "x"\nrole = "ignore"\n[columns.x]\nkind = "number"\nvalue = "{value.replace("x", "y")}"\n'

    assert read(column, 20, 10) == worked_out


def test_codes_have_their_labels(read: Read) -> None:
    """A number too: each word has its own."""
    assert read('[columns.x]\nkind = "category"\nvalues = { 0 = "no", 1 = "yes" }\n', 0, 1, 1, "") == [
        "no",
        "yes",
        "yes",
        None,
    ]
    assert read('[columns.x]\nkind = "number"\nvalues = { low = 1, High = 3 }\n', "low", "high", "") == [1, 3, None]


def test_an_ordered_value_that_nobody_declared_is_refused(read: Read) -> None:
    column = '[columns.x]\nkind = "ordered"\nvalues = ["Low", "High"]\n'

    assert read(column, "low", "High") == ["Low", "High"]
    with pytest.raises(InputError, match="1 value that `values`"):
        read(column, "low", "medium")


def test_values_that_differ_in_case_are_one_and_counted(tmp_path: Path) -> None:
    """The most frequent spelling stays."""
    (tmp_path / "columns.toml").write_text(f'{FEATURES}[columns.x]\nkind = "category"\n')
    (tmp_path / "m.csv").write_text(
        "a,b,x\n" + "".join(f"1,2,{x}\n" for x in ("male", "Male", "Male", "MALE", "Female"))
    )
    found = read_month_file(tmp_path / "m.csv", read_columns(tmp_path / "columns.toml"))

    assert found.users["x"].tolist() == ["Male"] * 4 + ["Female"]
    assert found.joined == {"x": 2}


@pytest.mark.parametrize(
    ("format_", "cells", "numbers"),
    [
        ("money", ("$1,234.50", "$7.25", "12 USD"), [1234.5, 7.25, 12]),
        ("money", ("$60K", "$1.5M", "-$5"), [60_000, 1_500_000, -5]),
        ("money", ("12,50 €", "1.234,56 €", ""), [12.5, 1234.56, None]),
        ("percent", ("12.5%", "7 %", ""), [12.5, 7, None]),
        ("share", ("12.5%", "0.5", ""), [0.125, 0.5, None]),
    ],
)
def test_signs_beside_numbers_are_understood(
    read: Read, format_: str, cells: tuple[str, ...], numbers: list[float]
) -> None:
    assert read(f'[columns.x]\nkind = "number"\nformat = "{format_}"\n', *cells) == numbers


def test_values_that_mean_nothing_are_missing(read: Read) -> None:
    """As numbers and as words."""
    column = '[columns.x]\nkind = "number"\nmissing_values = [-1, 99999999, "unknown"]\n'

    assert read(column, "5", "-1", "99999999.0", "Unknown") == [5, None, None, None]


def test_an_id_is_hashed_where_asked(tmp_path: Path) -> None:
    (tmp_path / "columns.toml").write_text(
        f'{FEATURES}[columns.user_id]\nkind = "id"\nsource = "E-mail"\nhash = true\n'
    )
    (tmp_path / "m.csv").write_text("a,b,E-mail\n1,2,Ann@Example.com\n")
    found = read_month_file(tmp_path / "m.csv", read_columns(tmp_path / "columns.toml")).users

    assert found["user_id"].tolist() == [hashlib.sha256(b"ann@example.com").hexdigest()]


def test_the_first_name_that_is_there_counts(read: Read) -> None:
    column = '[columns.x]\nkind = "number"\nsource = ["Spend (old)", "Spend"]\n'

    assert read(column, 3, header="spend") == [3]
