"""Earlier months: found in their folders, or worked out from their files, and never mixed up."""

import json
import logging
import stat
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import narwhals as nw
import pandas as pd
import pytest

from report import history
from report.errors import InputError
from report.mail import policy
from report.operations import reference
from report.settings import Settings
from report.sources.loader import describe_source
from report.storage import paths
from segmentation.facts import Facts, Source, facts_from_dict, facts_to_dict
from segmentation.options import Options
from segmentation.pipeline import analyse
from segmentation.tracking.anomalies import detect_anomalies
from tests.support import ROOT

MONTHS = ("2026-08", "2026-09", "2026-10")
REAL, MADE_UP = (Source("2026-10.csv", "0" * 64, synthetic=synthetic) for synthetic in (False, True))
DATA = ROOT / "data"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw fewer random crowds than a report does: what is asked here is which months meet."""

    def quick(users: pd.DataFrame, plan: Options, **others: Any) -> object:
        return analyse(users, replace(plan, draws=2, bootstraps=4), **others)

    monkeypatch.setattr(history, "analyse", quick)


@pytest.fixture
def settings() -> Settings:
    return Settings(segments={"k": 4, "k_range": [1, 4], "n_init": 3})


@pytest.fixture
def months(tmp_path: Path, groups: pd.DataFrame) -> Callable[..., Path]:
    """Write the four groups as the files of these months, each with ten people who weren't there before.

    One person is a year older each month, so that no month is another one under a new name.
    """

    def write(*names: str) -> Path:
        folder = tmp_path / "data"
        folder.mkdir(exist_ok=True)
        for n, name in enumerate(names):
            ids = [f"person-{(number if number >= 10 else number + 1000 * n):05d}" for number in range(200)]
            ages = groups["age"] + n * (groups.index == 0)
            groups.assign(user_id=ids, age=ages).to_csv(folder / f"{name}.csv", index=False)
        return folder / f"{names[-1]}.csv"

    return write


@pytest.fixture
def archived(tmp_path: Path, months: Callable[..., Path], settings: Settings) -> Callable[..., Path]:
    """Work these months out, and give the folder that they lie in."""

    def make(*names: str) -> Path:
        source, output = months(*names, "2026-10"), tmp_path / "out"
        history.backfill_months(source, "2026-10", settings, output, lambda _: None)
        assert sorted(path.name for path in output.iterdir()) == sorted(names)
        return output

    return make


def test_months_that_were_never_made_are_worked_out_the_oldest_first(
    tmp_path: Path, months: Callable[..., Path], settings: Settings
) -> None:
    """So that October continues September, which continues August: as if each had been made in its time."""
    source, output, told = months(*MONTHS), tmp_path / "out", []

    history.backfill_months(source, "2026-10", settings, output, told.append)
    october = history.analyse_month(source, "2026-10", settings, output, scratch=tmp_path / "scratch").facts

    assert told == ["Working out 2026-08, which was never made", "Working out 2026-09, which was never made"]
    august, september = (paths.read_facts(output / month / "facts.json") for month in MONTHS[:2])
    assert august.change is None
    assert september.change is not None
    assert september.change.month == "2026-08"
    assert october.change is not None
    assert october.change.month == "2026-09"
    assert october.change.flow is not None
    assert october.change.flow.both == 190
    assert october.trend is not None
    assert october.trend.months == MONTHS
    assert [s.name for s in october.segments] == [s.name for s in august.segments]


def test_what_is_worked_out_has_facts_and_segments_and_no_pages(archived: Callable[..., Path]) -> None:
    """The one file with a row a user is for the owner alone."""
    output = archived("2026-09")

    assert sorted(path.name for path in (output / "2026-09").iterdir()) == ["facts.json", "segments.parquet"]
    people = output / "2026-09" / "segments.parquet"
    assert stat.S_IMODE(people.stat().st_mode) == 0o600
    users = pd.read_parquet(people)
    assert {"user_id", "segment"} <= set(users.columns)
    assert len(users) == 200
    facts = paths.read_facts(output / "2026-09" / "facts.json")
    assert {name: (users["segment"] == name).sum() for name in ("S1", "S4")} == {"S1": 80, "S4": 20}
    assert facts.source.name == "2026-09.csv"
    assert not facts.source.synthetic


@pytest.mark.parametrize("lazy", [False, True])
def test_only_its_owner_reads_the_file_with_a_row_a_user(tmp_path: Path, lazy: bool) -> None:  # noqa: FBT001
    """Also where an engine writes it, because memory doesn't hold the month."""
    frame = pd.DataFrame({"user_id": ["ann"], "segment": ["S1"]})
    users = nw.from_native(duckdb.from_df(frame) if lazy else frame)
    assert isinstance(users, nw.LazyFrame) == lazy

    history.write_assignments(SimpleNamespace(users=users), tmp_path)

    assert stat.S_IMODE((tmp_path / "segments.parquet").stat().st_mode) == 0o600
    assert len(pd.read_parquet(tmp_path / "segments.parquet")) == 1


