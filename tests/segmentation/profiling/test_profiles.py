from collections.abc import Callable
from dataclasses import replace

import narwhals as nw
import numpy as np
import pandas as pd
import pytest

from segmentation.clustering.assign import KMeansModel
from segmentation.facts import AffinityIndex, ConfidenceInterval, NotableDifference, Segment, SegmentStability
from segmentation.frames import Frame
from segmentation.preprocessing.aggregate import SEGMENT_NUMBER, count_category_values, crosstab_categories
from segmentation.preprocessing.quantiles import compute_column_quantiles, make_bin_grid
from segmentation.preprocessing.scaling import build_scale, standardise_users
from segmentation.profiling import intervals
from segmentation.profiling.profiles import (
    SegmentQuality,
    _Comparison,
    _label_group,
    _mark_notable,
    compute_category_shares,
    profile_segments,
    remove_intervals,
)
from segmentation.tracking.matching import SegmentIdentity
from tests.support.music import CATEGORIES, NUMBERS, compute_segment_moments, name_segments, summarise_columns

Make = Callable[..., Frame]


def profiled(
    data: Frame, labels: list[int], *, smallest_base: int = 1, smallest_cell: int = 1, **kept: object
) -> tuple[Segment, ...]:
    """Describe these segments, which lie apart by age alone; every count is shown unless said otherwise."""
    points = standardise_users(data, build_scale(summarise_columns(data, ["age"])))
    numbers = np.array(labels)
    k = int(numbers.max()) + 1
    centres = np.array([points.values[numbers == n].mean(axis=0) for n in range(k)])
    names = name_segments([{"age": float(centre[0])} for centre in centres])
    called = [SegmentIdentity(n, f"S{n + 1}", name, None, name, name_fits=True) for n, name in enumerate(names)]
    users = data.with_columns(nw.new_series(SEGMENT_NUMBER, numbers, backend="pandas"))
    values = np.column_stack([data[name].to_numpy().astype(float) for name in NUMBERS])
    return profile_segments(
        ["age"],
        KMeansModel(centres, 0.0),
        compute_segment_moments(users, k),
        {
            name: compute_column_quantiles(
                users, name, make_bin_grid(one.low, one.high, integer=one.is_integer), k
            ).medians
            for name, one in summarise_columns(users).items()
        },
        tabled(users, k),
        intervals.bootstrap_t_intervals(values, numbers, k, seed=1),
        summarise_columns(users),
        [replace(one, **kept) for one in called],
        [SegmentQuality(n / 10, SegmentStability(0.9 - n / 10, 0.0, 1.0, "stable"), apart=n == 0) for n in range(k)],
        has_previous_month=True,
        min_base=smallest_base,
        min_cell=smallest_cell,
    )


def tabled(users: Frame, k: int = 1) -> dict[str, dict[tuple[int, str], int]]:
    """Count every category's values as they are."""
    if SEGMENT_NUMBER not in users.columns:
        users = users.with_columns(nw.lit(0).alias(SEGMENT_NUMBER))
    return crosstab_categories(
        users, {name: {v: v for v in count_category_values(users, name)} for name in CATEGORIES}, k
    )


def said(index: AffinityIndex) -> tuple[float | None, int | None]:
    """Give an index and the users it rests on."""
    return index.value, index.base


def test_a_segment_is_described_by_its_own_users(frame: Make) -> None:
    """20, 20, 50 against one of 70: mean 30, median 20, of 40 overall; 3 of 4 users; (30 - 40) / SD of √450."""
    first, second = profiled(frame(age=[20, 70, 20, 50]), [0, 1, 0, 0])

    assert (first.id, first.users, first.share, first.silhouette) == ("S1", 3, 0.75, 0.0)
    assert (second.id, second.users, second.share, second.silhouette) == ("S2", 1, 0.25, 0.1)
    assert (first.means["age"], first.medians["age"]) == (30, 20)
    assert first.centre == {"age": pytest.approx(-10 / 450**0.5)}
    assert said(first.index["age"]) == (75.0, 3)
    assert said(second.index["age"]) == (pytest.approx(175), 1)
    assert (first.name, second.name) == ("Young listeners", "Older listeners")
    assert first.play is None


def test_what_is_known_of_a_segment_stands_beside_it(frame: Make) -> None:
    """How often it comes again, and whether it is set apart."""
    first, second = profiled(frame(age=[20, 70, 20, 50]), [0, 1, 0, 0])

    assert first.stability == SegmentStability(0.9, 0.0, 1.0, "stable")
    assert second.stability.jaccard == 0.8
    assert (first.apart, second.apart) == (True, False)


