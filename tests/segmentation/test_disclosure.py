import itertools

import numpy as np
import pytest
from scipy.optimize import linprog

from segmentation.disclosure import (
    SuppressedTable,
    merge_small_categories,
    sum_by_label,
    suppress_small_counts,
    suppress_table,
)


def left_out(shown: SuppressedTable) -> int:
    """Count the cells and sums that are left out."""
    sums = [*shown.rows, *shown.columns, shown.total]
    return sum(count is None for count in (*itertools.chain(*shown.cells), *sums))


def most_of(shown: SuppressedTable, place: tuple[int, int], known_zeros: tuple[tuple[int, int], ...] = ()) -> float:
    """Give the most that a reader of what is shown can think a cell to be; inf without a bound."""
    height, width = len(shown.cells), len(shown.cells[0])
    hidden = [(i, j) for i, j in itertools.product(range(height), range(width)) if shown.cells[i][j] is None]
    equations, values = [], []
    lines = [
        *(([(i, j) for j in range(width)], shown.rows[i]) for i in range(height)),
        *(([(i, j) for i in range(height)], shown.columns[j]) for j in range(width)),
        (list(itertools.product(range(height), range(width))), shown.total),
    ]
    for line, total in lines:
        if total is not None:
            equations.append([float(cell in line) for cell in hidden])
            values.append(total - sum(shown.cells[i][j] or 0 for i, j in line))
    goal = [-float(cell == place) for cell in hidden]
    bounds = [(0, 0) if cell in known_zeros else (0, None) for cell in hidden]
    found = linprog(goal, A_eq=equations or None, b_eq=values or None, bounds=bounds)
    assert found.status in (0, 3)
    return np.inf if found.status == 3 else -found.fun


def test_a_small_cell_takes_three_others_with_it() -> None:
    """Alone, 3 is 63 - 60. The cycle that hides fewest users is 3, 20, 30, 15: rows 0 and 1, columns 0 and 2."""
    shown = suppress_table([[3, 40, 20], [15, 50, 30], [60, 70, 80]])

    assert shown.cells == ((None, 40, None), (None, 50, None), (60, 70, 80))
    assert shown.rows == (63, 95, 210)
    assert shown.columns == (78, 160, 130)
    assert shown.total == 368
    assert left_out(shown) == 4


def test_a_table_of_large_counts_and_zeros_is_shown_whole() -> None:
    shown = suppress_table([[10, 0], [0, 25]])

    assert shown.cells == ((10, 0), (0, 25))
    assert left_out(shown) == 0


def test_cells_that_go_down_have_the_users_for_it() -> None:
    """Hiding the zeros of row 0 would be cheapest, and give the 4 away: the row's sum less what is shown is 4."""
    shown = suppress_table([[4, 0, 50], [0, 60, 40], [90, 0, 70]])

    assert shown.cells[0][2] is None
    assert most_of(shown, (0, 0)) >= 14


def test_two_small_cells_of_a_row_are_not_each_others_cover() -> None:
    """3 + 4 = 7 would stand there for the two together."""
    shown = suppress_table([[3, 4, 50], [60, 70, 80]])

    assert shown.cells[0] == (None, None, None)
    assert most_of(shown, (0, 0)) >= 13
    assert most_of(shown, (0, 1)) >= 14


def test_a_small_sum_is_left_out_too() -> None:
    """The 5 stands in the last column as well, and the sum of all would give it back."""
    shown = suppress_table([[5, 0], [40, 30]])

    assert shown.rows[0] is None
    assert most_of(shown, (0, 0)) >= 15


def test_a_single_small_count_is_not_shown_in_any_way() -> None:
    assert suppress_table([[7]]) == SuppressedTable(((None,),), (None,), (None,), None)


def test_what_a_reader_knows_covers_nothing() -> None:
    """Nobody is new and gone at once: the corner is known to be 0, so another cycle is found."""
    counts = [[200, 30, 20], [25, 300, 18], [3, 40, 0]]
    shown = suppress_table(counts, known_cells=[(2, 2)])

    assert shown.cells[2][2] == 0
    assert most_of(shown, (2, 0), ((2, 2),)) >= 13


@pytest.mark.parametrize("seed", range(60))
def test_no_small_count_can_be_worked_out_from_what_is_shown(seed: int) -> None:
    """A linear program, knowing all that is shown, thinks 10 more than the truth possible for each small count."""
    rng = np.random.default_rng(seed)
    counts = rng.poisson(rng.gamma(0.6, 30, (rng.integers(2, 7), rng.integers(2, 7))))
    shown = suppress_table(counts.tolist())

    for (i, j), count in np.ndenumerate(counts):
        assert shown.cells[i][j] in (None, count)
        if 0 < count < 10:
            assert shown.cells[i][j] is None
            assert most_of(shown, (i, j)) >= count + 10 - 1e-6


