import json
import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.metrics import silhouette_samples

from segmentation.errors import CleaningError, SchemaError, SegmentationError, SweepError
from segmentation.facts import Brand, DroppedRows, Source, facts_from_dict, facts_to_dict
from segmentation.options import Options
from segmentation.pipeline import Analysis, analyse
from segmentation.tracking.compare import PreviousMonth
from tests.support.music import DEFAULT_FEATURES

Run = Callable[..., Analysis]
Make = Callable[..., pd.DataFrame]


@pytest.fixture(scope="module")
def months(run: Run, groups: pd.DataFrame) -> tuple[Analysis, ...]:
    """Give three months of the same people."""
    known = groups.assign(user_id=[f"u{n:03d}" for n in range(len(groups))])
    made: list[Analysis] = []
    for number, month in enumerate(("2026-10", "2026-11", "2026-12")):
        made.append(
            run(
                known.sample(frac=1, random_state=number),
                month=month,
                last=PreviousMonth(made[-1].facts, made[-1].users) if made else None,
                earlier=[analysis.facts for analysis in made],
            )
        )
    return tuple(made)


@pytest.fixture(scope="module")
def even(users: Make) -> pd.DataFrame:
    """Give 300 users who are spread evenly."""
    rng = np.random.default_rng(1)
    return users(
        age=rng.uniform(16, 65, 300),
        annual_income=rng.uniform(0, 100_000, 300),
        usage_per_month=rng.uniform(0, 3_000, 300),
        num_of_days_active=rng.uniform(0, 365, 300),
    )


def test_four_groups_come_back(analysis: Analysis) -> None:
    """80, 60, 40 and 20 users, far apart: found in number, size and name, each user in the right one."""
    facts = analysis.facts

    assert (facts.elbow.chosen, facts.elbow.decided_by) == (4, "panel")
    assert [segment.users for segment in facts.segments] == [80, 60, 40, 20]
    assert [segment.name for segment in facts.segments] == [
        "Young occasional listeners",
        "Frequent heavy listeners",
        "Older listeners",
        "High earners",
    ]
    assert analysis.users["segment"].to_list() == ["S1"] * 80 + ["S2"] * 60 + ["S3"] * 40 + ["S4"] * 20
    assert min(segment.silhouette for segment in facts.segments) > 0.6


def test_segments_add_up_to_all_users(analysis: Analysis) -> None:
    """Shares to 1, means to the averages, centres to 0 SDs, the squares around them to the inertia."""
    facts = analysis.facts
    users = analysis.users.to_native()
    sizes = [segment.users for segment in facts.segments]

    assert sum(sizes) == facts.audit.kept
    assert sum(segment.share for segment in facts.segments) == pytest.approx(1)
    for name, average in facts.averages.items():
        assert np.average([s.means[name] for s in facts.segments], weights=sizes) == pytest.approx(average)
    for name in facts.features:
        assert np.average([s.centre[name] for s in facts.segments], weights=sizes) == pytest.approx(0, abs=1e-9)
    squares = sum(
        (
            (
                (users.loc[users["segment"] == s.id, name] - facts.scale.mean[name]) / facts.scale.sd[name]
                - s.centre[name]
            )
            ** 2
        ).sum()
        for s in facts.segments
        for name in facts.features
    )
    assert squares == pytest.approx(facts.elbow.inertia[facts.elbow.k.index(4)])


def test_segments_are_those_of_the_rows_that_stayed(run: Run, groups: pd.DataFrame) -> None:
    """With dirt among them, each of those who stay has the segment they have without it, in the order of the file."""
    dirt = groups.head(3).assign(age=[999, None, -5])
    mixed = pd.concat([groups[:50], dirt, groups[50:]])
    mixed.index = pd.Index([7] * len(mixed))

    analysis = run(mixed)

    assert analysis.facts.audit.dropped == (DroppedRows("missing", "age", 1), DroppedRows("out_of_range", "age", 2))
    assert analysis.users["segment"].to_list() == run(groups).users["segment"].to_list()
    assert analysis.users["age"].to_list() == groups["age"].to_list()


def test_the_facts_are_whole(run: Run, groups: pd.DataFrame, months: tuple[Analysis, ...]) -> None:
    """Of a first month, a third one and one in cells: each field is of its kind, and none is left out."""
    for analysis in (run(groups), months[2], run(groups, exact_users=100)):
        written = facts_to_dict(analysis.facts)

        assert facts_to_dict(facts_from_dict(json.loads(json.dumps(written, allow_nan=False)))) == written


