from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from segmentation.facts import CategoryCount, ColumnDistributions
from segmentation.frames import Frame
from segmentation.preprocessing.aggregate import crosstab_categories
from segmentation.preprocessing.quantiles import choose_bin_step
from tests.support.facts import factory as facts_factory
from tests.support.music import CATEGORIES, NUMBERS, clean_users

Make = Callable[..., Frame]


def described(data: Frame, *, smallest: int = 1, **valid: tuple[float, float | None]) -> ColumnDistributions:
    """Describe a frame; every count is shown unless said otherwise."""
    cleaned = clean_users(data, valid)
    return facts_factory.described(cleaned, smallest=smallest)


@pytest.mark.parametrize(
    ("width", "step"),
    [(0.9, 1), (1, 1), (1.01, 2), (2.3, 2.5), (2.6, 5), (7, 10), (0.003, 0.005), (83, 100), (1e-7, 1e-7), (1999, 2000)],
)
def test_a_step_is_the_next_round_number(width: float, step: float) -> None:
    """1, 2, 2.5 or 5 times a power of ten, and never below the width."""
    assert choose_bin_step(width) == pytest.approx(step)


@pytest.mark.parametrize(
    ("width", "step"), [(0.001, 1), (1 / 24, 1), (0.9, 1), (1.5, 2), (2.3, 5), (6, 10), (23, 25), (240, 250)]
)
def test_a_whole_step_is_a_whole_number(width: float, step: float) -> None:
    """Steps of 2.5 years would hold two and three years in turn; 25 are whole, and 1 is the least."""
    assert choose_bin_step(width, integer=True) == step


def test_bins_hold_their_left_border_and_the_last_both(frame: Make) -> None:
    """0 to 48 in 24 bins of 2: 2 belongs to [2, 4), 48 to [46, 48]."""
    numbers = described(frame(age=[0, 1, 2, 3, 46, 48])).numbers["age"]

    assert numbers.edges == tuple(range(0, 50, 2))
    assert numbers.after == (2, 2, *(0,) * 21, 2)


def test_the_kept_are_described_in_few_numbers(frame: Make) -> None:
    """10, 20, 30, 40, 100: mean 40, squares 900 + 400 + 100 + 0 + 3600 = 5000 over 5, quartiles by position."""
    numbers = described(frame(age=[10, 20, 30, 40, 100])).numbers["age"]

    assert numbers.mean == 40
    assert numbers.sd == pytest.approx(1000**0.5)
    assert numbers.quartiles == (20, 30, 40)


def test_every_row_read_is_in_a_bin_or_outside_or_missing(frame: Make) -> None:
    """The top income falls with its row's missing genre: it was read, it is possible, and no kept one is as high."""
    data = frame(
        annual_income=[1000, 9000, 5000, -1, None, np.inf],
        top_genre=["Pop", None, "Pop", "Pop", "Pop", "Pop"],
        age=[30, 30, 65, 66, 30, 12],
    )
    found = described(data, annual_income=(0, None), age=(16, 65))
    income, age = found.numbers["annual_income"], found.numbers["age"]

    assert (sum(income.before), income.outside, income.missing) == (3, 2, 1)
    assert (sum(age.before), age.outside, age.missing) == (4, 2, 0)
    assert sum(income.after) == sum(age.after) == 2
    assert income.edges[-1] >= 9000
    for numbers in found.numbers.values():
        assert all(after <= before for after, before in zip(numbers.after, numbers.before, strict=True))


def test_a_value_on_a_border_does_not_fall_out(frame: Make) -> None:
    """In floats 49990 · 0.02 is a little more than 999.8, and 49996 · 0.02 than 999.92: the one stood left of all bins.

    The other stood in the bin that ends with it.
    """
    assert 49990 * 0.02 > 999.8
    assert 49996 * 0.02 > 999.92

    numbers = described(frame(usage_per_month=[999.8, 999.92, 1000.2])).numbers["usage_per_month"]

    assert numbers.edges == (999.8, *(round(999.8 + 0.02 * n, 2) for n in range(1, 21)))
    assert [place for place, rows in enumerate(numbers.after) if rows] == [0, 6, 19]


def test_a_value_next_to_a_border_does_not_fall_out(frame: Make) -> None:
    """The number next above 0.36, divided by the step of 0.02, is 18 all the same, and 18 steps end at 0.36."""
    most = np.nextafter(0.36, 1)
    assert most / 0.02 == 18

    numbers = described(frame(usage_per_month=[0, 0.2, most])).numbers["usage_per_month"]

    assert sum(numbers.after) == sum(numbers.before) == 3


def test_values_that_fit_no_round_border_are_counted_too(frame: Make) -> None:
    """Borders are round, values needn't be: forty spreads of random numbers lose nobody."""
    rng = np.random.default_rng(0)
    for _ in range(40):
        values = rng.normal(size=9) * 10.0 ** rng.integers(-6, 7) + rng.choice([0, 1, 1e6])
        numbers = described(frame(usage_per_month=values)).numbers["usage_per_month"]

        assert sum(numbers.after) == sum(numbers.before) == 9
        assert 10 <= len(numbers.edges) <= 40


@pytest.mark.parametrize("value", [0, 30, -2.5, 1e20])
def test_a_column_alike_for_all_is_one_bin(frame: Make, value: float) -> None:
    """A column that makes no segments may be constant, and is drawn all the same."""
    numbers = described(frame(age=[value] * 3)).numbers["age"]

    assert numbers.after == (3,)
    assert numbers.edges[0] <= value <= numbers.edges[1]


