"""Quantiles by counting are those by sorting, in every engine and on awkward columns."""

from collections.abc import Callable
from typing import Any

import duckdb
import narwhals as nw
import numpy as np
import pandas as pd
import pytest

from segmentation.frames import Users
from segmentation.preprocessing import quantiles
from segmentation.preprocessing.aggregate import SEGMENT_NUMBER
from segmentation.preprocessing.quantiles import (
    choose_bin_step,
    compute_column_quantiles,
    compute_quantile_cuts,
    make_bin_grid,
)

COLUMNS: dict[str, Callable[[np.random.Generator], Any]] = {
    "whole years": lambda rng: rng.integers(16, 90, 501),
    "incomes in fifties": lambda rng: rng.integers(0, 4000, 501) * 50,
    "any number": lambda rng: rng.lognormal(3, 1, 501),
    "mostly nothing": lambda rng: np.where(rng.random(501) < 0.7, 0.0, rng.random(501)),
    "one far away": lambda rng: np.append(rng.normal(5, 1, 500), 1e12),
    "tenths": lambda rng: rng.integers(-20, 20, 501) / 10,
    "all alike": lambda rng: np.full(501, 7.25) + 0 * rng.random(),
    "two neighbours": lambda rng: np.where(rng.random(501) < 0.5, 1.0, np.nextafter(1.0, 2)),
}


def in_pandas(frame: pd.DataFrame) -> Users:
    return nw.from_native(frame, eager_only=True)


def in_duckdb(frame: pd.DataFrame) -> Users:
    return nw.from_native(duckdb.connect().from_df(frame))


@pytest.mark.parametrize("many", [300_000, 3], ids=["at once", "by and by"])
@pytest.mark.parametrize("engine", [in_pandas, in_duckdb])
@pytest.mark.parametrize("column", COLUMNS)
def test_counting_finds_what_sorting_finds(
    monkeypatch: pytest.MonkeyPatch, column: str, engine: Callable[[pd.DataFrame], Users], many: int
) -> None:
    """To the last bit: NumPy's quartiles of all, its median of each segment; and every user is in a bin.

    Where a part of the ruler holds too many users to ask for each value, it gets a ruler of its own.
    """
    monkeypatch.setattr(quantiles, "_MAX_LISTED_USERS", many)
    values = np.asarray(COLUMNS[column](np.random.default_rng(3)), dtype=float)
    segments = np.arange(501) % 3
    users = engine(pd.DataFrame({"age": values, SEGMENT_NUMBER: segments}))
    ruler = make_bin_grid(values.min(), values.max(), integer=bool((values == np.floor(values)).all()))

    spread = compute_column_quantiles(users, "age", ruler, 3)

    assert spread.quartiles == tuple(np.quantile(values, [0.25, 0.5, 0.75]))
    assert spread.medians == tuple(float(np.median(values[segments == n])) for n in range(3))
    assert spread.bin_counts.sum() == 501


@pytest.mark.parametrize("engine", [in_pandas, in_duckdb])
def test_a_value_on_a_border_lies_above_it(engine: Callable[[pd.DataFrame], Users]) -> None:
    """0.3 is a little less than 3 times 0.1, and still belongs to the bin that begins at 0.3."""
    values = np.arange(31) / 10
    users = engine(pd.DataFrame({"age": values, SEGMENT_NUMBER: 0}))
    ruler = make_bin_grid(0.0, 3.0, integer=False)

    spread = compute_column_quantiles(users, "age", ruler, 1)

    assert ruler.edges == tuple(np.arange(31) / 10)
    assert spread.bin_counts.tolist() == [*[1] * 29, 2]


@pytest.mark.parametrize("engine", [in_pandas, in_duckdb])
def test_cuts_are_last_months_own_values(engine: Callable[[pd.DataFrame], Users]) -> None:
    """Of 0 to 99 each tenth; of 60 zeros and 1 to 40, zero five times, whom 0.6 of the users share."""
    even = engine(pd.DataFrame({"age": np.arange(100.0)}))
    heaped = engine(pd.DataFrame({"age": np.r_[np.zeros(60), np.arange(1.0, 41.0)]}))

    assert compute_quantile_cuts(even, "age", make_bin_grid(0, 99, integer=True), 10)[0].tolist() == [
        10 * n for n in range(1, 10)
    ]
    cuts, shares = compute_quantile_cuts(heaped, "age", make_bin_grid(0, 40, integer=True), 10)
    assert cuts.tolist() == [0, 0, 0, 0, 0, 1, 11, 21, 31]
    assert shares.tolist() == [0.6] * 5 + [0.01] * 4


@pytest.mark.parametrize(("low", "high"), [(0.0, 5e-324), (0.0, 1e-310), (1e-200, 1e-200), (7.0, 7.0)])
def test_values_that_differ_by_nothing_have_a_ruler(low: float, high: float) -> None:
    """Its step is that of a span of one: what is smaller than any number that means something can't be divided into bins."""
    ruler = make_bin_grid(low, high, integer=False)

    assert np.diff(ruler.edges)[0] == pytest.approx(0.05)
    assert ruler.edges[0] <= low <= high <= ruler.edges[-1]
    assert ruler.n_bins == 1


def test_a_rulers_step_is_round_and_its_parts_are_of_a_bin() -> None:
    """30 bins of 0 to 100 would be 3.33 wide: 5 it is, and 20 of them have 204 parts each, of 4,096; whole years one a year."""
    ruler = make_bin_grid(0.0, 100.0, integer=False)
    assert (ruler.step, ruler.n_bins, ruler.parts_per_bin, ruler.is_exact, ruler.start) == (5, 20, 204, False, 0)
    years = make_bin_grid(16.0, 65.0, integer=True)
    assert (years.step, years.n_bins, years.parts_per_bin, years.is_exact, years.start) == (2, 25, 2, True, 16)
    assert years.edges[-1] == 66
    incomes = make_bin_grid(0.0, 200_000.0, integer=True)
    assert (incomes.step, incomes.is_exact) == (10_000, False)


@pytest.mark.parametrize(
    ("width", "whole", "step"),
    [
        (1.0, False, 1), (1.01, False, 2), (2.1, False, 2.5), (2.1, True, 5), (2.51, False, 5), (5.1, False, 10),
        (0.3, False, 0.5), (0.3, True, 1), (0.02, False, 0.02), (1.9, True, 2), (24, True, 25),
    ],
)  # fmt: skip
def test_a_round_step_is_the_least_that_is_not_below(width: float, whole: bool, step: float) -> None:  # noqa: FBT001
    """1, 2, 2.5 or 5 times a power of ten; 2.5 is no whole number, and 25 is."""
    assert choose_bin_step(width, integer=whole) == pytest.approx(step)
