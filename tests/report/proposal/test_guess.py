"""One column at a time: its header and cells, and what is proposed."""

import math
from typing import Any

import numpy as np
import pytest

from report.proposal.column import ColumnProposal, examine_column
from report.proposal.guess import propose_column
from report.proposal.headers import make_label, make_names


def propose(header: str, cells: list[Any], *, mark: str = ".", is_id: bool = False) -> ColumnProposal:
    """Propose a column whose cells are written as text."""
    texts = [None if cell is None else str(cell) for cell in cells]
    name = make_names([header])[0]
    return propose_column(examine_column(header, texts, mark), name, is_id=is_id)


def spread(low: float, high: float, rows: int = 200) -> list[float]:
    """Return evenly spread numbers in no order."""
    values = np.round(np.linspace(low, high, rows), 2)
    return [float(x) for x in np.random.default_rng(1).permutation(values)]


WHOLE = [int(x) for x in spread(0, 99)]


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["0", "1"], {"0": "no", "1": "yes"}),
        (["0.0", "1.0"], {"0.0": "no", "1.0": "yes"}),
        (["TRUE", "FALSE"], {"FALSE": "no", "TRUE": "yes"}),
        (["Y", "N"], {"N": "no", "Y": "yes"}),
        (["t", "f"], {"f": "no", "t": "yes"}),
    ],
)
def test_truth_values_become_yes_and_no(cells: list[str], values: dict[str, str]) -> None:
    proposal = propose("has card", cells * 20)

    assert (proposal.kind, proposal.role, proposal.values) == ("category", "describe", values)


def test_yes_and_no_stay_as_they_are() -> None:
    proposal = propose("Partner", ["Yes", "No"] * 20)

    assert (proposal.kind, proposal.values) == ("category", ())


@pytest.mark.parametrize("header", ["Churn", "Attrition", "Exited", "y", "Response", "default payment next month"])
def test_an_outcome_only_describes(header: str) -> None:
    proposal = propose(header, [0, 1] * 30)

    assert (proposal.kind, proposal.role, proposal.score) == ("category", "describe", 0)
    assert "outcome" in proposal.reasons[0]


@pytest.mark.parametrize(
    ("header", "cells", "format_", "unit"),
    [
        ("Age", WHOLE, "years", "years"),
        ("annual_income", [1000 * x for x in WHOLE], "money", "USD a year"),
        ("MonthlyCharges", spread(18, 119), "money", "USD a month"),
        ("price", [f"€{x}" for x in WHOLE], "money", "EUR"),
        ("wert", [f"{x} EUR" for x in WHOLE], "money", "EUR"),
        ("share of mobile", spread(0, 1), "share", ""),
        ("discount", [f"{x}%" for x in WHOLE], "percent", "percent"),
        ("Percent salary hike", WHOLE, "percent", "percent"),
        ("Hourly rate", WHOLE, "plain", ""),
        ("minutes_per_month", WHOLE, "minutes", "minutes a month"),
        ("num_of_days_active", [3 * x for x in WHOLE], "days", "days in the last 365"),
        ("number of orders", WHOLE, "count", "orders"),
        ("visits per month", WHOLE, "count", "visits a month"),
        ("tenure", [x % 72 for x in WHOLE], "plain", "months"),
        ("years at company", [x % 40 for x in WHOLE], "years", "years"),
        ("hours per week", WHOLE, "plain", "hours"),
        ("height (cm)", WHOLE, "plain", "cm"),
        ("bmi", spread(16, 50), "plain", ""),
    ],
)
def test_a_number_has_its_format_and_unit(header: str, cells: list[Any], format_: str, unit: str) -> None:
    proposal = propose(header, cells)

    assert (proposal.kind, proposal.format, proposal.unit) == ("number", format_, unit)


@pytest.mark.parametrize(
    ("header", "cells", "valid"),
    [
        ("age", WHOLE[:50] + [30] * 950, (0.0, 120.0)),
        ("age", [20 + x % 50 for x in range(999)] + [-29], (16.0, 120.0)),
        ("age", [20 + x % 50 for x in range(200)], (0.0, 120.0)),
        ("num_of_days_active", [x % 366 for x in range(999)] + [392], (0.0, 365.0)),
        ("income", [*range(100, 300), 40_000_000], (0.0, 1000.0)),
        ("income", [*range(100, 300), *range(-100, 0)], None),
        ("spend", [*range(300)], (0.0, math.inf)),
        ("Spending Score (1-100)", [1 + x for x in WHOLE], (1.0, 100.0)),
        ("rating", [1, 2, 3, 4, 5] * 20, (1.0, 5.0)),
        ("bmi", spread(16, 50), None),
    ],
)
def test_a_number_has_its_range(header: str, cells: list[Any], valid: tuple[float, float] | None) -> None:
    """So few ages below 16 are mistakes; one income 100 times the rest is left out; negative income in a third stays."""
    assert propose(header, cells).valid == valid


