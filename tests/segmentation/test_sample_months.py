from collections.abc import Callable

import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score

from data.generate import SAMPLE_MONTHS, make_sample_month
from segmentation.pipeline import Analysis
from tests.support import ROOT

DATA = ROOT / "data"


@pytest.mark.parametrize("month", SAMPLE_MONTHS)
def test_the_planted_groups_come_back(run: Callable[..., Analysis], month: str) -> None:
    """The file as shipped, planted dirt and all: k = 4 without being told, and nearly every user in the right group.

    1 would be all of them, 0 what chance gives.
    """
    made = make_sample_month(month)
    planted = dict(zip(made.users["user_id"], made.groups, strict=True))

    analysis = run(pd.read_csv(DATA / f"{month}.csv"))
    found = analysis.users

    assert analysis.facts.elbow.chosen == 4
    assert adjusted_rand_score([planted[id_] for id_ in found["user_id"]], found["segment"].to_list()) >= 0.9


@pytest.mark.parametrize(
    ("month", "missing", "ages", "days"), [("2026-08", 38, 5, 2), ("2026-09", 41, 4, 3), ("2026-10", 46, 6, 4)]
)
def test_the_planted_dirt_is_found(
    run: Callable[..., Analysis], month: str, missing: int, ages: int, days: int
) -> None:
    """The counts of data/README.md, each wrong cell on a row of its own."""
    audit = run(pd.read_csv(DATA / f"{month}.csv"), n_init=1, k_range=(1, 3)).facts.audit
    ranges = {drop.column: drop.rows for drop in audit.dropped if drop.rule == "out_of_range"}

    assert sum(drop.rows for drop in audit.dropped if drop.rule == "missing") == missing
    assert ranges == {"age": ages, "num_of_days_active": days}
    assert audit.read - audit.kept == missing + ages + days
