"""What memory can't hold: opened by engines, with cells that mean what they mean in a small file, and the same audit."""

import hashlib
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import narwhals as nw
import numpy as np
import pandas as pd
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from report.errors import InputError, MachineError
from report.history import analyse_and_store_month, analyse_month, write_assignments
from report.readers.files import read_month_file
from report.settings import Settings
from report.sources import faults
from report.sources.loader import LoadedUsers, describe_source, load_users
from report.sources.progress import poll_progress
from report.storage import paths
from report.storage.location import DatabaseSource, list_data_files, parse_location
from segmentation.facts import facts_from_dict, facts_to_dict
from segmentation.pipeline import analyse
from segmentation.schema import MAX_NUMBER
from tests.report.readers.corpus.made import HEADER, text
from tests.report.readers.corpus.table import CORPUS, Case
from tests.support.music import LIMITS, MUSIC, NUMBERS, choose_columns, clean_users, read_users
from tests.support.sources.october import OCTOBER, bad, counted, in_three, same, spelt

MANY = 1_000  # above it, an engine reads here; the sample has 4,914


@pytest.fixture
def settings() -> Settings:
    """Let DuckDB begin at a thousand users, and ask little of the analysis."""
    return Settings(
        scale={"exact_users": MANY, "memory_limit": "256MB"}, segments={"n_init": 2, "k_range": [1, 6]}
    ).with_columns(choose_columns(valid=LIMITS))


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let an analysis draw little: how much it draws is the same to every engine."""
    plan = Settings.build_options
    monkeypatch.setattr(Settings, "build_options", lambda dials: replace(plan(dials), draws=4, bootstraps=8))


@pytest.fixture(scope="module")
def october() -> pd.DataFrame:
    """Give the sample's October as a database would: numbers as numbers."""
    return read_users(OCTOBER)


@pytest.fixture
def opened(settings: Settings, tmp_path: Path) -> Callable[[Any], LoadedUsers]:
    """Open a place as the month of October."""
    return lambda place: load_users(place, "2026-10", settings, tmp_path / "scratch")


# --- where users are


def test_data_names_a_file_a_database_or_a_cluster() -> None:
    """Three slashes before a relative path, four before an absolute one, as database URLs have it."""
    assert parse_location("data/2026-10.csv") == Path("data/2026-10.csv")
    assert parse_location("duckdb:///a/b.db") == DatabaseSource("duckdb", "a/b.db")
    assert parse_location("duckdb:////a/b.db") == DatabaseSource("duckdb", "/a/b.db")
    assert parse_location("postgresql://ann@db/music") == DatabaseSource("postgresql", "postgresql://ann@db/music")
    assert parse_location("spark://master:7077") == DatabaseSource("spark", "spark://master:7077")
    assert parse_location("s3a://bucket/2026-10", "local[2]") == DatabaseSource(
        "spark", "local[2]", "s3a://bucket/2026-10"
    )
    assert parse_location("s3a://bucket/2026-10.parquet", "local[2]").stem == "2026-10"
    for end in ("#hunter2", "?hunter2", "#hun/ter2", "/?hun#ter2"):
        place = parse_location(f"s3a://bucket/2026-10{end}", "local[2]")
        assert (place.name, place.stem) == ("2026-10", "2026-10")
    assert DatabaseSource("spark", "local[2]", "data/a#b/2026-10").name == "2026-10"


@pytest.mark.parametrize(
    ("data", "spark", "said"),
    [
        ("s3://bucket/x", "", "DATA=s3://… can't be read. Expected a file or a folder, duckdb:///file.db"),
        ("duckdb://x.db", "", "DATA=duckdb://… can't be read."),
        ("mysql://ann:secret@db/music", "", "DATA=mysql://… can't be read."),
        ("", "local[2]", "SPARK=local[2] has nothing to read."),
    ],
)
def test_what_names_nothing_is_refused(data: str, spark: str, said: str) -> None:
    with pytest.raises(InputError) as error:
        parse_location(data, spark)
    assert str(error.value).startswith(said)
    assert "secret" not in str(error.value)


def test_a_password_is_in_no_message() -> None:
    """Names go to pages, facts and logs."""
    place = parse_location("postgresql://ann:secret@db.example.com:5432/music?sslmode=require")

    assert isinstance(place, DatabaseSource)
    assert place.name == "postgresql: music"
    assert "secret" not in repr(place) + str(place) + place.name + place.stem
    with pytest.raises(InputError, match=r"which month is it"):
        paths.resolve_month(place, "")


def test_a_folder_gives_its_files_and_nothing_hidden(october: pd.DataFrame, tmp_path: Path) -> None:
    folder = in_three(october, tmp_path / "2026-10")

    assert [path.relative_to(folder).as_posix() for path in list_data_files(folder)] == [
        "a.parquet",
        "b.parquet",
        "late/c.parquet",
    ]
    assert paths.find_month_file(tmp_path) == folder
    assert paths.look_up_month_file(tmp_path, "2026-10") == folder
    (folder / "d.csv").touch()
    with pytest.raises(InputError, match="holds Parquet and text files, expected"):
        list_data_files(folder)


