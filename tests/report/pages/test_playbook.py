from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from report.errors import SettingsError
from report.pages.playbook import Playbook, assign_plays, classify_level
from report.storage import paths
from tests.support.facts.factory import centred, month
from tests.support.music import read_playbook

LINES = """
objective = "Make it so."
offer = "A month for free"
message = "Come in."
channel = "Email."
timing = "Mondays."
tone_is = "Plain."
tone_is_not = "Loud."
do = "Ask."
avoid = "Shouting."
unknown = "Much."
measure = { column = "usage_per_month", change = 0.10 }
"""


def rule(name: str, when: str = "", lines: str = LINES) -> str:
    """Write one play."""
    return f'[[play]]\nname = "{name}"\n{f"when = {when}" if when else ""}{lines}\n'


@pytest.fixture
def book(tmp_path: Path) -> Callable[..., Playbook]:
    """Read a playbook of these plays."""

    def read(*rules: str) -> Playbook:
        path = tmp_path / "playbook.toml"
        path.write_text("".join(rules), encoding="utf-8")
        return read_playbook(path)

    return read


def chosen(book: Playbook, **centre: float) -> str:
    """Give the name of the play that a segment here gets."""
    facts = month(4)
    segment = centred(facts.segments[0], **centre)
    return assign_plays(replace(facts, segments=(segment,)), book.play).segments[0].play.rule


def test_the_first_play_that_fits_counts(book: Callable[..., Playbook]) -> None:
    """Both fit; the order in the file is marketing's own."""
    plays = book(
        rule("Young heavy", '{ age = "low", usage_per_month = "high" }'), rule("Young", '{ age = "low" }'), rule("Rest")
    )

    assert chosen(plays, age=-1, usage_per_month=1) == "Young heavy"
    assert chosen(plays, age=-1, usage_per_month=0) == "Young"
    assert chosen(plays, age=1, usage_per_month=1) == "Rest"


def test_average_is_a_level_of_its_own(book: Callable[..., Playbook]) -> None:
    plays = book(rule("Middle", '{ age = "average" }'), rule("Rest"))

    assert chosen(plays, age=0.39) == "Middle"
    assert chosen(plays, age=-0.39) == "Middle"
    assert chosen(plays, age=0.4) == "Rest"


@pytest.mark.parametrize(
    ("sds", "said"), [(-0.4, "low"), (-0.399, "average"), (0, "average"), (0.399, "average"), (0.4, "high")]
)
def test_a_level_begins_where_its_limit_says(sds: float, said: str) -> None:
    assert classify_level(sds) == said


def test_the_target_is_the_baseline_and_the_change(book: Callable[..., Playbook]) -> None:
    """10 % more than the segment's mean of this month."""
    facts = assign_plays(month(4), book(rule("Rest")).play)

    assert len(facts.segments) == 4
    for segment in facts.segments:
        measure = segment.play.measure
        assert measure.column == "usage_per_month"
        assert measure.baseline == segment.means["usage_per_month"]
        assert measure.target == pytest.approx(1.1 * measure.baseline)


def test_every_segment_gets_a_play_from_the_shipped_playbook() -> None:
    """And no segment of the made month is left to the last one alone: the shipped rules say something."""
    rules = {segment.play.rule for segment in month(4).segments}

    assert len(rules) >= 2
    assert read_playbook(paths.TEMPLATES / "playbook.toml").play[-1].when == {}


def test_no_target_is_beyond_what_is_possible(book: Callable[..., Playbook]) -> None:
    """Of 365 days 10 % more would be 402, and 44,640 minutes are all that a month has; who is there already stays."""
    days = book(rule("Rest", lines=LINES.replace("usage_per_month", "num_of_days_active"))).play
    facts = month(4)
    valid = facts.audit.valid | {"num_of_days_active": (0.0, 365.0)}
    facts = replace(facts, audit=replace(facts.audit, valid=valid))

    for mean, target in ((300.0, 330.0), (361.0, 365.0), (365.0, 365.0)):
        segments = [replace(s, means=s.means | {"num_of_days_active": mean}) for s in facts.segments]
        with_days = assign_plays(replace(facts, segments=tuple(segments)), days)
        assert with_days.segments[0].play.measure.target == pytest.approx(target)


