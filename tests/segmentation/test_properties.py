"""What holds for any month's file, and any points: hypothesis looks for one for which it doesn't."""

import itertools
from collections.abc import Callable
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from segmentation.clustering.assign import assign_nearest, fit_kmeans
from segmentation.clustering.pca import project_points
from segmentation.disclosure import merge_small_categories, sum_by_label, suppress_small_counts
from segmentation.facts import facts_to_dict
from segmentation.frames import Frame
from segmentation.pipeline import Analysis
from segmentation.population import _compute_row_order
from segmentation.preprocessing.clean import CleanedUsers
from segmentation.preprocessing.quantiles import choose_bin_step
from segmentation.preprocessing.scaling import Points
from segmentation.validation.scores import compute_calinski_harabasz, compute_davies_bouldin, compute_silhouettes
from tests.support.facts import factory as facts_factory
from tests.support.music import CATEGORIES, DEFAULT_FEATURES, NUMBERS, clean_users, name_segments

MakePoints = Callable[..., Points]
VALID = {"age": (16, 65), "annual_income": (0, None), "num_of_days_active": (0, 365)}

a_number = st.one_of(
    st.none(),
    st.sampled_from([16.0, 65.0, 15.9, 65.1, 365.0, 366.0, -1.0, 0.0, np.nan, np.inf, -np.inf]),
    st.floats(-1e4, 1e6),
)
a_category = st.one_of(st.none(), st.sampled_from(["Pop", "pop", "", " ", "nan", "None"]), st.text(max_size=3))
a_row = st.fixed_dictionaries(
    {
        "user_id": st.one_of(st.none(), st.sampled_from("abcdefgh")),
        **dict.fromkeys(NUMBERS, a_number),
        **dict.fromkeys(CATEGORIES, a_category),
    }
)
GOOD: dict[str, Any] = {"user_id": "z", **dict.fromkeys(NUMBERS, 30.0), **dict.fromkeys(CATEGORIES, "Pop")}


def month(rows: list[dict[str, Any]]) -> Frame:
    """Give a month's file with these rows and a good one, so that something is left."""
    data = pd.DataFrame([*rows, GOOD]).astype(dict.fromkeys(NUMBERS, float))
    return nw.from_native(data, eager_only=True)


def cleaned(rows: list[dict[str, Any]]) -> tuple[Frame, CleanedUsers]:
    frame = month(rows)
    return frame, clean_users(frame, VALID)


rows_of_a_month = st.lists(a_row, max_size=12)


@settings(max_examples=40)
@given(rows_of_a_month)
def test_rows_kept_and_dropped_are_those_read(rows: list[dict[str, Any]]) -> None:
    """Whatever stands in the file, the books balance, and no rule is named without a row."""
    frame, found = cleaned(rows)
    audit = found.audit

    assert audit.read == len(frame) == len(rows) + 1
    assert audit.kept == len(found.users)
    assert audit.kept + sum(drop.rows for drop in audit.dropped) == audit.read
    assert all(drop.rows > 0 for drop in audit.dropped)


@settings(max_examples=40)
@given(rows_of_a_month)
def test_what_is_clean_is_clean(rows: list[dict[str, Any]]) -> None:
    """Cleaning once more drops nothing: each row that stays keeps every rule."""
    users = cleaned(rows)[1].users
    again = clean_users(users, VALID)

    assert again.audit.dropped == ()
    pd.testing.assert_frame_equal(again.users.to_native(), users.to_native())


@settings(max_examples=40)
@given(rows_of_a_month)
def test_a_row_is_kept_exactly_if_a_person_would_keep_it(rows: list[dict[str, Any]]) -> None:
    """The same rules in plain Python: every value there, finite and possible; a user once, by the first such row."""
    seen, expected = set(), []
    for row in [*rows, GOOD]:
        numbers = [row[name] for name in NUMBERS]
        usable = all(row[name] is not None for name in ("user_id", *CATEGORIES)) and all(
            number is not None and np.isfinite(number) for number in numbers
        )
        if not usable or any(
            not low <= row[name] <= (np.inf if high is None else high) for name, (low, high) in VALID.items()
        ):
            continue
        if row["user_id"] not in seen:
            seen.add(row["user_id"])
            expected.append((row["user_id"], *numbers))

    assert cleaned(rows)[1].users.select("user_id", *NUMBERS).rows() == expected