def test_each_segment_brings_its_evidence(analysis: Analysis) -> None:
    """Silhouettes as scikit-learn has them, and four groups so far apart come again and stand apart."""
    facts, users = analysis.facts, analysis.users.to_native()
    names = list(facts.features)
    points = (users[names] - pd.Series(facts.scale.mean)[names]) / pd.Series(facts.scale.sd)[names]
    silhouettes = pd.Series(silhouette_samples(points, users["segment"])).groupby(users["segment"]).mean()

    assert len(facts.segments) == 4
    for segment in facts.segments:
        assert segment.silhouette == pytest.approx(silhouettes[segment.id])
        assert (segment.stability.jaccard, segment.stability.grade, segment.apart) == (1, "highly stable", True)


def test_what_the_judges_say_stands_in_the_facts(analysis: Analysis) -> None:
    """Four, say all."""
    structure = analysis.facts.structure
    votes = {vote.judge: vote.k for vote in structure.votes}

    assert (structure.evidence, structure.reliable, structure.panel, structure.below_band) == ("clear", True, 4, True)
    assert len(votes) == 8
    assert set(votes.values()) == {4}
    assert structure.gap[0] == pytest.approx(0, abs=1e-9)  # all of 4 x 200 squares, whoever they are of
    assert structure.band_low[0] == pytest.approx(800)
    assert structure.band_high[0] == pytest.approx(800)
    for low, high, inertia, gap, se in zip(
        structure.band_low[1:],
        structure.band_high[1:],
        analysis.facts.elbow.inertia[1:],
        structure.gap[1:],
        structure.gap_se[1:],
        strict=True,
    ):
        # the mean of logarithms lies between those of the least and the most
        assert np.log(low / inertia) - se < gap < np.log(high / inertia) + se
        assert low < high
        assert 0 < se < 0.2


@pytest.mark.parametrize("wanted", ["elbow", "panel"])
def test_users_without_structure_are_said_to_have_none(run: Run, even: pd.DataFrame, wanted: str) -> None:
    """Spread evenly over everything that is possible: whoever is asked, no segment is reliable."""
    structure = run(even, k=wanted, k_range=(1, 5)).facts.structure

    assert (structure.evidence, structure.reliable, structure.panel) == ("none", False, 1)


def test_weak_segments_are_described_whoever_is_asked(run: Run, users: Make) -> None:
    """Three clouds that shade into each other: no number is attested, so the elbow's is used, with weak evidence."""
    rng = np.random.default_rng(2)
    clouds = rng.normal(size=(300, 4)) + 3 * np.repeat(np.eye(4)[[0, 1, 2]], 100, axis=0) * [0, 1, 1, 0]
    middles, spreads = np.array([40, 30_000, 1_000, 150]), np.array([5, 4_000, 150, 20])
    weak = users(**dict(zip(DEFAULT_FEATURES, (middles + spreads * clouds).T, strict=True)))
    elbow, panel = (run(weak, k=wanted, k_range=(1, 6)).facts for wanted in ("elbow", "panel"))

    assert (elbow.structure.evidence, elbow.structure.panel, elbow.structure.reliable) == ("weak", 1, True)
    assert (panel.elbow, panel.structure) == (elbow.elbow, elbow.structure)


def test_in_cells_the_same_groups_are_found(run: Run, analysis: Analysis, groups: pd.DataFrame) -> None:
    """Above as many users as settings allow, none is taken into memory; segments and their inertia are all users'."""
    cells = [run(groups, exact_users=100, sample_size=120, seed=seed) for seed in (1, 1, 2)]
    facts, exact = cells[0].facts, analysis.facts

    assert (facts.basis.points, facts.basis.step, facts.basis.sample) == ("cells", 0.2, 120)
    assert [(s.id, s.name, s.users) for s in facts.segments] == [(s.id, s.name, s.users) for s in exact.segments]
    assert facts.elbow.inertia[3] == pytest.approx(exact.elbow.inertia[3])
    assert cells[0].users.collect()["segment"].to_list() == analysis.users["segment"].to_list()
    assert facts_to_dict(facts) == facts_to_dict(cells[1].facts)
    assert facts.structure.gap != cells[2].facts.structure.gap  # another seed draws others


def test_three_months_make_a_trend(months: tuple[Analysis, ...]) -> None:
    """The same people thrice, each time in another order: every segment goes on, and nobody moved."""
    first, second, third = (analysis.facts for analysis in months)

    assert (first.change, first.trend, second.trend) == (None, None, None)
    assert third.change is not None
    assert third.change.month == "2026-11"
    assert [(moved.id, moved.fate, moved.same_borders) for moved in third.change.segments] == [
        ("S1", "survived", pytest.approx(0.4)),
        ("S2", "survived", pytest.approx(0.3)),
        ("S3", "survived", pytest.approx(0.2)),
        ("S4", "survived", pytest.approx(0.1)),
    ]
    assert third.change.flow is not None
    assert third.change.flow.both == 200
    assert third.trend is not None
    assert third.trend.months == ("2026-10", "2026-11", "2026-12")
    assert [(line.id, line.name, line.shares) for line in third.trend.lines] == [
        (segment.id, segment.name, (segment.share,) * 3) for segment in third.segments
    ]


