"""Nobody can be picked out of facts.json: no small count stands there, and none can be worked out from what does."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linprog

from segmentation.facts import Facts, facts_from_dict, facts_to_dict
from segmentation.pipeline import Analysis
from segmentation.tracking.compare import PreviousMonth
from tests.support import ROOT
from tests.support.facts.columns import whole
from tests.support.music import CATEGORIES

MUSIC = ROOT.parent / "shared" / "data" / "music.csv"
Run = Callable[..., Analysis]
FEW = 10

# Whole numbers that count no users; and of the audit, rows of the file that were dropped.
NO_COUNT = re.compile(
    r"format|seed|starts|smallest_base|smallest_cell|elbow\.k\.\d+|elbow\.(knee|chosen)|validity\.k\.\d+"
    r"|structure\.panel|structure\.votes\.\d+\.k|lineage\.last_id"
)
AUDIT = re.compile(r"audit\.dropped\.\d+\.rows|distributions\.\w+\.\w+\.(missing|outside)")


def walk(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Give everything that stands in facts.json, and where."""
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from walk(item, f"{place}.{key}" if place else str(key))
    else:
        yield place, value


def counts(facts: Facts) -> Iterator[tuple[str, float]]:
    """Give every number of users that stands there, or that one multiplication or subtraction gives."""
    for place, value in walk(facts_to_dict(facts)):
        excused = NO_COUNT.fullmatch(place) or AUDIT.fullmatch(place) or isinstance(value, bool)
        if isinstance(value, int) and not excused:
            yield place, value
    yield from _shared(facts)
    yield "not on the map", facts.audit.kept - sum(cell.users for cell in facts.pca.cells)
    for name, column in facts.distributions.numbers.items():
        yield from _lost(name, column.before, column.after)
    for name, table in facts.distributions.categories.items():
        yield from _lost(name, [v.before for v in table.values], [v.after for v in table.values])
    if facts.change is not None:
        yield from _changed(facts)


def _shared(facts: Facts) -> Iterator[tuple[str, float]]:
    kept = facts.audit.kept
    for segment in facts.segments:
        yield f"{segment.id} share", segment.share * kept
        for name, table in segment.categories.items():
            for value, index in table.items():
                if index.share is not None:
                    yield f"{segment.id} {name} {value} share", index.share * segment.users
    for name, shares in facts.shares.items():
        for value, share in shares.items():
            yield f"share of {name} {value}", share * kept


def _lost(name: str, before: Any, after: Any) -> Iterator[tuple[str, float]]:
    for read, kept in zip(before, after, strict=True):
        if read is not None and kept is not None:
            yield f"{name}: dropped", read - kept


def _changed(facts: Facts) -> Iterator[tuple[str, float]]:
    change = facts.change
    assert change is not None
    kept = facts.audit.kept
    for moved in change.segments:
        for what, share, of in (
            ("last share", moved.last_share, change.users),
            ("share", moved.share, kept),
            ("old borders", moved.same_borders, kept),
        ):
            if share is not None:
                yield f"{moved.id} {what}", share * of
    flow = change.flow
    if flow is not None and flow.both is not None:
        yield "gone", change.users - flow.both
        yield "new", kept - flow.both
        if flow.stayed is not None:
            yield "stayed", flow.stayed * flow.both
            yield "moved", flow.both - flow.stayed * flow.both


def few(facts: Facts) -> list[tuple[str, float]]:
    """List the counts from 1 to 9."""
    return [(place, n) for place, n in counts(facts) if 0 < round(n, 6) < FEW]


def tables(facts: Facts) -> Iterator[tuple[str, list[list[int | None]], list[tuple[list[Any], float]]]]:
    """Give every table with something left out: its cells, and the sums of cells that a reader knows."""
    kept = facts.audit.kept
    for name in CATEGORIES:
        cells = [[index.base for index in s.categories[name].values()] for s in facts.segments]
        values = list(facts.segments[0].categories[name])
        total = {v.value: v.after for v in facts.distributions.categories[name].values}
        sums = [total.get(value, -1) for value in values]
        if sums.count(-1) == 1:  # values that are shown as one are what the others leave
            sums[sums.index(-1)] = kept - sum(n for n in sums if n >= 0)
        known = [([(i, j) for j in range(len(values))], s.users) for i, s in enumerate(facts.segments)]
        known += [([(i, j) for i in range(len(cells))], n) for j, n in enumerate(sums) if n >= 0]
        yield name, cells, known
    flow = facts.change.flow if facts.change else None
    if flow is None:
        return
    assert facts.change is not None
    last = {moved.name: moved.last_users for moved in facts.change.segments}
    now = {s.name: s.users for s in facts.segments}
    k, m = len(flow.rows), len(flow.columns)
    cells = [[*row, gone] for row, gone in zip(flow.users, flow.gone, strict=True)] + [[*flow.new, 0]]
    known = [([(i, j) for j in range(m + 1)], last[name]) for i, name in enumerate(flow.rows)]
    known += [([(i, j) for i in range(k + 1)], now[name]) for j, name in enumerate(flow.columns)]
    if flow.both is not None:
        known.append(([(i, j) for i in range(k) for j in range(m)], flow.both))
        if flow.stayed is not None:
            same = [(i, j) for i in range(k) for j in range(m) if flow.rows[i] == flow.columns[j]]
            known.append((same, flow.stayed * flow.both))
    yield "flow", cells, known


