from collections.abc import Callable

import narwhals as nw
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score

from segmentation.facts import DroppedRows
from segmentation.pipeline import Analysis
from segmentation.preprocessing.clean import CleanedUsers
from segmentation.preprocessing.outliers import set_aside_outliers
from tests.support.music import DEFAULT_FEATURES, MUSIC, clean_users, summarise_columns

Make = Callable[..., pd.DataFrame]
Run = Callable[..., Analysis]


def set_aside(frame: pd.DataFrame) -> CleanedUsers:
    cleaned = clean_users(nw.from_native(frame, eager_only=True), {})
    return set_aside_outliers(cleaned, summarise_columns(cleaned.users), MUSIC.select(DEFAULT_FEATURES))


@pytest.fixture(scope="module")
def groups_of_500(users: Make) -> pd.DataFrame:
    """Give 1,500 users in three groups, of which each has its own age, income and usage."""
    rng = np.random.default_rng(1)
    middles = np.repeat([[30, 20_000, 400, 100], [40, 60_000, 1_500, 200], [55, 35_000, 2_500, 300]], 500, axis=0)
    values = middles + rng.standard_normal((1500, 4)) * [2, 4_000, 120, 12]
    return users(**dict(zip(DEFAULT_FEATURES, np.maximum(values, 1).T, strict=True)))


def test_a_user_at_seven_standard_deviations_is_set_aside_and_one_at_five_stays(users: Make) -> None:
    """Of 1,000 at -1 or 1: six SDs of the others are 6.0 at most, by which 7 is an outlier and 5 isn't."""
    values = np.tile([999.0, 1001.0], 500)
    seven, five = (users(usage_per_month=np.append(values, 1000.0 + far)) for far in (7, 5))

    assert set_aside(seven).audit.dropped == (DroppedRows("outlier", "usage_per_month", 1),)
    assert set_aside(seven).audit.kept == len(set_aside(seven).users) == 1000
    assert set_aside(five).audit.dropped == ()


def test_among_many_users_one_needs_a_larger_share_of_the_squares(users: Make) -> None:
    """Of 40,000 one at 14 SDs has 0.0049 of the sum of squares, and at 15 SDs 0.0056."""
    values = np.tile([-1.0, 1.0], 20_000)
    fourteen, fifteen = (users(usage_per_month=np.append(values, far)) for far in (14.0, 15.0))

    assert set_aside(fourteen).audit.kept == 40_001
    assert set_aside(fifteen).audit.kept == 40_000


def test_an_outlier_behind_an_outlier_is_found(users: Make) -> None:
    """Beside a thousand million, a million looks like all others."""
    incomes = np.append(np.tile([20_000.0, 40_000.0], 500), [1e9, 1e6])

    found = set_aside(users(annual_income=incomes))

    assert found.audit.dropped == (DroppedRows("outlier", "annual_income", 2),)
    assert found.users.get_column("annual_income").max() == 40_000


def test_a_user_counts_under_the_first_column_in_which_they_are_far(users: Make) -> None:
    """Three users: one far in usage, one in income, one in both; each row counts once."""
    usage = np.append(np.tile([999.0, 1001.0], 500), [5_000, 1_000, 5_000])
    income = np.append(np.tile([20_000.0, 40_000.0], 500), [30_000, 9e6, 9e6])

    found = set_aside(users(usage_per_month=usage, annual_income=income))

    assert sorted((drop.column, drop.rows) for drop in found.audit.dropped) == [
        ("annual_income", 2),
        ("usage_per_month", 1),
    ]
    assert found.audit.read - found.audit.kept == 3


def test_a_group_of_four_in_a_hundred_is_no_outlier(users: Make) -> None:
    """However far away: 40 of 1,000 lie at 4.9 SDs, since they make the SD themselves."""
    assert set_aside(users(annual_income=np.append(np.full(960, 30_000.0), np.full(40, 9e8)))).audit.dropped == ()


@pytest.mark.parametrize(("absurd", "value"), [(1, 2_000_000), (12, 999_999_999)])
def test_absurd_incomes_do_nothing_to_the_segments(
    run: Run, groups_of_500: pd.DataFrame, absurd: int, value: int
) -> None:
    """Three groups stay three; the users beside the absurd ones are in the same segments as without."""
    spoilt = groups_of_500.copy()
    spoilt.loc[spoilt.index[:absurd], "annual_income"] = value
    clean = run(groups_of_500, k="panel", k_range=(1, 6))
    found = run(spoilt, k="panel", k_range=(1, 6))

    assert found.facts.elbow.chosen == clean.facts.elbow.chosen == 3
    assert found.facts.audit.dropped == (DroppedRows("outlier", "annual_income", absurd),)
    assert sum(segment.users for segment in found.facts.segments) == 1500 - absurd
    assert adjusted_rand_score(clean.users["segment"][absurd:], found.users["segment"]) > 0.98


def test_the_histogram_is_of_those_who_are_not_far(run: Run, groups_of_500: pd.DataFrame) -> None:
    """Its bins end near the largest income of a group, not at a thousand million; the far ones count as outside."""
    spoilt = groups_of_500.copy()
    spoilt.loc[spoilt.index[:12], "annual_income"] = 999_999_999
    incomes = run(spoilt, k=3, k_range=(1, 4)).facts.distributions.numbers["annual_income"]

    assert incomes.edges[-1] < 100_000
    assert 1400 < sum(count or 0 for count in incomes.after) <= 1488


@pytest.mark.parametrize("shape", ["lognormal", "pareto", "cauchy"])
def test_heavy_tails_never_fail_a_month(run: Run, users: Make, shape: str) -> None:
    """They have no groups, and the report says so, whatever the tail."""
    rng = np.random.default_rng(3)
    draw = {
        "lognormal": lambda: np.exp(1.5 * rng.standard_normal(600)),
        "pareto": lambda: 1 + rng.pareto(1.5, 600),
        "cauchy": lambda: np.abs(rng.standard_cauchy(600)),
    }[shape]
    month = users(**{name: draw() for name in DEFAULT_FEATURES})

    facts = run(month, k="panel", k_range=(1, 6), valid={}).facts

    assert facts.structure.evidence in ("none", "weak")
    assert facts.structure.panel == 1
    assert facts.audit.kept > 500
