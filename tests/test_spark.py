"""Spark, on a cluster of this one machine: the same month as by DuckDB and as by pandas."""

import os
import shutil
import stat
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from test_engines import differences, told
from test_sources import OCTOBER, bad, in_three, same

from report.archive import find_segments
from report.inputs import read_users
from report.settings import Settings
from report.sources.places import Elsewhere
from segmentation.analysis import analyse
from segmentation.facts import Facts

SETTINGS = Settings(
    scale={"exact_users": 1_000},
    segments={"starts": 2, "k_range": [1, 6]},
    valid={"age": [16, 120], "annual_income": [0, float("inf")], "usage_per_month": [0, 3000]},
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
        plan = Settings.plan  # what is drawn is drawn in memory, whoever counted the cells
        changed.setattr(Settings, "plan", lambda dials: replace(plan(dials), draws=4, bootstraps=8))
        place = Elsewhere("spark", "local[2]", str(folder))
        yield _segments(place, output), output
        sql.SparkSession.getActiveSession().stop()


def _segments(place: Any, output: Path) -> Facts:
    return find_segments(place, "2026-10", SETTINGS, output.parent, output, lambda _: None)


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
    found = analyse(
        read_users(tmp_path / "one.parquet"),
        SETTINGS.plan(),
        month="2026-10",
        source=made[0].source,
        brand=SETTINGS.signature(),
    )

    assert differences(told(made[0]), told(found.facts)) == []


def test_spark_writes_every_user_for_the_owner_alone(made: tuple[Facts, Path]) -> None:
    """As a folder, the way Spark writes."""
    facts, output = made
    users = pd.read_parquet(output / "segments.parquet")

    assert users["segment"].value_counts().to_dict() == {s.id: s.users for s in facts.segments}
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (output / "segments.parquet").rglob("*.parquet")}
    assert modes == {0o600}