def named(folder: Path, *names: str) -> Path:
    """Put a file of one byte under each name."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")
    return folder


@pytest.mark.parametrize(
    ("names", "kept"),
    [
        (["2026-08.csv", "2026-09.csv", "2026-10.csv"], ["2026-10.csv"]),
        (["month=2026-09/a.csv", "month=2026-10/a.csv"], ["month=2026-10/a.csv"]),
        (["year=2026/month=9/a.csv", "year=2026/month=10/a.csv"], ["year=2026/month=10/a.csv"]),
        (["dt=20260930/a.csv", "dt=20261001/a.csv", "dt=20261031/b.csv"], ["dt=20261001/a.csv", "dt=20261031/b.csv"]),
        (["users_2026_09.csv", "users_2026_10.csv"], ["users_2026_10.csv"]),
        (["2026-10-01.csv", "2026-10-31.csv"], ["2026-10-01.csv", "2026-10-31.csv"]),
        (
            ["a.csv", "part-00000-c2a1f3e4-1202-2026-10ab-9f.csv"],
            ["a.csv", "part-00000-c2a1f3e4-1202-2026-10ab-9f.csv"],
        ),
        (["2026-10.csv", "late.csv"], ["2026-10.csv", "late.csv"]),
        (["202609.csv", "202610.csv"], ["202610.csv"]),
        (["20260901.csv", "20261001.csv"], ["20261001.csv"]),
        (["2026.09.csv", "2026.10.csv"], ["2026.10.csv"]),
        (["09-2026.csv", "10-2026.csv"], ["10-2026.csv"]),
        (["2026-9.csv", "2026-10.csv"], ["2026-10.csv"]),
        (["users2026-09.csv", "users2026-10b.csv"], ["users2026-10b.csv"]),
        (["September 2026.csv", "oct-2026.csv"], ["oct-2026.csv"]),
        (["2026/09/a.csv", "2026/10/a.csv"], ["2026/10/a.csv"]),
        (["202609/a.csv", "202610/a.csv"], ["202610/a.csv"]),
        (["month=9/year=2026/a.csv", "month=10/year=2026/a.csv"], ["month=10/year=2026/a.csv"]),
        (["yr=2026/land=de/mo=09/a.csv", "yr=2026/land=de/mo=10/a.csv"], ["yr=2026/land=de/mo=10/a.csv"]),
        (["users_v2_2026.csv"], ["users_v2_2026.csv"]),
        (["part-1.csv", "part-2.csv"], ["part-1.csv", "part-2.csv"]),
        (["land=1/a.csv", "land=2/a.csv"], ["land=1/a.csv", "land=2/a.csv"]),
        (["a-00001.csv", "a-00002.csv"], ["a-00001.csv", "a-00002.csv"]),
    ],
)
def test_of_a_folder_of_months_the_month_s_part_is_read(tmp_path: Path, names: list[str], kept: list[str]) -> None:
    """Where names say which it is; where none says a month, all files are the month's."""
    folder = named(tmp_path / "exports", *names)

    assert [path.relative_to(folder).as_posix() for path in list_data_files(folder, "2026-10")] == kept
    assert len(list_data_files(folder)) == len(names)


@pytest.mark.parametrize(
    "names",
    [
        ["2026-08.csv", "2026-09.csv"],
        ["month=2026-09/a.csv"],
        ["2026-09.csv", "late.csv"],
        ["2026-09.csv", "2026-10.csv", "late.csv"],
        ["2026-09/2026-10.csv"],
    ],
)
def test_a_folder_of_other_months_is_refused(tmp_path: Path, names: list[str]) -> None:
    """They would all be read as one month."""
    folder = named(tmp_path / "exports", *names)

    with pytest.raises(
        InputError, match=r"exports: holds .*2026-0[89].*, which by name are of another month than 2026-10"
    ):
        list_data_files(folder, "2026-10")
    assert len(list_data_files(named(tmp_path / "2026-10", *names), "2026-10")) == len(names), (
        "its own name vouches for it"
    )


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["users-09.csv", "users-10.csv"], "users-09.csv and users-10.csv, whose names differ by a number"),
        (["9/a.csv", "10/a.csv"], "10/a.csv and 9/a.csv, whose names differ by a number"),
        (["month=9/a.csv", "month=10/a.csv"], "month=10/a.csv, month=9/a.csv, which by name are of another month"),
        (["a.csv", "a (1).csv"], "a (1).csv beside a.csv, whose users would count twice"),
        (["a.csv", "a - Copy.csv"], "a - Copy.csv beside a.csv, whose users would count twice"),
    ],
)
def test_a_folder_that_may_hold_users_twice_is_refused(tmp_path: Path, names: list[str], said: str) -> None:
    """Several months without a year, or a second copy of a file."""
    with pytest.raises(InputError) as error:
        list_data_files(named(tmp_path / "exports", *names), "2026-10")
    assert f"exports: holds {said}" in str(error.value)


def test_a_folder_of_a_year_says_it_for_its_months(tmp_path: Path) -> None:
    """As Hive's "year=2026", or as a plain number."""
    for year, month in (("year=2026", "month="), ("2026", "")):
        folder = named(tmp_path / year, f"{month}9/a.csv", f"{month}10/a.csv")
        assert list_data_files(folder, "2026-10") == [folder / f"{month}10" / "a.csv"]


