from collections.abc import Callable

import numpy as np
import pytest

from segmentation.errors import CleaningError
from segmentation.facts import FeatureScale
from segmentation.frames import Frame
from segmentation.preprocessing.scaling import Points, build_scale, standardise_users
from tests.support.music import summarise_columns

Make = Callable[..., Frame]


def test_the_spread_is_that_of_the_population(frame: Make) -> None:
    """20, 30, 40, 50, 60: mean 40, squares 400 + 100 + 0 + 100 + 400 = 1000, over 5 (not 4) is 200."""
    scale = build_scale(summarise_columns(frame(age=[20, 30, 40, 50, 60]), ["age"]))

    assert scale == FeatureScale(mean={"age": 40.0}, sd={"age": pytest.approx(200**0.5)})


def test_a_standardised_column_is_in_standard_deviations(frame: Make) -> None:
    """1 and 3 lie one SD below and above their mean of 2; 10 and 30 likewise."""
    data = frame(age=[1, 3], annual_income=[30, 10])

    points = standardise_users(data, build_scale(summarise_columns(data, ["annual_income", "age"])))

    assert points.features == ("annual_income", "age")
    assert points.values.tolist() == [[1, -1], [-1, 1]]
    assert points.weights.tolist() == [1, 1]


def test_another_months_scale_puts_both_in_one_space(frame: Make) -> None:
    """With last month's mean of 40 and SD of 5, an age of 50 is two SDs above."""
    points = standardise_users(frame(age=[50, 40]), FeatureScale(mean={"age": 40}, sd={"age": 5}))

    assert points.values.tolist() == [[2], [0]]
    assert points.scale == FeatureScale(mean={"age": 40}, sd={"age": 5})


@pytest.mark.parametrize("dtype", ["int8", "uint8", "float32", "Int64", "Float64", "int64[pyarrow]"])
def test_the_kind_of_number_does_not_matter(frame: Make, dtype: str) -> None:
    """Small integers would overflow if they were squared as they are: 65² is no int8."""
    data = frame(age=[16, 65, 30, 41])
    cast = data.with_columns(age=frame(age=data["age"].to_native().astype(dtype))["age"])

    assert build_scale(summarise_columns(cast, ["age"])) == build_scale(summarise_columns(data, ["age"]))
    np.testing.assert_array_equal(
        standardise_users(cast, build_scale(summarise_columns(cast, ["age"]))).values,
        standardise_users(data, build_scale(summarise_columns(data, ["age"]))).values,
    )


@pytest.mark.parametrize(
    "ages",
    [[30, 30, 30], [30], [0.1 + 0.2, 0.3, 0.3], [1e9 / 3] * 7],
    ids=["all alike", "one user", "alike up to rounding", "large and alike"],
)
def test_a_column_that_tells_nobody_apart_is_refused(frame: Make, ages: list[float]) -> None:
    """Its spread is 0, or what rounding leaves of 0, and distances would be divided by it."""
    with pytest.raises(
        CleaningError, match=r"'age' is .* for every user.*apart\. Correct the export, .* columns file\.$"
    ):
        build_scale(summarise_columns(frame(age=ages), ["age"]))


def test_a_column_of_little_spread_is_one_all_the_same(frame: Make) -> None:
    """An SD of 2e-9 is two billionths of a mean of 1, more than rounding leaves; of a mean of 3 it is less than one."""
    assert build_scale(summarise_columns(frame(age=[1 - 2e-9, 1 + 2e-9]), ["age"])).sd["age"] == pytest.approx(
        2e-9, rel=1e-3
    )
    with pytest.raises(CleaningError, match="for every user"):
        build_scale(summarise_columns(frame(age=[3 - 2e-9, 3 + 2e-9]), ["age"]))


def test_points_stand_for_as_many_users_as_they_weigh() -> None:
    """2 + 3.5 users in two points."""
    points = Points(np.zeros((2, 1)), np.array([2, 3.5]), ("age",), FeatureScale({}, {}))

    assert points.users == 5.5
