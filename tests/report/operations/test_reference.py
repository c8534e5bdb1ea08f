"""Which month a month is compared with, and which anomalies count."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from report.mail import policy
from report.operations import reference
from report.operations.reference import ReferenceMonth, describe_reference, find_reference_month
from report.storage import paths
from segmentation.facts import Anomaly, Facts, facts_from_dict, facts_to_dict
from tests.support.facts.random_months import TODAY, crowd, facts_of

DOUBT = (Anomaly("users", last=3000.0, now=480.0, month="2026-01"),)


def make_month(month: str, *, held: bool = False, reliable: bool = True, users: pd.DataFrame | None = None) -> Facts:
    """Give a month of real users, held or without reliable segments."""
    made = facts_of(crowd(300, int(month[-2:])) if users is None else users, month, month[-1])
    made = facts_from_dict(facts_to_dict(made))  # as facts.json has them
    return replace(
        made, suspicions=DOUBT if held else (), structure=replace(made.structure, reliable=reliable), change=None
    )


def store(output: Path, *months: Facts) -> None:
    """Write months into the output folder."""
    for facts in months:
        (output / facts.month).mkdir(parents=True)
        (output / facts.month / "facts.json").write_text(paths.dump_facts_json(facts), encoding="utf-8")


GOOD, HELD, VAGUE = make_month("2026-05"), make_month("2026-07", held=True), make_month("2026-06", reliable=False)


@pytest.mark.parametrize(
    ("newest_first", "reference", "skipped"),
    [
        ([], None, []),
        ([GOOD], "2026-05", []),
        ([HELD, VAGUE, GOOD], "2026-05", ["2026-07", "2026-06"]),
        ([HELD, VAGUE], "2026-06", ["2026-07"]),
        ([HELD, make_month("2026-04", held=True)], "2026-07", []),
        ([VAGUE, make_month("2026-04", reliable=False)], "2026-06", []),
    ],
    ids=["first", "good", "held and vague", "no reliable one", "held ones alone", "vague ones alone"],
)
def test_the_reference_is_the_last_month_to_rely_on(
    tmp_path: Path, newest_first: list[Facts], reference: str | None, skipped: list[str]
) -> None:
    """Where there is none: the last that isn't held; else the last."""
    found = find_reference_month(newest_first, tmp_path)

    assert (found.facts.month if found.facts else None) == reference
    assert [facts.month for facts in found.skipped] == skipped


def test_an_accepted_month_is_a_reference(tmp_path: Path) -> None:
    """As it was accepted: another file of that month has to be accepted again."""
    policy.accept_month(HELD, tmp_path)

    assert find_reference_month([HELD, GOOD], tmp_path) == ReferenceMonth(HELD)
    other = replace(HELD, source=replace(HELD.source, sha256="f" * 64))
    assert find_reference_month([other, GOOD], tmp_path) == ReferenceMonth(GOOD, (other,))


def test_the_terminal_says_which_month_is_compared_with(tmp_path: Path) -> None:
    said = {
        month: describe_reference(month, find_reference_month(newest_first, tmp_path), tmp_path)
        for month, newest_first in {
            "2026-06": [GOOD],
            "2026-01": [],
            "2026-08": [HELD, VAGUE, GOOD],
            "2026-07": [GOOD],
        }.items()
    }

    assert said == {
        "2026-06": "",
        "2026-01": "",
        "2026-08": "2026-08 is compared with 2026-05, and continues its segments. Not with a later month: 2026-06 has no "
        "reliable segments; 2026-07 is held and was not accepted.",
        "2026-07": "2026-07 is compared with 2026-05, and continues its segments. Not with a later month: there is no "
        "report of 2026-06 to compare with.",
    }


def test_growth_over_months_without_segments_is_no_anomaly(tmp_path: Path) -> None:
    """From 3,000 to 5,400 users in two steps of 1.34; the step in between had no reliable segments. Held, it has no say."""
    now = make_month("2026-07", users=crowd(5400, 7))
    start, step = make_month("2026-05", users=crowd(3000, 5)), make_month("2026-06", users=crowd(4020, 6))
    store(tmp_path, start, replace(step, structure=replace(step.structure, reliable=False)))
    assert reference.find_anomalies(now, tmp_path, current_month=TODAY) == ()

    other = tmp_path / "other"
    store(other, start, replace(step, suspicions=DOUBT))
    assert [(one.kind, one.month) for one in reference.find_anomalies(now, other, current_month=TODAY)] == [
        ("users", "2026-05")
    ]


def test_the_users_of_a_month_passed_over_are_known_again(tmp_path: Path) -> None:
    """June, held, is exported once more as July; or June without segments."""
    june = crowd(300, 6)
    for output, kind in ((tmp_path / "a", {"held": True}), (tmp_path / "b", {"reliable": False})):
        store(output, GOOD, make_month("2026-06", users=june, **kind))
        found = reference.find_anomalies(make_month("2026-07", users=june), output, current_month=TODAY)
        assert found == (Anomaly("same_file", month="2026-06"),)