def test_october_of_three_months_in_a_folder_has_october_s_users(
    october: pd.DataFrame, opened: Callable[[Any], LoadedUsers], tmp_path: Path, settings: Settings
) -> None:
    """The shipped folder; and one that Hive would write."""
    for month in ("2026-09", "2026-10"):
        (tmp_path / "exports" / f"month={month}").mkdir(parents=True)
        october.head(2_000 if month == "2026-09" else 1_500).to_parquet(
            tmp_path / "exports" / f"month={month}" / "part-0.parquet"
        )

    assert opened(paths.ROOT / "data").rows == 4_914
    assert opened(tmp_path / "exports").rows == 1_500
    assert (
        describe_source(tmp_path / "exports", "2026-09", settings).sha256
        != describe_source(tmp_path / "exports", "2026-10", settings).sha256
    )


def test_a_part_of_no_rows_is_no_fault_and_one_that_cannot_be_read_is(
    tmp_path: Path, opened: Callable[[Any], LoadedUsers]
) -> None:
    """Spark leaves a file of no bytes, or a header alone; a part in an archive would be rows that nobody misses."""
    lines = OCTOBER.read_text(encoding="utf-8").splitlines(keepends=True)
    folder = tmp_path / "2026-10"
    folder.mkdir()
    (folder / "part-0.csv").write_text("".join(lines[:2_000]), encoding="utf-8")
    (folder / "part-1.csv").write_text("".join([lines[0], *lines[2_000:]]), encoding="utf-8")
    (folder / "part-2.csv").touch()
    (folder / "part-3.csv").write_text(lines[0], encoding="utf-8")
    assert opened(folder).rows == 4_914

    for name in ("part-4.csv.gz", "part-4.xlsx", "part-4.jsonl"):
        (folder / name).write_text("x")
        with pytest.raises(InputError, match=rf"2026-10: holds {name}, which can't be read as a part of a month"):
            opened(folder)
        (folder / name).unlink()
    for name in ("part-0.csv", "part-1.csv", "part-3.csv"):
        (folder / name).write_bytes(b"")
    with pytest.raises(InputError, match="all its files are empty"):
        opened(folder)


def test_a_name_that_is_not_utf_8_is_refused_at_once(tmp_path: Path) -> None:
    """It could be written neither into facts nor onto a page."""
    name = os.fsdecode(b"H\xf6rer.csv")
    (tmp_path / name).write_text("x")

    with pytest.raises(InputError, match=r"^H\?rer\.csv: the file's name isn't UTF-8\. Rename it"):
        parse_location(str(tmp_path / name))
    with pytest.raises(InputError, match=r"^H\?rer\.csv: the file's name isn't UTF-8\. Rename it"):
        list_data_files(tmp_path)


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_pandas_and_duckdb_agree_on_every_invisible_letter(
    october: pd.DataFrame, tmp_path: Path, opened: Callable[[Any], LoadedUsers], kind: str
) -> None:
    """One word is one category; what was joined is counted; a joiner that words need makes another word."""
    frame, joined = spelt(october)
    path = tmp_path / f"2026-10.{kind}"
    frame.to_parquet(path) if kind == "parquet" else frame.to_csv(path, index=False)
    large = opened(path)
    small = read_month_file(path, MUSIC)

    expected = counted(small.users)
    assert counted(large.frame) == expected
    assert set(expected) - {None} == set(october["top_genre"].dropna()) | {
        "Caf\u00e9",
        "None",
        "\u0646\u0645\u06cc\u062f",
        "\u0646\u0645\u06cc\u200c\u062f",
    }
    assert expected["Caf\u00e9"] == 4
    assert large.engine == "duckdb"
    assert dict(large.joined) == small.joined == joined


def test_the_users_of_a_folder_come_in_one_order(october: pd.DataFrame, tmp_path: Path, settings: Settings) -> None:
    """An engine gives rows as its threads finish; which of a user's rows is the first must not depend on that."""
    rows = october.head(300)
    rows = rows.assign(user_id=[f"u{n % 30:02d}" for n in range(len(rows))])
    parts = {}
    for name in ("one", "two"):
        folder = in_three(rows if name == "one" else rows.iloc[::-1], tmp_path / name / "2026-10")
        parts[name] = load_users(parse_location(str(folder)), "2026-10", settings, tmp_path / "scratch").frame

    pd.testing.assert_frame_equal(parts["one"], parts["two"])
    assert parts["one"]["user_id"].is_monotonic_increasing


def test_what_a_hash_is_of_is_said(october: pd.DataFrame, tmp_path: Path, settings: Settings) -> None:
    """A folder's is what `sha256sum * | sha256sum` gives; a query's is of the question."""
    folder = in_three(october, tmp_path / "2026-10")
    lines = "".join(
        f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n"
        for name in ("a.parquet", "b.parquet", "late/c.parquet")
    )
    found = describe_source(folder, "2026-10", settings)

    assert (found.name, found.hashed) == ("2026-10", "files")
    assert found.sha256 == hashlib.sha256(lines.encode()).hexdigest()
    assert describe_source(OCTOBER, "2026-10", settings).hashed == "bytes"
    asked = Settings(scale={"query": "SELECT * FROM users WHERE month = '{month}'"})
    months = {
        describe_source(DatabaseSource("duckdb", "music.db"), month, asked).sha256 for month in ("2026-09", "2026-10")
    }
    assert len(months) == 2


# --- cells


