from collections.abc import Callable

import pytest

from report.storage.paths import TEMPLATES
from report.text.formatting import (
    FILTERS,
    MINUS,
    NBSP,
    format_column_value,
    format_column_value_pair,
    format_counted_noun,
    format_decimal,
    format_index,
    format_minutes,
    format_money,
    format_month,
    format_percent,
    format_percent_pair,
    format_thousands,
    join_with_and,
)
from tests.support.music import COLUMNS_BY_NAME, NUMBERS


@pytest.mark.parametrize(
    ("value", "said"), [(0, "0"), (7, "7"), (4907, "4,907"), (1_234_567, "1,234,567"), (-12, "−12"), (-4907, "−4,907")]
)
def test_counts_are_written_in_threes(value: int, said: str) -> None:
    """A minus is the sign of that name (U+2212), as wide as a plus."""
    assert format_thousands(value) == said


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (0, "0 %"),
        (0.0, "0 %"),
        (-0.0, "0 %"),
        (1e-12, "<1 %"),
        (0.0099, "<1 %"),
        (0.01, "1 %"),
        (0.005 + 0.01, "2 %"),
        (0.3176, "32 %"),
        (0.99, "99 %"),
        (0.9901, ">99 %"),
        (1 - 1e-12, ">99 %"),
        (1, "100 %"),
        (1.5, "150 %"),
        (-0.011, "−1 %"),
        (-0.3, "−30 %"),
        (-0.004, ">−1 %"),
    ],
)
def test_nothing_and_everything_are_said_only_where_true(share: float, said: str) -> None:
    """A share of 0.4 % is not 0 %, nor are 99.6 % all; the number and its sign stay on one line."""
    assert format_percent(share) == said.replace(" ", NBSP)


@pytest.mark.parametrize(
    ("value", "digits", "said"),
    [
        (0.2449, 2, "0.24"),
        (-0.25, 1, "−0.2"),
        (-0.001, 2, "0.00"),
        (1234.5, 1, "1,234.5"),
        (3.0, 0, "3"),
        (0, 2, "0.00"),
    ],
)
def test_decimals_have_their_digits_and_no_negative_zero(value: float, digits: int, said: str) -> None:
    """A silhouette of -0.001 is nothing on the page, and nothing has no sign."""
    assert format_decimal(value, digits) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0, "$0"),
        (0.4, "$0"),
        (999.6, "$1,000"),
        (22_871, "$22,900"),
        (146_300, "$146,000"),
        (1_234_567, "$1,230,000"),
        (-500, "−$500"),
        (-22_871, "−$22,900"),
        (-0.2, "$0"),
    ],
)
def test_money_has_three_digits_that_mean_something(value: float, said: str) -> None:
    """The mean income of some hundred users is not known to the dollar; a minus stands before the currency."""
    assert format_money(value) == said


@pytest.mark.parametrize(
    ("minutes", "said"),
    [
        (0, "0 minutes"),
        (0.6, "1 minute"),
        (1, "1 minute"),
        (45.4, "45 minutes"),
        (119.4, "119 minutes"),
        (119.8, "2.0 hours"),
        (120, "2.0 hours"),
        (429, "7.2 hours"),
        (89_280, "1,488 hours"),
        (-30, "−30 minutes"),
    ],
)
def test_listening_is_in_the_unit_that_one_would_say(minutes: float, said: str) -> None:
    """Minutes up to two hours, then hours; one of them is no plural."""
    assert format_minutes(minutes) == said.replace(" ", NBSP)


@pytest.mark.parametrize(
    ("value", "column", "said"),
    [
        (24.4, "age", "24 years"),
        (1, "age", "1 year"),
        (22_871, "annual_income", "$22,900"),
        (429, "usage_per_month", "7.2 hours"),
        (162.6, "num_of_days_active", "163 days"),
        (1.2, "num_of_days_active", "1 day"),
    ],
)
def test_a_value_has_the_unit_of_its_column(value: float, column: str, said: str) -> None:
    assert format_column_value(value, COLUMNS_BY_NAME[column]) == said.replace(" ", NBSP)


@pytest.mark.parametrize("column", NUMBERS)
def test_every_number_column_can_be_written(column: str) -> None:
    """A column new to the schema needs a unit here too."""
    assert any(letter.isdigit() for letter in format_column_value(1234.5, COLUMNS_BY_NAME[column]))