def test_categories_come_by_rows_kept_then_by_name(frame: Make) -> None:
    """Jazz leads as read; as kept, Pop and Rock have two each and Jazz has one."""
    data = frame(
        top_genre=["Jazz", "Jazz", "Jazz", "Rock", "Rock", "Pop", "Pop", None], age=[99, 99, 30, 30, 30, 30, 30, 30]
    )
    genres = described(data, age=(16, 65)).categories["top_genre"]

    assert genres.values == (
        CategoryCount("Pop", 2, 2, merged=False),
        CategoryCount("Rock", 2, 2, merged=False),
        CategoryCount("Jazz", 3, 1, merged=False),
    )
    assert genres.missing == 1


def test_values_that_read_alike_are_one(frame: Make) -> None:
    """A workbook may hold 1 and "1" in one column; on the page both are 1, and no user is lost."""
    genders = described(frame(gender=pd.Series([1, "1", 1, "x"], dtype=object))).categories["gender"]

    assert genders.values == (CategoryCount("1", 3, 3, merged=False), CategoryCount("x", 1, 1, merged=False))


def test_every_column_is_described(frame: Make) -> None:
    """What the report shows of a month begins with all of its columns."""
    found = described(frame(age=[20, 30]))

    assert tuple(found.numbers) == NUMBERS
    assert tuple(found.categories) == CATEGORIES


def test_a_bin_of_a_few_is_nothing_and_takes_another_with_it(frame: Make) -> None:
    """4 at 22: all users less the others would be the 4, so the 11 go with them; a bin of nobody is shown."""
    ages = [20] * 12 + [21] * 11 + [22] * 4 + [24] * 30 + [25] * 15
    age = described(frame(age=ages), smallest=10).numbers["age"]

    assert age.edges == (20, 21, 22, 23, 24, 25, 26)
    assert age.after == (12, None, None, 0, 30, 15)
    assert age.before == (12, None, None, 0, 30, 15)


def test_where_a_few_were_dropped_the_rows_as_read_are_nothing(frame: Make) -> None:
    """One of 31 has no genre: 31 less 30 would be that one, and so would be all read less 12; 30 go with it."""
    data = frame(age=[20] * 12 + [21] * 30 + [22] * 31, top_genre=["Pop"] * 72 + [None])
    age = described(data, smallest=10).numbers["age"]

    assert age.after == (12, 30, 30)
    assert age.before == (None, None, None)
    assert described(data, smallest=1).numbers["age"].before == (12, 30, 31)


def test_where_many_were_dropped_both_are_shown(frame: Make) -> None:
    """Ten are a crowd."""
    data = frame(age=[20] * 40 + [21] * 30, top_genre=["Pop"] * 30 + [None] * 10 + ["Pop"] * 30)

    assert described(data, smallest=10).numbers["age"].before == (40, 30)
    assert described(data, smallest=10).numbers["age"].after == (30, 30)


def test_rare_values_are_one(frame: Make) -> None:
    """4 Polka and 7 Ska are 11 others, last whatever their number; three more had a genre that no kept user has."""
    data = frame(
        top_genre=["Pop"] * 10 + ["Ska"] * 7 + ["Polka"] * 4 + ["Rock"] * 30 + ["Noise"] * 3, age=[30] * 51 + [99] * 3
    )
    genres = described(data, smallest=10, age=(16, 65)).categories["top_genre"].values

    assert [(genre.value, genre.after) for genre in genres] == [("Rock", 30), ("Pop", 10), ("Other (2)", 11)]
    # 14 less 11 would be the three; and 44, less those who were kept, with whomever they are hidden
    assert [genre.before for genre in genres] == [None, None, None]


def test_those_who_were_dropped_are_hidden_among_as_many_as_may_be_shown(frame: Make) -> None:
    """One of each of two genres, who alone would be one each: with twelve of a third they are hidden, else all are."""
    ages = {"Pop": [99] + [30] * 39, "Rock": [99] + [30] * 34, "Jazz": [30] * 20, "Indie": [30] * 15}
    for jazz, before in (([99] * 12, [None, None, None, 15]), ([], [None] * 4)):
        rows = [(name, age) for name, own in (ages | {"Jazz": ages["Jazz"] + jazz}).items() for age in own]
        data = frame(top_genre=[name for name, _ in rows], age=[age for _, age in rows])
        found = described(data, smallest=10, age=(16, 65)).categories["top_genre"].values

        assert [(genre.value, genre.after) for genre in found] == [
            ("Pop", 39),
            ("Rock", 34),
            ("Jazz", 20),
            ("Indie", 15),
        ]
        assert [genre.before for genre in found] == before


def test_a_value_of_dropped_rows_alone_is_not_shown(frame: Make) -> None:
    """A user who was dropped has a genre of their own: it is nobody else's business."""
    data = frame(top_genre=["Pop"] * 20 + ["Rock"] * 20 + ["Noise"], age=[30] * 40 + [99])

    assert described(data, smallest=10, age=(16, 65)).categories["top_genre"].values == (
        CategoryCount("Pop", 20, 20, merged=False),
        CategoryCount("Rock", 20, 20, merged=False),
    )


def test_users_get_the_label_that_is_shown(frame: Make) -> None:
    """Segments are described by the same values as the month; a column without rare values stays as it is."""
    data = frame(top_genre=["Pop", "Ska", "Polka"], gender=["A", "A", "B"], _segment=[0, 0, 1])
    labels = {"top_genre": {"Pop": "Pop", "Ska": "Other (2)", "Polka": "Other (2)"}, "gender": {"A": "A", "B": "B"}}

    assert crosstab_categories(data, labels, 2) == {
        "top_genre": {(0, "Pop"): 1, (0, "Other (2)"): 1, (1, "Other (2)"): 1},
        "gender": {(0, "A"): 2, (1, "B"): 1},
    }