def test_a_folder_with_bad_rows_has_the_audit_that_pandas_gives(
    october: pd.DataFrame, tmp_path: Path, settings: Settings, opened: Callable[[Any], LoadedUsers]
) -> None:
    """Nulls, infinities, a user three times, a new category: counted by the engine under the same rules."""
    frame = bad(october)
    folder = in_three(frame, tmp_path / "2026-10")
    frame.to_parquet(tmp_path / "one.parquet", index=False)
    small = read_users(tmp_path / "one.parquet")

    users = opened(folder)
    valid = settings.build_options().valid
    found, expected = (
        clean_users(nw.from_native(users.frame), valid, materialise=users.materialise_frame),
        clean_users(nw.from_native(small), valid),
    )

    assert (users.engine, users.rows) == ("duckdb", 4_914)
    assert found.audit == expected.audit
    rules = {(drop.rule, drop.column): drop.rows for drop in found.audit.dropped}
    assert rules["repeated", "user_id"] == 2
    assert rules["out_of_range", "usage_per_month"] == 2
    genres = found.users.lazy().group_by("top_genre").agg(nw.len().alias("n")).collect("pandas").to_native()
    assert dict(zip(genres["top_genre"], genres["n"], strict=True))["K-Pop"] > 30
    genders = found.users.lazy().select("gender").unique().collect("pandas").get_column("gender")
    assert set(genders) == {"Female", "Male", "Other", "Prefer not to say"}


TEXTS: dict[str, Callable[[str], str | bytes]] = {
    "as it is": str,
    "with a mark": lambda text: "\ufeff" + text,
    "Windows-1252": lambda text: text.replace("Rock", "Música").encode("cp1252"),
    "words for nothing": lambda text: text.replace(",Pop,", ",NA,").replace(",Male,", ", n/a ,"),
    "blanks and signs": lambda text: text.replace(",Female,", ",  Female ,").replace(",100\n", ", +100 \n"),
    "thousands": lambda text: _each_income(text, lambda income: f'"{float(income):,.2f}"', ","),
    "a decimal comma": lambda text: _each_income(text, lambda income: f"{float(income):.2f}".replace(".", ","), ";"),
    "points between thousands": lambda text: _each_income(
        text, lambda income: f"{float(income):,.0f}".replace(",", "."), ";"
    ).replace(";30;", ";30,5;"),
    "empty rows at its end": lambda text: text + ",,,,,,,\n" * 3,
    "no number": lambda text: _each_income(text, lambda income: "-" if income == "20000" else income, ","),
}


def _each_income(text: str, write: Callable[[str], str], delimiter: str) -> str:
    rows = [line.split(",") for line in text.splitlines()]
    place = rows[0].index("annual_income")
    for row in rows[1:]:
        row[place] = write(row[place]) if row[place] else ""
    return "\n".join(delimiter.join(row) for row in rows) + "\n"


@pytest.mark.parametrize("kind", TEXTS)
def test_a_large_text_file_means_what_a_small_one_means(
    kind: str, tmp_path: Path, opened: Callable[[Any], LoadedUsers]
) -> None:
    """Encodings, delimiters, decimal marks, and what stands for nothing: cell for cell what pandas' way reads."""
    written = TEXTS[kind](OCTOBER.read_text(encoding="utf-8"))
    path = tmp_path / "2026-10.csv"
    path.write_bytes(written if isinstance(written, bytes) else written.encode())
    users = opened(path)
    expected = read_users(path)

    assert users.rows == len(expected) == 4_914
    assert users.engine == ("pandas" if kind in ("Windows-1252", "empty rows at its end") else "duckdb")
    found = nw.from_native(users.frame).lazy().collect("pandas").to_native()
    order = ["user_id"]
    found, expected, october = (
        frame.sort_values(order, ignore_index=True) for frame in (found, expected, pd.read_csv(OCTOBER))
    )
    days = "num_of_days_active"  # which none of them changes, and which no code of ours has read here
    np.testing.assert_array_equal(expected[days].to_numpy(float, na_value=np.nan), october[days].to_numpy(float))
    for name in expected:
        if name in NUMBERS:
            np.testing.assert_array_equal(found[name].to_numpy(float, na_value=np.nan), expected[name].to_numpy())
        else:
            assert found[name].isna().equals(expected[name].isna())
            assert found[name].dropna().tolist() == expected[name].dropna().tolist()


@pytest.mark.parametrize(
    "fault",
    [
        lambda lines: [*lines[:3_000], "u1,thirty" + lines[3_000][lines[3_000].index(",", 10) :], *lines[3_001:]],
        lambda lines: [*lines[:4_000], "u1,2", *lines[4_000:]],
        lambda lines: [*lines[:-1], '"' + lines[-1]],
        lambda lines: [lines[0].replace("age", "edge"), *lines[1:]],
        lambda lines: lines[:1],
    ],
    ids=["text for a number", "a short row", "a quote that stays open", "no such column", "no row"],
)
def test_a_large_text_file_is_refused_in_the_words_for_a_small_one(
    fault: Callable[[list[str]], list[str]], tmp_path: Path, opened: Callable[[Any], LoadedUsers]
) -> None:
    """DuckDB stops at what it can't read; the reader of small files names it, as long as it can take the file."""
    path = tmp_path / "2026-10.csv"
    path.write_text("\n".join(fault(OCTOBER.read_text(encoding="utf-8").splitlines())) + "\n", encoding="utf-8")

    with pytest.raises(InputError) as small:
        read_users(path)
    with pytest.raises(InputError) as large:
        opened(path)

    assert str(large.value) == str(small.value)


TABLES = [case for case in CORPUS if not case.name.startswith("Excel")]