@pytest.mark.parametrize("change", ["5", "0", "0.0", "-1", "1.01", "inf", "nan"])
def test_a_change_is_a_part_of_what_there_is(book: Callable[..., Playbook], change: str) -> None:
    """Whoever means 5 % more and writes 5 would ask for six times as much."""
    with pytest.raises(SettingsError, match=r"line \d+.*(0\.05 is 5 % more|finite number)"):
        book(rule("Rest", lines=LINES.replace("change = 0.10", f"change = {change}")))


def test_a_play_that_asks_for_more_than_one_above_it_is_refused(book: Callable[..., Playbook]) -> None:
    """Whoever is young and heavy is young, and has that play."""
    with pytest.raises(SettingsError, match=r"'Young heavy' is never used.*move 'Young heavy' above 'Young'"):
        book(
            rule("Young", '{ age = "low" }'),
            rule("Young heavy", '{ age = "low", usage_per_month = "high" }'),
            rule("Rest"),
        )


def test_the_last_play_must_fit_everybody(book: Callable[..., Playbook]) -> None:
    """Else a segment could be left without one in some month."""
    with pytest.raises(SettingsError, match=r"the last play, 'Young', has a `when`.*end the file with a play"):
        book(rule("Young", '{ age = "low" }'))


def test_a_play_that_hides_those_after_it_is_refused(book: Callable[..., Playbook]) -> None:
    """Whoever wrote the later one would wait for it in vain."""
    with pytest.raises(SettingsError, match=r"'Young' is never used.*move 'Young' above 'All'"):
        book(rule("All"), rule("Young", '{ age = "low" }'), rule("Rest"))


@pytest.mark.parametrize(
    ("second", "said"),
    [
        (
            rule("Second", '{ agee = "low" }'),
            "line 18: play 'Second', when.agee: 'agee' is no feature that makes segments of the columns file; did you mean 'age'?",
        ),
        (
            rule("Second", '{ age = "tall" }'),
            "line 18: play 'Second', when.age: input should be 'low', 'average' or 'high', found 'tall'",
        ),
        (
            rule("Second", lines=LINES.replace("A month for free", "x" * 61)),
            "line 20: play 'Second', offer: string should have at most 60",
        ),
        (
            rule("Second", lines=LINES.replace("Come in.", "x" * 241)),
            "line 21: play 'Second', message: string should have at most 240",
        ),
        (
            rule("Second", lines=LINES.replace("offer", "ofer")),
            "line 20: unknown key 'ofer' in play 'Second'; did you mean 'offer'?",
        ),
        (
            rule("Second", lines=LINES + "ofer = 'x'"),
            "line 30: unknown key 'ofer' in play 'Second'; did you mean 'offer'? Known here: name, ",
        ),
        (
            rule("Second", lines=LINES.replace("0.10", "-2")),
            "line 29: play 'Second', measure.change: -2 is no change that can be wanted",
        ),
        (
            rule("Second", lines=LINES.replace("usage_per_month", "usage")),
            "line 29: play 'Second', measure.column: 'usage' is no number of the columns file; did you mean 'usage_per_month'?",
        ),
    ],
)
def test_a_mistake_is_named_with_its_line(book: Callable[..., Playbook], second: str, said: str) -> None:
    """In the second of three plays; the same key stands in the others too."""
    with pytest.raises(SettingsError) as error:
        book(rule("First", '{ age = "low" }'), second, rule("Rest"))

    assert str(error.value).startswith(f"playbook.toml, {said}")


def test_no_play_at_all_is_refused(book: Callable[..., Playbook]) -> None:
    with pytest.raises(SettingsError, match="field required"):
        book("# nothing yet\n")


def test_a_missing_playbook_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"playbook\.toml: can't be read"):
        read_playbook(tmp_path / "playbook.toml")


def test_a_play_s_words_have_one_spelling(book: Callable[..., Playbook]) -> None:
    """What turns the direction of a page or can't be seen is left out, and signs alone are still no text."""
    plays = book(rule("Sale\u0301\u202e all\u00a0 \u200bday", lines=LINES.replace("Come in.", "Ho\u00adla\u2069.")))

    assert (plays.play[0].name, plays.play[0].message) == ("Sal\u00e9 all day", "Hola.")
    with pytest.raises(SettingsError, match="expected words"):
        book(rule("\u200b\u2060 \u2014!!!"))