def test_a_share_has_wilsons_interval(frame: Make) -> None:
    """3 of 4 by the formula: (.75 + z²/8 ± z √(.75 · .25 / 4 + z²/64)) / (1 + z²/4), z² = 3.8415."""
    first, _ = profiled(frame(age=[20, 70, 20, 50]), [0, 1, 0, 0])

    assert first.share_interval == ConfidenceInterval(pytest.approx(0.3006, abs=1e-4), pytest.approx(0.9544, abs=1e-4))


def test_means_and_indices_lie_in_their_intervals(frame: Make) -> None:
    """Of 60 users each; one user alone has none, since nobody says how far others would lie."""
    ages = [*range(20, 80), *range(60, 120)]
    first, second = profiled(frame(age=ages), [0] * 60 + [1] * 60)

    for segment, mean, index in ((first, 49.5, 100 * 49.5 / 69.5), (second, 89.5, 100 * 89.5 / 69.5)):
        interval = segment.mean_intervals["age"]
        assert interval is not None
        assert interval.low < mean < interval.high
        assert interval.high - interval.low == pytest.approx(2 * 2 * 17.3 / 60**0.5, rel=0.1)
        about = segment.index["age"].interval
        assert about is not None
        assert about.low < index < about.high
    assert profiled(frame(age=[20, 70, 20, 50]), [0, 1, 0, 0])[1].mean_intervals["age"] is None


def test_an_index_whose_interval_holds_the_average_does_not_speak(frame: Make) -> None:
    """121 on so few users is chance: it is there, in no sentence, and does not stand out; 60 of the same kind do."""
    few = [20, 20, 70, 70, 20, 70, 45, 46, 44, 45]
    usage = [10, 200, 190, 20, 100, 206, 100, 90, 110, 94]
    first, _ = profiled(frame(age=few, usage_per_month=usage), [0] * 6 + [1] * 4)
    many, _ = profiled(frame(age=few * 30, usage_per_month=[*usage] * 30), ([0] * 6 + [1] * 4) * 30)

    assert first.index["usage_per_month"].value == pytest.approx(many.index["usage_per_month"].value)
    assert not first.index["usage_per_month"].notable
    assert many.index["usage_per_month"].notable
    assert "usage_per_month" not in {item.column for item in first.stands_out}


def test_a_segment_is_new_where_none_of_the_last_month_stands_behind_it(frame: Make) -> None:
    """And what it would be called today is told only where its name no longer fits."""
    old, _ = profiled(frame(age=[20, 70]), [0, 1], centre_shift=0.1)
    wrong, _ = profiled(frame(age=[20, 70]), [0, 1], centre_shift=0.1, name="Heavy listeners", name_fits=False)
    kept, _ = profiled(frame(age=[20, 70]), [0, 1], centre_shift=0.1, name="Our regulars", name_fits=True)

    assert not old.new
    assert profiled(frame(age=[20, 70]), [0, 1])[0].new
    assert (wrong.name, wrong.name_now) == ("Heavy listeners", "Young listeners")
    assert (kept.name, kept.name_now) == ("Our regulars", "Our regulars")


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

    assert said(profiled(data, labels, smallest_base=3)[0].index["age"]) == (75.0, 3)
    assert said(profiled(data, labels, smallest_base=4)[0].index["age"]) == (None, 3)


def test_an_index_over_an_average_of_nothing_is_nothing(frame: Make) -> None:
    """If nobody has an income, no segment has more or less of it than the average."""
    first, _ = profiled(frame(age=[20, 70], annual_income=[0, 0]), [0, 1])

    assert first.index["annual_income"] == AffinityIndex(None, 1, None)


def test_a_category_is_compared_by_its_share(frame: Make) -> None:
    """Jazz: 2 of 3 here, 2 of 4 overall, index 133; Pop: 1 of 3 against 2 of 4, index 67. Rows are its base."""
    data = frame(age=[20, 70, 20, 50], top_genre=["Jazz", "Pop", "Jazz", "Pop"])
    first, second = profiled(data, [0, 1, 0, 0])

    jazz, pop = first.categories["top_genre"].values()
    assert list(first.categories["top_genre"]) == ["Jazz", "Pop"]
    assert (*said(jazz), jazz.share) == (pytest.approx(400 / 3), 2, pytest.approx(2 / 3))
    assert (*said(pop), pop.share) == (pytest.approx(200 / 3), 1, pytest.approx(1 / 3))
    assert second.categories["top_genre"]["Jazz"] == AffinityIndex(None, 0, None, 0.0)
    assert said(second.categories["top_genre"]["Pop"]) == (200.0, 1)