@pytest.mark.parametrize("case", TABLES, ids=lambda case: case.name)
def test_duckdb_reads_the_corpus_as_pandas_does(tmp_path: Path, case: Case) -> None:
    """Each file of the corpus, as if it were too large for memory: the same values, or refused as well."""
    path = case.make(tmp_path)
    try:
        with faults.translate_errors():
            users = load_users(path, "2026-10", Settings(scale={"exact_users": 1}), tmp_path / "scratch")
    except (InputError, MachineError):
        assert isinstance(case.gets, list)
        return
    assert not isinstance(case.gets, list)
    found = users.frame if users.engine == "pandas" else users.frame.df()
    for name in case.gets:
        if name in NUMBERS:  # what is larger than cleaning allows is no less so here
            values = found[name].to_numpy(float, na_value=np.nan)
            values = np.where(np.abs(values) > MAX_NUMBER, np.copysign(np.inf, values), values)
            np.testing.assert_array_equal(values, case.gets[name].to_numpy())
        else:
            assert found[name].isna().tolist() == case.gets[name].isna().tolist()
            assert found[name].dropna().tolist() == case.gets[name].dropna().tolist()


@pytest.mark.parametrize("head", [1_150, 1_200, 1_250, 1_300, 1_350])
def test_a_head_ends_where_a_row_does(
    tmp_path: Path, opened: Callable[[Any], LoadedUsers], monkeypatch: pytest.MonkeyPatch, head: int
) -> None:
    """A value of three lines is no quote that stays open, though the first megabyte may end within it."""
    from report.sources import large_csv as text

    monkeypatch.setattr(text, "_MAX_IN_MEMORY_BYTES", 0)
    monkeypatch.setattr(text, "HEAD_BYTES", head)
    header, *rows = OCTOBER.read_text(encoding="utf-8").splitlines()
    bio = '"one who\nlikes ""this""\nand that"'
    path = tmp_path / "2026-10.csv"
    path.write_text("\n".join([f"{header},bio", *(f"{row},{bio}" for row in rows)]) + "\n", encoding="utf-8")

    assert opened(path).rows == 4_914


