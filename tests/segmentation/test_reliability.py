"""Whether there are segments at all, from the users to the sentence: nothing is sold as a segment that isn't one."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from report.pages.playbook import assign_plays
from report.storage import paths
from report.text import sentences
from segmentation.facts import Facts
from segmentation.pipeline import Analysis
from tests.support.music import read_playbook

Run = Callable[..., Analysis]


@pytest.fixture(scope="module")
def nothing(users: Callable[..., pd.DataFrame]) -> pd.DataFrame:
    """500 users who fill a box evenly: any border between them is drawn through a crowd."""
    rng = np.random.default_rng(8)
    return users(
        age=rng.integers(18, 60, 500),
        gender=rng.choice(["Female", "Male"], 500),
        annual_income=rng.integers(10_000, 90_000, 500),
        usage_per_month=rng.integers(50, 3_000, 500),
        num_of_days_active=rng.integers(0, 366, 500),
    )


@pytest.fixture(scope="module")
def none(run: Run, nothing: pd.DataFrame) -> Facts:
    """Give what the elbow makes of them."""
    return run(nothing, draws=20).facts


@pytest.fixture(scope="module")
def asked(run: Run, nothing: pd.DataFrame) -> Facts:
    """Give what the panel makes of them."""
    return run(nothing, k="panel").facts


def test_where_there_is_nothing_nothing_is_reliable(none: Facts) -> None:
    """The elbow finds a k all the same, as it must; the facts say what that is worth."""
    structure = none.structure

    assert none.elbow.decided_by == "elbow"
    assert len(none.segments) == none.elbow.chosen >= 2
    assert (structure.evidence, structure.reliable, structure.panel) == ("none", False, 1)
    assert not any(segment.apart for segment in none.segments)
    assert not structure.below_band


def test_the_panel_says_so_too(asked: Facts) -> None:
    """Its answer is 1; the users are described in the parts that the elbow makes, which nobody calls segments."""
    assert (asked.structure.reliable, asked.structure.panel) == (False, 1)
    assert asked.elbow.decided_by in ("elbow", "silhouette")


def test_every_judge_has_a_vote(none: Facts) -> None:
    """Three of the eight can say none, and do; the silhouette has to name a number."""
    votes = {vote.judge: vote.k for vote in none.structure.votes}

    assert set(votes) == {
        "elbow",
        "gap",
        "silhouette",
        "calinski_harabasz",
        "davies_bouldin",
        "stability",
        "valleys",
        "mixture",
    }
    assert votes["valleys"] == votes["mixture"] == 1
    assert votes["silhouette"] is not None
    assert votes["silhouette"] >= 2


def test_the_band_lies_around_the_curve_of_nothing(none: Facts) -> None:
    """At every k tried the users' own curve lies where structureless crowds' lie, to within three of their SDs."""
    structure, elbow = none.structure, none.elbow

    assert len(structure.band_low) == len(structure.band_high) == len(structure.gap) == len(elbow.k) > 2
    assert all(low <= high for low, high in zip(structure.band_low, structure.band_high, strict=True))
    for low, own, high in zip(structure.band_low, elbow.inertia, structure.band_high, strict=True):
        assert 0.93 * low <= own <= 1.07 * high


def test_the_wording_changes_with_it(none: Facts) -> None:
    """Groups, not segments; no basis for different treatment."""
    assert sentences.write_headline(none) == "No reliable segments this month: users differ by degrees, not in groups"
    assert sentences.choose_segment_noun(none) == "group"
    assert sentences.name_evidence_level(none) == "none to rely on"
    assert "no basis for different treatment" in sentences.describe_certainty(none)
    assert "the largest group" in sentences.describe_largest_segment(none)
    assert "segment" not in sentences.describe_largest_segment(none)


def test_where_there_are_four_the_panel_decides_for_four(run: Run, groups: pd.DataFrame) -> None:
    """Clear evidence, every segment set apart, all of them stable; then there is something to sell to."""
    facts = run(groups, k="panel").facts

    assert (facts.elbow.chosen, facts.elbow.decided_by) == (4, "panel")
    assert (facts.structure.evidence, facts.structure.reliable) == ("clear", True)
    assert all(segment.apart for segment in facts.segments)
    assert {segment.stability.grade for segment in facts.segments} == {"highly stable"}
    assert facts.structure.below_band
    played = assign_plays(facts, read_playbook(paths.TEMPLATES / "playbook.toml").play)
    assert all(segment.play is not None for segment in played.segments)
    assert sentences.describe_certainty(facts).startswith("Clear structure")


def test_a_person_who_asks_for_another_number_is_told(run: Run, groups: pd.DataFrame) -> None:
    """Six of four groups: made as asked, with weak evidence, since groups are cut and another k is attested."""
    facts = run(groups, k=6, min_cell=5).facts

    assert (facts.elbow.chosen, facts.elbow.decided_by) == (6, "settings")
    assert (facts.structure.evidence, facts.structure.reliable, facts.structure.panel) == ("weak", True, 4)
    assert not all(segment.apart for segment in facts.segments)


def test_more_bootstraps_are_asked_of_the_segments_than_of_a_vote(
    monkeypatch: pytest.MonkeyPatch, run: Run, groups: pd.DataFrame
) -> None:
    """A quarter of what the plan says, and one at least: judges vote on nine ks, a report has one."""
    asked: list[tuple[int, int]] = []

    def judge(*args: Any, bootstraps: int, **others: Any) -> object:
        asked.append((len(others["get_curves"]().null), bootstraps))
        return real(*args, bootstraps=bootstraps, **others)

    from segmentation.validation import selection

    real = selection.assess_consensus
    monkeypatch.setattr(selection, "assess_consensus", judge)
    run(groups, draws=6, bootstraps=40, k_range=(1, 4))
    run(groups, draws=2, bootstraps=3, k_range=(1, 4))

    assert asked == [(6, 10), (2, 1)]


def test_facts_without_reliable_segments_go_to_json_and_back(none: Facts) -> None:
    """Another process reads them."""
    from segmentation.facts import facts_from_dict, facts_to_dict

    assert facts_to_dict(facts_from_dict(facts_to_dict(none))) == facts_to_dict(none)
    assert facts_from_dict(facts_to_dict(replace(none))).structure.reliable is False