@settings(max_examples=25)
@given(rows_of_a_month)
def test_every_row_read_is_somewhere_in_the_distributions(rows: list[dict[str, Any]]) -> None:
    """In a bin, outside or missing; a value of a category, missing, or a value that nobody who was kept has."""
    frame, found = cleaned(rows)
    distributions = facts_factory.described(found, smallest=1)

    assert (set(distributions.numbers), set(distributions.categories)) == (set(NUMBERS), set(CATEGORIES))
    for numbers in distributions.numbers.values():
        assert sum(numbers.before) + numbers.outside + numbers.missing == len(frame)
        assert sum(numbers.after) == found.audit.kept
    for name, table in distributions.categories.items():
        own = frame.filter(nw.col(name).is_in([value.value for value in table.values]))
        strange = frame.filter(~nw.col(name).is_null()).filter(
            ~nw.col(name).is_in([value.value for value in table.values])
        )
        assert sum(value.before for value in table.values) == len(own)
        assert len(own) + len(strange) + table.missing == len(frame)
        assert sum(value.after for value in table.values) == found.audit.kept


@settings(max_examples=25)
@given(rows_of_a_month, st.integers(2, 4))
def test_no_distribution_tells_of_a_few(rows: list[dict[str, Any]], smallest: int) -> None:
    """No shown count is below what may be shown, and those that aren't are as many together, in two places at least."""
    _, found = cleaned([*rows, *[GOOD | {"user_id": f"g{n}"} for n in range(4)]])
    distributions = facts_factory.described(found, smallest=smallest)

    assert (set(distributions.numbers), set(distributions.categories)) == (set(NUMBERS), set(CATEGORIES))
    for numbers in distributions.numbers.values():
        shown = [n for n in numbers.after if n is not None]
        assert not [n for n in (*shown, *numbers.before) if n is not None and 0 < n < smallest]
        assert sum(shown) == found.audit.kept or (
            found.audit.kept - sum(shown) >= smallest and len(numbers.after) - len(shown) >= 2
        )
        assert numbers.before.count(None) != 1 or len(numbers.before) == 1
    for table in distributions.categories.values():
        assert not [value for value in table.values if value.after < smallest]
        assert [value.before for value in table.values].count(None) != 1 or len(table.values) == 1


@settings(max_examples=40)
@given(rows_of_a_month, st.integers(0, 99), st.sampled_from(["float64", "float32"]))
def test_users_are_drawn_in_an_order_of_their_own(rows: list[dict[str, Any]], seed: int, dtype: str) -> None:
    """However the rows of the file lie, the users come to lie alike, and bootstraps draw the same ones."""
    users = cleaned(rows)[1].users.with_columns(nw.col(*NUMBERS).cast(getattr(nw, dtype.capitalize())))
    shuffled = users[np.random.default_rng(seed).permutation(len(users)).tolist()]

    one, other = (some[_compute_row_order(some, DEFAULT_FEATURES).tolist()] for some in (users, shuffled))
    assert one.select(NUMBERS).rows() == other.select(NUMBERS).rows()


def test_a_column_that_is_no_feature_draws_nobody_else() -> None:
    """By their ids or, without, by their features: what else is known of the users moves none of them."""
    rng = np.random.default_rng(3)
    features = pd.DataFrame({name: rng.normal(size=30) for name in DEFAULT_FEATURES})
    plan = pd.DataFrame({"plan": rng.permutation(30)})
    ids = pd.DataFrame({"user_id": rng.permutation(30).astype(str)})
    for known, by in (([features], DEFAULT_FEATURES[0]), ([features, ids], "user_id")):
        few, more = (pd.concat(columns, axis=1) for columns in (known, [plan, *known]))

        for users in (few, more):
            order = _compute_row_order(nw.from_native(users, eager_only=True), DEFAULT_FEATURES)
            assert order.tolist() == few.sort_values(by).index.tolist()


@given(st.floats(1e-9, 1e9), st.booleans())
def test_a_step_is_round_and_hardly_larger_than_asked(width: float, whole: bool) -> None:  # noqa: FBT001
    """At most 2.5 times the width (from 2 to 5, where 2.5 is not whole), so bins stay as many as meant."""
    step = choose_bin_step(width, integer=whole)
    asked = max(width, 1) if whole else width

    assert asked * (1 - 1e-6) <= step <= 2.5 * asked * (1 + 1e-6)
    assert not whole or step == int(step)


