"""Spark, on a cluster of this one machine: the same month as by DuckDB and as by pandas."""

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from report.errors import InputError, MachineError
from report.history import analyse_and_store_month
from report.readers.files import read_month_file
from report.settings import Settings
from report.sources import faults, spark
from report.sources.loader import load_users
from report.storage.location import DatabaseSource
from segmentation.facts import Facts
from segmentation.pipeline import analyse
from tests.support.facts.differences import differences, told
from tests.support.music import LIMITS, MUSIC, choose_columns, read_users
from tests.support.sources.october import OCTOBER, bad, counted, in_three, same, spelt

SETTINGS = Settings(scale={"exact_users": 1_000}, segments={"n_init": 2, "k_range": [1, 6]}).with_columns(
    choose_columns(valid=LIMITS)
)
# a cluster that lives for seconds: what Java would do for one that lives for days costs more than the month
BRIEF = "--driver-java-options '-XX:TieredStopAtLevel=1 -XX:+UseSerialGC' pyspark-shell"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give October as three files, with what goes wrong in an export."""
    return in_three(bad(read_users(OCTOBER)), tmp_path_factory.mktemp("spark") / "2026-10")


@pytest.fixture(scope="module")
def made(folder: Path) -> Iterator[tuple[Facts, Path]]:
    """Give the month as Spark makes it: its facts, and where its users are written."""
    if not (shutil.which("java") or os.environ.get("JAVA_HOME")):
        pytest.skip("Spark needs Java, and there is none")
    sql = pytest.importorskip("pyspark.sql", reason="Spark is an extra: make setup-spark")
    output = _made(folder.parent / "out" / "2026-10")
    with pytest.MonkeyPatch.context() as changed:
        changed.setenv("PYSPARK_SUBMIT_ARGS", BRIEF)
        plan = Settings.build_options  # what is drawn is drawn in memory, whoever counted the cells
        changed.setattr(Settings, "build_options", lambda dials: replace(plan(dials), draws=4, bootstraps=8))
        place = DatabaseSource("spark", "local[2]", str(folder))
        yield _segments(place, output), output
        sql.SparkSession.getActiveSession().stop()


def _segments(place: Any, output: Path) -> Facts:
    return analyse_and_store_month(place, "2026-10", SETTINGS, output.parent, output, lambda _: None)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def test_spark_makes_the_same_month_as_duckdb(made: tuple[Facts, Path], folder: Path, tmp_path: Path) -> None:
    """Gaps, infinities, a user three times and a genre nobody knew included."""
    assert made[0].basis.points == "cells"
    same(made[0], _segments(folder, _made(tmp_path / "out" / "2026-10")))


def test_spark_gives_the_same_facts_as_pandas(made: tuple[Facts, Path], folder: Path, tmp_path: Path) -> None:
    """With every digit, from the users in another order in one file."""
    pd.read_parquet(folder).sample(frac=1, random_state=1).to_parquet(tmp_path / "one.parquet", index=False)
    one = read_month_file(tmp_path / "one.parquet", MUSIC)
    found = analyse(
        one.users,
        SETTINGS.build_options(),
        month="2026-10",
        source=made[0].source,
        brand=SETTINGS.build_brand(),
        merged_spellings=one.joined,
    )

    assert differences(told(made[0]), told(found.facts)) == []


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("INSERT INTO users SELECT 1", "PARSE_SYNTAX_ERROR"),
        ("WITH one AS (SELECT 1) INSERT INTO users SELECT * FROM one", "PARSE_SYNTAX_ERROR"),
        ("CREATE TABLE more AS SELECT 1", "PARSE_SYNTAX_ERROR"),
        ("SELECT 1; DROP TABLE users", "PARSE_SYNTAX_ERROR"),
        ("SELECT * FROM users WHERE password = 'hunter2'", "TABLE_OR_VIEW_NOT_FOUND"),
        ("SELECT * FROM parquet.`{folder}`", "TABLE_OR_VIEW_NOT_FOUND|UNSUPPORTED_DATASOURCE_FOR_DIRECT_QUERY"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("made")
def test_a_query_to_spark_only_reads_tables(folder: Path, query: str, why: str) -> None:
    """In brackets nothing but a query fits; what Spark says of it, which quotes it, is told by its kind."""
    with pytest.raises(InputError, match=why) as error:
        spark.scan_spark_source(DatabaseSource("spark", "local[2]"), query.format(folder=folder), "2026-10")
    assert "hunter2" not in str(error.value)


def test_what_spark_says_of_a_cell_is_not_repeated(made: tuple[Facts, Path]) -> None:  # noqa: ARG001 - it starts Spark
    """It quotes the text that is no number."""
    query = "SELECT CAST(x AS INT) FROM VALUES ('Ann Smith') v(x)"
    frame, _ = spark.scan_spark_source(DatabaseSource("spark", "local[2]"), query, "2026-10")
    with (
        pytest.raises(MachineError, match=r"^Spark could not go on: CAST_INVALID_INPUT") as error,
        faults.translate_errors(),
    ):
        frame.collect("pyarrow")
    assert "Ann" not in str(error.value)


def test_spark_writes_every_user_for_the_owner_alone(made: tuple[Facts, Path]) -> None:
    """As a folder, the way Spark writes."""
    facts, output = made
    users = pd.read_parquet(output / "segments.parquet")

    assert users["segment"].value_counts().to_dict() == {s.id: s.users for s in facts.segments}
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (output / "segments.parquet").rglob("*.parquet")}
    assert modes == {0o600}


def test_spark_agrees_on_every_invisible_letter(made: tuple[Facts, Path], tmp_path: Path) -> None:
    """One word is one category, as in pandas and DuckDB; and a folder of months gives the month's part."""
    assert made
    frame, joined = spelt(read_users(OCTOBER))
    folder = tmp_path / "exports" / "month=2026-10"
    folder.mkdir(parents=True)
    frame.to_parquet(folder / "a.parquet", index=False)
    (tmp_path / "exports" / "month=2026-09").mkdir()
    frame.head(100).to_parquet(tmp_path / "exports" / "month=2026-09" / "a.parquet", index=False)
    for place in (str(tmp_path / "exports"), f"file://{tmp_path}/exports"):
        users = load_users(DatabaseSource("spark", "local[2]", place), "2026-10", SETTINGS, tmp_path / "scratch")

        assert (users.engine, users.rows) == ("spark", 4_914)
        assert counted(users.frame) == counted(read_users(folder / "a.parquet"))
        assert dict(users.joined) == joined