def test_a_month_is_worked_out_once(tmp_path: Path, settings: Settings, archived: Callable[..., Path]) -> None:
    """Next time it is read."""
    output, told = archived("2026-09"), []
    before = (output / "2026-09" / "facts.json").stat().st_mtime_ns

    history.backfill_months(tmp_path / "data" / "2026-10.csv", "2026-10", settings, output, told.append)
    found = history.read_history(output, "2026-10", REAL, settings.columns.features)

    assert told == []
    assert (output / "2026-09" / "facts.json").stat().st_mtime_ns == before
    assert [facts.month for facts in found.months] == ["2026-09"]
    assert found.previous is not None
    assert found.previous.facts.month == "2026-09"
    assert found.previous.users is not None
    assert len(found.previous.users) == 200


def test_a_gap_ends_what_is_worked_out(tmp_path: Path, months: Callable[..., Path], settings: Settings) -> None:
    """July is there, August isn't: nothing tells how July's people came to September."""
    source, told = months("2026-07", "2026-09", "2026-10"), []

    history.backfill_months(source, "2026-10", settings, tmp_path / "out", told.append)

    assert told == ["Working out 2026-09, which was never made"]


def test_a_month_is_not_its_own_past(tmp_path: Path, months: Callable[..., Path], settings: Settings) -> None:
    """September's file, made as October's month: it is not September's, too, though it is where October is another."""
    source, told = months("2026-09"), []

    history.backfill_months(source, "2026-10", settings, tmp_path / "out", told.append)

    assert told == []
    assert not (tmp_path / "out").exists()

    october = source.rename(source.with_name("2026-10.csv"))
    source.write_bytes(october.read_bytes())
    history.backfill_months(october, "2026-10", settings, tmp_path / "out", told.append)
    assert told == ["Working out 2026-09, which was never made"]


def test_a_month_that_cannot_be_worked_out_is_left_out_with_a_warning(
    tmp_path: Path, months: Callable[..., Path], settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """August's file is broken; September is worked out all the same, as the first of its history."""
    source, output = months(*MONTHS), tmp_path / "out"
    (tmp_path / "data" / "2026-08.csv").write_text("nothing\n1\n", encoding="utf-8")

    with caplog.at_level(logging.WARNING):
        history.backfill_months(source, "2026-10", settings, output, lambda _: None)

    assert [path.name for path in output.iterdir()] == ["2026-09"]
    (record,) = caplog.records
    assert record.getMessage().startswith("2026-08 can't be worked out, so it is left out of the history:")


def test_made_up_users_and_real_ones_are_never_compared(archived: Callable[..., Path], settings: Settings) -> None:
    """The sample's segments would be a real service's last month."""
    output = archived("2026-08", "2026-09")

    real = history.read_history(output, "2026-10", REAL, settings.columns.features)
    made_up = history.read_history(output, "2026-10", MADE_UP, settings.columns.features)

    assert [facts.month for facts in real.months] == ["2026-08", "2026-09"]
    assert made_up == history.MonthHistory((), None)


def test_the_sample_is_not_worked_out_for_a_real_month(
    tmp_path: Path, months: Callable[..., Path], settings: Settings
) -> None:
    """A real file put beside the sample's, which it would not be compared with."""
    source, told = months("2026-10"), []
    sample = tmp_path / "data" / "2026-09.csv"
    sample.write_bytes((DATA / "2026-09.csv").read_bytes())

    history.backfill_months(source, "2026-10", settings, tmp_path / "out", told.append)

    assert describe_source(sample, "2026-09", settings).synthetic
    assert not describe_source(source, "2026-10", settings).synthetic
    assert told == []

    history.backfill_months(months("2026-09", "2026-10"), "2026-10", settings, tmp_path / "out", told.append)
    assert told == ["Working out 2026-09, which was never made"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"{", "is no JSON"),
        (b"\xff\xfe\x00", "is no text"),
        (json.dumps({"format": 0}).encode(), "Facts of format 0"),
        (json.dumps({"format": 2}).encode(), "Field required"),
        (b"[" * 100_000, "is no JSON"),
        (b'{"format": ' + b"9" * 5_000 + b"}", "is no JSON"),
    ],
    ids=["cut short", "no text", "another format", "changed by hand", "nested", "digits"],
)
def test_an_archive_that_cannot_be_read_is_left_out_with_a_warning(
    archived: Callable[..., Path], settings: Settings, caplog: pytest.LogCaptureFixture, text: bytes, said: str
) -> None:
    """The month before it is the last one then; a damaged archive stops no report."""
    output = archived("2026-09")
    (output / "2026-08").mkdir()
    (output / "2026-08" / "facts.json").write_bytes(text)

    with caplog.at_level(logging.WARNING):
        found = history.read_history(output, "2026-10", REAL, settings.columns.features)

    assert [facts.month for facts in found.months] == ["2026-09"]
    (record,) = caplog.records
    assert record.getMessage().startswith("2026-08 is left out of the history:")
    assert said in record.getMessage()


