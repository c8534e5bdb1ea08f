"""The same facts from pandas and DuckDB, and the same segments whether users are points or stand in cells."""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import duckdb
import narwhals as nw
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.metrics import adjusted_rand_score

from data.generate import SAMPLE_MONTHS, make_sample_month
from segmentation.clustering.refine import CONVERGED_SHIFT, scan_users
from segmentation.errors import SegmentationError
from segmentation.facts import Facts, facts_from_dict, facts_to_dict
from segmentation.frames import Users
from segmentation.pipeline import Analysis
from segmentation.tracking.compare import PreviousMonth
from tests.support import ROOT
from tests.support.facts.differences import differences, told
from tests.support.music import NUMBERS, clean_users

Run = Callable[..., Analysis]
Engine = Callable[[pd.DataFrame], Any]
DATA = ROOT / "data"
FEW = {"k_range": (1, 6), "draws": 2, "bootstraps": 4}
CELLS = FEW | {"exact_users": 1_000}


@cache
def month(number: int) -> pd.DataFrame:
    return pd.read_csv(DATA / f"{SAMPLE_MONTHS[number]}.csv")


@pytest.fixture(scope="module")
def duck() -> Iterator[Engine]:
    """Give a frame as a relation of DuckDB, its rows in another order."""
    with duckdb.connect() as connection:
        connection.execute("SET threads = 2")

        def relation(frame: pd.DataFrame) -> Any:
            name = f"month_{len(connection.execute('SHOW TABLES').fetchall())}"
            connection.register("given", pa.Table.from_pandas(frame, preserve_index=False))
            connection.execute(f"CREATE TABLE {name} AS FROM given")
            connection.unregister("given")
            return connection.table(name)

        yield relation


def awkward() -> pd.DataFrame:
    """Give a month with gaps, infinities, impossible values, a new category, and users who are there twice."""
    rows = month(2).copy()
    rows[list(NUMBERS)] = rows[list(NUMBERS)].astype(float)
    rows.loc[[5, 15], "age"] = [np.inf, -np.inf]
    rows.loc[[25, 35], "usage_per_month"] = [np.nan, -3]
    rows.loc[[45, 55], "top_genre"] = None
    rows.loc[rows.index % 97 == 0, "top_genre"] = "Amapiano"
    again = rows.iloc[100:140].assign(age=lambda some: some["age"] + 1)
    return pd.concat([rows, again, rows.iloc[200:210]], ignore_index=True)


@pytest.fixture(scope="module")
def in_cells(run: Run) -> Analysis:
    """Analyse October in cells, by pandas."""
    return run(month(2), **CELLS)


def test_duckdb_gives_the_same_facts_in_cells(run: Run, in_cells: Analysis, duck: Engine) -> None:
    """Sums may differ in their last bits; nobody lies in another cell, sample or segment for that."""
    shuffled = month(2).sample(frac=1, random_state=1)

    assert in_cells.facts.basis.points == "cells"
    assert differences(told(in_cells.facts), told(run(duck(shuffled), **CELLS).facts)) == []


def test_duckdb_gives_the_same_facts_for_every_user(run: Run, duck: Engine) -> None:
    """Up to the threshold an engine's users are taken into memory, each a point."""
    assert differences(told(run(month(2), **FEW).facts), told(run(duck(month(2)), **FEW).facts)) == []


def test_an_awkward_month_has_the_same_books_in_every_engine(run: Run, duck: Engine) -> None:
    """Gaps, infinities, impossible values, a new category, repeated users: the same audit, the same facts."""
    rows = awkward()
    pandas, relation = (run(data, **CELLS).facts for data in (rows, duck(rows.sample(frac=1, random_state=2))))
    arrow = run(pa.Table.from_pandas(rows, preserve_index=False), **CELLS).facts
    rules = {(drop.rule, drop.column): drop.rows for drop in pandas.audit.dropped}

    assert rules["out_of_range", "age"] >= 2
    assert rules["missing", "usage_per_month"] == month(2)["usage_per_month"].isna().sum() + 1
    assert 40 <= rules["repeated", "user_id"] <= 50
    assert "Amapiano" in pandas.shares["top_genre"]
    assert differences(told(pandas), told(relation)) == []
    assert differences(told(pandas), told(arrow)) == []
    exact = run(rows, **FEW).facts.audit
    assert (exact.read, exact.kept, exact.dropped) == (relation.audit.read, relation.audit.kept, relation.audit.dropped)


def test_a_month_after_another_is_the_same_in_every_engine(run: Run, duck: Engine) -> None:
    """Who moved is joined, and what drifted counted, by the engine that has both months."""

    def both(engine: Engine) -> tuple[Facts, Facts]:
        first = run(engine(month(1)), month=SAMPLE_MONTHS[1], **CELLS)
        users = first.users
        if not isinstance(users.to_native(), pd.DataFrame):
            users = users.collect(backend="pandas") if isinstance(users, nw.LazyFrame) else users
            users = nw.from_native(engine(users.to_native()))
        last = PreviousMonth(facts_from_dict(facts_to_dict(first.facts)), users)
        return first.facts, run(engine(month(2)), last=last, **CELLS).facts

    pandas, relation = both(lambda frame: frame), both(duck)
    small = run(
        month(2), last=PreviousMonth(facts_from_dict(facts_to_dict(pandas[0])), run(month(1), **FEW).users), **FEW
    ).facts

    for one, other in zip(pandas, relation, strict=True):
        assert differences(told(one), told(other)) == []
    change, exact = relation[1].change, small.change
    assert change is not None
    assert exact is not None
    assert change.flow is not None
    assert exact.flow is not None
    assert change.flow.both == exact.flow.both
    assert (
        differences(
            {name: vars_of(drift) for name, drift in change.drift.items()},
            {name: vars_of(drift) for name, drift in exact.drift.items()},
        )
        == []
    )