def worked_out(facts: Facts) -> list[str]:
    """List what is left out and can be worked out, or be seen to be a few, from all that stands there."""
    found = []
    for name, cells, known in tables(facts):
        hidden = [(i, j) for i, row in enumerate(cells) for j, count in enumerate(row) if count is None]
        if not hidden:
            continue
        left = [[float(cell in set(line)) for cell in hidden] for line, _ in known]
        right = [total - sum(cells[i][j] or 0 for i, j in line) for line, total in known]
        for n in range(len(hidden)):
            goal = np.eye(len(hidden))[n]
            ends = [linprog(sign * goal, A_eq=left, b_eq=right, bounds=(0, None)) for sign in (1, -1)]
            assert ends[0].status == 0, (name, ends[0].message)
            most = np.inf if ends[1].status == 3 else -ends[1].fun
            if most < FEW or most - ends[0].fun < 1:
                found.append(f"{name}: {hidden[n]} is {ends[0].fun:g} to {most:g}")
    for name, column in facts.distributions.numbers.items():
        shown = [n for n in column.after if n is not None]
        rest = facts.audit.kept - sum(shown)
        if column.after.count(None) == 1 or 0 < rest < FEW:
            found.append(f"{name}: bins that are left out have {rest}")
        if column.before.count(None) == 1 < len(column.before):
            found.append(f"{name}: a single bin as read is left out")
    return found


def followed(run: Run, *months: pd.DataFrame, **asked: Any) -> list[Analysis]:
    """Analyse months, each as the continuation of the one before it."""
    made: list[Analysis] = []
    for n, users in enumerate(months):
        last = PreviousMonth(facts_from_dict(facts_to_dict(made[-1].facts)), made[-1].users) if made else None
        earlier = tuple(analysis.facts for analysis in made)
        made.append(run(users, month=f"2026-{n + 1:02d}", last=last, earlier=earlier, **asked))
    return made