@settings(max_examples=3)
@given(st.integers(0, 1000), st.sampled_from(["int64", "int32", "float32", "Int64", "object"]))
def test_the_order_of_the_rows_is_no_fact(
    run: Callable[..., Analysis], groups: pd.DataFrame, seed: int, dtype: str
) -> None:
    """A month's file has no order that means anything: shuffled, it gives the same facts up to rounding."""
    asked = {"k": 4, "k_range": (1, 4), "n_init": 20}
    kinds = {"top_genre": "category"} if dtype == "object" else dict.fromkeys(NUMBERS, dtype)
    shuffled = groups.astype(kinds).sample(frac=1, random_state=seed)
    expected, found = (flat(facts_to_dict(run(data, **asked).facts)) for data in (groups, shuffled))

    assert found == {
        place: pytest.approx(value, rel=1e-6, abs=1e-9) if isinstance(value, float) else value
        for place, value in expected.items()
    }


@pytest.mark.parametrize("seed", [0, 3])
def test_where_users_are_alike_the_order_of_the_rows_decides_no_tie(
    run: Callable[..., Analysis], users: Callable[..., pd.DataFrame], seed: int
) -> None:
    """Few values a column make many centres equally good: the last bit of a mean, by the order of its sum, would choose."""
    rng = np.random.default_rng(seed)
    month = users(
        age=rng.choice([20, 30, 40, 50], 600),
        annual_income=rng.choice([20_000, 40_000, 90_000], 600),
        usage_per_month=rng.choice([100, 700, 2_000], 600),
        num_of_days_active=rng.choice([50, 150, 300], 600),
    )
    expected, *found = (
        facts_to_dict(run(data, k_range=(1, 8), n_init=10).facts)
        for data in (month, *(month.sample(frac=1, random_state=n) for n in (1, 2)))
    )

    assert found == [expected, expected]


def flat(value: Any, place: str = "") -> dict[str, Any]:
    """Give every value of nested facts by its place."""
    if isinstance(value, dict):
        return {p: v for key, item in value.items() for p, v in flat(item, f"{place}.{key}").items()}
    if isinstance(value, list):
        return {p: v for n, item in enumerate(value) for p, v in flat(item, f"{place}.{n}").items()}
    return {place: value}


@settings(max_examples=5)
@given(st.floats(1e-3, 1e4), st.sampled_from(NUMBERS), st.floats(-500, 500))
def test_neither_unit_nor_zero_of_a_column_moves_anybody(
    run: Callable[..., Analysis], groups: pd.DataFrame, scale: float, name: str, shift: float
) -> None:
    """Income in cents, age since another year: the features are standardised, so nobody changes segment."""
    asked = {"k": 4, "k_range": (1, 4), "n_init": 20, "valid": {}}
    other = groups.assign(**{name: groups[name] * scale + shift})
    here, there = run(groups, **asked), run(other, **asked)

    assert there.users["segment"].to_list() == here.users["segment"].to_list()
    assert [s.name for s in there.facts.segments] == [s.name for s in here.facts.segments]
    assert there.facts.elbow.inertia == pytest.approx(here.facts.elbow.inertia, rel=1e-6)
    assert there.facts.validity.silhouette == pytest.approx(here.facts.validity.silhouette, abs=1e-6)


coordinates = st.integers(-40, 40).map(lambda n: n / 8)
some_points = st.integers(4, 9).flatmap(
    lambda n: st.tuples(
        arrays(float, (n, 3), elements=coordinates, unique=True),
        arrays(int, n, elements=st.integers(1, 3)),
        arrays(np.intp, n, elements=st.integers(0, 2)).map(lambda labels: np.r_[0, 1, labels[2:]]),
    )
)


def indices(points: Points, labels: np.ndarray) -> list[float]:
    """Measure everything that segments are judged by."""
    return [
        compute_calinski_harabasz(points, labels),
        compute_davies_bouldin(points, labels),
        np.average(compute_silhouettes(points, [labels])[0], weights=points.weights),
        *project_points(points).explained,
    ]