def test_a_file_too_large_for_memory_is_refused_by_row(
    tmp_path: Path, opened: Callable[[Any], LoadedUsers], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing but DuckDB reads it then, so its own finding has to do."""
    from report.sources import large_csv as text

    monkeypatch.setattr(text, "_MAX_IN_MEMORY_BYTES", 1_000)
    lines = OCTOBER.read_text(encoding="utf-8").splitlines()
    path = tmp_path / "2026-10.csv"
    monkeypatch.setattr(text, "HEAD_BYTES", 10_000)
    row = lines[3_000].split(",")
    lines[3_000] = ",".join([row[0], "thirty", *row[2:]])
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")

    with pytest.raises(InputError) as error:
        opened(path)
    assert str(error.value).startswith(
        "2026-10.csv: column 'age' has 1 text where numbers are expected (first on row 3001)."
    )
    path.write_text("\n".join([*lines[:3_000], "u1,2", *lines[3_001:]]) + "\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"2026-10.csv can't be read as text \(.*3001"):
        opened(path)


def test_a_name_that_looks_like_a_pattern_is_one_file(
    october: pd.DataFrame, opened: Callable[[Any], LoadedUsers], tmp_path: Path
) -> None:
    """DuckDB reads a[1] as a1, and m* as all that begin so: another file's users would be reported."""
    for folder, name in (("a[1]", "m*"), ("a1", "mine")):
        (tmp_path / folder).mkdir()
        some = october.head(1_500 if folder == "a[1]" else 1_100)
        some.to_parquet(tmp_path / folder / f"{name}.parquet", index=False)
        some.to_csv(tmp_path / folder / f"{name}.csv", index=False)
    october.head(1_200).to_parquet(tmp_path / "a[1]" / "more.parquet", index=False)

    for kind in ("parquet", "csv"):
        users = opened(tmp_path / "a[1]" / f"m*.{kind}")
        assert len(nw.from_native(users.frame).select("age").collect("pyarrow")) == 1_500


def test_what_cannot_be_printed_is_a_blank_and_headers_are_trimmed(
    october: pd.DataFrame, opened: Callable[[Any], LoadedUsers], tmp_path: Path
) -> None:
    """No picture can hold a control character: drawing one ends the process. A header is known without its blanks."""
    some = october.head(1_500).copy()
    some.loc[[0, 1], "top_genre"] = ["Po\x01p\x1b", "Hip\u2028Hop"]
    some.rename(columns={"age": " age "}).to_parquet(tmp_path / "2026-10.parquet", index=False)

    users = opened(tmp_path / "2026-10.parquet")
    found = set(nw.from_native(users.frame).select("top_genre").collect("pyarrow")["top_genre"].to_list()) - {None}
    assert found == set(october.head(1_500)["top_genre"].dropna()) | {"Po p", "Hip Hop"}


def test_text_among_numbers_in_parquet_is_named(
    october: pd.DataFrame, tmp_path: Path, opened: Callable[[Any], LoadedUsers]
) -> None:
    """A column of text that holds numbers is read as these; what is none is counted."""
    path = tmp_path / "2026-10.parquet"
    texts = october.assign(age=october["age"].map("{:g}".format).replace("nan", "n/a"))
    texts.to_parquet(path)
    ages = nw.from_native(opened(path).frame).select(nw.col("age").sum(), n=nw.col("age").count()).collect("pandas")
    assert ages.rows() == [(october["age"].sum(), october["age"].count())]

    texts.loc[[5, 9], "age"] = "thirty"
    texts.to_parquet(path)
    with pytest.raises(InputError) as error:
        opened(path)
    assert str(error.value).startswith(
        "2026-10.parquet: column 'age' has 2 texts where numbers are expected (first on row 7)."
    )


def test_excel_s_errors_and_strange_types_are_named(
    october: pd.DataFrame, tmp_path: Path, opened: Callable[[Any], LoadedUsers]
) -> None:
    path = tmp_path / "2026-10.parquet"
    frame = october.copy()
    frame.loc[[5, 6, 7], "top_genre"] = " #REF!"
    frame.to_parquet(path)
    with pytest.raises(InputError, match=r"column 'top_genre' has 3 of Excel's error values \(first on row 7\)"):
        opened(path)

    october.assign(age=pd.Timestamp("2026-10-01")).to_parquet(path)
    with pytest.raises(InputError, match=r"column 'age' holds Datetime.*, expected age as numbers \(years\)"):
        opened(path)


def test_files_of_a_folder_have_the_same_columns(
    october: pd.DataFrame, tmp_path: Path, opened: Callable[[Any], LoadedUsers]
) -> None:
    """In another order they are the same; one that is missing would make every row of that file one without a value."""
    folder = in_three(october, tmp_path / "2026-10")
    turned = october.iloc[:500][list(october)[::-1]].assign(more=1)
    turned.to_parquet(folder / "d.parquet", index=False)
    assert opened(folder).rows == 4_914 + 500

    october.drop(columns="gender").to_parquet(folder / "d.parquet", index=False)
    with pytest.raises(InputError, match=r"d.parquet: lacks column 'gender', which a.parquet has"):
        opened(folder)
    october.assign(gender=None).rename(columns={"gender": "Gender"}).to_parquet(folder / "d.parquet", index=False)
    assert opened(folder).rows == 2 * 4_914
    october.rename(columns={"annual_income": "Annual Income"}).to_parquet(folder / "d.parquet", index=False)
    with pytest.raises(InputError, match=r"d.parquet: column 'Annual Income' is 'annual_income' in a.parquet"):
        opened(folder)
    october.to_parquet(folder / "d.parquet", index=False)
    for name in ("a", "b", "late/c"):
        pd.read_parquet(folder / f"{name}.parquet").drop(columns="user_id").to_parquet(
            folder / f"{name}.parquet", index=False
        )
    with pytest.raises(InputError, match=r"a.parquet: lacks column 'user_id', which d.parquet has"):
        opened(folder)
    (folder / "d.parquet").write_bytes(b"PAR1 cut short")
    with pytest.raises(InputError, match=r"d.parquet can't be read as .parquet"):
        opened(folder)


def test_a_folder_of_text_files_may_be_written_in_several_ways(
    tmp_path: Path, opened: Callable[[Any], LoadedUsers]
) -> None:
    """Each says for itself how it is written."""
    lines = OCTOBER.read_text(encoding="utf-8").splitlines()
    folder = tmp_path / "2026-10"
    folder.mkdir()
    (folder / "a.csv").write_text("\n".join(lines[:2_000]) + "\n", encoding="utf-8")
    rest = [lines[0], *lines[2_000:]]
    (folder / "b.csv").write_bytes(("\n".join(rest).replace(",", ";") + "\n").encode("utf-16"))

    users = opened(folder)

    assert (users.engine, users.rows) == ("duckdb", 4_914)
    total = nw.from_native(users.frame).select(nw.col("annual_income").sum()).collect("pandas").item()
    assert total == read_users(OCTOBER)["annual_income"].sum()


# --- databases


@pytest.fixture
def database(october: pd.DataFrame, tmp_path: Path) -> Path:
    """Lay October into a database of DuckDB's, with decimals as databases like them."""
    path = tmp_path / "music.db"
    with duckdb.connect(str(path)) as connection:
        connection.register("october", october)
        connection.execute(
            "CREATE TABLE users AS SELECT * REPLACE (annual_income::DECIMAL(12, 2) AS annual_income), '2026-10' AS month"
            " FROM october"
        )
    return path


def asking(query: str, exact_users: int = MANY) -> Settings:
    return Settings(scale={"query": query, "exact_users": exact_users})


def test_a_database_is_asked_by_the_query_in_settings(database: Path, october: pd.DataFrame, tmp_path: Path) -> None:
    """It is only read, and asked once; the month stands where the query has it."""
    place = parse_location(f"duckdb:///{database}")
    before = database.read_bytes()

    users = load_users(place, "2026-10", asking("SELECT * FROM users WHERE month = '{month}';"), tmp_path / "s")
    few = load_users(place, "2026-10", asking("SELECT * FROM users LIMIT 90", 100), tmp_path / "few")

    assert (users.engine, users.rows) == ("duckdb", 4_914)
    assert nw.from_native(users.frame).select(nw.col("annual_income").sum()).collect("pandas").item() == (
        october["annual_income"].sum()
    )
    assert (few.engine, few.rows) == ("pandas", 90)
    assert {str(few.frame[name].dtype) for name in NUMBERS} == {"float64"}
    assert str(few.frame["gender"].dtype) == "str"
    assert database.read_bytes() == before


@pytest.mark.parametrize(
    ("query", "month", "said"),
    [
        ("", "2026-10", "music.db: what is it asked for? Write the query"),
        ("SELECT * FROM listeners", "2026-10", "music.db: the query was refused (Catalog Error: "),
        ("SELECT * FROM users WHERE month = '{month}'", "2025-01", "music.db has columns and no user rows."),
        ("DELETE FROM users", "2026-10", "music.db: the query was refused ("),
    ],
)
def test_a_query_that_gives_no_users_is_named(
    query: str, month: str, said: str, database: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError) as error:
        load_users(parse_location(f"duckdb:///{database}"), month, asking(query), tmp_path / "scratch")
    assert str(error.value).startswith(said)


def test_a_database_that_is_not_there_is_named(tmp_path: Path) -> None:
    """DuckDB itself would make an empty one."""
    place = parse_location(f"duckdb:///{tmp_path}/none.db")

    with pytest.raises(InputError, match=r"no such file\. Name the database's file"):
        load_users(place, "2026-10", asking("SELECT 1"), tmp_path / "scratch")
    assert not (tmp_path / "none.db").exists()


def test_postgresql_that_nobody_answers_for_is_named_without_the_password(tmp_path: Path) -> None:
    pytest.importorskip("adbc_driver_postgresql", reason="PostgreSQL's driver is an extra: make setup-postgres")
    place = parse_location("postgresql://ann:secret@127.0.0.1:1/music")

    with pytest.raises(InputError) as error:
        load_users(place, "2026-10", asking("SELECT 1"), tmp_path / "scratch")
    assert str(error.value).startswith("postgresql: music: can't be asked (")
    assert "secret" not in str(error.value)


# --- the whole analysis


@pytest.mark.usefixtures("few")
def test_the_whole_analysis_of_a_folder_is_that_of_the_same_users_in_memory(
    october: pd.DataFrame, tmp_path: Path, settings: Settings
) -> None:
    """By DuckDB as by pandas, whatever the order of the rows; and every user's segment is written for its owner alone."""
    folder, output = tmp_path / "2026-10", tmp_path / "out" / "2026-10"
    in_three(october.sample(frac=1, random_state=1), folder)
    output.mkdir(parents=True)
    told: list[str] = []

    found = analyse_and_store_month(folder, "2026-10", settings, tmp_path / "out", output, told.append)
    expected = analyse(
        october, settings.build_options(), month="2026-10", source=found.source, brand=settings.build_brand()
    )

    assert found.basis.points == expected.facts.basis.points == "cells"
    same(found, expected.facts)
    assert [path.name for path in output.iterdir()] == ["segments.parquet"]
    assert stat.S_IMODE((output / "segments.parquet").stat().st_mode) == 0o600
    users = pd.read_parquet(output / "segments.parquet")
    assert len(users) == found.audit.kept
    assert users["segment"].value_counts().to_dict() == {s.id: s.users for s in found.segments}
    assert told[0] == "Reading the users"
    assert told[-1] == "Writing each user's segment"


@pytest.mark.usefixtures("few")
def test_a_large_month_follows_its_users_from_a_small_one(
    october: pd.DataFrame, tmp_path: Path, settings: Settings
) -> None:
    """Last month's file is opened by the engine that has this month's; ids of either kind find each other."""
    output = tmp_path / "out"
    numbered = october.assign(user_id=range(len(october)))
    small = settings.model_copy(update={"scale": settings.scale.model_copy(update={"exact_users": 10_000})})
    numbered.assign(user_id=numbered["user_id"].astype(str)).to_csv(tmp_path / "2026-09.csv", index=False)
    numbered.iloc[500:].to_parquet(tmp_path / "2026-10.parquet", index=False)
    september = analyse_month(tmp_path / "2026-09.csv", "2026-09", small, output, scratch=tmp_path / "s")
    folder = output / "2026-09"
    folder.mkdir(parents=True)
    (folder / "facts.json").write_text(paths.dump_facts_json(september.facts))
    write_assignments(september, folder)

    found = analyse_month(tmp_path / "2026-10.parquet", "2026-10", settings, output, scratch=tmp_path / "s").facts

    assert september.facts.basis.points == "users"
    assert found.basis.points == "cells"
    assert found.change is not None
    assert found.change.flow is not None
    assert found.change.flow.both == found.audit.kept
    assert [segment.name for segment in found.segments] == [s.name for s in september.facts.segments]
    assert facts_to_dict(facts_from_dict(facts_to_dict(found))) == facts_to_dict(found)


# --- what it takes


def test_a_small_month_waits_for_no_engine(tmp_path: Path) -> None:
    """Neither DuckDB nor Spark is imported for it."""
    code = (
        "import sys; from pathlib import Path; from report.history import analyse_and_store_month; from report.settings import Settings;"
        "f = Path(sys.argv[2]) / 'x'; f.mkdir();"
        "analyse_and_store_month(Path(sys.argv[1]), '2026-10', Settings(segments={'n_init': 2, 'k_range': [1, 4]}), f.parent, f, print);"
        "sys.exit(bool({'duckdb', 'pyspark', 'adbc_driver_manager'} & set(sys.modules)))"
    )
    lines = OCTOBER.read_text(encoding="utf-8").splitlines(keepends=True)
    (tmp_path / "2026-10.csv").write_text("".join(lines[:601]), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "2026-10.csv"), str(tmp_path)], cwd=paths.ROOT, check=False
    )
    assert done.returncode == 0


