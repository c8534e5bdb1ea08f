"""Inputs mutated from a sample month and from the corpus: each is read right, or refused in a sentence without a cell.

A seed makes each input. MUTATIONS=5000 in the environment tries that many instead of two hundred.
"""

import gzip
import os
import random
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import openpyxl
import pandas as pd
import pytest

from report.errors import InputError
from report.settings import Settings
from report.sources.loader import load_users
from report.storage.location import parse_location
from tests.report.readers.corpus.table import CORPUS
from tests.support import ROOT
from tests.support.music import COLUMNS_BY_NAME, NUMBERS

COUNT = int(os.environ.get("MUTATIONS", "200"))
ROWS = 12
CANARY = "Qzx7"  # no message may repeat a piece of a cell: each text that is put in has it
QUERY = Settings(scale={"query": "SELECT * FROM users"})

# By column: what is put into one cell, and what it means: a value, or REFUSED
REFUSED = object()
CELLS: dict[str, list[tuple[str, Any]]] = {
    "age": [
        ("", np.nan), ("n/a", np.nan), ("NULL", np.nan), ("-", np.nan), ("<NA>", np.nan), ("\u00a033\u200b", 33.0), ("3.3e1", 33.0),
        (f"{CANARY}", REFUSED), (f"33 {CANARY}", REFUSED), ("2026-10-07", REFUSED), ("07:47", REFUSED), ("$7747", REFUSED), ("7747%", REFUSED),
        ("7_747", REFUSED), ("0x7747", REFUSED), ("TRUE", REFUSED), ("#DIV/0!", REFUSED), ("\u0661\u0662", REFUSED), ("7747 \u2212", REFUSED),
    ],
    "top_genre": [
        ("", None), ("\\N", None), ("(null)", None), ("  Pop ", "Pop"), ("Po\u0301p", "P\u00f3p"), ("Po\x01p", "Po p"), ("\u202ePop", "Pop"),
        (f"={CANARY}()", f"={CANARY}()"), ("None", "None"), ("-", "-"), (f"<b>{CANARY}</b>", f"<b>{CANARY}</b>"), ("x" * 255, "x" * 255),
        ("#REF!", REFUSED), ("#NV", REFUSED), (CANARY * 64, REFUSED), (f"{CANARY} " * 9_000, REFUSED), ("Err:508", REFUSED),
    ],
}  # fmt: skip
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252")
STRANGE_ENCODINGS = (
    "utf-16-le",
    "utf-16-be",
    "utf-32-le",
    "cp1250",
    "mac_roman",
    "cp437",
    "shift_jis",
    "cp1251",
    "utf-7",
    "cp037",
)
CONTAINERS = (
    "csv",
    "tsv",
    "txt",
    "parquet",
    "xlsx",
    "folder of csv",
    "folder of parquet",
    "duckdb",
    "gz",
    "zip",
    "csv as xlsx",
    "xlsx as csv",
)


@dataclass
class Mutant:
    """An input, what it holds, and what may be said of it."""

    data: str
    means: pd.DataFrame | None  # None where nothing can be read
    faulty: str = ""  # the column whose cell must be refused
    row: int = 0  # of that cell, as a spreadsheet counts
    may_refuse: bool = False  # a layout that may be refused as a whole
    made: dict[str, Any] = field(default_factory=dict)


def _sample() -> pd.DataFrame:
    """Give a few users as texts, with numbers that prove their decimal mark."""
    users = pd.read_csv(ROOT / "data" / "2026-10.csv", dtype=str).dropna().head(ROWS).reset_index(drop=True)
    for name in ("annual_income", "usage_per_month"):
        users[name] = [f"{float(value):.0f}.{place % 9 + 1}5" for place, value in enumerate(users[name])]
    return users.assign(top_genre=users["top_genre"].where(users.index != 5, "M\u00fasica cl\u00e1sica"))


def _meaning(users: pd.DataFrame) -> pd.DataFrame:
    frame = users[[name for name in COLUMNS_BY_NAME if name in users]]
    return frame.astype({name: "float64" for name in NUMBERS if name in frame})