def test_ids_go_on_after_those_of_other_features(run: Run, groups: pd.DataFrame) -> None:
    """Nobody's S3 is somebody else's; but a trend is of segments that are made alike."""
    other = run(groups, month="2026-08", features=DEFAULT_FEATURES[:2], k=3).facts
    fourth = run(groups, month="2026-11", earlier=[replace(other, month=f"2026-0{n}") for n in (8, 9)]).facts

    assert [segment.id for segment in fourth.segments] == ["S4", "S5", "S6", "S7"]
    assert fourth.trend is None


def test_the_map_is_not_turned_from_month_to_month(run: Run, months: tuple[Analysis, ...]) -> None:
    """A component has no sign of its own: last month's is kept, whichever it was."""
    last = months[1]
    pca = last.facts.pca
    turned = replace(pca, loadings={name: tuple(-x for x in ys) for name, ys in pca.loadings.items()})
    users = last.users.to_native().drop(columns="segment")
    after = run(users, month="2026-12", last=PreviousMonth(replace(last.facts, pca=turned), last.users)).facts

    assert set(turned.loadings) == set(last.facts.scale.sd)
    for name, loadings in turned.loadings.items():
        assert after.pca.loadings[name] == pytest.approx(loadings)


def test_one_input_makes_one_set_of_facts(run: Run, groups: pd.DataFrame) -> None:
    """To the last digit written; another seed says so in the facts."""
    first, second, other = (json.dumps(facts_to_dict(run(groups, seed=seed).facts)) for seed in (1, 1, 2))

    assert first == second
    assert json.loads(other)["seed"] == 2


def test_who_computes_changes_no_fact(run: Run, groups: pd.DataFrame) -> None:
    """What another process works out is what this one would have, to the last digit."""
    alone = run(groups).facts
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as aside:
        together = run(groups, aside=aside).facts

    assert facts_to_dict(together) == facts_to_dict(alone)


def test_the_stages_are_told_as_they_begin(groups: pd.DataFrame, plan: Callable[..., Options]) -> None:
    """The terminal shows them; the analysis itself prints nothing."""
    told: list[str] = []
    source, brand = Source("a.csv", "", synthetic=False), Brand("Music", "#000000", "")
    analyse(groups, plan(), month="2026-10", source=source, brand=brand, report_progress=told.append)

    assert told == [
        "Cleaning",
        "Trying numbers of segments",
        "Asking whether there are any",
        "Settling the segments",
        "Describing the segments",
        "Comparing with the last month",
    ]


def test_what_is_asked_stands_in_the_facts(run: Run, groups: pd.DataFrame) -> None:
    """A report can say how it was made."""
    facts = run(groups, features=("age", "usage_per_month"), k_range=(2, 5), k=3, n_init=2, seed=9, min_base=50).facts

    assert (facts.features, facts.elbow.k, facts.elbow.chosen) == (("age", "usage_per_month"), (2, 3, 4, 5), 3)
    assert (facts.elbow.decided_by, facts.starts, facts.seed, facts.smallest_base) == ("settings", 2, 9, 50)
    assert set(facts.scale.mean) == set(facts.segments[0].centre) == {"age", "usage_per_month"}
    assert set(facts.segments[0].means) == set(facts.averages) >= {"annual_income"}


def test_an_arrow_table_gives_the_same_facts(run: Run, groups: pd.DataFrame) -> None:
    """The analysis speaks of frames, not of pandas; Parquet comes as Arrow. A repeated id keeps its first row."""
    holes = groups.astype({"age": "float64"}).assign(user_id=[f"u{n % 195}" for n in range(200)])
    holes.loc[3, "age"] = None
    holes.loc[4, "gender"] = None
    table = pa.Table.from_pandas(holes, preserve_index=False)

    found = facts_to_dict(run(table).facts)
    assert found == facts_to_dict(run(holes).facts)
    assert found["audit"]["dropped"] == [
        {"rule": "missing", "column": "age", "rows": 1},
        {"rule": "missing", "column": "gender", "rows": 1},
        {"rule": "repeated", "column": "user_id", "rows": 3},
    ]
    assert [segment["users"] for segment in found["segments"]] == [80 - 2, 60, 40, 20 - 3]