def test_progress_tells_rows_read_and_what_remains() -> None:
    """Half of a thousand rows; before the first stage and between passes there is nothing to tell."""
    told: list[str] = []
    passes = iter([50.0, 50.0, -1.0, 100.0])

    with poll_progress(told.append, 1_000, lambda: next(passes, -1.0)) as begin:
        begin("Cleaning")
        deadline = time.monotonic() + 20
        while len(told) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)

    assert told[0] == "Cleaning"
    assert told[1] == "Cleaning: 500 rows read, 500 remain"


def test_what_an_engine_cannot_do_is_a_sentence() -> None:
    """Memory and room are the machine's; any other error is ours, and goes on as it is."""
    sentence = r"^DuckDB could not go on: .*raise memory_limit under \[scale\]"
    with pytest.raises(MachineError, match=sentence), faults.translate_errors():
        duckdb.connect(config={"memory_limit": "1MB"}).execute("SELECT list(i) FROM range(10000000) t(i)")
    with pytest.raises(KeyError), faults.translate_errors():
        raise KeyError


def test_ctrl_c_stops_a_large_month_and_leaves_the_last_good_one(tmp_path: Path, october: pd.DataFrame) -> None:
    """While DuckDB is at work: exit code 130, nothing half made, no process left."""
    output, good = tmp_path / "out", tmp_path / "out" / "2026-10"
    good.mkdir(parents=True)
    (good / "report.html").write_text("the last good one")
    table = pa.Table.from_pandas(october, preserve_index=False)
    path = tmp_path / "2026-10.parquet"
    with pq.ParquetWriter(path, table.schema) as file:
        for _ in range(100):
            file.write_table(table)
    # tests that a shell runs in the background are deaf to Ctrl-C, and so would be what they start
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        run = subprocess.Popen(
            [sys.executable, "-m", "report", "report", "--data", str(path), "--output", str(output)],
            cwd=paths.ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
    finally:
        signal.signal(signal.SIGINT, before)
    deadline = time.monotonic() + 120
    while not list(output.glob(".2026-10-*/scratch")) and time.monotonic() < deadline:
        assert run.poll() is None
        time.sleep(0.05)
    os.killpg(run.pid, signal.SIGINT)
    _, said = run.communicate(timeout=60)

    assert run.returncode == 130
    assert said.splitlines()[-1] == "Stopped; the last good report is as it was."
    assert "Traceback" not in said
    assert [path.name for path in output.iterdir() if path.is_dir()] == ["2026-10"]
    assert (good / "report.html").read_text() == "the last good one"
    assert not _left_of(run.pid)


def _left_of(group: int) -> list[psutil.Process]:
    """List the processes of a group that are still alive; those that have ended may wait to be counted."""
    there = [process for process in psutil.process_iter(["status"]) if process.info["status"] != psutil.STATUS_ZOMBIE]
    ours = [process for process in there if _group_of(process.pid) == group]
    return psutil.wait_procs(ours, timeout=20)[1]


def _group_of(process: int) -> int:
    try:
        return os.getpgid(process)
    except ProcessLookupError:
        return 0


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([1.0, 2.5, np.nan, 3.0], ["1", "2.5", None, "3"]),
        ([1.0, np.inf, 2.0, 1e19], ["1", "inf", "2", "1e+19"]),
        ([1.2e10, 2.5, -0.0, 3.0], ["12000000000", "2.5", "0", "3"]),
        ([1.0, 2.0, np.nan, 3.0], ["1", "2", None, "3"]),
    ],
)
def test_a_category_of_numbers_is_called_as_in_a_small_file(
    october: pd.DataFrame, tmp_path: Path, settings: Settings, given: list[float], expected: list[str | None]
) -> None:
    """2.5 is no 2, and NaN is nobody's answer; a whole number beside a gap is 7, not 7.0."""
    frame = october.assign(top_genre=np.resize(given, len(october)), user_id=np.arange(len(october)) + 0.5)
    frame.to_parquet(tmp_path / "2026-10.parquet", index=False)
    small = read_users(tmp_path / "2026-10.parquet")
    large = load_users(tmp_path / "2026-10.parquet", "2026-10", settings, tmp_path / "scratch")

    got = large.frame.df().sort_values("user_id", key=lambda ids: ids.astype(float), ignore_index=True)
    assert large.engine == "duckdb"
    for column in ("top_genre", "user_id"):
        assert (
            got[column].astype(object).where(got[column].notna(), None).tolist()
            == small[column].astype(object).where(small[column].notna(), None).tolist()
        )
    assert small["top_genre"].astype(object).where(small["top_genre"].notna(), None).tolist()[:4] == expected


@pytest.mark.parametrize(
    "part",
    [
        b"",
        b"\xef\xbb\xbf",
        b"\n \r\n",
        b"\x1a",
        f"{HEADER}\n".encode(),
        f"{HEADER}\n".encode("utf-16"),
        f"{HEADER}\n(0 rows)\n".encode(),
        f"sep=,\r\n{HEADER}\r\n".encode(),
    ],
)
def test_a_part_without_a_row_adds_none(tmp_path: Path, part: bytes) -> None:
    """A cluster and a database write one for what is empty; alone it is refused."""
    (tmp_path / "month").mkdir()
    (tmp_path / "month" / "part-1.csv").write_bytes(part)
    with pytest.raises(InputError, match=r"no user rows|no file in it has a user|are empty"):
        load_users(tmp_path / "month", "2026-10", Settings(), tmp_path / "alone")

    (tmp_path / "month" / "part-0.csv").write_text(text({}, {}))
    assert load_users(tmp_path / "month", "2026-10", Settings(), tmp_path / "scratch").rows == 2