def test_a_category_of_a_few_in_a_segment_is_nothing(frame: Make) -> None:
    """3 Rock here: all 15 less 12 there would tell them, and so would this row less its others: four go, with Jazz."""
    names = ["Pop", "Indie", "Soul", "Folk", "Funk", "House", "Jazz", "Rock"]
    here, there = [40, 40, 40, 40, 40, 40, 20, 3], [40, 40, 40, 40, 40, 40, 20, 12]
    data = frame(
        age=[20] * sum(here) + [70] * sum(there),
        top_genre=[*np.repeat(names, here).tolist(), *np.repeat(names, there).tolist()],
    )
    segments = profiled(data, [0] * sum(here) + [1] * sum(there), smallest_cell=10)

    nothing = AffinityIndex(None, None, None, None)
    assert len(segments) == 2
    for segment in segments:
        found = segment.categories["top_genre"]
        assert {value for value, index in found.items() if index == nothing} == {"Jazz", "Rock"}
        assert {found[name].base for name in names[:6]} == {40}


def test_where_a_quarter_of_a_table_would_be_nothing_rare_values_are_one(frame: Make) -> None:
    """Four of six squares would be left out; with Jazz and Rock as one, none is. Its name is the one it mostly is."""
    data = frame(
        age=[20] * 83 + [70] * 80,
        top_genre=["Pop"] * 50 + ["Jazz"] * 30 + ["Rock"] * 3 + ["Pop"] * 40 + ["Jazz"] * 30 + ["Rock"] * 10,
    )
    first, second = profiled(data, [0] * 83 + [1] * 80, smallest_cell=10)

    for segment, users in ((first, [50, 33]), (second, [40, 40])):
        found = segment.categories["top_genre"]
        assert list(found) == ["Pop", "Jazz and 1 more"]
        assert [index.base for index in found.values()] == users


@pytest.mark.parametrize(
    ("group", "called"),
    [
        ({"Jazz": 9, "Other (3)": 20}, "Other (4)"),
        ({"Jazz": 20, "Other (3)": 9}, "Jazz and 3 more"),
        ({"Other (2)": 20, "Soul": 9}, "Other (3)"),
    ],
)
def test_values_put_together_twice_are_all_counted(group: dict[str, int], called: str) -> None:
    """Rare ones are one for the month, and may be one with others for the segments."""
    assert _label_group(list(group), group) == called


def test_no_two_values_share_a_name(frame: Make) -> None:
    """What was put together for the month is "Other (3)"; three more that are put together for the segments aren't."""
    large = {"Pop": 80, "Rock": 70, "Indie": 60, "House": 50, "Other (3)": 40}
    here, there = (
        large | dict.fromkeys(["Folk", "Funk", "Soul"], 5),
        large | dict.fromkeys(["Folk", "Funk", "Soul"], 9),
    )
    genres = [name for table in (here, there) for name, n in table.items() for _ in range(n)]
    data = frame(age=[20] * 315 + [70] * 327, top_genre=genres)
    first, second = profiled(data, [0] * 315 + [1] * 327, smallest_cell=10)

    for segment, users in ((first, 15), (second, 27)):
        found = segment.categories["top_genre"]
        assert list(found) == [*large, "Folk and 2 more"]
        assert [index.base for index in found.values()] == [80, 70, 60, 50, 40, users]


def test_all_users_are_the_hundred(frame: Make) -> None:
    """The most frequent first, of equals by name."""
    data = frame(age=[20, 70, 20, 50], top_genre=["Pop", "Rock", "Pop", "Jazz"])

    means = {name: one.mean for name, one in summarise_columns(data).items()}
    assert (means["age"], means["annual_income"], means["num_of_days_active"]) == (40, 20_000, 100)
    assert list(compute_category_shares(tabled(data))["top_genre"].items()) == [
        ("Pop", 0.5),
        ("Jazz", 0.25),
        ("Rock", 0.25),
    ]


def test_values_that_read_alike_are_one(frame: Make) -> None:
    """1 and "1" of a workbook are the same on the page, and shares still add up to all."""
    data = frame(age=[20, 70, 20, 50], gender=pd.Series([1, "1", "1", 1], dtype=object))

    assert compute_category_shares(tabled(data))["gender"] == {"1": 1.0}
    gender = profiled(data, [0, 1, 0, 0])[0].categories["gender"]
    assert {value: said(index) for value, index in gender.items()} == {"1": (100.0, 3)}


def test_what_stands_out_is_far_from_the_average_up_or_down(frame: Make) -> None:
    """Usage 2 : 1 and age 4 : 5, income 1.19 : 1 and not: ratios, so 50 is as far as 200, and 80 and 120 count."""
    data = frame(
        age=[32, 48] * 30,
        usage_per_month=[900, 100] * 30,
        annual_income=[11_900, 8_100] * 30,
        num_of_days_active=[120, 80] * 30,
    )
    first, second = profiled(data, [0, 1] * 30)

    assert first.stands_out == (
        NotableDifference("usage_per_month", None, 180.0),
        NotableDifference("age", None, 80.0),
        NotableDifference("num_of_days_active", None, 120.0),
    )
    assert [item.column for item in second.stands_out] == ["usage_per_month", "num_of_days_active", "age"]


