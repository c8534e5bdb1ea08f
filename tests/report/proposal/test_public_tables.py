"""Tables in the form of well-known public ones: what an analyst would propose for them."""

from datetime import date

import pytest

from report.proposal.roles import TableProposal, propose_table
from report.proposal.table import read_text_table
from tests.report.proposal.public_tables import PUBLIC_TABLES

FEATURES = {
    "telco": "tenure monthly_charges total_charges",
    "mall": "age annual_income spending_score",
    "bank": "age duration campaign",
    "employees": "age monthly_income total_working_years training_times_last_year years_at_company years_since_last_promotion years_with_curr_manager",
    "shoppers": "administrative_duration informational_duration product_related product_related_duration page_values",
    "wholesale": "fresh milk grocery frozen detergents_paper delicassen",
    "credit_default": "limit_bal age bill_amt_average pay_amt_average",
    "bank_churners": "customer_age months_on_book months_inactive_12_mon contacts_count_12_mon credit_limit total_revolving_bal "
    "total_trans_amt total_trans_ct",
    "campaign": "age income days_since_customer recency mnt_total purchases_total num_web_visits_month",
    "german_credit": "age credit_amount duration",
    "ecommerce": "avg_session_length time_on_app time_on_website length_of_membership yearly_amount_spent",
    "reviews": "category_1 category_2 category_3 category_4 category_5 category_6 category_7 category_8",
    "adult": "age education_num hours_per_week",
    "insurance": "age bmi children charges",
    "bank_exits": "credit_score age tenure balance estimated_salary",
    "vehicles": "age annual_premium vintage",
    "calls": "account_length minutes_total calls_total customer_service_calls",
}
MAINS = {"telco": "monthly_charges", "bank_churners": "total_trans_amt", "campaign": "mnt_total", "ecommerce": "yearly_amount_spent",
         "insurance": "charges", "vehicles": "annual_premium", "calls": "minutes_total"}  # fmt: skip
IGNORED = {
    "employees": "employee_count over18 standard_hours",
    "campaign": "year_birth dt_customer z_cost_contact z_revenue",
    "ecommerce": "address avatar",
    "bank_exits": "row_number surname",
    "adult": "fnlwgt",
    "calls": "phone_number",
}


@pytest.fixture(scope="module")
def proposals(tmp_path_factory: pytest.TempPathFactory) -> dict[str, TableProposal]:
    folder = tmp_path_factory.mktemp("tables")
    found = {}
    for name, make in PUBLIC_TABLES.items():
        (folder / f"{name}.csv").write_text(make(), encoding="utf-8")
        found[name] = propose_table(read_text_table(folder / f"{name}.csv"), date(2026, 11, 28))
    return found


@pytest.mark.parametrize("name", FEATURES)
def test_features_are_those_an_analyst_would_take(proposals: dict[str, TableProposal], name: str) -> None:
    assert [column.name for column in proposals[name].list_role("feature")] == FEATURES[name].split()


@pytest.mark.parametrize("name", MAINS)
def test_the_main_number_adds_up(proposals: dict[str, TableProposal], name: str) -> None:
    assert proposals[name].main == MAINS[name]


@pytest.mark.parametrize("name", IGNORED)
def test_what_tells_nothing_is_left_out(proposals: dict[str, TableProposal], name: str) -> None:
    assert [column.name for column in proposals[name].list_role("ignore")] == IGNORED[name].split()


def test_outcomes_are_never_features(proposals: dict[str, TableProposal]) -> None:
    outcomes = {
        "telco": "churn",
        "employees": "attrition",
        "bank": "y",
        "bank_exits": "exited",
        "credit_default": "default_payment_next_month",
    }

    roles = {column.name: column.role for name in outcomes for column in proposals[name].columns}

    assert {roles[column] for column in outcomes.values()} == {"describe"}
