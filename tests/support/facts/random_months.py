"""Months drawn from one population."""

from dataclasses import replace

import narwhals as nw
import numpy as np
import pandas as pd

from segmentation.disclosure import merge_small_categories
from segmentation.facts import Facts
from segmentation.preprocessing.aggregate import SEGMENT_NUMBER, count_category_values, summarise_columns
from segmentation.preprocessing.clean import clean_users
from segmentation.preprocessing.quantiles import compute_column_quantiles
from segmentation.profiling.distributions import build_bin_grids, describe_columns
from segmentation.schema import CATEGORIES, NUMBERS
from tests.support.facts import factory
from tests.support.facts.columns import whole

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
