from dataclasses import replace

import pytest

from report.text import selection, sentences
from segmentation.facts import Facts
from tests.support.facts.factory import judged, month, silhouettes


def elbow(facts: Facts, **changes: object) -> Facts:
    """Give the facts with another elbow."""
    return replace(facts, elbow=replace(facts.elbow, **changes))


def test_a_second_opinion_that_differs_is_said() -> None:
    """An executive must not read agreement where there is none."""
    agrees = judged(silhouettes(month(4), k4=0.6, k3=0.5), "clear")
    differs = judged(silhouettes(month(4), k4=0.5, k3=0.6), "weak", silhouette=3, gap=1)

    assert selection.describe_other_measures(agrees) == "The silhouette and the gap statistic favour 4, too."
    assert selection.describe_other_measures(differs) == (
        "Not all measures agree on 4: the silhouette favours 3 and the gap statistic favours none."
    )
    assert selection.describe_separation(agrees) == "Users are best separated in 4 segments, the number used"
    assert selection.describe_separation(differs) == "Users are separated better in 3 segments than in the 4 used"
    near = silhouettes(month(4), k4=0.5, k3=0.54)
    assert selection.describe_separation(near) == "Users are separated a little better in 3 segments than in the 4 used"


def test_of_equally_good_numbers_the_smaller_is_best() -> None:
    assert selection.find_best_silhouette_k(silhouettes(month(4), k3=0.6, k5=0.6)) == 3


def test_who_decided_the_number_is_said() -> None:
    """A number from settings is no finding of the curve's."""
    facts = month(4)

    assert selection.describe_bend(elbow(facts, decided_by="elbow")) == "The curve bends at 4 segments"
    found = replace(facts, structure=replace(facts.structure, panel=4))
    both = "The curve bends at 4 segments, and gaps between the groups show as many"
    assert selection.describe_bend(elbow(found, decided_by="panel")) == both
    gaps = "Gaps between the groups show 4 segments; the curve"
    assert selection.describe_bend(elbow(found, decided_by="panel", knee=3)) == f"{gaps} bends at 3"
    assert selection.describe_bend(elbow(found, decided_by="panel", knee=None)) == f"{gaps} has no bend"
    assert "asked for" in selection.describe_bend(elbow(facts, decided_by="settings", knee=3))
    assert "bends at 3" in selection.describe_bend(elbow(facts, decided_by="settings", knee=3))
    assert "no bend" in selection.describe_bend(elbow(facts, decided_by="settings", knee=None))
    four = silhouettes(facts, k4=0.6)
    assert "no bend" in selection.describe_bend(elbow(four, decided_by="silhouette", knee=None))


@pytest.mark.parametrize(
    ("by", "said"),
    [
        ("elbow", "4 segments: the curve bends at 5, which would leave one with too few users"),
        ("panel", "4 segments: gaps show 5, which would leave one with too few users"),
        ("silhouette", "4 segments: the silhouette is best at 5, which would leave one with too few users"),
    ],
)
def test_a_smaller_number_than_was_found_is_told_with_its_reason(by: str, said: str) -> None:
    """The next smaller k was taken; the table of votes beside it says five."""
    facts = silhouettes(month(4), k5=0.6)
    found = replace(facts, structure=replace(facts.structure, panel=5))

    fewer = elbow(found, decided_by=by, knee=5, chosen=4)
    assert selection.describe_bend(fewer) == said
    assert ", or fewer, so that none has too few users. The" in sentences.describe_method(fewer)


@pytest.mark.parametrize(
    ("by", "said"),
    [
        ("elbow", "the number of segments is where its curve bends (Kneedle). The"),
        ("panel", "the number of segments is the largest with a gap between each two. The"),
        ("silhouette", "its curve does not bend, so that the number of segments is where the silhouette is best. The"),
        ("settings", "the number of segments was asked for. The"),
    ],
)
def test_the_method_says_who_decided(by: str, said: str) -> None:
    """Kneedle is named only where it was Kneedle."""
    facts = silhouettes(month(4), k4=0.6)
    found = replace(facts, structure=replace(facts.structure, panel=4))

    assert said in sentences.describe_method(elbow(found, decided_by=by, knee=4, chosen=4))