def _mutate(seed: int, place: Path) -> Mutant:
    """Make one input."""
    chance = random.Random(seed)
    written, means = _sample(), _meaning(_sample())
    column = chance.choice([*CELLS, ""])
    mutant = Mutant("", means)
    if column:
        text, value = chance.choice(CELLS[column])
        row = chance.randrange(ROWS)
        written.loc[row, column] = text
        if value is REFUSED:
            mutant.faulty, mutant.row = column, row + 2
        else:
            means[column] = [value if at == row else one for at, one in enumerate(means[column])]
        mutant.made |= {"cell": text[:20], "row": row + 2}
    if chance.random() < 0.3:
        written = written[chance.sample(list(written), len(written.columns))]
    if chance.random() < 0.3:
        written.insert(chance.randrange(len(written.columns) + 1), "note", f"{CANARY} of no concern")
    container = chance.choice(CONTAINERS)
    mutant.made |= {"container": container}
    WRITERS.get(container, _write_text)(chance, place, written, mutant)
    return mutant


def _write_text(chance: random.Random, place: Path, users: pd.DataFrame, mutant: Mutant) -> None:
    """Write text files of all kinds."""
    kind = mutant.made["container"]
    sep = chance.choice(",;\t|,;\t|:~ ")
    encoding = chance.choice(ENCODINGS * 3 + STRANGE_ENCODINGS)
    end, mark, quote = chance.choice(["\n", "\r\n", "\r"]), chance.choice("..,"), chance.choice(["", "", '"'])
    mutant.made |= {"sep": sep, "encoding": encoding, "mark": mark}
    named = sep in ",;\t|"
    mutant.may_refuse = (
        not named
        or encoding in STRANGE_ENCODINGS
        or (mark == "," and sep == ",")
        or kind in ("gz", "zip", "csv as xlsx")
    )
    if mark == ",":
        users = users.assign(
            **{name: users[name].str.replace(".", ",") for name in ("annual_income", "usage_per_month")}
        )

    def cell(value: str) -> str:
        bare = not (quote or sep in value or '"' in value or "\n" in value)
        return value if bare else '"{}"'.format(value.replace('"', '""'))

    lines = [sep.join(map(cell, row)) for row in [list(users), *users.fillna("").to_numpy().tolist()]]
    text = end.join([*lines, ""]) + chance.choice(["", "", end * 2, f"({ROWS} rows){end}", "\x1a"])
    try:
        raw = text.encode(encoding)
    except UnicodeEncodeError:  # a letter that it hasn't
        raw = text.encode()
    if kind == "folder of csv":
        folder = place / "month"
        folder.mkdir()
        (folder / "part-0.csv").write_bytes(raw)
        (folder / "part-1.csv").write_bytes(b"")
        mutant.data = str(folder)
        return
    name = {"gz": "m.csv.gz", "zip": "m.csv", "csv as xlsx": "m.xlsx"}.get(kind, f"m.{kind}")
    path = place / name
    if kind == "gz":
        path.write_bytes(gzip.compress(raw))
    elif kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("m.csv", raw)
    else:
        path.write_bytes(raw)
    mutant.data = str(path)


def _typed(chance: random.Random, users: pd.DataFrame, mutant: Mutant) -> pd.DataFrame:
    """Give some columns of numbers as numbers, unless a cell of theirs is none."""
    typed = users.copy()
    for name in NUMBERS:
        if name in typed and name != mutant.faulty and chance.random() < 0.6:
            plain = pd.to_numeric(typed[name], errors="coerce")
            if plain.notna().all():
                typed[name] = plain
    return typed


def _write_parquet(chance: random.Random, place: Path, users: pd.DataFrame, mutant: Mutant) -> None:
    folder = place / "month"
    folder.mkdir()
    path = folder / "part-0.parquet"
    _typed(chance, users, mutant).to_parquet(path, index=False, compression=chance.choice(["zstd", "snappy", None]))
    mutant.data = str(path if mutant.made["container"] == "parquet" else folder)


def _write_sheet(chance: random.Random, place: Path, users: pd.DataFrame, mutant: Mutant) -> None:
    book = openpyxl.Workbook()
    typed = _typed(chance, users, mutant)
    for row in [list(typed), *typed.astype(object).where(typed.notna(), None).to_numpy().tolist()]:
        book.active.append([re.sub(r"[\x00-\x08]", " ", value) if isinstance(value, str) else value for value in row])
    for cells in book.active.iter_rows():
        for cell in cells:
            if cell.data_type in ("f", "e"):  # a text that begins with "=" is no formula here
                cell.data_type = "s"
    path = place / ("m.xlsx" if mutant.made["container"] == "xlsx" else "m.csv")
    book.save(path)
    mutant.data, mutant.may_refuse = str(path), mutant.made["container"] != "xlsx"
    mutant.may_refuse = mutant.may_refuse or any(len(str(value)) > 32_767 for value in users.to_numpy().ravel())


