"""What holds a month: hand-worked borders, no false alarm in quiet months, every fault that looks like a month."""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from report.mail import policy
from report.mail.send import MailContext, send_month
from report.operations import reference
from report.pages.document import Document
from report.storage import paths
from report.text import formatting, holds
from segmentation.facts import Anomaly, DroppedRows, Facts, facts_from_dict, facts_to_dict
from segmentation.pipeline import Analysis
from segmentation.tracking.anomalies import detect_anomalies, exceeds_factor, has_value_vanished, is_drop_rate_higher
from tests.support.facts import factory
from tests.support.facts.random_months import TODAY, crowd, facts_of
from tests.support.mail.briefs import NOW, dials, mail_context, month_folder
from tests.support.mail.server import Mailroom
from tests.support.pages.documents import Reader


@cache
def quiet_month(n: int) -> Facts:
    """Give last month's facts, of n users."""
    return facts_of(crowd(n, 1), "2026-09", "b")


def found(users: pd.DataFrame, n: int = 2000) -> list[tuple[str, str | None]]:
    """List what is suspicious about users after a quiet month of n."""
    return [(one.kind, one.column) for one in detect_anomalies(facts_of(users), quiet_month(n), current_month=TODAY)]


# --- the borders, worked out by hand


def test_chance_alone_is_no_reason_and_growth_alone_neither() -> None:
    """A factor of 1.5 is allowed, and 4 standard errors: ln 2 - 4 * 0.07 = 0.413 is more than ln 1.5 = 0.405; with 0.08 it is 0.373."""
    assert exceeds_factor(2, 0.07, 1.5)
    assert exceeds_factor(1 / 2, 0.07, 1.5)
    assert not exceeds_factor(2, 0.08, 1.5)
    assert not exceeds_factor(1.5, 0, 1.5)
    assert exceeds_factor(1.51, 0, 1.5)


@pytest.mark.parametrize(
    ("now", "alarm"), [(20, False), (40, False), (250, True), (60, False), (40_000, True), (14_900, False)]
)
def test_users_are_compared_as_two_counts(now: int, alarm: bool) -> None:  # noqa: FBT001
    """From 20 users a month to 60 is chance at most; from 10,000 to 14,900 growth; from 100 to 250 neither: 0.916 - 4 * 0.118 = 0.443."""
    last = {20: 20, 40: 20, 60: 20, 250: 100, 40_000: 10_000, 14_900: 10_000}[now]

    assert exceeds_factor(now / last, math.sqrt(1 / now + 1 / last), 1.5) is alarm


def test_a_share_of_rows_lost_may_grow_by_five_points_and_chance() -> None:
    """Of 1,000 rows none, then 90: 0.0908 - 0.0010 - 4 * 0.0091 = 0.053, above 0.05; with 85 it is 0.049."""
    assert is_drop_rate_higher(0, 1000, 90, 1000)
    assert not is_drop_rate_higher(0, 1000, 85, 1000)
    assert not is_drop_rate_higher(90, 1000, 0, 1000)
    assert not is_drop_rate_higher(0, 10, 3, 10)


def test_a_value_is_gone_where_chance_would_keep_it() -> None:
    """With months of one size, c users all fall into the first month once in 2^c: 2^-16 is more than 1e-5, 2^-17 is less."""
    assert not has_value_vanished(16, 1000, 1000, max_seen=0)
    assert has_value_vanished(17, 1000, 1000, max_seen=0)
    assert has_value_vanished(9, 1000, 10_000, max_seen=0)
    assert not has_value_vanished(100, 10_000, 100, max_seen=0)
    assert has_value_vanished(60, 1000, 1000, max_seen=9)
    assert not has_value_vanished(30, 1000, 1000, max_seen=9)
    assert not has_value_vanished(60, 1000, 1000, max_seen=5000)


# --- quiet months


