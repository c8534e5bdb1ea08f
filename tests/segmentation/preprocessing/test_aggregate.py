from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
import pytest

from segmentation.frames import Frame
from segmentation.preprocessing import aggregate as room
from segmentation.preprocessing.aggregate import (
    SEGMENT_NUMBER,
    count_all_categories,
    count_category_values,
    crosstab_categories,
)
from tests.support.facts.columns import whole
from tests.support.music import CATEGORIES, NUMBERS, compute_segment_moments, summarise_columns


def users(**columns: Any) -> Frame:
    """Give users with these columns, and all others by chance."""
    return nw.from_native(whole(pd.DataFrame(columns)), eager_only=True)


def test_a_column_is_summarised_by_hand() -> None:
    """2, 4, 9: mean 5, squares 9 + 1 + 16 = 26 over 3; all whole. 2.5 is none."""
    found = summarise_columns(users(age=[2.0, 4, 9], annual_income=[2.5, 1, 1]))

    age = found["age"]
    assert (age.users, age.mean, age.low, age.high, age.is_integer) == (3, 5, 2, 9, True)
    assert age.sd == pytest.approx((26 / 3) ** 0.5)
    assert not found["annual_income"].is_integer
    assert list(found) == list(NUMBERS)
    assert list(summarise_columns(users(age=[1.0]), ["age"])) == ["age"]


def test_moments_are_those_of_each_segment() -> None:
    """Ages 2 and 4 in the first, 10, 10 and 16 in the second: variances 1 and 8, of populations."""
    found = compute_segment_moments(
        users(age=[2.0, 4, 10, 10, 16]).with_columns(nw.new_series(SEGMENT_NUMBER, [0, 0, 1, 1, 1], backend="pandas")),
        2,
    )
    at = NUMBERS.index("age")

    assert found.size.tolist() == [2, 3]
    assert found.mean[:, at].tolist() == [3, 12]
    assert found.variance[:, at].tolist() == [1, 8]
    assert found.mean.shape == found.variance.shape == (2, len(NUMBERS))


@pytest.mark.parametrize("cube", [10_000, 12, 11, 1])
def test_tables_are_the_same_in_one_scan_and_in_several(monkeypatch: pytest.MonkeyPatch, cube: int) -> None:
    """Two segments, three genres and two genders are 12 combinations: up to as many are asked for at once."""
    monkeypatch.setattr(room, "_MAX_COMBINATIONS", cube)
    asked: list[tuple[str, ...]] = []
    tally = room.count_groups
    monkeypatch.setattr(room, "count_groups", lambda frame, *names: asked.append(names) or tally(frame, *names))
    some = users(top_genre=["Pop", "Rock", "Jazz", "Pop"], gender=["a", "b", "a", "a"])
    some = some.with_columns(nw.new_series(SEGMENT_NUMBER, [0, 0, 1, 1], backend="pandas"))
    labels = {"top_genre": {"Pop": "Pop", "Rock": "Other (2)", "Jazz": "Other (2)"}, "gender": {"a": "a", "b": "b"}}

    assert crosstab_categories(some, labels, 2) == {
        "top_genre": {(0, "Pop"): 1, (0, "Other (2)"): 1, (1, "Other (2)"): 1, (1, "Pop"): 1},
        "gender": {(0, "a"): 1, (0, "b"): 1, (1, "a"): 2},
    }
    together = (SEGMENT_NUMBER, "top_genre", "gender")
    assert asked == ([together] if cube >= 12 else [together[:2], (SEGMENT_NUMBER, "gender")])


@pytest.mark.parametrize("cube", [10_000, 3, 2])
def test_values_are_counted_alike_in_one_scan_and_in_several(monkeypatch: pytest.MonkeyPatch, cube: int) -> None:
    """Three combinations: up to as many come in one answer."""
    monkeypatch.setattr(room, "_MAX_COMBINATIONS", cube)
    some = users(top_genre=["Pop", "Rock", "Pop"], gender=["a", "b", "b"])

    found = count_all_categories(some, CATEGORIES)

    assert found["top_genre"] == {"Pop": 2, "Rock": 1}
    assert found["gender"] == {"a": 1, "b": 2}
    assert count_category_values(some, "gender") == {"a": 1, "b": 2}
    assert count_category_values(users(gender=["a", None]), "gender") == {"a": 1}
    assert np.sum(list(found["employment_status"].values())) == 3