@pytest.mark.parametrize(
    ("cells", "mark", "low"),
    [(["1.234,50", "22,75", "3.000,00"], ",", 22.75), (["1,234.50", "22.75", "3,000.00"], ".", 22.75)],
)
def test_both_ways_to_write_decimals_are_read(cells: list[str], mark: str, low: float) -> None:
    evidence = examine_column("umsatz", cells, mark)

    assert evidence.is_numeric
    assert evidence.numbers.min() == low


@pytest.mark.parametrize(
    ("cells", "missing"),
    [
        ([999] * 90 + [1, 2, 3, 4, 5, 6], (999,)),
        ([-1] * 90 + [10, 20, 30, 40], (-1,)),
        ([99_999_999] * 3 + [*range(45)], (99_999_999,)),
        ([-1, -2, -3, 4, 5, 6] * 3, ()),
        ([999, 998, 997, 996] * 3, ()),
        ([999] + [1, 2, 3, 4, 5, 6] * 3, ()),
    ],
)
def test_numbers_that_stand_for_missing_are_found(cells: list[int], missing: tuple[int, ...]) -> None:
    """Twice at least, and far from all others or the only negative one."""
    proposal = propose("pdays", cells)

    assert proposal.missing_values == missing
    assert len(proposal.reasons) >= len(missing)


def test_words_among_numbers_are_missing_values() -> None:
    """What every reader of numbers takes for missing isn't named."""
    proposal = propose("income", [*range(100), "unknown", "?", "-"])

    assert (proposal.kind, proposal.missing_values) == ("number", ("unknown",))


def test_bands_are_numbers() -> None:
    cells = ["Less than $40K", "$40K - $60K", "$60K - $80K", "$120K +", "Unknown"] * 20

    proposal = propose("Income_Category", cells)

    assert (proposal.kind, proposal.has_bands, proposal.format) == ("number", True, "money")
    assert proposal.missing_values == ("Unknown",)


def test_bands_with_a_word_get_their_numbers() -> None:
    """The open end is taken for as wide as half the band before."""
    proposal = propose("Vehicle_Age", ["< 1 Year", "1-2 Year", "> 2 Years"] * 20)

    assert proposal.kind == "number"
    assert proposal.values == {"< 1 Year": 0.5, "1-2 Year": 1.5, "> 2 Years": 2.5}


def test_two_sides_of_a_border_stay_a_category() -> None:
    assert propose("income", ["<=50K", ">50K"] * 30).kind == "category"


@pytest.mark.parametrize(
    "header", ["Region", "Channel", "OperatingSystems", "area code", "store_id", "Marital status", "month"]
)
def test_codes_are_a_category(header: str) -> None:
    proposal = propose(header, [1, 2, 3] * 20)

    assert (proposal.kind, proposal.role) == ("category", "describe")
    assert 'values = { 1 = "…", 2 = "…", 3 = "…" }' in proposal.reasons[0]


@pytest.mark.parametrize("header", ["JobSatisfaction", "rating", "Education", "stars"])
def test_ratings_are_numbers_with_a_decimal(header: str) -> None:
    proposal = propose(header, [1, 2, 3, 4, 5] * 20)

    assert (proposal.kind, proposal.digits, proposal.valid) == ("number", 1, (1.0, 5.0))


def test_a_rating_is_no_word_that_holds_another() -> None:
    """Neither "operating" nor "duration" has "rating" or "ratio" as a word."""
    assert propose("Duration", WHOLE).score > 4
    assert propose("Operating system", [1, 2, 3] * 20).kind == "category"


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["low", "high", "medium"], ("low", "medium", "high")),
        (["Gold", "Blue", "Silver"], ("Blue", "Silver", "Gold")),
        (["may", "jan", "oct"], ("jan", "may", "oct")),
        (["June", "Feb", "Nov"], ("Feb", "June", "Nov")),
        (["NEVER", "often", "sometimes"], ("NEVER", "sometimes", "often")),
    ],
)
def test_values_with_an_order_are_put_in_it(cells: list[str], values: tuple[str, ...]) -> None:
    proposal = propose("level", cells * 20)

    assert (proposal.kind, proposal.values) == ("ordered", values)


def test_values_that_differ_only_in_case_are_named() -> None:
    proposal = propose("gender", ["Male", "male", "MALE", "Female"] * 20)

    assert proposal.kind == "category"
    assert "only in case" in proposal.reasons[0]


def test_letters_for_men_and_women_are_spelt_out() -> None:
    assert propose("Gender", ["M", "F"] * 20).values == {"F": "female", "M": "male"}