@pytest.mark.parametrize("dtype", ["int32", "float32", "Int64", "Float64", "int64[pyarrow]"])
def test_the_kind_of_number_changes_no_fact(run: Run, groups: pd.DataFrame, dtype: str) -> None:
    """Readers differ in what they make of the same file."""
    cast = groups.astype(dict.fromkeys(["age", "annual_income", "usage_per_month"], dtype))

    assert facts_to_dict(run(cast).facts) == facts_to_dict(run(groups).facts)


def test_a_columns_name_in_the_file_is_no_trap(run: Run, groups: pd.DataFrame) -> None:
    """`segment`, `_segment` and `_broken` are our own names for columns, and may be a file's."""
    own = groups.assign(segment="x", _segment=-1, _broken=5)

    assert facts_to_dict(run(own).facts) == facts_to_dict(run(groups).facts)


@pytest.mark.parametrize("n", [10, 11])
def test_hardly_enough_users_still_make_facts(run: Run, groups: pd.DataFrame, n: int) -> None:
    """Ten users in ten segments leave no distance to divide by; JSON holds neither infinity nor NaN."""
    few = groups.iloc[np.linspace(0, 199, n).astype(int)]

    facts = facts_to_dict(run(few, min_cell=1).facts)

    assert json.loads(json.dumps(facts, allow_nan=False))["audit"]["kept"] == n


@pytest.mark.parametrize("n", [10, 19])
def test_a_handful_of_users_are_refused_in_words(run: Run, groups: pd.DataFrame, n: int) -> None:
    """Of 19, one of two segments has fewer than ten: whatever is said of it is said of somebody."""
    few = groups.iloc[np.linspace(0, 199, n).astype(int)]

    with pytest.raises(SweepError, match="fewer than 10 users, who could be picked out"):
        run(few)


def test_a_group_of_nine_is_no_segment(run: Run, groups: pd.DataFrame) -> None:
    """The curve bends at four, but the fourth group is 9 of 189: three segments are made, all of ten and more."""
    facts = run(groups[:189]).facts

    assert (facts.elbow.knee, facts.elbow.chosen) == (4, 3)
    assert min(segment.users for segment in facts.segments) >= 10


def test_the_panel_decides_where_settings_ask_it(run: Run, groups: pd.DataFrame) -> None:
    """Four groups far apart are its four, too; and a number in settings is nobody's vote."""
    panel = run(groups, k="panel").facts
    number = run(groups, k=3, k_range=(1, 4)).facts

    assert (panel.elbow.chosen, panel.elbow.decided_by, panel.structure.panel) == (4, "panel", 4)
    assert (number.elbow.chosen, number.elbow.decided_by) == (3, "settings")


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"age": None}, SchemaError, "expected numbers"),
        ({"age": np.nan}, CleaningError, "No row is left of 200"),
        ({"annual_income": -1}, CleaningError, "out of range in column 'annual_income'"),
        ({"annual_income": np.inf}, CleaningError, "out of range in column 'annual_income'"),
        ({"age": 30}, CleaningError, "the same for every user"),
        ({"gender": None}, CleaningError, "missing in column 'gender'"),
        ({"user_id": "ann"}, CleaningError, "for every user"),
        (
            {
                "age": [20, 30] * 100,
                "annual_income": [1, 2] * 100,
                "usage_per_month": [1, 2] * 100,
                "num_of_days_active": [1, 2] * 100,
            },
            SweepError,
            "can't be told apart",
        ),
    ],
)
def test_a_file_that_cannot_be_analysed_is_refused_in_words(
    run: Run, groups: pd.DataFrame, change: dict[str, Any], error: type[SegmentationError], message: str
) -> None:
    """Whatever is wrong ends in a sentence for the person who has to put it right, and never in a traceback."""
    with pytest.raises(error, match=message):
        run(groups.assign(**change))


@pytest.mark.parametrize("n", [0, 1, 2, 9])
def test_too_few_users_are_refused_in_words(run: Run, groups: pd.DataFrame, n: int) -> None:
    """Nobody, one, two, and one fewer than the segments that are to be tried."""
    with pytest.raises(SegmentationError, match=r"no row below|tells nobody apart|different users"):
        run(groups.iloc[np.linspace(0, 199, n).astype(int)])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"k": 4, "k_range": (1, 3)}, "asks for k = 4"),
        ({"k_range": (3, 3)}, "at least 3 pairs"),
        ({"k_range": (5, 2)}, "no number of segments to try"),
    ],
)
def test_a_plan_that_cannot_be_followed_is_refused_in_words(
    run: Run, groups: pd.DataFrame, changes: dict[str, Any], message: str
) -> None:
    """Settings are checked before; this is the analysis's own word on it."""
    with pytest.raises(SweepError, match=message):
        run(groups, **changes)