def test_spark_refuses_ids_that_lost_digits(made: tuple[Facts, Path], tmp_path: Path) -> None:
    """Text that Spark reads: the same sentence, without a row, for Spark's rows have no order."""
    assert made
    frame = read_users(OCTOBER).head(1_500)
    frame["user_id"] = frame["user_id"].where(frame.index != 7, "1.12913E+11")
    frame.to_csv(tmp_path / "2026-10.csv", index=False)

    with pytest.raises(InputError, match=r"^2026-10\.csv: column 'user_id' has 1 id in scientific notation"):
        load_users(
            DatabaseSource("spark", "local[2]", str(tmp_path / "2026-10.csv")), "2026-10", SETTINGS, tmp_path / "s"
        )


@pytest.mark.parametrize("named", ["", "one", "one, two"])
def test_spark_keeps_its_blocks_in_folders_of_their_owner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    """They hold users' rows, and Spark lets others read them; in the places that a person names, if any."""
    places = [tmp_path / name.strip() for name in named.split(",") if name] or [tmp_path]
    for place in places:
        place.mkdir(exist_ok=True)
    monkeypatch.setenv("SPARK_LOCAL_DIRS", ",".join(map(str, places)) if named else "")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    made = [Path(one) for one in spark._make_local_dirs().split(",")]

    assert [one.parent for one in made] == places
    assert all(one.stat().st_mode & 0o077 == 0 for one in made)
    assert os.environ["SPARK_LOCAL_DIRS"] == ",".join(map(str, made))