def test_small_categories_become_one() -> None:
    """3 + 6 = 9 are not yet 10, so the next smallest joins them."""
    counts = {"Pop": 40, "Polka": 3, "Ska": 6, "Jazz": 12, "Rock": 20, "Other": 11}
    labels = merge_small_categories(counts)

    assert sum_by_label(counts, labels) == {"Pop": 40, "Jazz": 12, "Rock": 20, "Other (3)": 20}


def test_a_single_small_category_takes_the_next_smallest_with_it() -> None:
    """Else all less the others would tell it. The file's own value "Other" is not the label for what is merged."""
    labels = merge_small_categories({"Male": 50, "Female": 45, "Other": 4, "Prefer not to say": 14})

    assert labels == {"Male": "Male", "Female": "Female", "Other": "Other (2)", "Prefer not to say": "Other (2)"}


def test_no_more_values_than_a_page_has_room_for() -> None:
    """Of 3,000 genres of 20 users and more the 14 largest stand alone: the 15th label is that of all others."""
    counts = {f"g{n}": 20 + n for n in range(3_000)}
    shown = sum_by_label(counts, merge_small_categories(counts))

    assert list(shown) == [*(f"g{n}" for n in range(2_986, 3_000)), "Other (2986)"]
    assert len(set(merge_small_categories({f"g{n}": 20 for n in range(15)}).values())) == 15
    assert len(set(merge_small_categories({f"g{n}": 20 for n in range(16)}).values())) == 15


def test_a_category_called_like_the_label_stays_its_own() -> None:
    """Else the users of "Other (2)" would be those of the two few ones as well."""
    counts = {"Pop": 40, "Other (2)": 30, "Polka": 6, "Ska": 6}

    assert sum_by_label(counts, merge_small_categories(counts)) == {
        "Pop": 40,
        "Other (2)": 30,
        "Other (2), put together": 12,
    }


def test_categories_that_are_large_enough_stay() -> None:
    assert merge_small_categories({"a": 10, "b": 0, "c": 30}) == {"a": "a", "b": "b", "c": "c"}


@pytest.mark.parametrize(
    ("counts", "shown"),
    [
        ([12, 30, 0, 15], (12, 30, 0, 15)),  # nothing small; nobody is nobody
        ([12, 4, 30, 11], (12, None, 30, None)),  # all less the others would be the 4: the next smallest goes with it
        ([12, 4, 3, 30], (None, None, None, 30)),  # 4 and 3 are 7 together: the 12 goes with them
        ([4, 7, 30, 12], (None, None, 30, 12)),  # 4 and 7 are 11 together: one of them may be 10
        ([4, 6, 30, 12], (None, None, 30, None)),  # of 10 together neither is 10, for nobody would be shown
        ([500] + [1] * 10 + [400], (500, *[None] * 11)),  # ten who are 10 together are one each
        ([9, 9, 9, 0], (None, None, None, 0)),
        ([40, 3], (None, None)),
        ([3], (None,)),
        ([10], (10,)),
        ([0, 0], (0, 0)),
        ([], ()),
    ],
)
def test_the_few_of_a_row_are_hidden_among_others(counts: list[int], shown: tuple[int | None, ...]) -> None:
    """Their sum is known, and that each is somebody: they are two at least, and any of them may be as many as may be shown."""
    assert suppress_small_counts(counts, min_cell=10) == shown


def test_of_equal_counts_the_first_is_hidden() -> None:
    """One input, one row; and the least that may be shown is ten unless it is said."""
    assert suppress_small_counts([20, 3, 20]) == (None, None, 20)
    assert suppress_small_counts([10, 9, 20]) == (None, None, 20)


def test_ten_together_are_enough() -> None:
    """4 and 6 are 10 together, so 10 stand alone; 4 and 5 take the ten with them; a category of nobody is as it is."""
    assert merge_small_categories({"a": 4, "b": 6, "c": 10}, min_cell=10) == {
        "a": "Other (2)",
        "b": "Other (2)",
        "c": "c",
    }
    assert set(merge_small_categories({"a": 4, "b": 5, "c": 10}, min_cell=10).values()) == {"Other (3)"}
    assert merge_small_categories({"a": 0, "b": 10}, min_cell=10) == {"a": "a", "b": "b"}
    assert list(sum_by_label({"a": 4, "c": 10, "b": 6}, {"a": "Other (2)", "b": "Other (2)", "c": "c"}).items()) == [
        ("c", 10),
        ("Other (2)", 10),
    ]
