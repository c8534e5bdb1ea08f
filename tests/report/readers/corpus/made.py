"""How the corpus's files are made: a usual user, and files that hold some."""

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

from report.errors import InputError
from tests.support.facts.columns import lacking
from tests.support.music import COLUMNS_BY_NAME, NUMBERS, read_users

ONE = {
    "age": "20",
    "gender": "Male",
    "employment_status": "Student",
    "annual_income": "1000",
    "usage_per_month": "30",
    "top_genre": "Pop",
    "num_of_days_active": "100",
}
ONE |= {name: "7" if name in NUMBERS else "Yes" for name in lacking(ONE)}
HEADER = ",".join(ONE)
ROW = ",".join(ONE.values())


def text(*changes: dict[str, str], sep: str = ",") -> str:
    """One row a dict, each the usual user with some values changed; quoted where they hold the delimiter."""
    rows = [ONE | change for change in changes]
    lines = [sep.join(f'"{v}"' if sep in v else v for v in row.values()) for row in rows]
    return "\n".join([HEADER.replace(",", sep), *lines]) + "\n"


def users(*changes: dict[str, Any]) -> pd.DataFrame:
    """Return the frame that `text` with the same rows should read to."""
    rows = [{**ONE, **dict.fromkeys(NUMBERS)} for _ in changes]
    for row, change in zip(rows, changes, strict=True):
        row.update({name: float(ONE[name]) for name in NUMBERS} | change)
    frame = pd.DataFrame(rows)
    frame = frame[[name for name in COLUMNS_BY_NAME if name in frame]]  # the order in which it is read
    text_type = pd.StringDtype(na_value=np.nan)
    return frame.astype({c: "float64" if c in NUMBERS else text_type for c in frame})


def write(folder: Path, content: str | bytes, name: str = "2026-10.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    """Values, types, order and index are all exactly the same."""
    pd.testing.assert_frame_equal(found, expected, check_exact=True)
    assert isinstance(found.index, pd.RangeIndex)
    assert [str(found[c].dtype) for c in found] == ["float64" if c in NUMBERS else "str" for c in found]


def refused(path: Path, *said: str, **options: Any) -> None:
    """Hold that the file is refused, by name, in words that include all of these."""
    with pytest.raises(InputError) as caught:
        read_users(path, **options)
    message = str(caught.value)
    for words in (path.name, *said):
        assert words in message
    assert message.endswith(".")
    assert "\n" not in message
    assert not isinstance(caught.value.__cause__, (TypeError, AttributeError, NameError)), "ours"


def parquet(folder: Path, **columns: Any) -> Path:
    """Two usual users, with some columns replaced by these arrays."""
    data = {name: pa.array([value, value]) for name, value in ONE.items()}
    data |= {name: pa.array([float(ONE[name])] * 2) for name in NUMBERS}
    path = folder / "2026-10.parquet"
    pq.write_table(pa.table(data | columns), path)
    return path


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
    return list((ONE | {name: int(ONE[name]) for name in NUMBERS} | changes).values())