def test_people_who_cannot_be_read_are_not_followed(
    archived: Callable[..., Path], settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """Damaged, there is a warning; deleted, as whoever keeps no rows will do, there is nothing to say."""
    output = archived("2026-09")
    people = output / "2026-09" / "segments.parquet"

    people.write_bytes(people.read_bytes()[:100])
    with caplog.at_level(logging.WARNING):
        damaged = history.read_history(output, "2026-10", REAL, settings.columns.features)
    assert damaged.previous is not None
    assert damaged.previous.users is None
    (record,) = caplog.records
    assert record.getMessage().startswith("2026-09: the users of that month can't be read")

    rows = pd.DataFrame({"user_id": ["u1"], "age": [20.0], "segment": ["S1"]})
    for damage in (rows.drop(columns="segment"), rows.assign(age="old"), rows.head(0)):
        damage.to_parquet(people)
        caplog.clear()
        other = history.read_history(output, "2026-10", REAL, settings.columns.features)
        assert other.previous is not None
        assert other.previous.users is None
        (record,) = caplog.records
        assert record.getMessage().startswith("2026-09: the users of that month can't be read")

    people.unlink()
    caplog.clear()
    deleted = history.read_history(output, "2026-10", REAL, settings.columns.features)
    assert deleted.previous is not None
    assert deleted.previous.users is None
    assert not caplog.records


def test_months_on_other_features_are_no_last_month(
    archived: Callable[..., Path], settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """There is no space in which both months' segments lie; what to do is said."""
    output = archived("2026-09")

    found = history.read_history(output, "2026-10", REAL, ("age", "usage_per_month"))
    assert "make report MONTH=2026-09" in caplog.text
    turned = history.read_history(output, "2026-10", REAL, settings.columns.features[::-1])

    assert found.previous is None
    assert [facts.month for facts in found.months] == ["2026-09"]
    assert turned.previous is not None  # the same features, in another order


def test_only_earlier_months_are_the_past(archived: Callable[..., Path], settings: Settings) -> None:
    """August made again, after September, continues July; and folders that are no months are none."""
    output = archived("2026-08", "2026-09")
    (output / "2026-07-copy").mkdir()
    (output / "2026-07-copy" / "facts.json").write_text("{}", encoding="utf-8")

    assert history.read_history(output, "2026-08", REAL, settings.columns.features) == history.MonthHistory()
    again = history.read_history(output, "2026-09", REAL, settings.columns.features)
    assert [facts.month for facts in again.months] == ["2026-08"]
    assert history.read_history(output / "none", "2026-10", REAL, settings.columns.features) == history.MonthHistory()


@pytest.mark.parametrize("broken", ["{", '{"format": 0}'])
def test_a_month_whose_facts_cannot_be_read_is_worked_out_anew(
    archived: Callable[..., Path], tmp_path: Path, settings: Settings, broken: str
) -> None:
    """Damaged, or of an earlier layout: October is still compared with it, its pages stay as they were read, its briefs go.

    They are of other facts, in which S1 may be somebody else: nobody may be sent them any more.
    """
    output, told = archived("2026-08", "2026-09"), []
    before = paths.read_facts(output / "2026-09" / "facts.json")
    (output / "2026-09" / "facts.json").write_text(broken)
    (output / "2026-09" / "briefs").mkdir()
    (output / "2026-09" / "briefs" / "young.eml").write_text("of S3, once")
    (output / "2026-09" / "profiles").mkdir()
    (output / "2026-09" / "profiles" / "young.html").write_text("as it was read")
    (output / "2026-09" / "report.html").symlink_to("nowhere")

    history.backfill_months(tmp_path / "data" / "2026-10.csv", "2026-10", settings, output, told.append)

    assert told == ["Working out 2026-09, whose facts can't be read"]
    assert paths.read_facts(output / "2026-09" / "facts.json") == before
    assert (output / "2026-09" / "profiles" / "young.html").read_text() == "as it was read"
    assert not (output / "2026-09" / "briefs").exists()
    assert stat.S_IMODE((output / "2026-09" / "segments.parquet").stat().st_mode) == 0o600


def test_a_file_that_is_replaced_while_it_is_read_is_no_month(
    tmp_path: Path, months: Callable[..., Path], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the facts would name the hash of another file than the one whose users they count."""
    source = months("2026-10")
    read = history.load_users

    def replaced(*asked: Any) -> Any:
        users = read(*asked)
        source.write_text(source.read_text() + "\n")
        return users

    monkeypatch.setattr(history, "load_users", replaced)
    with pytest.raises(InputError, match=r"^2026-10\.csv changed while it was read\."):
        history.analyse_and_store_month(source, "2026-10", settings, tmp_path / "out", tmp_path, lambda _: None)


@pytest.mark.parametrize("exact_users", [1_000, 100])
def test_a_month_spelt_in_other_letters_than_the_last_is_the_same(
    tmp_path: Path, groups: pd.DataFrame, exact_users: int
) -> None:
    """September composed, October from a Mac, and September's facts and users as an earlier version left them: as they came."""
    settings = Settings(segments={"k": 4, "k_range": [1, 4], "n_init": 3}, scale={"exact_users": exact_users})
    words = {"Pop": "Vari\u00e9t\u00e9", "Rock": "R\u00f4ck", "Jazz": "Caf\u00e9 jazz"}
    frame = groups.assign(
        top_genre=groups["top_genre"].map(words), user_id=[f"Zo\u00eb-{n:05d}" for n in range(len(groups))]
    )
    output, october = tmp_path / "out", tmp_path / "data" / "2026-10.csv"
    october.parent.mkdir()
    frame.to_csv(october.parent / "2026-09.csv", index=False)
    decomposed = frame.apply(lambda one: one.str.normalize("NFD") if one.dtype == "str" else one)
    decomposed.to_csv(october, index=False)
    history.backfill_months(october, "2026-10", settings, output, lambda _: None)
    facts, people = output / "2026-09" / "facts.json", output / "2026-09" / "segments.parquet"
    written = json.loads(facts.read_text("utf-8"))
    table = written["distributions"]["categories"]["top_genre"]
    table["values"] = [
        item | {"value": spelling} | {key: 20 if n else item[key] - 20 for key in ("before", "after")}
        for item in table["values"]
        for n, spelling in enumerate((unicodedata.normalize("NFD", item["value"]), f"\u200b{item['value']}"))
    ]
    facts.write_text(json.dumps(written), "utf-8")
    users = pd.read_parquet(people)
    users["top_genre"] = users["top_genre"].str.normalize("NFD")
    users.loc[::3, "top_genre"] = "\u200b" + users["top_genre"]
    users.to_parquet(people)

    made = history.analyse_month(october, "2026-10", settings, output, scratch=tmp_path / "s").facts
    found = facts_from_dict(facts_to_dict(made))

    last = paths.read_facts(facts)
    assert {item.value for item in last.distributions.categories["top_genre"].values} & set(words.values()) == set()
    assert [one.kind for one in detect_anomalies(found, last, current_month="2026-11")] == ["same_file"]
    assert found.change is not None
    assert found.change.flow is not None
    assert found.change.flow.both == 200
    assert found.change.drift["top_genre"].psi == 0
    assert set(found.shares["top_genre"]) == set(words.values())


def test_a_month_in_the_wrong_unit_costs_nothing_afterwards(
    tmp_path: Path, months: Callable[..., Path], settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """September's usage is in hours. October continues August: the same ids and names, and it isn't held.

    Once somebody has accepted September, it is the reference; then October is the one in another unit.
    """
    source, output = months(*MONTHS), tmp_path / "out"
    wrong = pd.read_csv(tmp_path / "data" / "2026-09.csv")
    wrong.assign(usage_per_month=wrong["usage_per_month"] / 60).to_csv(tmp_path / "data" / "2026-09.csv", index=False)

    def make_october() -> Facts:
        made = history.analyse_month(source, "2026-10", settings, output, scratch=tmp_path / "scratch").facts
        made = facts_from_dict(facts_to_dict(made))
        return replace(made, suspicions=reference.find_anomalies(made, output, current_month="2026-11"))

    history.backfill_months(source, "2026-10", settings, output, lambda _: None)
    august, september = (paths.read_facts(output / month / "facts.json") for month in MONTHS[:2])
    assert [(one.kind, one.column) for one in september.suspicions] == [("unit", "usage_per_month")]
    assert "2026-09: Held: before these numbers are used" in caplog.text
    caplog.clear()

    october = make_october()
    assert october.suspicions == ()
    assert october.change is not None
    assert october.change.month == "2026-08"
    assert [(s.id, s.name) for s in october.segments] == [(s.id, s.name) for s in august.segments]
    assert not any(found.has_drifted for found in october.change.drift.values())
    (record,) = caplog.records
    assert record.getMessage() == (
        "2026-10 is compared with 2026-08, and continues its segments. Not with a later month: 2026-09 is held and was not accepted."
    )

    policy.accept_month(september, output)
    caplog.clear()
    october = make_october()
    assert october.change is not None
    assert october.change.month == "2026-09"
    assert [one.kind for one in october.suspicions] == ["unit"]
    assert not caplog.records