def test_a_quiet_month_is_never_held() -> None:
    """Nine pairs of months of one population, from 30 users to 3,000, growing and shrinking by a tenth: no alarm.

    `tests/bench/trust/quiet_months.py` asks it of many more.
    """
    alarms = []
    for number in range(3):
        for n in (30, 300, 3000):
            last = facts_of(crowd(n, 2 * number), "2026-09", "b")
            now = facts_of(crowd(int(n * (0.9 + 0.1 * number)), 2 * number + 1))
            alarms += [(n, number, one) for one in detect_anomalies(now, last, current_month=TODAY)]
            # a third of the users, or hardly any, has to be seen in the same crowds
            third = facts_of(crowd(n // 3, 2 * number + 1))
            assert ("users" in {one.kind for one in detect_anomalies(third, last, current_month=TODAY)}) == (n > 30)

    assert alarms == []


def test_no_month_of_the_sample_is_held(sample: tuple[Analysis, ...]) -> None:
    """And each is made up, so that none lies in the future."""
    months = [
        replace(made.facts, source=replace(made.facts.source, sha256=sha))
        for made, sha in zip(sample, "abc", strict=True)
    ]
    for last, now in zip((None, *months[:-1]), months, strict=True):
        assert detect_anomalies(now, last, current_month="1999-01") == ()
        again = replace(now, month="2027-01")
        assert [one.kind for one in detect_anomalies(again, now, current_month="1999-01")] == ["same_file"]


# --- faults that look like a month


FAULTS: dict[str, tuple[Callable[[pd.DataFrame], pd.DataFrame], list[tuple[str, str | None]]]] = {
    "nothing": (lambda users: users, []),
    "half of the users": (lambda users: users.head(900), [("users", None)]),
    "everybody twice": (lambda users: pd.concat([users, users]), [("users", None)]),
    "income in cents": (lambda users: users.assign(annual_income=users["annual_income"] * 100), [("unit", "annual_income")]),
    "income ten-fold": (lambda users: users.assign(annual_income=users["annual_income"] * 10), [("unit", "annual_income")]),
    "income in thousands": (lambda users: users.assign(annual_income=users["annual_income"] / 1000), [("unit", "annual_income")]),
    "usage in hours": (lambda users: users.assign(usage_per_month=users["usage_per_month"] / 60), [("unit", "usage_per_month")]),
    "a third of ages ten-fold": (
        lambda users: users.assign(age=users["age"] * np.resize([10, 1, 1], len(users))),
        [("lost", "age")],
    ),
    "a third of incomes ten-fold": (
        lambda users: users.assign(annual_income=users["annual_income"] * np.resize([10, 1, 1], len(users))),
        [("unit", "annual_income")],
    ),
    "30 % without an income": (
        lambda users: users.assign(annual_income=users["annual_income"].where(np.arange(len(users)) % 10 > 2)),
        [("lost", "annual_income")],
    ),
    "no more Pop": (lambda users: users.assign(top_genre=users["top_genre"].replace("Pop", "Rock")), [("gone", "top_genre")]),
    "another word for men": (lambda users: users.assign(gender=users["gender"].replace("Male", "M")), [("gone", "gender")]),
    "no more Jazz, which 180 had": (lambda users: users[users["top_genre"] != "Jazz"], [("gone", "top_genre")]),
}  # fmt: skip


@pytest.mark.parametrize(("change", "expected"), FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_that_looks_like_a_month_holds_it(
    change: Callable[[pd.DataFrame], pd.DataFrame], expected: list[tuple[str, str | None]]
) -> None:
    assert found(change(crowd(2000, 2))) == expected


def test_last_months_users_under_this_months_name_are_known_by_their_bytes_and_without() -> None:
    """The same file; and the same users, saved in another form."""
    last, now = facts_of(crowd(300, 1), "2026-09", "b"), facts_of(crowd(300, 1))
    # both as facts.json has them: a run compares with what last month's says
    last, now = (facts_from_dict(facts_to_dict(one)) for one in (last, now))
    other = facts_of(crowd(300, 2))

    assert detect_anomalies(now, last, current_month=TODAY) == (Anomaly("same_file", month="2026-09"),)
    assert detect_anomalies(replace(other, source=last.source), last, current_month=TODAY) == (
        Anomaly("same_file", month="2026-09"),
    )
    assert detect_anomalies(other, last, current_month=TODAY) == ()
    tables = {
        name: replace(table, values=tuple(replace(item, merged=None) for item in table.values))
        for name, table in last.distributions.categories.items()
    }
    silent = replace(last, distributions=replace(last.distributions, categories=tables))  # as months were made before
    assert detect_anomalies(now, silent, current_month=TODAY) == (Anomaly("same_file", month="2026-09"),)


def test_a_month_that_has_not_begun_is_held_though_it_is_the_first() -> None:
    now = facts_of(crowd(300, 1), "2026-12")

    assert detect_anomalies(now, None, current_month="2026-11") == (Anomaly("future"),)
    assert detect_anomalies(now, None, current_month="2026-12") == ()


def test_a_value_that_may_hide_among_the_few_is_not_called_gone() -> None:
    """30 had it; this month 12 are shown together as "Other", and may all have it: that is no chance of one in 100,000."""
    last = crowd(1000, 1).assign(top_genre=["Polka"] * 30 + ["Pop"] * 970)
    now = crowd(1000, 2).assign(top_genre=["Polka"] * 6 + ["Ska"] * 6 + ["Pop"] * 988)

    assert detect_anomalies(facts_of(now), facts_of(last, "2026-09", "b"), current_month=TODAY) == ()

    many = crowd(1000, 1).assign(top_genre=["Polka"] * 200 + ["Pop"] * 800)
    (gone,) = detect_anomalies(facts_of(now), facts_of(many, "2026-09", "b"), current_month=TODAY)
    assert (gone.kind, gone.value, gone.now) == ("gone", "Polka", 12)


def test_a_value_called_like_several_is_one_of_its_own() -> None:
    """300 users chose "Other (2)": that it is gone is as suspicious as of any; months that don't say what is merged are read by name."""
    last = facts_of(crowd(1000, 1).assign(top_genre=["Other (2)"] * 300 + ["Pop"] * 700), "2026-09", "b")
    now = facts_of(crowd(1000, 2).assign(top_genre=["Rock"] * 300 + ["Pop"] * 700))

    assert [(one.kind, one.value) for one in detect_anomalies(now, last, current_month=TODAY)] == [
        ("gone", "Other (2)")
    ]
    genres = last.distributions.categories["top_genre"]
    silent = replace(genres, values=tuple(replace(item, merged=None) for item in genres.values))
    categories = last.distributions.categories | {"top_genre": silent}
    old = replace(last, distributions=replace(last.distributions, categories=categories))
    assert detect_anomalies(now, old, current_month=TODAY) == ()


def test_what_a_month_is_compared_with_is_named() -> None:
    """September was made of other features, so that the segments' last month is August; the file is compared with September's."""
    facts = factory.month(4, first=False)
    assert facts.change is not None
    held = Anomaly("users", last=3000.0, now=480.0, month="2026-05")

    assert facts.change.month != "2026-05"
    assert "in May 2026" in holds.describe_anomaly(facts, held).replace("\u00a0", " ")
    assert formatting.format_month(facts.change.month) in holds.describe_anomaly(facts, replace(held, month=None))


# --- what comes of it


HELD = (
    Anomaly("future"),
    Anomaly("same_file"),
    Anomaly("users", last=3000.0, now=480.0),
    Anomaly("unit", "annual_income", last=40_400.0, now=404_000.0),
    Anomaly("lost", "annual_income", "missing", last=0.0, now=0.3),
    Anomaly("lost", "user_id", "repeated", last=0.0, now=0.3),
    Anomaly("lost", "age", "out_of_range", last=0.01, now=0.3),
    Anomaly("gone", "top_genre", "Pop", last=2149.0, now=0.0),
    Anomaly("gone", "top_genre", "Jazz", last=252.0, now=18.0),
)


def test_each_reason_is_a_sentence_with_its_numbers() -> None:
    facts = factory.month(4, first=False)

    assert [holds.describe_anomaly(facts, one).replace("\u00a0", " ") for one in HELD] == [
        "October 2026 has not begun.",
        "The users are those of September 2026, one and all.",
        "480 rows were read; in September 2026 3,000.",
        "Mean income is $404,000; in September 2026 $40,400. Is it in another unit?",
        "30 % of the rows have no income; in September 2026 0 %.",
        "30 % of the rows repeat a user; in September 2026 0 %.",
        "30 % of the rows have an impossible age; in September 2026 1 %.",
        "Nobody has the top genre Pop any more; in September 2026 2,149 users had it.",
        "At most 18 users have the top genre Jazz any more; in September 2026 252 had it.",
    ]


def test_a_reason_that_has_no_sentence_is_no_other() -> None:
    """A kind that somebody adds is not called by the words of the last one."""
    unknown: Any = "doubled"

    with pytest.raises(KeyError, match="doubled"):
        holds.describe_anomaly(factory.month(4), Anomaly(unknown, "age", "Pop", last=2.0, now=1.0))


def test_page_one_says_so_and_a_quiet_one_is_silent(tmp_path: Path) -> None:
    """On the screen, on paper and on every profile; a category of markup is a word there too."""
    from report.rendering.pandoc import PageOptions, convert_to_html_page

    facts = replace(factory.month(4), suspicions=(HELD[2], Anomaly("gone", "top_genre", factory.SCRIPT, last=99.0)))
    paths.create_workspace(tmp_path)
    pages = []
    for one in (facts, factory.month(4)):
        text = Document(one, "print", paths.TEMPLATES).render_template("parts/masthead.md").text
        look = PageOptions(title="t", template="../templates/page.html", css=())
        pages.append(convert_to_html_page(text, look, tmp_path / "report" / "page.html").read_text())

    assert "Held: before these numbers are used, somebody should look at the month's file." in Reader(pages[0]).text
    assert "480 rows were read; in the last month 3,000." in Reader(pages[0]).text
    assert f"Nobody has the top genre {factory.SCRIPT} any more" in Reader(pages[0]).text
    assert factory.SCRIPT not in pages[0]
    assert "Held" not in Reader(pages[1]).text


def test_page_one_has_room_for_three_reasons() -> None:
    said = holds.describe_hold(replace(factory.month(4), suspicions=HELD))

    assert "And 6 more. No brief is mailed until somebody accepts the month." in said
    assert holds.describe_hold(factory.month(4)) == ""


@pytest.fixture
def room() -> Iterator[Mailroom]:
    """Open a mail server."""
    with Mailroom() as room:
        yield room


@pytest.fixture
def postman(tmp_path: Path, room: Mailroom) -> MailContext:
    """Give a postman with a held month."""
    held = month_folder(tmp_path / "out", replace(factory.month(4), suspicions=HELD[2:4]))
    (tmp_path / "data").mkdir()
    assert held.parent == tmp_path / "out"
    tell: Any = [].append
    return mail_context(tmp_path / "out", tmp_path / "data", dials(), room.server(), lambda: NOW, lambda _: None, tell)


def test_a_held_month_is_mailed_to_nobody_until_somebody_accepts_it(postman: MailContext, room: Mailroom) -> None:
    """The owner gets the reason, once; after ACCEPT=yes the briefs go out, and later runs need not be told again."""
    assert send_month(postman, confirm=True) == 1
    assert send_month(postman, confirm=True) == 1
    ((_, raw),) = room.inbox
    notice = message_from_bytes(raw, policy=default)
    assert notice["To"] == dials().mail.owner
    assert "the month is held" in notice["Subject"]
    assert "480 rows were read" in notice.get_content()
    assert "make send MONTH=2026-10 ACCEPT=yes" in " ".join(notice.get_content().split())

    room.inbox.clear()
    assert send_month(postman, accept=True) == 0
    assert room.inbox == []
    assert send_month(postman, confirm=True) == 0
    assert room.inbox
    assert send_month(postman, confirm=True) == 0


def test_another_file_with_the_same_complaint_is_held_again(postman: MailContext, room: Mailroom) -> None:
    """A new export with as few users as the accepted one may be wrong all the same."""
    send_month(postman, accept=True)
    facts = replace(factory.month(4), suspicions=HELD[2:4])
    other = replace(facts, source=replace(facts.source, sha256="f" * 64))
    month_folder(postman.notifier.output, other)

    assert send_month(postman, confirm=True) == 1
    assert {to for to, _ in room.inbox} == {dials().mail.owner}


def test_what_was_accepted_is_one_file_and_its_reasons(tmp_path: Path) -> None:
    """Another file of the same month, or another reason, is another question."""
    facts = replace(factory.month(4), suspicions=HELD[:1])
    policy.accept_month(facts, tmp_path)

    assert policy.check_month_hold(facts, tmp_path) is None
    assert policy.check_month_hold(replace(facts, suspicions=HELD[1:2]), tmp_path)
    assert policy.check_month_hold(replace(facts, source=replace(facts.source, sha256="0" * 64)), tmp_path)
    assert policy.check_month_hold(replace(facts, suspicions=()), tmp_path / "other") is None


def test_a_month_is_compared_with_the_last_of_its_kind(tmp_path: Path) -> None:
    """Made-up months are no yardstick for real ones; a month that can't be read is passed over; the clock may be wrong."""
    source = tmp_path / "2026-10.csv"
    source.write_text("x")
    real, made_up = facts_of(crowd(900, 1), "2026-08", "b"), factory.month(4)
    for name, text in (
        ("2026-08", paths.dump_facts_json(real)),
        ("2026-09", paths.dump_facts_json(replace(made_up, month="2026-09"))),
        ("2026-07", "{"),
    ):
        (tmp_path / "out" / name).mkdir(parents=True)
        (tmp_path / "out" / name / "facts.json").write_text(text)
    now = facts_of(crowd(300, 2), "2026-10")

    held = reference.add_anomalies(now, tmp_path / "out", now=datetime(1999, 1, 1, tzinfo=UTC), source=source)
    assert [one.kind for one in held.suspicions] == ["users"]
    first = reference.add_anomalies(now, tmp_path / "none", now=NOW, source=source)
    assert first.suspicions == ()


def test_a_suspicion_says_what_was_and_what_is() -> None:
    """Facts changed by hand: a tenth, then three quarters, of 1,000 rows without an age; ten-fold incomes; a genre that is gone."""
    base = factory.month(4)
    last = replace(
        base,
        source=replace(base.source, sha256="cd" * 32),
        audit=replace(base.audit, read=1_000, kept=900, dropped=(DroppedRows("missing", "age", 100),)),
    )
    incomes = base.distributions.numbers["annual_income"]
    genre = base.distributions.categories["top_genre"]
    first = max((item for item in genre.values if not item.value.startswith("Other")), key=lambda one: one.after)
    now = replace(
        base,
        audit=replace(last.audit, kept=250, dropped=(DroppedRows("missing", "age", 750),)),
        distributions=replace(
            base.distributions,
            numbers=base.distributions.numbers
            | {"annual_income": replace(incomes, mean=10 * incomes.mean, sd=10 * incomes.sd)},
            categories=base.distributions.categories
            | {"top_genre": replace(genre, values=tuple(item for item in genre.values if item is not first))},
        ),
    )

    found = detect_anomalies(now, last, current_month=TODAY)

    assert set(found) == {
        Anomaly("unit", "annual_income", last=incomes.mean, now=10 * incomes.mean, month=last.month),
        Anomaly("lost", "age", "missing", last=0.1, now=0.75, month=last.month),
        Anomaly(
            "gone",
            "top_genre",
            first.value,
            last=first.after,
            now=sum(item.after for item in genre.values if item.merged),
            month=last.month,
        ),
    }


@pytest.mark.parametrize("mean", [0.0, -5.0])
def test_means_that_have_no_ratio_are_not_compared(mean: float) -> None:
    """Nor is a column that last month didn't have."""
    last = factory.month(4)
    source = replace(last.source, sha256="cd" * 32)
    numbers = last.distributions.numbers
    changed = replace(numbers["age"], mean=mean)
    now = replace(last, source=source, distributions=replace(last.distributions, numbers=numbers | {"age": changed}))
    fewer = {name: one for name, one in numbers.items() if name != "age"}
    without = replace(last, source=source, distributions=replace(last.distributions, numbers=fewer))

    assert detect_anomalies(now, last, current_month=TODAY) == ()
    assert detect_anomalies(last, without, current_month=TODAY) == ()
    tenfold = replace(numbers["age"], mean=10 * numbers["age"].mean)
    older = replace(last, distributions=replace(last.distributions, numbers=numbers | {"age": tenfold}))
    assert [one.column for one in detect_anomalies(older, replace(last, source=source), current_month=TODAY)] == ["age"]