def crowd(seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Give two months of 400 users in three groups, with rare values, odd ones, dirt, and few who come, go or move."""
    rng = np.random.default_rng(seed)
    n = 400
    group = rng.choice(3, n, p=[0.6, 0.3, 0.1])
    rare = [f"genre {number}" for number in range(12)] + ["🎧", "<script>", "", "Other (2)", "nan"]
    users = pd.DataFrame(
        {
            "user_id": [f"person-{seed}-{number:04d}" for number in range(n)],
            "age": np.array([22, 45, 60])[group] + rng.integers(-3, 4, n).astype(float),
            "gender": rng.choice(["Female", "Male", "Other", "x"], n, p=[0.5, 0.46, 0.03, 0.01]),
            "employment_status": rng.choice(["Student", "Employed"], n),
            "annual_income": np.array([15_000, 40_000, 150_000])[group] + rng.integers(-3_000, 3_000, n),
            "usage_per_month": np.array([300, 2_500, 900])[group] + rng.integers(-90, 90, n).astype(float),
            "top_genre": np.where(rng.random(n) < 0.1, rng.choice(rare, n), rng.choice(["Pop", "Rock"], n)),
            "num_of_days_active": rng.integers(0, 365, n),
        }
    )
    users = whole(users)
    now = users.copy()
    moved = rng.choice(n, rng.integers(0, 12), replace=False)
    now.loc[moved, ["age", "usage_per_month"]] = [45, 2_500]
    now.loc[moved, "annual_income"] = 40_000
    came = rng.choice(n, rng.integers(0, 25), replace=False)
    now.loc[came, "user_id"] = [f"newcomer-{seed}-{number}" for number in came]
    for month in (users, now):
        odd = rng.choice(n, 8, replace=False)
        month.loc[odd[0], "annual_income"] = 9_000_000
        month.loc[odd[1], "age"] = 150
        month.loc[odd[2], "usage_per_month"] = np.nan
        month.loc[odd[3], "top_genre"] = None
        month.loc[odd[4], "top_genre"] = "said by one who is dropped"
        month.loc[odd[4], "age"] = -1
    return users, now


def test_no_few_stand_in_the_samples_facts(sample: tuple[Analysis, ...]) -> None:
    """Nor does a multiplication or a subtraction give them."""
    for analysis in sample:
        assert few(analysis.facts) == []
        assert worked_out(analysis.facts) == []


@pytest.mark.parametrize("seed", range(5))
def test_no_few_stand_in_the_facts_of_made_crowds(run: Run, seed: int) -> None:
    """Rare values, odd ones, a few who were dropped, and a few who came, went or moved."""
    for analysis in followed(run, *crowd(seed), k_range=(1, 5)):
        facts = analysis.facts

        assert few(facts) == []
        assert worked_out(facts) == []
        assert "said by one who is dropped" not in json.dumps(facts_to_dict(facts))
        # else nothing would have been asked of what is left out
        assert any(None in column.after for column in facts.distributions.numbers.values())
    assert any(None in row for name, cells, _ in tables(facts) if name == "flow" for row in cells)


@pytest.mark.skipif(not MUSIC.exists(), reason=f"the real Music file isn't at {MUSIC}")
def test_no_few_stand_in_the_real_files_facts(run: Run) -> None:
    """22 of 4,907 said "Other", and seven were dropped."""
    facts = run(whole(pd.read_csv(MUSIC, encoding="utf-8-sig"))).facts

    assert facts.audit.kept == 4_907
    assert few(facts) == []
    assert worked_out(facts) == []


def test_no_users_id_is_in_the_facts(sample: tuple[Analysis, ...]) -> None:
    """It is in one file alone, segments.parquet, which is made of `users`."""
    for analysis in sample:
        written = facts_to_dict(analysis.facts)
        written.pop("schema")  # which has the column's name
        text = json.dumps(written)
        ids = analysis.users.get_column("user_id").to_list()

        assert len(ids) > 4_000
        assert '"S1"' in text
        assert "user_id" not in text
        assert not [id_ for id_ in ids if f'"{id_}"' in text]


def test_an_id_in_a_category_is_not_in_the_facts(run: Run, groups: pd.DataFrame) -> None:
    """Somebody exported e-mail addresses as genres: each is one user's, and together they are all."""
    addresses = [f"person{number}@example.org" for number in range(200)]
    facts = run(groups.assign(top_genre=addresses, user_id=addresses), k_range=(1, 5)).facts

    assert "example.org" not in json.dumps(facts_to_dict(facts))
    assert facts.shares["top_genre"] == {"Other (200)": 1.0}
    assert few(facts) == []


def test_a_few_would_be_found(sample: tuple[Analysis, ...]) -> None:
    """What looks for small counts sees one: in a cell, a share, a bin, or a difference."""
    facts = sample[2].facts
    change = facts.change
    assert change is not None
    assert change.flow is not None
    assert change.flow.both is not None
    first = facts.segments[0]
    age = facts.distributions.numbers["age"]
    whole = facts.audit.kept

    def with_flow(**changes: Any) -> Facts:
        return replace(facts, change=replace(change, flow=replace(change.flow, **changes)))

    wrong = {
        "0.users": replace(facts, segments=(replace(first, users=9), *facts.segments[1:])),
        "S1 share": replace(facts, segments=(replace(first, share=3 / whole), *facts.segments[1:])),
        "not on the map": replace(facts, pca=replace(facts.pca, cells=(replace(facts.pca.cells[0], users=whole - 4),))),
        "numbers.age.after.0": replace(
            facts,
            distributions=replace(
                facts.distributions,
                numbers=facts.distributions.numbers | {"age": replace(age, after=(5, *age.after[1:]))},
            ),
        ),
        "new": with_flow(both=whole - 3, stayed=None),
        "moved": with_flow(stayed=1 - 4 / change.flow.both),
        "change.flow.gone.0": with_flow(gone=(2, *change.flow.gone[1:])),
    }
    for place, facts_ in wrong.items():
        assert [found for found, _ in few(facts_) if found.endswith(place)], place


def test_what_can_be_worked_out_would_be_found(run: Run, groups: pd.DataFrame) -> None:
    """One square left out of a table with sums is what the others leave."""
    facts = run(groups, k=4, k_range=(1, 4), min_cell=1).facts
    first = facts.segments[0]
    gender = first.categories["gender"]
    name = next(iter(gender))
    hidden = first.categories | {"gender": gender | {name: replace(gender[name], base=None, share=None)}}

    wrong = replace(facts, segments=(replace(first, categories=hidden), *facts.segments[1:]))

    assert worked_out(facts) == []
    assert worked_out(wrong) == [f"gender: (0, 0) is {gender[name].base} to {gender[name].base}"]