def _write_duckdb(chance: random.Random, place: Path, users: pd.DataFrame, mutant: Mutant) -> None:
    typed = _typed(chance, users, mutant)
    with duckdb.connect(str(place / "m.db")) as connection:
        connection.register("given", typed)
        connection.execute("CREATE TABLE users AS SELECT * FROM given")
    mutant.data = f"duckdb:///{place / 'm.db'}"


WRITERS: dict[str, Callable[[random.Random, Path, pd.DataFrame, Mutant], None]] = {
    "parquet": _write_parquet,
    "folder of parquet": _write_parquet,
    "xlsx": _write_sheet,
    "xlsx as csv": _write_sheet,
    "duckdb": _write_duckdb,
}


@pytest.mark.parametrize("part", range(4))
def test_a_mutated_month_is_read_right_or_refused(tmp_path: Path, part: int) -> None:
    """Encodings, delimiters, types and containers, and one odd cell: its column and row are named, and no cell is repeated."""
    outcomes = {"read": 0, "refused": 0}
    for seed in range(part, COUNT, 4):
        place = tmp_path / str(seed)
        place.mkdir()
        mutant = _mutate(seed, place)
        about = f"seed {seed}: {mutant.made}"
        try:
            found = load_users(parse_location(mutant.data, ""), "2026-10", QUERY, place / "scratch").frame
        except InputError as error:
            said = str(error)
            outcomes["refused"] += 1
            assert mutant.may_refuse or mutant.faulty, f"{about}: {said}"
            _hold_sentence(said, Path(mutant.data).name, about)
            if mutant.faulty and not mutant.may_refuse:
                assert repr(mutant.faulty) in said, f"{about}: {said}"
                assert f"row {mutant.row}" in said, f"{about}: {said}"
        else:
            outcomes["read"] += 1
            assert not mutant.faulty, f"{about}: read, though a cell of {mutant.faulty} is none"
            means = mutant.means
            ordered = found.sort_values("user_id", ignore_index=True)[list(means)]
            pd.testing.assert_frame_equal(
                ordered, means.sort_values("user_id", ignore_index=True), check_dtype=False, obj=about
            )
    assert min(outcomes.values()) > COUNT // 40, outcomes


def _hold_sentence(said: str, name: str, about: str) -> None:
    assert said.endswith("."), f"{about}: {said}"
    assert "\n" not in said, about
    assert len(said) < 700, about
    assert re.search(rf"{re.escape(name)}|part-0\.(csv|parquet)|m\.db", said), f"{about}: {said}"
    assert CANARY not in said, f"{about}: {said}"
    assert "7747" not in said, f"{about}: {said}"


def test_a_damaged_file_of_the_corpus_is_read_or_refused(tmp_path: Path) -> None:
    """Bytes cut out, put in, turned and repeated: never anything but users or a sentence."""
    files = [
        case
        for case in CORPUS
        if not re.match(r"a (pipe|device|link|folder)|no file|.*(bomb|gigabyte|than bytes)", case.name)
    ]
    for seed in range(COUNT):
        chance = random.Random(seed)
        case = chance.choice(files)
        place = tmp_path / str(seed)
        place.mkdir()
        path = case.make(place)
        raw, at = path.read_bytes(), 0
        for _ in range(chance.randint(1, 3)):
            at, length = chance.randrange(len(raw) + 1), chance.choice([1, 2, 5, 40])
            noise = chance.choice([bytes([chance.randrange(256)]), b"", b'"', b"\0", "é".encode(), b"\r", raw[:40]])
            raw = raw[:at] + noise + raw[at + chance.choice([0, length]) :]
        path.write_bytes(raw)
        about = f"seed {seed}: {case.name}, damaged at {at}"
        try:
            users = load_users(path, "2026-10", Settings(), place / "scratch")
        except InputError as error:
            said = str(error)
            assert path.name in said, f"{about}: {said}"
            assert said.endswith("."), f"{about}: {said}"
            assert "\n" not in said, about
        else:
            assert users.rows, about
