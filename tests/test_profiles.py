from collections.abc import Callable

import narwhals as nw
import numpy as np
import pandas as pd
import pytest

from segmentation.clusters import Model
from segmentation.facts import Index, Segment, Standout
from segmentation.features import scale_of, standardise
from segmentation.profiles import averages_of, profile, shares_of
from segmentation.schema import Frame

Make = Callable[..., Frame]


def profiled(data: Frame, labels: list[int], *, smallest_base: int = 1) -> tuple[Segment, ...]:
    """Describe these segments, which lie apart by age alone."""
    points = standardise(data, scale_of(data, ["age"]))
    numbers = np.array(labels)
    k = int(numbers.max()) + 1
    centres = np.array([points.values[numbers == n].mean(axis=0) for n in range(k)])
    silhouettes = [n / 10 for n in range(k)]
    return profile(data, points, Model(centres, 0.0), numbers, silhouettes, smallest_base=smallest_base)


def test_a_segment_is_described_by_its_own_users(frame: Make) -> None:
    """20, 20, 50 against one of 70: mean 30, median 20, of 40 overall; 3 of 4 users; (30 - 40) / SD of √450."""
    first, second = profiled(frame(age=[20, 70, 20, 50]), [0, 1, 0, 0])

    assert (first.id, first.users, first.share, first.silhouette) == ("S1", 3, 0.75, 0.0)
    assert (second.id, second.users, second.share, second.silhouette) == ("S2", 1, 0.25, 0.1)
    assert (first.means["age"], first.medians["age"]) == (30, 20)
    assert first.centre == {"age": pytest.approx(-10 / 450**0.5)}
    assert first.index["age"] == Index(75.0, 3)
    assert second.index["age"] == Index(pytest.approx(175), 1)
    assert (first.name, second.name) == ("Young listeners", "Older listeners")
    assert first.play is None


def test_labels_go_by_rows_and_not_by_what_pandas_calls_them(frame: Make) -> None:
    """Cleaning leaves gaps in a pandas index, and a joined file has every number twice."""
    data = frame(age=[20, 70, 22, 72])
    named = nw.from_native(data.to_native().set_index(pd.Index([7, 7, 0, 1])), eager_only=True)

    young, old = profiled(named, [0, 1, 0, 1])

    assert (young.means["age"], old.means["age"]) == (21, 71)


def test_means_are_taken_in_double_precision(frame: Make) -> None:
    """A third has nine threes in facts.json; in a column of single floats it would have seven and a 4."""
    data = frame(age=[20, 20, 21, 70], usage_per_month=np.array([0, 0, 1, 3], dtype=np.float32))
    first, _ = profiled(data, [0, 0, 0, 1])

    assert first.means["usage_per_month"] == pytest.approx(1 / 3, rel=1e-12)
    assert first.index["usage_per_month"].value == pytest.approx(100 / 3, rel=1e-12)


def test_an_index_on_too_small_a_base_is_nothing(frame: Make) -> None:
    """Of three users an index may say something from a base of 3, not of 4; the base stands there either way."""
    data, labels = frame(age=[20, 70, 20, 50]), [0, 1, 0, 0]

    assert profiled(data, labels, smallest_base=3)[0].index["age"] == Index(75.0, 3)
    assert profiled(data, labels, smallest_base=4)[0].index["age"] == Index(None, 3)


def test_an_index_over_an_average_of_nothing_is_nothing(frame: Make) -> None:
    """If nobody has an income, no segment has more or less of it than the average."""
    first, _ = profiled(frame(age=[20, 70], annual_income=[0, 0]), [0, 1])

    assert first.index["annual_income"] == Index(None, 1)


def test_a_category_is_compared_by_its_share(frame: Make) -> None:
    """Jazz: 2 of 3 here, 2 of 4 overall, index 133; Pop: 1 of 3 against 2 of 4, index 67. Rows are its base."""
    data = frame(age=[20, 70, 20, 50], top_genre=["Jazz", "Pop", "Jazz", "Pop"])
    first, second = profiled(data, [0, 1, 0, 0])

    assert first.categories["top_genre"] == {
        "Jazz": Index(pytest.approx(400 / 3), 2, pytest.approx(2 / 3)),
        "Pop": Index(pytest.approx(200 / 3), 1, pytest.approx(1 / 3)),
    }
    assert second.categories["top_genre"] == {"Jazz": Index(None, 0, 0.0), "Pop": Index(200.0, 1, 1.0)}


def test_all_users_are_the_hundred(frame: Make) -> None:
    """The most frequent first, of equals by name."""
    data = frame(age=[20, 70, 20, 50], top_genre=["Pop", "Rock", "Pop", "Jazz"])

    assert averages_of(data) == {
        "age": 40,
        "annual_income": 20_000,
        "usage_per_month": 600,
        "num_of_days_active": 100,
    }
    assert list(shares_of(data)["top_genre"].items()) == [("Pop", 0.5), ("Jazz", 0.25), ("Rock", 0.25)]


def test_values_that_read_alike_are_one(frame: Make) -> None:
    """1 and "1" of a workbook are the same on the page, and shares still add up to all."""
    data = frame(age=[20, 70, 20, 50], gender=pd.Series([1, "1", "1", 1], dtype=object))

    assert shares_of(data)["gender"] == {"1": 1.0}
    assert profiled(data, [0, 1, 0, 0])[0].categories["gender"] == {"1": Index(100.0, 3, 1.0)}


def test_what_stands_out_is_far_from_the_average_up_or_down(frame: Make) -> None:
    """Usage 2 : 1 and age 4 : 5, income 1.19 : 1 and not: ratios, so 50 is as far as 200, and 80 and 120 count."""
    data = frame(
        age=[32, 48],
        usage_per_month=[900, 100],
        annual_income=[11_900, 8_100],
        num_of_days_active=[120, 80],
    )
    first, second = profiled(data, [0, 1])

    assert first.stands_out == (
        Standout("usage_per_month", None, 180.0),
        Standout("age", None, 80.0),
        Standout("num_of_days_active", None, 120.0),
    )
    assert [item.column for item in second.stands_out] == ["usage_per_month", "num_of_days_active", "age"]


def test_what_stands_out_comes_by_the_ratio(frame: Make) -> None:
    """A fifth is further than a third, a third than half; half is as far as twice, and numbers then come first."""
    ages = [20] * 5 + [60] * 5
    data = frame(
        age=ages,
        gender=["A"] * 1 + ["B"] * 4 + ["A"] * 5,
        usage_per_month=[1] * 5 + [9] * 5,
    )
    first, _ = profiled(data, [0] * 5 + [1] * 5)

    assert [(item.column, item.category, round(item.index)) for item in first.stands_out] == [
        ("usage_per_month", None, 20),
        ("gender", "A", 33),
        ("age", None, 50),
        ("gender", "B", 200),
    ]


def test_an_index_of_nought_can_stand_out(frame: Make) -> None:
    """Users who never listen have an index of 0, of which there is no logarithm: it counts as 1."""
    first, _ = profiled(frame(age=[20, 70], usage_per_month=[0, 500]), [0, 1])

    assert first.stands_out[0] == Standout("usage_per_month", None, 0.0)


def test_what_rests_on_too_few_does_not_stand_out(frame: Make) -> None:
    """An index that isn't there can't be far from 100."""
    assert profiled(frame(age=[20, 70]), [0, 1], smallest_base=2)[0].stands_out == ()
