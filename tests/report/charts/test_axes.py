"""What axes and bars say of very small and very large values."""

import re
from dataclasses import replace

import pytest

from report.charts.data_quality import plot_numbers
from report.charts.indices import plot_indices
from report.charts.render import build_chart_spec, render_svg
from report.mail.chart import plot_brief_indices
from segmentation.facts import AffinityIndex, Facts
from tests.support.facts import factory
from tests.support.pages.figures import labels

SI_PREFIX = re.compile(r"^[\d.,]+[yzafpnµmGPEZY]$")


def scale_column(facts: Facts, name: str, factor: float) -> Facts:
    """Give facts as if a column were counted in another unit."""
    column = facts.distributions.numbers[name]
    scaled = replace(
        column,
        edges=tuple(edge * factor for edge in column.edges),
        quartiles=tuple(value * factor for value in column.quartiles),
    )
    numbers = facts.distributions.numbers | {name: scaled}
    return replace(facts, distributions=replace(facts.distributions, numbers=numbers))


@pytest.mark.parametrize("factor", [1e-4, 1 / 60, 1, 1e4, 1e6])
def test_no_axis_has_a_prefix_of_a_unit(factor: float) -> None:
    """200m hours are no minutes, and 1G dollars are a billion."""
    facts = factory.month(4)
    for name in facts.distributions.numbers:
        facts = scale_column(facts, name, factor)
    texts = labels(render_svg(build_chart_spec(plot_numbers(facts).chart)))

    assert [text for text in texts if SI_PREFIX.match(text)] == []
    assert factor < 1e6 or any(text.endswith("B") for text in texts)


def test_the_axis_has_the_unit_of_the_median() -> None:
    """Minutes where it is said in minutes, else hours."""
    facts = factory.month(4)
    short = scale_column(facts, "usage_per_month", 30 / facts.distributions.numbers["usage_per_month"].quartiles[1])
    long = scale_column(facts, "usage_per_month", 3000 / facts.distributions.numbers["usage_per_month"].quartiles[1])

    assert "Usage (minutes a month)" in labels(render_svg(build_chart_spec(plot_numbers(short).chart)))
    assert "Usage (hours a month)" in labels(render_svg(build_chart_spec(plot_numbers(long).chart)))


def test_an_average_of_zero_is_not_too_few() -> None:
    """There is no index of it, of however many users."""
    facts = factory.month(4)
    segment = facts.segments[0]
    none = AffinityIndex(None, 1742, None)
    few = AffinityIndex(None, 29, None)
    segment = replace(segment, index=segment.index | {"age": none, "annual_income": few})
    facts = replace(facts, segments=(segment, *facts.segments[1:]), averages=facts.averages | {"age": 0.0})
    page = {name: value for name, value, _ in plot_indices(facts, segment).rows}
    mail = dict(plot_brief_indices(facts, segment).rows)

    assert (page["Numbers: Age"], page["Numbers: Income"]) == ("average 0", "too few")
    assert (mail["Age"], mail["Income"]) == ("average 0", "too few")
