"""Whole tables: roles, columns worked out from others, and the words for the service."""

from datetime import date
from typing import Any

import numpy as np
import pytest

from report.proposal.column import ColumnProposal
from report.proposal.roles import TableProposal, propose_table
from report.proposal.table import build_table

ROWS = 120
TODAY = date(2026, 11, 28)
RNG = np.random.default_rng(5)


def propose(columns: dict[str, list[Any]], month: str = "") -> TableProposal:
    """Propose a table of these columns."""
    rows = [["" if cell is None else str(cell) for cell in row] for row in zip(*columns.values(), strict=True)]
    return propose_table(build_table("shop.csv", [list(columns), *rows]), TODAY, month)


def find(proposal: TableProposal, name: str) -> ColumnProposal:
    """Return the column with this name."""
    return next(column for column in proposal.columns if column.name == name)


def list_names(proposal: TableProposal, role: str) -> list[str]:
    """Return the names of the columns with a role."""
    return [column.name for column in proposal.list_role(role)]


def draw(low: int, high: int) -> list[int]:
    """Draw whole numbers, one a row."""
    return [int(x) for x in RNG.integers(low, high + 1, ROWS)]


def shop(**more: list[Any]) -> dict[str, list[Any]]:
    """Return a shop's columns, and more."""
    return {
        "customer_id": [f"C{i:04d}" for i in range(ROWS)],
        "age": draw(18, 80),
        "orders": draw(1, 40),
        "spend": draw(10, 900),
        "city": ["Bonn", "Ulm", "Jena"] * (ROWS // 3),
        **more,
    }


def test_behaviour_and_value_make_the_segments() -> None:
    proposal = propose(shop(churn=[0, 1] * (ROWS // 2), region=[1, 2, 3] * (ROWS // 3), rating=draw(1, 5)))

    assert list_names(proposal, "feature") == ["age", "orders", "spend"]
    assert list_names(proposal, "describe") == ["city", "churn", "region", "rating"]
    assert proposal.columns[0].kind == "id"
    assert (proposal.main, proposal.user, proposal.title) == ("spend", ("customer", "customers"), "Customer segments")


def test_at_most_eight_columns_are_features() -> None:
    proposal = propose(shop(**{f"{word}_spend": draw(0, 500) for word in "abcdefghij"}))

    assert len(list_names(proposal, "feature")) <= 8


def test_of_two_copies_one_is_a_feature() -> None:
    """At r above 0.98; the other one says why."""
    columns = shop()
    columns["spend in points"] = [10 * x for x in columns["spend"]]
    proposal = propose(columns)

    assert list_names(proposal, "feature") == ["age", "orders", "spend"]
    assert "nearly the same as spend" in find(proposal, "spend_in_points").reasons[-1]


def test_what_moves_with_a_feature_is_none() -> None:
    """At r above 0.95."""
    columns = shop()
    columns["visits"] = [10 * x + y for x, y in zip(columns["orders"], draw(0, 90), strict=True)]
    proposal = propose(columns)

    assert "visits" in list_names(proposal, "describe")
    assert "Moves with orders" in find(proposal, "visits").reasons[-1]


def test_two_features_never_have_the_same_words() -> None:
    """The main one keeps them: a segment's name would say them twice."""
    proposal = propose({"shop_spend": draw(0, 90)} | shop())
    main, other = find(proposal, "shop_spend").words, find(proposal, "spend").words

    assert proposal.main == "shop_spend"
    assert main is not None
    assert main.noun == ("low spenders", "high spenders")
    assert other is not None
    assert (other.adjective, other.noun, other.comparative) == (None, None, ("less spent", "more spent"))


@pytest.mark.parametrize(
    ("header", "user"),
    [
        ("clientnum", "customer"),
        ("membership years", "user"),
        ("member id", "member"),
        ("Lesernummer", "reader"),
        ("orders", "customer"),
    ],
)
def test_headers_tell_what_a_user_is_called(header: str, user: str) -> None:
    assert propose({header: draw(0, 900), "age": draw(18, 80), "city": ["a", "b"] * 60}).user[0] == user


def test_numbers_without_a_telling_name_serve_if_nothing_else_does() -> None:
    names = ("fresh", "milk", "frozen")

    proposal = propose({name: draw(3, 5000) for name in names})

    assert list_names(proposal, "feature") == list(names)
    assert proposal.main == ""


def test_a_file_without_numbers_is_warned_of() -> None:
    proposal = propose({"city": ["a", "b", "c"] * 40, "colour": ["x", "y"] * 60})

    assert list_names(proposal, "feature") == []
    assert any("needs 2 or more numbers" in warning for warning in proposal.warnings)


def test_a_year_of_birth_becomes_an_age() -> None:
    proposal = propose(shop() | {"age": draw(1, 9), "Year_Birth": draw(1940, 2005)}, month="2026-10")
    derived = next(column for column in proposal.columns if column.value)

    assert (derived.value, derived.format, derived.role) == ("2026 - year_birth", "years", "feature")
    assert find(proposal, "year_birth").role == "ignore"


def test_years_under_the_name_of_an_age_become_one() -> None:
    proposal = propose(shop() | {"age": draw(1940, 2005)})

    assert find(proposal, "age").value == "2026 - year_of_birth"
    assert find(proposal, "year_of_birth").source == "age"


def test_years_count_to_the_newest_date_in_the_file() -> None:
    """Without a month: the data's own time, and not today."""
    dates = [f"{1 + i % 28:02d}-{1 + i % 6:02d}-2014" for i in range(ROWS)]

    proposal = propose(shop() | {"age": draw(1940, 1990), "Dt_Customer": dates})

    assert find(proposal, "age").value == "2014 - year_of_birth"


@pytest.mark.parametrize(
    ("header", "cells", "name", "value", "role"),
    [
        ("signup_date", [f"2026-{1 + i % 9:02d}-{1 + i % 28:02d}" for i in range(ROWS)], "days_since_signup", "days_since(signup_date)", "feature"),
        ("customer since", [f"{1 + i % 28}.{1 + i % 12}.{2012 + i % 14}" for i in range(ROWS)], "years_since_customer", "years_since(customer_since)", "feature"),
        ("last_purchase", [f"{1 + i % 28}/{1 + i % 10}/2026" for i in range(ROWS)], "days_since_last_purchase", "days_since(last_purchase)", "feature"),
        ("birth_date", [f"{1 + i % 28} May {1950 + i % 50}" for i in range(ROWS)], "age_2", "years_since(birth_date)", "feature"),
        ("order date", [f"2026-{1 + i % 9:02d}-{1 + i % 28:02d}" for i in range(ROWS)], "days_since_order", "days_since(order_date)", "describe"),
    ],
)  # fmt: skip
def test_dates_become_times(header: str, cells: list[str], name: str, value: str, role: str) -> None:
    """Years where they span more than three."""
    columns = shop() | {header: cells}
    proposal = propose(columns, month="2026-10")
    derived = find(proposal, name)

    assert (derived.value, derived.role) == (value, role)
    assert next(column for column in proposal.columns if column.source == header).role == "ignore"


def test_dates_in_the_future_are_not_counted() -> None:
    proposal = propose(shop(contract_end=[f"2031-{1 + i % 9:02d}-10" for i in range(ROWS)]))

    assert find(proposal, "contract_end").role == "ignore"
    assert not any("contract_end" in column.value for column in proposal.columns)


def test_thousands_in_a_header_are_written_in_full() -> None:
    proposal = propose(shop() | {"Annual Income (k$)": draw(15, 137)})

    assert find(proposal, "annual_income").value == "1000 * annual_income_in_thousands"
    assert find(proposal, "annual_income").format == "money"
    assert find(proposal, "annual_income_in_thousands").role == "ignore"


def test_a_family_of_columns_is_added_up() -> None:
    proposal = propose(shop() | {f"Mnt{name}": draw(0, 900) for name in ("Wine", "Fish", "Fruit")})

    assert find(proposal, "mnt_total").value == "mnt_wine + mnt_fish + mnt_fruit"
    assert find(proposal, "mnt_total").role == "feature"
    assert find(proposal, "mnt_wine").role == "describe"


def test_numbered_columns_become_an_average() -> None:
    proposal = propose(shop() | {f"PAY_AMT{i}": draw(0, 900) for i in (1, 2, 3)})

    assert find(proposal, "pay_amt_average").value == "(pay_amt1 + pay_amt2 + pay_amt3) / 3"


@pytest.mark.parametrize(
    ("columns", "source", "is_hashed"),
    [
        ({"row": [*range(ROWS)], "Customer Number": [7 * i for i in range(ROWS)]}, "Customer Number", False),
        ({"email": [f"a{i}@example.com" for i in range(ROWS)]}, "email", True),
        ({"email": [f"a{i}@example.com" for i in range(ROWS)], "id": [*range(ROWS)]}, "id", False),
        ({"code": [f"AB-{1000 + i}" for i in range(ROWS)]}, "code", False),
        ({"uid": [f"0b3c1f52-9f0e-4b1e-8c3c-{i:012d}" for i in range(ROWS)]}, "uid", False),
    ],
)
def test_one_column_is_the_id(columns: dict[str, list[Any]], source: str, is_hashed: object) -> None:
    """An e-mail address only where nothing else is there, and hashed."""
    numbers = {"orders": draw(1, 40), "spend": draw(10, 900)}
    ids = [column for column in propose(columns | numbers).columns if column.kind == "id"]

    assert [(column.source, column.name, column.is_hashed) for column in ids] == [(source, "user_id", is_hashed)]


def test_orders_of_the_same_users_are_warned_of() -> None:
    columns = shop() | {"customer_id": [f"C{i // 2}" for i in range(ROWS)]}

    proposal = propose(columns)

    assert not any(column.kind == "id" for column in proposal.columns)
    assert any("one row a user" in warning for warning in proposal.warnings)


def test_a_missing_share_keeps_a_column_from_the_features() -> None:
    proposal = propose(shop(income=[x if i % 3 else None for i, x in enumerate(draw(100, 900))]))

    assert "income" in list_names(proposal, "describe")
    assert any("33%" in reason for reason in find(proposal, "income").reasons)


def test_columns_without_a_name_or_with_one_twice_are_left_out() -> None:
    rows = [["", "a", "a", "spend", "orders"], *([str(i), "x", "y", str(i % 7), str(i % 5)] for i in range(60))]

    proposal = propose_table(build_table("shop.csv", rows), TODAY)

    assert {column.source for column in proposal.columns} == {"spend", "orders"}
    assert any("without a name" in warning for warning in proposal.warnings)
    assert any("same name: a" in warning for warning in proposal.warnings)


@pytest.mark.parametrize(
    ("cells", "currency", "locale"),
    [
        ([f"{i},50 €" for i in range(ROWS)], "EUR", "de"),
        ([f"€{i}.50" for i in range(ROWS)], "EUR", "en"),
        ([f"£{i}" for i in range(ROWS)], "GBP", "en"),
        ([f"{i}" for i in range(ROWS)], "USD", "en"),
    ],
)
def test_cells_tell_currency_and_locale(cells: list[str], currency: str, locale: str) -> None:
    proposal = propose(shop() | {"spend": cells})

    assert (proposal.currency, proposal.locale) == (currency, locale)
    assert find(proposal, "spend").unit == currency


def test_only_a_feature_is_transformed_or_has_an_open_range() -> None:
    far = [float(x) for x in np.exp(3 * RNG.standard_normal(ROWS))]
    columns = shop(spend_again=far) | {"spend": far}

    proposal = propose(columns)

    assert find(proposal, "spend").transform == "log"
    assert "logarithm" in find(proposal, "spend").reasons[-1]
    assert (find(proposal, "spend_again").transform, find(proposal, "spend_again").valid) == ("none", None)