def vars_of(drift: Any) -> dict[str, Any]:
    return {"psi": drift.psi, "critical": drift.critical, "followed": vars_of_followed(drift.followed)}


def vars_of_followed(change: Any) -> dict[str, Any]:
    return {"size": change.size, "value": change.value, "beyond_chance": change.beyond_chance}


def test_cells_find_the_planted_groups(run: Run, in_cells: Analysis) -> None:
    """Nearly every user in the right group, and the segments of the same size as when each user is a point."""
    made = make_sample_month(SAMPLE_MONTHS[2])
    planted = dict(zip(made.users["user_id"], made.groups, strict=True))
    users = in_cells.users.lazy().collect()
    exact = run(month(2), **FEW).facts

    found = [planted[id_] for id_ in users["user_id"].to_list()]
    assert in_cells.facts.elbow.chosen == 4
    assert adjusted_rand_score(found, users["segment"].to_list()) >= 0.9
    for one, other in zip(in_cells.facts.segments, exact.segments, strict=True):
        assert one.users == pytest.approx(other.users, rel=0.002)
        assert one.name == other.name
        assert one.means == pytest.approx(other.means, rel=0.002)
        assert one.medians == pytest.approx(other.medians, rel=0.01)


def test_a_further_step_moves_nothing(in_cells: Analysis) -> None:
    """The centres in the facts are the means of the users nearest to them: K-means on users, and not on cells."""
    facts = in_cells.facts
    centres = np.array([[segment.centre[name] for name in facts.features] for segment in facts.segments])

    found = scan_users(in_cells.users.lazy(), facts.scale, centres)

    assert np.abs(found.sums / found.sizes[:, None] - centres).max() <= CONVERGED_SHIFT
    assert found.inertia == pytest.approx(facts.elbow.inertia[facts.elbow.k.index(4)], rel=1e-6)
    assert found.sizes.tolist() == [segment.users for segment in facts.segments]


def test_the_facts_say_what_they_rest_on(run: Run, in_cells: Analysis) -> None:
    """Cells, their side, the sample, and how far inertia of cells and users lay apart; every user needs none of it."""
    basis = in_cells.facts.basis

    assert basis.step == 0.2
    assert basis.cells is not None
    assert basis.bound is not None
    assert basis.steps is not None
    assert 1_000 < basis.cells < in_cells.facts.audit.kept
    assert 0 <= basis.bound <= 0.001
    assert 1 <= basis.steps <= 10
    every = run(month(2), **FEW).facts.basis
    assert (every.points, every.cells, every.bound) == ("users", None, None)


def test_a_grid_too_coarse_is_made_finer(run: Run) -> None:
    """Cells of a whole SD hold users of several segments: they are cut until inertia agrees to a thousandth."""
    basis = run(month(2), **CELLS, grid_step=1.0).facts.basis

    assert basis.step is not None
    assert basis.bound is not None
    assert basis.step < 1.0
    assert basis.bound <= 0.001


def test_of_a_repeated_user_the_same_row_stays_in_any_order(duck: Engine, users: Callable[..., pd.DataFrame]) -> None:
    """Rows of an engine have no order: the youngest of Ann's three stays, however they lie."""
    rows = users(user_id=["ann", "bob", "ann", "ann"], age=[44, 50, 31, 38])

    def kept(frame: Users) -> list[tuple[str, float]]:
        some = clean_users(frame, {}, max_in_memory=0).users.lazy().collect()
        return sorted(zip(some["user_id"].to_list(), some["age"].to_list(), strict=True))

    for frame in (rows, rows[::-1]):
        assert kept(nw.from_native(duck(frame))) == [("ann", 31), ("bob", 50)]
        assert kept(nw.from_native(frame, eager_only=True)) == [("ann", 31), ("bob", 50)]


def test_segments_that_the_sample_cannot_judge_are_not_made(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twelve of 4,914 earn thirty millions: of a sample of 500 one is expected among them, and nothing would be known.

    For 2 the crowd is cut in two; from 3 on the twelve have a segment. The curve bends there, and fewer are taken. They are
    not set aside here, as outliers are.
    """
    monkeypatch.setattr("segmentation.pipeline.set_aside_outliers", lambda cleaned, *_, **__: cleaned)
    rows = month(2).copy()
    rows.loc[rows.index[:12], "annual_income"] = 30_000_000
    facts = run(rows, **CELLS, sample_size=500).facts

    assert (facts.validity.k, facts.elbow.chosen) == ((2,), 2)
    assert facts.elbow.knee is not None
    assert facts.elbow.knee > 2
    with pytest.raises(SegmentationError, match="k = 5, but one of them is so small that a sample of 5"):
        run(rows, **CELLS, sample_size=500, k=5)
    with pytest.raises(SegmentationError, match="Even 3 segments leave one so small that a sample of 5"):
        run(rows, **CELLS | {"k_range": (3, 6)}, sample_size=500)
