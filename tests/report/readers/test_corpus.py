"""The corpus, held: each file is read right or refused in a sentence, and a whole month of it described, held or refused."""

import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from report.errors import InputError
from segmentation.errors import SegmentationError
from segmentation.pipeline import Analysis
from segmentation.tracking.anomalies import detect_anomalies
from tests.report.readers.corpus.made import ONE, refused, same, text, write
from tests.report.readers.corpus.table import CORPUS, HOSTILE, Case
from tests.support.facts.factory import users
from tests.support.music import read_users

Run = Callable[..., Analysis]


def test_the_corpus_is_as_large_as_it_should_be() -> None:
    """A hundred faults at least that end in a sentence, each by a name of its own."""
    assert sum(isinstance(case.gets, list) for case in CORPUS) >= 100
    assert len({case.name for case in CORPUS}) == len(CORPUS)


@pytest.mark.parametrize("case", CORPUS, ids=lambda case: case.name)
def test_a_file_gets_the_right_answer_or_a_sentence(tmp_path: Path, case: Case) -> None:
    """Encodings, delimiters and spellings are the export's business; what can't be read without guessing is refused."""
    path = case.make(tmp_path)

    if isinstance(case.gets, list):
        refused(path, *case.gets)
    else:
        same(read_users(path), case.gets)


def test_a_file_that_another_process_is_writing_is_refused_or_read_to_its_last_row(tmp_path: Path) -> None:
    """Really written meanwhile: 4,000 rows, a few at a time, while it is read again and again."""
    path = write(tmp_path, text({}))
    line = ",".join(ONE.values())
    script = (
        "import sys, time\n"
        "with open(sys.argv[1], 'a', buffering=1) as file:\n"
        "    for n in range(200):\n"
        f"        file.write('{line}\\n' * 20)\n"
        "        time.sleep(0.002)\n"
    )
    outcomes: set[str] = set()
    with subprocess.Popen([sys.executable, "-c", script, str(path)]) as writer:
        while writer.poll() is None:
            try:
                rows = len(read_users(path))
            except InputError as error:
                outcomes.add(re.sub(r"row \d+ has \d", "row 9 has 9", str(error)))
            else:
                outcomes.add("whole rows" if 1 <= rows <= 4001 else f"{rows} rows")
            time.sleep(0.001)

    assert len(read_users(path)) == 4001
    assert outcomes
    for outcome in outcomes:
        assert outcome == "whole rows" or "changed while it was read" in outcome or "row 9 has 9" in outcome


# --- a whole month: what cleaning, clustering and suspicion make of it

MONTHS: dict[str, tuple[Callable[[pd.DataFrame], pd.DataFrame], str | list[str]]] = {
    "nothing wrong": (lambda month: month, []),
    "rows in another order": (lambda month: month.sample(frac=1, random_state=1), []),
    "one row": (lambda month: month.head(1), "user"),
    "two rows": (lambda month: month.head(2), "user"),
    "no row that can be used": (lambda month: month.assign(age=np.nan), "No row is left"),
    "all null": (lambda month: month.assign(**dict.fromkeys(month, np.nan)), "no user rows"),
    "one user, repeated": (lambda month: month.assign(user_id="u1"), "user"),
    "everybody the same": (lambda month: pd.concat([month.head(1)] * 99).drop(columns="user_id"), "columns file"),
    "a constant age": (lambda month: month.assign(age=40.0), "columns file"),
    "incomes of zero": (lambda month: month.assign(annual_income=0.0), "columns file"),
    "an income of 1e308": (lambda month: month.assign(annual_income=month["annual_income"].where(month.index > 0, 1e308)), []),
    "incomes of 1e308": (lambda month: month.assign(annual_income=1e308 * (month.index % 2)), "columns file"),
    "infinite incomes": (lambda month: month.assign(annual_income=month["annual_income"].where(month.index % 10 > 2, np.inf)), ["lost"]),
    "30 % without an income": (lambda month: month.assign(annual_income=month["annual_income"].where(month.index % 10 > 2)), ["lost"]),
    "30 % without a genre": (lambda month: month.assign(top_genre=month["top_genre"].where(month.index % 10 > 2)), ["lost"]),
    "ten-fold incomes": (lambda month: month.assign(annual_income=month["annual_income"] * 10), ["unit"]),
    "usage in hours": (lambda month: month.assign(usage_per_month=month["usage_per_month"] / 60), ["unit"]),
    "ten-fold ages": (lambda month: month.assign(age=month["age"] * 10 + 100), "No row is left"),
    "a quarter of the users": (lambda month: month.sample(frac=0.25, random_state=1), ["users"]),
    "everybody three times, without ids": (lambda month: pd.concat([month] * 3, ignore_index=True).drop(columns="user_id"), ["users"]),
    "last month's file": (lambda _: users(480, shift=12), ["same_file"]),
    "no more Pop": (lambda month: month[month["top_genre"] != "Pop"], ["gone"]),
    "every genre hostile": (lambda month: month.assign(top_genre=np.resize(HOSTILE, len(month))), ["gone"] * 4),
    "a genre a user": (lambda month: month.assign(top_genre=[f"g{n}" for n in month.index]), []),
}  # fmt: skip


@pytest.fixture(scope="module")
def before(run: Run) -> Analysis:
    """Give the month before."""
    return run(users(480, shift=12), month="2026-09", k=2, k_range=(2, 4), valid={"age": (0, 120)})


@pytest.mark.parametrize(("change", "gets"), MONTHS.values(), ids=MONTHS.keys())
def test_a_month_is_described_held_or_refused(
    tmp_path: Path, run: Run, before: Analysis, change: Callable[[pd.DataFrame], pd.DataFrame], gets: str | list[str]
) -> None:
    """Never a traceback, and never a report that nobody is told to doubt."""
    change(users(480)).to_csv(tmp_path / "2026-10.csv", index=False)
    try:
        made = run(read_users(tmp_path / "2026-10.csv"), k=2, k_range=(2, 4), valid={"age": (0, 120)})
    except (InputError, SegmentationError) as error:
        assert isinstance(gets, str), error  # noqa: PT017 - either outcome is in the table
        assert gets in str(error)  # noqa: PT017
        assert str(error).endswith(".")  # noqa: PT017
        return
    facts = replace(made.facts, source=replace(made.facts.source, sha256="b" * 64))
    assert all(np.isfinite(list(segment.means.values())).all() for segment in facts.segments)
    assert [one.kind for one in detect_anomalies(facts, before.facts, current_month="2026-11")] == gets


def test_a_month_of_the_future_is_held(run: Run, before: Analysis) -> None:
    """Named for a month that has not begun, and not made up."""
    facts: Any = run(users(480), month="2027-03", k=2, k_range=(2, 4)).facts
    real = replace(facts, source=replace(facts.source, synthetic=False, sha256="b" * 64))

    assert [one.kind for one in detect_anomalies(real, before.facts, current_month="2026-11")] == ["future"]
