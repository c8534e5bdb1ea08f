import numpy as np
import pytest
from scipy.stats import chi2_contingency, ttest_ind

from segmentation.profiling.significance import compute_category_p_value, compute_number_p_values, find_discoveries
from tests.bench.trust import claims
from tests.support.music import make_moments


def test_the_published_example_has_four_discoveries() -> None:
    """Fifteen p-values of Benjamini and Hochberg (1995), section 4.1: at 5 %, the four smallest are found."""
    p_values = [
        *(0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344),
        *(0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000),
    ]

    assert find_discoveries(p_values, rate=0.05).tolist() == [True] * 4 + [False] * 11
    assert find_discoveries(p_values[::-1], rate=0.05).tolist() == [False] * 11 + [True] * 4


def test_a_larger_p_value_is_found_through_a_smaller_one_behind_it() -> None:
    """0.04 is over a third of 0.05 and under two thirds of 0.15; nothing is found among nothing."""
    assert find_discoveries([0.04, 0.09, 0.9], rate=0.15).tolist() == [True, True, False]
    assert find_discoveries([0.06, 0.2], rate=0.1).tolist() == [False, False]
    assert find_discoveries([]).tolist() == []


def test_a_category_has_the_p_value_of_a_likelihood_ratio() -> None:
    """As scipy computes it; the same share inside and outside is 1, and so is a segment of everybody."""
    table = [[40, 60], [90, 310]]

    assert compute_category_p_value(40, 100, 130, 500) == pytest.approx(
        chi2_contingency(table, correction=False, lambda_="log-likelihood").pvalue
    )
    assert compute_category_p_value(20, 100, 100, 500) == pytest.approx(1)
    assert compute_category_p_value(30, 100, 30, 100) == pytest.approx(1)
    assert compute_category_p_value(0, 100, 100, 500) < 1e-9


def test_a_number_has_nearly_the_p_value_of_a_t_test() -> None:
    """A segment differs from all users as it differs from the others."""
    rng = np.random.default_rng(1)
    one, other = 50 + 8 * rng.standard_normal(300), 51 + 8 * rng.standard_normal(900)
    parts = [one, other]
    moments = make_moments(
        "ab", np.array([300.0, 900.0]), np.array([[x.mean()] for x in parts]), np.array([[x.var()] for x in parts])
    )

    found = compute_number_p_values(moments)

    assert found[:, 0] == pytest.approx(ttest_ind(one, other).pvalue, rel=0.2)


def test_a_number_that_nobody_has_differs_and_one_that_all_have_does_not() -> None:
    """A segment of zeros has no log of its mean; where everybody has 7 there is no spread."""
    moments = make_moments(
        "ab", np.array([50.0, 50.0]), np.array([[0.0, 7.0], [4.0, 7.0]]), np.array([[0.0, 0.0], [2.0, 0.0]])
    )

    found = compute_number_p_values(moments)

    assert (found[:, 0] < 1e-6).all()
    assert (found[:, 1] == 1).all()


def test_reports_without_a_difference_claim_one_in_ten_at_most() -> None:
    """A smaller version of `tests/bench/trust/claims.py`: by single looks two reports in three claim something false."""
    before, after, true_before, true_after = claims.simulate_claims(150, seed=7, features=2).mean(axis=0)

    assert before > 0.5
    assert after <= 0.1
    assert true_after == pytest.approx(true_before, abs=0.05)


def test_differences_that_are_there_are_still_claimed() -> None:
    """Gender belongs to the segments: hardly one is lost."""
    _, _, before, after = claims.simulate_claims(40, seed=8, linked=True).mean(axis=0)

    assert after > 0.95 * before > 1