@pytest.mark.parametrize(
    "write",
    [
        format_thousands,
        format_percent,
        format_decimal,
        format_money,
        format_minutes,
        lambda v: format_column_value(v, COLUMNS_BY_NAME["age"]),
    ],
)
def test_an_absent_number_is_said_in_words(write: Callable[[None], str]) -> None:
    """A 0 or a blank in its place would be read as a number."""
    assert write(None) == "not known"


def test_an_index_on_too_few_users_says_so() -> None:
    assert format_index(None) == "too few"
    assert [format_index(0), format_index(71.6), format_index(100), format_index(1234)] == ["0", "72", "100", "1,234"]


def test_a_month_is_named_and_stays_on_one_line() -> None:
    assert format_month("2026-01") == f"January{NBSP}2026"
    assert format_month("2026-12") == f"December{NBSP}2026"


@pytest.mark.parametrize(
    ("count", "said"),
    [(0, "no users"), (1, "one user"), (2, "two users"), (10, "ten users"), (11, "11 users"), (4907, "4,907 users")],
)
def test_small_counts_are_words(count: int, said: str) -> None:
    assert format_counted_noun(count, "user") == said.replace(" ", NBSP)


def test_a_noun_may_have_its_own_plural() -> None:
    assert format_counted_noun(2, "category", "categories") == f"two{NBSP}categories"
    assert format_counted_noun(1, "category", "categories") == f"one{NBSP}category"


@pytest.mark.parametrize(
    ("items", "said"), [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")]
)
def test_a_list_is_joined_as_a_sentence_does(items: list[str], said: str) -> None:
    assert join_with_and(items) == said


def test_no_written_number_can_break_from_its_unit() -> None:
    """A plain space would let a line end between 32 and its per cent."""
    for written in (
        format_percent(0.32),
        format_minutes(429),
        format_column_value(24, COLUMNS_BY_NAME["age"]),
        format_month("2026-10"),
        format_counted_noun(4, "kind"),
    ):
        assert NBSP in written
        assert " " not in written


def test_templates_use_each_filter_by_its_name() -> None:
    """What none uses is not there; and a filter that isn't there is an error when its template is read."""
    used = "".join(path.read_text(encoding="utf-8") for path in TEMPLATES.rglob("*.md"))

    assert [name for name in FILTERS if f"| {name} " not in used] == []
    assert MINUS == "\u2212"


def _shares(one: float, other: float) -> list[str]:
    return [text.replace("\u00a0", " ") for text in format_percent_pair(one, other)]


def test_two_shares_that_differ_read_so() -> None:
    """5.3 % dropped of 5 % allowed is more, and reads so; where whole per cent tell them apart they do."""
    assert _shares(0.0531, 0.05) == ["5.3 %", "5.0 %"]
    assert _shares(0.0502, 0.05) == ["5.02 %", "5.00 %"]
    assert _shares(0.08, 0.05) == ["8 %", "5 %"]
    assert _shares(0.05, 0.05) == ["5 %", "5 %"]


@pytest.mark.parametrize(
    ("one", "other", "column", "written"),
    [
        (429.0, 471.9, "usage_per_month", ("7.2 hours", "7.9 hours")),
        (1_500.0, 1_650.0, "usage_per_month", ("25 hours", "28 hours")),
        (597.0, 600.0, "usage_per_month", ("9.9 hours", "10 hours")),
        (1_500.0, 1_515.0, "usage_per_month", ("25.00 hours", "25.25 hours")),
        (40_000.0, 40_040.0, "annual_income", ("$40,000", "$40,040")),
        (-40_000.0, -40_040.0, "annual_income", ("−$40,000", "−$40,040")),
        (100.0, 121.0, "usage_per_month", ("100 minutes", "2.0 hours")),
        (5.1, 5.4, "num_of_days_active", ("5.1 days", "5.4 days")),
        (12.0, 13.2, "num_of_days_active", ("12 days", "13 days")),
        (40_000.0, 44_000.0, "annual_income", ("$40,000", "$44,000")),
    ],
)
def test_two_values_of_a_goal_differ_as_they_do(
    one: float, other: float, column: str, written: tuple[str, str]
) -> None:
    """Ten per cent more than 7.2 hours is not "7 hours today, 8 wanted": few hours have a digit behind the point, and what would read alike."""
    assert (
        tuple(text.replace("\u00a0", " ") for text in format_column_value_pair(one, other, COLUMNS_BY_NAME[column]))
        == written
    )