@given(some_points)
def test_a_weight_is_so_many_users_in_one_place(
    points: MakePoints, drawn: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> None:
    """A grid's cell with two users is two users: every index, the map and the best two segments come out the same."""
    values, weights, labels = drawn
    weighted, repeated = points(values, weights), points(np.repeat(values, weights, axis=0))

    assert indices(weighted, labels) == pytest.approx(indices(repeated, np.repeat(labels, weights)), abs=1e-6)
    each, all_ = (
        compute_silhouettes(p, [g])[0] for p, g in ((weighted, labels), (repeated, np.repeat(labels, weights)))
    )
    assert np.repeat(each, weights) == pytest.approx(all_, abs=1e-6)
    assert weighted.users == repeated.users


def measure_squares(values: np.ndarray, weights: np.ndarray) -> float:
    """Add up the squared distances of users to their mean."""
    return float((weights @ (values - np.average(values, axis=0, weights=weights)) ** 2).sum())


@settings(max_examples=25)
@given(some_points)
def test_k_means_takes_a_weight_for_so_many_users(
    points: MakePoints, drawn: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> None:
    """So few points that 30 starts find the very best of all cuts: it is the same for both."""
    values, weights, _ = drawn
    cuts = [np.array([True, *others]) for others in itertools.product([False, True], repeat=len(values) - 1)]
    least = min(
        sum(measure_squares(values[side], weights[side]) for side in (cut, ~cut)) for cut in cuts if not cut.all()
    )
    one, other = (
        fit_kmeans(p, 2, n_init=30, seed=0)
        for p in (points(values, weights), points(np.repeat(values, weights, axis=0)))
    )

    assert one.inertia == pytest.approx(least, rel=1e-9, abs=1e-9)
    assert other.inertia == pytest.approx(least, rel=1e-9, abs=1e-9)


@given(some_points, arrays(float, 3, elements=st.floats(-20, 20)))
def test_where_the_zero_lies_does_not_matter(
    points: MakePoints, drawn: tuple[np.ndarray, np.ndarray, np.ndarray], shift: np.ndarray
) -> None:
    """Segments are judged by distances, and these don't change when everything moves together."""
    values, weights, labels = drawn

    moved = indices(points(values + shift, weights), labels)
    assert moved == pytest.approx(indices(points(values, weights), labels), rel=1e-6, abs=1e-5)


@settings(max_examples=25)
@given(some_points, st.integers(1, 4))
def test_any_fit_is_a_fixed_point(points: MakePoints, drawn: tuple[np.ndarray, np.ndarray, np.ndarray], k: int) -> None:
    """No centre is nearer to anybody than their own, which is the mean of its users; sizes fall."""
    values, weights, _ = drawn
    model = fit_kmeans(points(values, weights), k, n_init=5, seed=0)
    labels = assign_nearest(values, model.centres)
    distances = ((values[:, None] - model.centres) ** 2).sum(axis=2)
    users = np.bincount(labels, weights=weights, minlength=k)

    own = distances[np.arange(len(values)), labels]
    assert own == pytest.approx(distances.min(axis=1), abs=1e-9)
    assert weights @ own == pytest.approx(model.inertia, abs=1e-9)
    means = [np.average(values[labels == n], axis=0, weights=weights[labels == n]) for n in range(k)]
    np.testing.assert_allclose(model.centres, means, atol=1e-9)
    assert (np.diff(users) <= 0).all()


@given(st.lists(arrays(float, 4, elements=st.sampled_from([-2, -1, -0.5, -0.2, 0, 0.2, 0.45, 1, 3])), max_size=10))
def test_no_two_segments_share_a_name(centres: list[np.ndarray]) -> None:
    """Ten segments, some in one place: each has one name, in words, and the same when asked again."""
    named = [dict(zip(DEFAULT_FEATURES, map(float, centre), strict=True)) for centre in centres]
    names = name_segments(named)

    assert len(set(names)) == len(names) == len(centres)
    assert all(name[0].isupper() for name in names)
    assert name_segments(named) == names


some_counts = st.lists(st.integers(0, 40), max_size=9)


@given(some_counts, st.integers(1, 15))
def test_what_is_hidden_of_a_row_cannot_be_worked_out(counts: list[int], smallest: int) -> None:
    """Nobody and crowds are shown as they are; the others are two at least, and each may be a crowd for all that is known.

    Their sum is known, and that each is somebody: so the sum less one for each of the others is a crowd, if there are so many.
    """
    shown = suppress_small_counts(counts, min_cell=smallest)
    hidden = [count for count, visible in zip(counts, shown, strict=True) if visible is None]

    assert all(visible in (None, count) for count, visible in zip(counts, shown, strict=True))
    assert not [count for count in shown if count is not None and 0 < count < smallest]
    assert 0 not in hidden
    assert shown == tuple(counts) or any(0 < count < smallest for count in counts)
    if hidden:
        others = [count for count in shown if count]
        assert (len(hidden) >= 2 and sum(hidden) - len(hidden) + 1 >= smallest) or not others


@given(st.dictionaries(st.text(max_size=2), st.integers(0, 40), max_size=9), st.integers(1, 15))
def test_what_is_merged_is_a_crowd(counts: dict[str, int], smallest: int) -> None:
    """Nobody is lost, and no label but one of nobody has fewer users than may be shown, if there are so many."""
    sums = sum_by_label(counts, merge_small_categories(counts, min_cell=smallest))

    assert sum(sums.values()) == sum(counts.values())
    assert not [n for n in sums.values() if 0 < n < smallest] or sum(counts.values()) < smallest