@pytest.mark.parametrize(
    ("header", "cells", "reason"),
    [
        ("Over18", ["Y"] * 50, "same value"),
        ("gap", [None] * 50, "empty"),
        ("contact e-mail", [f"a{i}@example.com" for i in range(50)], "E-mail"),
        ("whatever", [f"a{i}@example.com" for i in range(50)], "E-mail"),
        ("Phone", [f"555-{1000 + i}" for i in range(50)], "Telephone"),
        ("kontakt", [f"+49 170 {1000 + i}" for i in range(50)], "Telephone"),
        ("Surname", [f"Name{chr(97 + i % 26)}{i}" for i in range(50)], "persons"),
        ("address", [f"{i} Long Road, Town" for i in range(50)], "persons"),
        ("guest_name", [f"Anna {chr(65 + i % 26)}{i}" for i in range(50)], "persons"),
        ("CustomerID", [17_850 + i // 3 for i in range(60)], "repeats"),
        ("InvoiceNo", [536_365 + i // 5 for i in range(1500)], "repeats"),
        ("comment", [f"this is my long opinion number {i}" for i in range(50)], "free text"),
        ("link", [f"https://example.com/{i}" for i in range(50)], "Links"),
        ("session", ["0b3c1f52-9f0e-4b1e-8c3c-" + f"{i:012d}" for i in range(50)], "another id"),
        ("order_id", [f"A{i}" for i in range(50)], "another id"),
        ("avatar", [f"colour {i}" for i in range(40)] * 5, "40 different"),
        ("zip", [f"{10_000 + 7 * i}" for i in range(300)], "codes"),
        ("index", [*range(50)], "counts the rows"),
        ("fnlwgt", [100 * x for x in WHOLE], "weight"),
        ("predicted_score", spread(0, 1), "model"),
        ("weight", [f"{x} kg" for x in WHOLE], "'kg'"),
    ],
)
def test_what_tells_nothing_is_left_out_with_its_reason(header: str, cells: list[Any], reason: str) -> None:
    proposal = propose(header, cells)

    assert proposal.role == "ignore"
    assert reason in proposal.reasons[0]


def test_a_yes_no_column_about_phones_is_no_telephone_number() -> None:
    assert propose("PhoneService", ["Yes", "No"] * 30).role == "describe"


def test_frequent_values_may_be_many() -> None:
    """Forty countries with fifty users each describe; with five each they are too many."""
    countries = [f"country {chr(97 + i % 26)}{i}" for i in range(40)]

    assert propose("country", countries * 50).role == "describe"
    assert propose("country", countries * 5).role == "ignore"


@pytest.mark.parametrize(
    ("cells", "transform"),
    [
        ([float(x) for x in np.exp(3 * np.random.default_rng(1).standard_normal(300))], "log"),
        ([float(x) for x in np.random.default_rng(1).standard_normal(300) ** 5], "clip"),
        (WHOLE, "none"),
    ],
)
def test_far_skewed_numbers_are_transformed(cells: list[float], transform: str) -> None:
    """Where some are below zero there is no logarithm."""
    assert propose("spend", cells).transform == transform


def test_ids_say_what_to_look_at() -> None:
    mail = propose("Email", [f"a{i}@example.com" for i in range(50)], is_id=True)
    padded = propose("CustomerID", [f"{i:04d}" for i in range(50)], is_id=True)

    assert (mail.name, mail.kind, mail.is_hashed) == ("user_id", "id", True)
    assert (padded.name, padded.kind, padded.is_hashed) == ("user_id", "id", False)
    assert "zeros" in padded.reasons[0]


@pytest.mark.parametrize(
    ("header", "name", "label"),
    [
        ("MonthlyCharges", "monthly_charges", "monthly charges"),
        ("customerID", "customer_id", "customer id"),
        ("Annual Income (k$)", "annual_income", "annual income"),
        ("LIMIT_BAL", "limit_bal", "limit balance"),
        ("BILL_AMT1", "bill_amt1", "bill amount 1"),
        ("NumWebVisitsMonth", "num_web_visits_month", "number of web visits a month"),
        ("hours.per.week", "hours_per_week", "hours per week"),
        ("Straße Größe", "strasse_groesse", "straße größe"),
        ("2020 sales", "column_2020_sales", "2020 sales"),
        ("Возраст", "column_1", "возраст"),
        ("segment", "segment_2", "segment"),
    ],
)
def test_names_and_labels_are_made_from_headers(header: str, name: str, label: str) -> None:
    assert make_names([header]) == [name]
    assert make_label(header) == label


def test_names_are_unique_and_short() -> None:
    names = make_names(["a b", "a_b", "A-B", "word " * 40, "word " * 41])

    assert names[:3] == ["a_b", "a_b_2", "a_b_3"]
    assert len(set(names)) == len(names)
    assert all(len(name) <= 60 for name in names)
