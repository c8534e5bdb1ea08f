"""Months drawn from one population."""

from dataclasses import replace

import narwhals as nw
import numpy as np
import pandas as pd

from segmentation.disclosure import merge_small_categories
from segmentation.facts import Facts, MonthComparison
from segmentation.preprocessing.aggregate import SEGMENT_NUMBER, count_category_values
from segmentation.preprocessing.quantiles import compute_column_quantiles
from segmentation.profiling.distributions import build_bin_grids, describe_columns
from segmentation.tracking.continuity import measure_continuity
from tests.support.facts import factory
from tests.support.facts.columns import whole
from tests.support.music import CATEGORIES, NUMBERS, clean_users, summarise_columns

TODAY = "2026-11"


VALID = dict.fromkeys(NUMBERS, (0, None)) | {
    "age": (16, 120),
    "usage_per_month": (0, 44_640),
    "num_of_days_active": (0, 365),
}


def crowd(n: int, seed: int) -> pd.DataFrame:
    """Draw a month's users from one population, skewed as incomes are, with a rare genre and some rows that can't be."""
    rng = np.random.default_rng(seed)
    income = rng.lognormal(10, 1.1, n).round()
    return whole(
        pd.DataFrame(
            {
                "age": np.where(rng.random(n) < 0.01, np.nan, rng.integers(15, 80, n)),
                "gender": rng.choice(["Female", "Male", "Other"], n, p=[0.5, 0.48, 0.02]),
                "employment_status": rng.choice(["Student", "Employed"], n),
                "annual_income": np.where(rng.random(n) < 0.2, 0, income),
                "usage_per_month": rng.exponential(500, n).round(),
                "top_genre": rng.choice(["Pop", "Rock", "Jazz", "Polka"], n, p=[0.6, 0.3, 0.09, 0.01]),
                "num_of_days_active": rng.integers(0, 366, n),
            }
        )
    )


def facts_of(users: pd.DataFrame, month: str = "2026-10", sha: str = "a") -> Facts:
    """Give a month's facts as far as suspicion looks at them, without segments of their own."""
    read = nw.from_native(users, eager_only=True)
    cleaned = clean_users(read, VALID)
    one = cleaned.users.with_columns(nw.lit(0).alias(SEGMENT_NUMBER))
    numbers = summarise_columns(one)
    spreads = {
        name: (ruler, compute_column_quantiles(one, name, ruler, 1))
        for name, ruler in build_bin_grids(cleaned, numbers).items()
    }
    counts = {name: count_category_values(one, name) for name in CATEGORIES}
    labels = {name: merge_small_categories(counts[name]) for name in CATEGORIES}
    made = factory.month(2)
    return replace(
        made,
        month=month,
        source=replace(made.source, sha256=sha * 64, synthetic=False),
        audit=cleaned.audit,
        distributions=describe_columns(cleaned, numbers, spreads, counts, labels, min_cell=10),
        averages={name: float(cleaned.users[name].mean()) for name in NUMBERS},
    )


def related_crowd(n: int, seed: int, first_id: int = 0) -> pd.DataFrame:
    """Draw users with ids whose columns go together: the young are students, earn little and listen much."""
    rng = np.random.default_rng(seed)
    young = rng.random(n) < 0.45
    frame = {
        "user_id": [f"u{first_id + number:06d}" for number in range(n)],
        "age": np.where(young, rng.integers(16, 30, n), rng.integers(25, 75, n)),
        "gender": rng.choice(["Female", "Male", "Other"], n, p=[0.5, 0.48, 0.02]),
        "employment_status": np.where(young & (rng.random(n) < 0.7), "Student", "Employed"),
        "annual_income": rng.lognormal(np.where(young, 9.5, 10.5), 0.6).round(),
        "usage_per_month": (rng.gamma(2.0, np.where(young, 500, 200))).round(),
        "top_genre": np.where(young, rng.choice(["Pop", "Rock"], n, p=[0.8, 0.2]), rng.choice(["Pop", "Jazz"], n)),
        "num_of_days_active": rng.binomial(365, np.where(young, 0.5, 0.3)),
    }
    return pd.DataFrame(frame)


def continue_crowd(users: pd.DataFrame, n: int, seed: int) -> pd.DataFrame:
    """Draw the month after, of n users: nine of ten stay, and some of what they do changes; the others are new."""
    rng = np.random.default_rng(seed)
    stay = users[rng.random(len(users)) < 0.9].head(n)
    usage = (stay["usage_per_month"] * rng.lognormal(0, 0.4, len(stay))).round()
    days = np.clip(stay["num_of_days_active"] + rng.integers(-20, 21, len(stay)), 0, 365)
    genre = np.where(rng.random(len(stay)) < 0.1, "Pop", stay["top_genre"])
    new = related_crowd(n - len(stay), seed + 1, first_id=int(users["user_id"].str[1:].max()) + 1)
    return pd.concat([stay.assign(usage_per_month=usage, num_of_days_active=days, top_genre=genre), new])


def compared_facts(users: pd.DataFrame, before: pd.DataFrame, last: Facts, now: Facts | None = None) -> Facts:
    """Add to a month's facts what tells whether it continues the last one's users."""
    now = now or facts_of(users)
    kept = [clean_users(nw.from_native(one, eager_only=True), VALID).users for one in (before, users)]
    quartiles = {name: one.quartiles for name, one in now.distributions.numbers.items()}
    retention = None
    if "user_id" in before and "user_id" in users:
        followed = len(set(kept[0]["user_id"]) & set(kept[1]["user_id"]))
        retention = round(followed / min(map(len, kept)), 1)
    change = MonthComparison(
        last.month,
        len(kept[0]),
        (),
        None,
        {},
        retention=retention,
        continuity=measure_continuity(last, *kept, quartiles),
    )
    return replace(now, change=change)