def test_what_stands_out_comes_by_the_ratio(frame: Make) -> None:
    """A fifth is further than a third, a third than half; half is as far as twice, and numbers then come first."""
    data = frame(
        age=[20] * 50 + [60] * 50, gender=["A"] * 10 + ["B"] * 40 + ["A"] * 50, usage_per_month=[1] * 50 + [9] * 50
    )
    first, _ = profiled(data, [0] * 50 + [1] * 50)

    assert [(item.column, item.category, round(item.index)) for item in first.stands_out] == [
        ("usage_per_month", None, 20),
        ("gender", "A", 33),
        ("age", None, 50),
        ("gender", "B", 200),
    ]


def test_an_index_of_nought_is_said(frame: Make) -> None:
    """Users who never listen have an index of 0, which has no logarithm, and for certain."""
    first, _ = profiled(frame(age=[20, 70] * 30, usage_per_month=[0, 500] * 30), [0, 1] * 30)

    assert first.index["usage_per_month"] == AffinityIndex(0.0, 30, ConfidenceInterval(0, 0), notable=True)
    assert first.stands_out[0] == NotableDifference("usage_per_month", None, 0.0)


def test_what_rests_on_too_few_does_not_stand_out(frame: Make) -> None:
    """An index that isn't there can't be far from 100."""
    assert profiled(frame(age=[20, 70] * 30), [0, 1] * 30, smallest_base=30)[0].stands_out
    assert profiled(frame(age=[20, 70] * 30), [0, 1] * 30, smallest_base=31)[0].stands_out == ()


def test_an_index_that_chance_may_explain_is_not_notable(frame: Make) -> None:
    """Of 30 users with a genre 22 are in one half: chance does that once in 100 looks, and there are 40 genres."""
    genres = [f"Genre {n}" for n in range(20) for _ in range(30)]
    labels = [0, 1] * 300
    some = [n for n, genre in enumerate(genres) if genre == "Genre 3"]
    for n, place in enumerate(some):
        labels[place] = int(n >= 22)
    data = frame(age=[20 if label == 0 else 70 for label in labels], top_genre=genres)

    first, _ = profiled(data, labels)
    alone, _ = profiled(frame(age=data["age"].to_list()), labels)

    item = first.categories["top_genre"]["Genre 3"]
    assert item.interval is not None
    assert item.interval.low > 100
    assert not item.notable
    assert first.index["age"].notable
    assert alone.index["age"].notable


def test_features_do_not_loosen_the_limit_of_other_columns() -> None:
    """A p-value of 0.015 among ten looks is chance, whatever the features' own are; among ten that differ it would pass."""
    index = AffinityIndex(130.0, 40, ConfidenceInterval(101, 160))
    numbers = [{"age": _Comparison(index, 1e-9)}] * 10
    table = [{"Pop": _Comparison(index, 0.015)}] + [{"Pop": _Comparison(index, 0.9)}] * 9

    marked, shown = _mark_notable(["age"], numbers, {"top_genre": table})
    _, together = _mark_notable([], numbers, {"top_genre": table})

    assert all(row["age"].notable for row in marked)
    assert not shown["top_genre"][0]["Pop"].notable
    assert together["top_genre"][0]["Pop"].notable


def test_what_is_not_shown_is_still_counted() -> None:
    """Nine hidden indices beside one of 0.02: ten looks, whatever the hidden ones would say."""
    shown = AffinityIndex(130.0, 40, ConfidenceInterval(101, 160))
    hidden = AffinityIndex(None, 12, ConfidenceInterval(101, 160))
    rows = [{"Pop": _Comparison(shown, 0.02)}] + [{"Pop": _Comparison(hidden, 0.001)}] * 9

    _, found = _mark_notable([], [{}] * 10, {"top_genre": rows})

    assert not any(row["Pop"].notable for row in found["top_genre"])


def test_without_intervals_the_rest_stays(frame: Make) -> None:
    """Groups that are no segments keep their numbers and what stands out."""
    segments = profiled(frame(age=[20, 70] * 30, top_genre=["Pop", "Rock"] * 30), [0, 1] * 30)

    bare = remove_intervals(segments)

    assert [one.share_interval for one in bare] == [None, None]
    assert all(set(one.mean_intervals.values()) == {None} for one in bare)
    assert {item.interval for one in bare for item in one.index.values()} == {None}
    assert {item.interval for one in bare for table in one.categories.values() for item in table.values()} == {None}
    assert [one.stands_out for one in bare] == [one.stands_out for one in segments]
    assert bare[0].index["age"] == replace(segments[0].index["age"], interval=None)
