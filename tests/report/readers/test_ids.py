"""Ids: read as they were before a program changed them, or refused; in memory and by DuckDB alike."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from report.errors import InputError
from report.settings import Settings
from report.sources.loader import load_users
from tests.report.readers.corpus.made import HEADER, ONE, ROW, sheet, user, write
from tests.support.music import read_users

Read = Callable[[Path], list[Any]]


def _by_duckdb(path: Path) -> list[Any]:
    """Read a file as if it were too large for memory."""
    found = load_users(path, "2026-10", Settings(scale={"exact_users": 1}), path.parent / "scratch")
    assert found.engine == "duckdb"
    return [None if value is None else str(value) for value in found.frame.df()["user_id"].replace({np.nan: None})]


def _in_memory(path: Path) -> list[Any]:
    ids = read_users(path)["user_id"]
    return ids.astype(object).where(ids.notna(), None).tolist()


def text_of(folder: Path, ids: list[str]) -> Path:
    """Write a text file of users with these ids."""
    rows = [f"{HEADER},user_id".replace(",", "\t"), *(ROW.replace(",", "\t") + f"\t{one}" for one in ids)]
    return write(folder, "\n".join(rows) + "\n")


def parquet_of(folder: Path, ids: Any) -> Path:
    """Write a Parquet file of users with these ids."""
    path = folder / "2026-10.parquet"
    columns = {name: [value] * len(ids) for name, value in ONE.items()}
    pq.write_table(pa.table(columns | {"user_id": ids}), path)
    return path


both = pytest.mark.parametrize("read", [_in_memory, _by_duckdb])


@both
@pytest.mark.parametrize(
    ("ids", "meant"),
    [
        (["0071", "1071", "7.10"], ["0071", "1071", "7.10"]),
        (["1234567890123450", "1234567890123451"], ["1234567890123450", "1234567890123451"]),
        (["100000000000000", "2"], ["100000000000000", "2"]),
        (["123.0", "45.0", "NA"], ["123", "45", None]),
        (["1.0", "1.1", "2.0"], ["1.0", "1.1", "2.0"]),
        (["12e5", "1e10", "9E12"], ["12e5", "1e10", "9E12"]),
        ([" u1\u00a0", "u\u200b1", "U1"], ["u1", "u\u200b1", "U1"]),
        (["Zoe\u0308", "x"], ["Zo\u00eb", "x"]),
        ([r"\N", "None", "(null)", "-", "x"], [None, None, None, None, "x"]),
    ],
)
def test_ids_are_joined_by_nothing_that_may_differ(
    tmp_path: Path, read: Read, ids: list[str], meant: list[Any]
) -> None:
    """Blanks at the ends go, letters are composed, and a float's ".0" goes where every id has it; nothing more."""
    assert read(text_of(tmp_path, ids)) == meant


@both
@pytest.mark.parametrize(
    ("ids", "said"),
    [
        (["u1", "1.12913E+11", "1.12913E+11"], "has 2 ids (first on row 3) in scientific notation"),
        (["1,12913E+11", "2"], "has 1 id (first on row 2) in scientific notation"),
        (["5E+15", "2"], "has 1 id (first on row 2) in scientific notation"),
        (["1.2345678901234568e+16", "2"], "has 1 id (first on row 2) in scientific notation"),
        (["1.0E11", "2"], "has 1 id (first on row 2) in scientific notation"),
        (["123", "123.0", "7.0"], "has 2 ids (first on row 3) that end in .0, and others that don't"),
        (
            ["9007199254740993.0", "1.0"],
            "has 1 id (first on row 2) as floating-point numbers too large for every digit",
        ),
        (["-1.12913E+11", "2"], "has 1 id (first on row 2) in scientific notation"),
        (["1.12913D+11", "2"], "has 1 id (first on row 2) in scientific notation"),
        (["########", "2"], "has 1 of Excel's error values (first on row 2)"),
        (["1", "001", "0002"], "has 2 ids (first on row 3) that start with 0, and shorter ones that don't"),
        (
            ["1234567890123450", "12345678901234500", "7"],
            "has 2 ids (first on row 2) whose digits after the 15th are all 0",
        ),
    ],
)
def test_ids_that_lost_digits_are_refused(tmp_path: Path, read: Read, ids: list[str], said: str) -> None:
    """Two users would be one; the sentence names the column and the row, and no id."""
    with pytest.raises(InputError) as error:
        read(text_of(tmp_path, ids))

    assert str(error.value).startswith(f"2026-10.csv: column 'user_id' {said}")
    assert not any(one in str(error.value) for one in ids if len(one) > 3)


@both
def test_floats_in_parquet_are_ids_as_far_as_floats_know_them(tmp_path: Path, read: Read) -> None:
    """2 ** 53 + 1 is no float: what stands there may be either of two users."""
    assert read(parquet_of(tmp_path, [1.0, 2.0**53 - 1])) == ["1", "9007199254740991"]
    assert read(parquet_of(tmp_path, pa.array([2**53 + 1, 2**62], pa.int64()))) == [str(2**53 + 1), str(2**62)]
    with pytest.raises(InputError, match=r"column 'user_id' has 1 id \(first on row 3\) as floating-point"):
        read(parquet_of(tmp_path, [1.0, 2.0**53]))


@both
def test_single_and_half_precision_know_fewer_ids(tmp_path: Path, read: Read) -> None:
    """2 ** 24 + 1 is no float32, and 2 ** 11 + 1 no float16; a dictionary of floats is no better than floats."""
    assert read(parquet_of(tmp_path, pa.array([1, 2**24 - 1], pa.float32()))) == ["1", "16777215"]
    for ids in (pa.array([1, 2**24], pa.float32()), pa.array([1.0, 2.0**53]).dictionary_encode()):
        with pytest.raises(InputError, match=r"column 'user_id' has 1 id \(first on row 3\) as floating-point"):
            read(parquet_of(tmp_path, ids))
    with pytest.raises(InputError, match="column 'user_id' holds halffloat"):
        read(parquet_of(tmp_path, pa.array(np.array([1, 2], dtype="float16"))))


@both
def test_rounded_ids_are_refused_as_whole_numbers_too(tmp_path: Path, read: Read) -> None:
    """A spreadsheet's file may have become Parquet since."""
    with pytest.raises(InputError, match=r"has 2 ids \(first on row 2\) whose digits after the 15th are all 0"):
        read(parquet_of(tmp_path, [1234567890123450, 9876543210987650]))


@pytest.mark.parametrize(
    ("ids", "said"),
    [
        ([123456789012345, "u1"], None),
        ([1234567890123456, "u1"], "has 1 id (first on row 2) as floating-point numbers"),
        ([112913000000.0, 1.12913e17], "has 1 id (first on row 3) as floating-point numbers"),
        ([71, "0072"], "has 1 id (first on row 3) as text that starts with 0, and others as numbers"),
        (["0071", "0072"], None),
    ],
)
def test_a_workbook_keeps_fifteen_digits_and_no_zeros_in_front(
    tmp_path: Path, ids: list[Any], said: str | None
) -> None:
    """So Excel itself does with what is typed or opened as a number."""

    def edit(book: Any) -> None:
        for row, value in enumerate(("user_id", *ids), 1):
            book.active.cell(row, len(ONE) + 1, value)

    path = sheet(tmp_path, user(), user(), edit=edit)
    if said is None:
        assert _in_memory(path) == [str(one) for one in ids]
        return
    with pytest.raises(InputError) as error:
        read_users(path)
    assert str(error.value).startswith(f"2026-10.xlsx: column 'user_id' {said}")
