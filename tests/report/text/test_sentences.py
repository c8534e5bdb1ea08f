from collections.abc import Callable
from dataclasses import replace

import pytest

from report.mail import brief
from report.text import changes, selection, sentences
from report.text.formatting import NBSP
from segmentation.facts import ComputedOn, DroppedRows, Facts, KpiTarget, MigrationMatrix, NotableDifference
from tests.support.facts.factory import (
    ARABIC,
    AWKWARD,
    EMOJI,
    LONG,
    MARKUP,
    SCRIPT,
    after_none,
    awkward,
    centred,
    changed,
    judged,
    month,
    named,
    silhouettes,
    unreliable,
)

# What each has to say of awkward("later"), worked out by hand from the users of facts_factory: 192, 96, 96 and 96 of 480;
# a month before, 12 of the first were high earners, and 12 who left aren't there any more.
ABOUT_A_MONTH = {
    sentences.write_headline: ("Four kinds", "young lower earners are the largest", "40 %"),
    sentences.describe_largest_segment: ("Young lower earners", "largest segment", "40 %"),
    sentences.describe_users_analysed: ("480 of 480",),
    sentences.describe_certainty: ("Clear", "0.84"),
    selection.describe_other_measures: ("silhouette", "gap statistic", "favour 4"),
    selection.describe_bend: ("4 segments", "asked for", "bends at 4"),
    selection.describe_separation: ("4 segments, the number used",),
    selection.describe_k_choice: ("1 to 10", "3 starts", "4 segments", "asked for"),
    sentences.describe_separating_features: ("Age", "most, then income"),
    sentences.describe_cleaning: ("All 480 rows",),
    sentences.describe_median_user: ("32 years", "$29,800", "8.6 hours"),
    sentences.describe_common_values: ("Hip-hop", "25 %", "Retired", "36 %"),
    sentences.describe_explained_variance: ("78 %",),
    sentences.describe_method: ("3 random starts", "asked for", "fewer than 30 users"),
    sentences.write_colophon: ("2026-10.csv", "abababababababab", "seed 2026", "format 2"),
    sentences.describe_stability: ("All four", "resampled"),
    sentences.summarise_certainty: ("Clear", "resampled"),
    sentences.describe_size_range: ("Four", "20 to 40 %"),
    selection.describe_null_band: ("falls faster", "no structure"),
    changes.summarise_changes: (
        "Young lower earners grew by 2.5 points",
        "high earners shrank by 2.5",
        "September 2026",
    ),
    changes.describe_retention: ("97 % of the 468",),
    changes.summarise_changes_briefly: (
        "young lower earners grew by 2.5 points",
        "high earners shrank by 2.5",
        "September 2026",
    ),
}


def plain(text: str) -> str:
    """Give a sentence with plain spaces, to compare words and not spacing."""
    return text.replace(NBSP, " ")


@pytest.mark.parametrize(
    ("k", "began", "rank"),
    [
        (2, "Two kinds of listeners; ", " are the larger, "),
        (4, "Four kinds", " are the largest, "),
        (10, "Ten kinds", " the largest"),
    ],
)
def test_the_headline_counts_as_a_person_does(k: int, began: str, rank: str) -> None:
    """Of two, one is larger; of more, one is the largest."""
    said = plain(sentences.write_headline(month(k)))

    assert said.startswith(began)
    assert rank in said


def test_the_headline_names_the_largest_segment() -> None:
    """192 of 480 users are 40 %."""
    facts = named(month(4), "Young listeners")

    assert (
        plain(sentences.write_headline(facts))
        == "Four kinds of listeners; young listeners are the largest, 40 % of users"
    )
    assert plain(sentences.describe_largest_segment(facts)) == "Young listeners are the largest segment, 40 % of users"


def test_one_segment_is_no_plural() -> None:
    """Where there is nothing to tell apart, nothing is the largest."""
    facts = month(4)
    one = replace(facts, segments=(replace(facts.segments[0], name="Average listeners", users=480, share=1.0),))

    assert plain(sentences.write_headline(one)) == "One kind of listeners: average listeners, 100 % of users"
    assert plain(sentences.describe_largest_segment(one)) == "Average listeners are the only segment, 100 % of users"


@pytest.mark.parametrize(
    ("evidence", "began"), [("clear", "Clear"), ("weak", "Weak"), ("none", "There is no evidence")]
)
def test_how_sure_is_said_by_the_evidence(evidence: str, began: str) -> None:
    """Each of the three has its own words, and the silhouette stands beside them."""
    said = sentences.describe_certainty(judged(silhouettes(month(4), k4=0.42), evidence))

    assert said.startswith(began)
    assert "silhouette 0.42" in said


def test_where_nothing_is_found_nothing_is_sold() -> None:
    """The headline says so first, and what follows are groups, not segments."""
    facts = unreliable(month(4))

    assert sentences.write_headline(facts).startswith("No reliable segments this month")
    assert "no basis for different treatment" in sentences.describe_certainty(facts)
    assert sentences.choose_segment_noun(facts) == "group"
    assert "group" in sentences.describe_largest_segment(facts)
    assert "segment" not in sentences.describe_largest_segment(facts)


def test_of_two_that_are_as_large_none_is_the_largest() -> None:
    facts = month(4)
    tied = replace(facts, segments=tuple(replace(s, users=120, share=0.25) for s in facts.segments))

    assert "; none is larger than young lower earners, 25" in plain(sentences.write_headline(tied))
    assert plain(sentences.describe_largest_segment(tied)).startswith(
        "No segment is larger than young lower earners, 25"
    )


def test_the_most_popular_value_is_one_that_stands_for_itself() -> None:
    """Genres that are put together are no genre."""
    facts = month(4)
    column = facts.distributions.categories["top_genre"]
    first = next(iter(facts.shares["top_genre"]))
    marked = tuple(replace(item, merged=item.value == first) for item in column.values)
    categories = facts.distributions.categories | {"top_genre": replace(column, values=marked)}
    second = list(facts.shares["top_genre"])[1]

    assert sentences.describe_common_values(facts).startswith(f"Most common: top genre {first} (")
    merged = replace(facts, distributions=replace(facts.distributions, categories=categories))
    assert sentences.describe_common_values(merged).startswith(f"Most common: top genre {second} (")


def test_segments_that_may_not_come_again_are_named() -> None:
    facts = month(4)
    doubtful = replace(facts.segments[1].stability, grade="doubtful")
    sure = [replace(s, stability=replace(s.stability, grade="stable")) for s in facts.segments]

    assert plain(sentences.describe_stability(replace(facts, segments=tuple(sure)))).startswith(
        "All four segments come again"
    )
    sure[1] = replace(sure[1], name="Older listeners", stability=doubtful)
    assert plain(sentences.describe_stability(replace(facts, segments=tuple(sure)))) == (
        "Three segments of 4 come again when the data is resampled; older listeners may not."
    )


def test_a_change_is_counted_in_points_where_it_is_a_number() -> None:
    """One grew by so many points since September, one is as large as then, one is new; in a first month there is no change."""
    facts = month(4, first=False)
    assert facts.change is not None
    grew, same = facts.segments[:2]
    then = {grew.id: grew.share - 0.0123, same.id: same.share}
    found = replace(
        facts,
        change=replace(
            facts.change,
            segments=tuple(
                replace(moved, last_share=then[moved.id]) if moved.id in then else moved
                for moved in facts.change.segments
            ),
        ),
    )

    assert (changes.format_share_change(found, grew), changes.describe_change_since(found, grew)) == (
        "▲1.2",
        "points since September\u00a02026",
    )
    assert changes.describe_change_since(found, same) == "since September\u00a02026"
    assert changes.describe_change_since(month(4), month(4).segments[0]) == ""


def test_a_segment_too_small_to_compare_is_not_called_average() -> None:
    """Twelve high earners have no index; nobody may say that they are like everybody."""
    facts = month(4)
    segment = facts.segments[0]
    thin = replace(
        segment,
        stands_out=(),
        index={name: replace(item, value=None, notable=False) for name, item in segment.index.items()},
    )

    assert sentences.describe_main_difference(month(4), thin) == f"{segment.name}: too few users to compare"
    assert sentences.describe_differences(month(4), thin) == "They are too few to be compared with all users."
    assert brief.write_insight(facts, thin) == "They are too few to be compared with all users."


def test_one_row_was_left_out_and_one_segment_comes_again() -> None:
    """Singular and plural."""
    facts = month(4)
    audit = replace(facts.audit, read=facts.audit.kept + 1, dropped=(DroppedRows("missing", "age", 1),))
    shaky = [replace(s, stability=replace(s.stability, grade="doubtful")) for s in facts.segments[1:]]
    one = replace(
        facts,
        segments=(replace(facts.segments[0], stability=replace(facts.segments[0].stability, grade="stable")), *shaky),
    )

    assert plain(sentences.describe_cleaning(replace(facts, audit=audit))).endswith(
        "1 was left out: 1 for no value in age."
    )
    assert "One segment of 4 comes again" in plain(sentences.describe_stability(one))
    assert "1 of 4 comes again" in plain(sentences.summarise_certainty(one))


def test_what_separates_is_said_in_the_order_of_how_much() -> None:
    """Age by 2.4 SD, income by 1.2, the others by less than 0.8."""
    facts = month(4)
    low, high = (
        centred(facts.segments[0], age=-1.2, annual_income=0.5, usage_per_month=0.3),
        centred(facts.segments[1], age=1.2, annual_income=-0.7, usage_per_month=-0.3),
    )

    assert sentences.describe_separating_features(replace(facts, segments=(low, high))) == (
        "Age separates the segments most, then income; usage and days active do not"
    )


@pytest.mark.parametrize(
    ("centre", "said"),
    [
        ({"age": 1.0}, "Age separates the segments most; income, usage and days active do not"),
        ({"num_of_days_active": 1.0}, "Days active separate the segments most; age, income and usage do not"),
        ({"age": 0.7}, "The segments differ little in any one number"),
        (
            {"age": 3.0, "annual_income": 2.0, "usage_per_month": 1.0},
            "Age separates the segments most, then income; days active do not",
        ),
        (
            {"age": 3.0, "annual_income": 2.0, "num_of_days_active": 1.0},
            "Age separates the segments most, then income; usage does not",
        ),
    ],
)
def test_nothing_separates_and_does_not_separate_at_once(centre: dict[str, float], said: str) -> None:
    """A feature that hardly differs isn't named as the second to separate; the verb goes with its noun."""
    facts = month(4)
    pair = (centred(facts.segments[0]), centred(facts.segments[1], **centre))

    assert sentences.describe_separating_features(replace(facts, segments=pair)) == said


def test_a_portrait_is_in_plain_units() -> None:
    means = {"age": 24.4, "annual_income": 22_871.0, "usage_per_month": 429.0, "num_of_days_active": 163.0}

    assert plain(sentences.describe_average_user(month(4), replace(month(4).segments[0], means=means))) == (
        "On average 24 years old, $22,900 a year, 7.2 hours of listening a month, active on 163 days of the last 365."
    )


@pytest.mark.parametrize(
    ("index", "said"),
    [
        (0.4, "at <1 % of the average"),
        (62, "at 62 % of the average"),
        (100, "0 % above the average"),
        (130, "30 % above the average"),
        (174, "74 % above the average"),
        (196, "about twice the average"),
        (250, "2.5 times the average"),
        (300, "about three times the average"),
        (1234, "12.3 times the average"),
    ],
)
def test_an_index_is_said_as_a_part_or_a_multiple(index: float, said: str) -> None:
    assert plain(sentences.format_index_ratio(index)) == said


def test_what_stands_out_is_what_the_bars_show() -> None:
    """Numbers in one sentence, categories in the next, more before less; none of them twice."""
    segment = replace(
        month(4).segments[0],
        name="Young listeners",
        stands_out=(
            NotableDifference("annual_income", None, 62.0),
            NotableDifference("employment_status", "Student", 210.0),
            NotableDifference("top_genre", "Jazz", 41.0),
        ),
    )

    assert (
        plain(sentences.describe_main_difference(month(4), segment))
        == "Young listeners: income at 62 % of the average (index 62)"
    )
    assert plain(sentences.describe_differences(month(4), segment)) == (
        "Income at 62 % of the average (index 62). "
        "More common than average: Student (index 210). Less common than average: Jazz (index 41)."
    )


def test_a_segment_whose_name_says_more_than_its_indices_is_said_to_be_what_its_name_says() -> None:
    """Ages from 36 to 46 are standard deviations apart, and no index is outside 80 to 120."""
    segment = replace(month(4).segments[0], name="Young frequent listeners", stands_out=())
    segment = replace(segment, centre=dict.fromkeys(segment.centre, 0.1) | {"age": -1.1, "num_of_days_active": 0.9})

    assert (
        sentences.describe_main_difference(month(4), segment) == "Young frequent listeners: younger, more active days"
    )
    assert sentences.describe_differences(month(4), segment).startswith(
        "Against the average user: younger, more active days; but no index"
    )


def test_two_of_two_are_both() -> None:
    facts = month(2)
    stable = [replace(s, stability=replace(s.stability, grade="highly stable")) for s in facts.segments]

    assert sentences.describe_stability(replace(facts, segments=tuple(stable))).startswith(
        "Both\N{NO-BREAK SPACE}segments come again"
    )


def test_nothing_can_only_become_something() -> None:
    """Of 0 hours no part can be asked, nor more than 365 of 365 days."""
    segment = month(4).segments[0]
    play = replace(segment.play, measure=KpiTarget("usage_per_month", 0.0, 0.0))
    full = replace(segment.play, measure=KpiTarget("num_of_days_active", 365.0, 365.0))

    assert (
        plain(sentences.describe_kpi(month(4), replace(segment, play=play)))
        == "Average usage: 0 minutes today, some wanted."
    )
    assert (
        plain(sentences.describe_kpi(month(4), replace(segment, play=full)))
        == "Average days active: 365 days today, the same wanted."
    )
    assert (
        sentences.describe_kpi_lift(replace(segment, play=play))
        == sentences.describe_kpi_lift(replace(segment, play=full))
        == ""
    )
    some = replace(segment.play, measure=KpiTarget("usage_per_month", 60.0, 66.0))
    assert plain(sentences.describe_kpi_lift(replace(segment, play=some))) == "That is 10 % more."


def test_a_segment_like_everybody_is_said_to_be() -> None:
    segment = centred(replace(month(4).segments[0], name="Average listeners", stands_out=()))

    assert (
        sentences.describe_main_difference(month(4), segment) == "Average listeners: close to the average in everything"
    )
    assert "close to the average" in sentences.describe_differences(month(4), segment)
    assert sentences.describe_position(month(4), segment) == "Average listeners: near the average."


def test_features_are_told_by_how_far_they_separate() -> None:
    """Ages 3 SDs apart, incomes 1, usage 2, days none: that is their order."""
    facts = month(2)
    low, high = facts.segments
    apart = (
        centred(low, age=-1.5, annual_income=-0.5, usage_per_month=1),
        centred(high, age=1.5, annual_income=0.5, usage_per_month=-1),
    )

    found = sentences.rank_features(replace(facts, segments=apart))
    assert list(found.items()) == [("age", 3), ("usage_per_month", 2), ("annual_income", 1), ("num_of_days_active", 0)]


def test_a_place_is_named_by_what_is_far() -> None:
    """0.4 SD is far, 0.39 is not; the farthest first."""
    facts = month(4)
    segment = replace(centred(facts.segments[0], age=0.4, annual_income=-0.39, usage_per_month=-1), name="X")

    assert sentences.describe_position(month(4), segment) == "X: less listening, older."


def test_a_play_is_judged_by_a_number_that_is_said() -> None:
    play = replace(month(4).segments[0].play, measure=KpiTarget("usage_per_month", 429.0, 471.9))

    assert (
        plain(sentences.describe_kpi(month(4), replace(month(4).segments[0], play=play)))
        == "Average usage: 7.2 hours today, 7.9 hours wanted."
    )
    assert sentences.describe_kpi(month(4), replace(month(4).segments[0], play=None)) == ""


def test_every_dropped_row_is_accounted_for() -> None:
    facts = month(4)
    audit = replace(
        facts.audit,
        read=4914,
        kept=4907,
        dropped=(DroppedRows("out_of_range", "age", 5), DroppedRows("missing", "num_of_days_active", 2)),
    )

    assert sentences.describe_cleaning(replace(facts, audit=audit)) == (
        "Of 4,914 rows, 4,907 were kept; 7 were left out: 5 for an impossible value in age and 2 for no value in days active."
    )
    assert sentences.describe_users_analysed(replace(facts, audit=audit)) == "Prepared from 4,907 of 4,914 users"


def test_a_clean_file_is_said_to_be() -> None:
    facts = month(4)

    assert sentences.describe_cleaning(facts) == "All 480 rows passed every check."


@pytest.mark.parametrize("rule", ["missing", "repeated", "out_of_range"])
def test_every_rule_has_a_name_and_a_reason(rule: str) -> None:
    facts = month(4)
    audit = replace(facts.audit, kept=479, dropped=(DroppedRows(rule, "age", 1),))

    assert sentences.name_cleaning_rule(rule)
    assert sentences.describe_cleaning(replace(facts, audit=audit)).count("left out: 1 for ") == 1


def test_made_up_users_are_called_so() -> None:
    facts = month(4)
    real = replace(facts, source=replace(facts.source, synthetic=False))

    assert "synthetic sample data" in sentences.write_synthetic_notice(facts).lower()
    assert sentences.write_synthetic_notice(real) == ""


@pytest.mark.parametrize(("sentence", "parts"), ABOUT_A_MONTH.items())
def test_every_sentence_says_what_is_the_month_s(sentence: Callable[[Facts], str], parts: tuple[str, ...]) -> None:
    said = plain(sentence(awkward("later")))

    assert [part for part in parts if part not in said] == []


@pytest.mark.parametrize("what", AWKWARD)
def test_every_sentence_can_be_said_of_every_month(what: str) -> None:
    """Nothing absent is printed, nothing is said twice by a slip, and no sentence is empty."""
    facts = awkward(what)
    said = [sentence(facts) for sentence in ABOUT_A_MONTH]
    said += [line for component in (0, 1) for line in sentences.list_axis_titles(facts, component)[0]]
    for segment in facts.segments:
        said += [
            sentences.describe_average_user(month(4), segment),
            sentences.describe_differences(month(4), segment),
            sentences.describe_main_difference(month(4), segment),
            sentences.describe_position(month(4), segment),
        ]
        said += [sentences.describe_kpi(month(4), segment)] if segment.play else []

    for sentence in said:
        assert sentence.strip()
        for stumble in ("None", "nan", "inf%", "  ", "..", " .", ",.", "not known"):
            assert stumble not in sentence.replace(MARKUP, "X")


@pytest.mark.parametrize(
    ("name", "within"),
    [
        (LONG, "younger high-income heavy frequent listeners of the evenings"),
        *((name, name) for name in (SCRIPT, ARABIC, EMOJI, MARKUP)),
    ],
)
def test_words_escape_nothing(name: str, within: str) -> None:
    """Who lays a sentence out knows where it goes, and escapes it for that place, once."""
    facts = changed(month(4), name=name)

    assert name in sentences.describe_largest_segment(facts)
    assert within in sentences.write_headline(facts)


def test_a_name_in_a_sentence_keeps_its_other_capitals() -> None:
    assert sentences.lowercase_name("Young R&B fans") == "young R&B fans"
    assert sentences.lowercase_name("Average listeners 2") == "average listeners 2"
    for given in ("Deutsche Hörer", "McDonald's fans", "İşsiz", "VIPs"):
        assert sentences.lowercase_name(given) == given
    assert sentences.lowercase_name("") == ""


def test_a_number_goes_before_a_category_that_differs_more() -> None:
    """A segment of high earners is told by its income, not by how few of them are students."""
    segment = replace(
        month(4).segments[0],
        name="High earners",
        stands_out=(
            NotableDifference("employment_status", "Student", 20.0),
            NotableDifference("annual_income", None, 314.0),
        ),
    )
    only = replace(segment, stands_out=segment.stands_out[:1])

    assert (
        sentences.describe_main_difference(month(4), segment)
        == "High earners: income about three times the average (index 314)"
    )
    assert (
        plain(sentences.describe_main_difference(month(4), only))
        == "High earners: Student users at 20 % of the average (index 20)"
    )


def test_the_spread_of_sizes_is_a_range() -> None:
    """Of 480 users, 192 are 40 % and 96 are 20 %; two of one size are no range."""
    facts = month(4)
    even = replace(facts, segments=tuple(replace(s, users=120, share=0.25) for s in facts.segments))
    one = replace(facts, segments=(replace(facts.segments[0], users=480, share=1.0),))

    assert plain(sentences.describe_size_range(facts)) == "Four segments of 20 to 40 % of users each"
    assert plain(sentences.describe_size_range(even)) == "Four segments of 25 % of users each"
    assert sentences.describe_size_range(one) == sentences.describe_largest_segment(one)
    assert [segment.users for segment in sentences.rank_segments(facts)] == [192, 96, 96, 96]


@pytest.mark.parametrize(
    ("evidence", "apart", "shaky", "said"),
    [
        ("clear", 4, 0, "Clear structure: few users live between segments. All come again in resampled data."),
        ("weak", 0, 1, "Weak structure: segments shade into each other. 3 of 4 come again in resampled data."),
        ("weak", 1, 0, "Weak structure: segments shade into each other; only a stand apart. All come again in resampled data."),
        ("weak", 3, 4, "Weak structure: segments shade into each other. None of 4 come again in resampled data."),
    ],
)  # fmt: skip
def test_how_sure_is_said_in_two_sentences(evidence: str, apart: int, shaky: int, said: str) -> None:
    """For page one; where nothing can be relied on it says no less than elsewhere."""
    facts = judged(named(month(4), "A", "B", "C", "D"), evidence)
    segments = tuple(
        replace(s, apart=n < apart, stability=replace(s.stability, grade="doubtful" if n < shaky else "stable"))
        for n, s in enumerate(facts.segments)
    )

    assert sentences.summarise_certainty(replace(facts, segments=segments)) == said
    assert sentences.summarise_certainty(unreliable(facts)) == sentences.describe_certainty(unreliable(facts))


def test_what_changed_is_said_in_one_sentence() -> None:
    """Which segments are the same comes first; where one is not, how many aren't, and of what kind."""
    later = month(4, first=False)
    moved = later.change.segments
    fates = ("split", "merged", "merged", "survived")
    events = replace(
        later.change, segments=tuple(replace(m, fate=fate, into=("X",)) for m, fate in zip(moved, fates, strict=False))
    )
    still = tuple(replace(m, last_share=m.share) for m in moved)

    assert changes.summarise_changes_briefly(month(4)) == "First month: nothing to compare it with."
    assert plain(changes.summarise_changes_briefly(later)) == (
        "The same segments as in September 2026; young lower earners grew by 2.5 points and high earners shrank by 2.5."
    )
    assert plain(changes.summarise_changes_briefly(replace(later, change=events))) == (
        "Not the same segments as in September 2026: one split and 2 merged."
    )
    assert plain(changes.summarise_changes_briefly(replace(later, change=replace(later.change, segments=still)))) == (
        "The same segments as in September 2026, in the same sizes."
    )


def test_who_moved_is_said_of_the_largest_groups_that_may_be_shown() -> None:
    """One who moved, one that came, one that left; where all are too few it says so, and never that nobody did."""
    later = month(4, first=False)
    a, b = "A ones", "B ones"
    flow = replace(
        later.change.flow, rows=(a, b), columns=(a, b), users=((90, 12), (30, 80)), new=(None, 15), gone=(None, None)
    )

    def said(flow: MigrationMatrix) -> str:
        return changes.describe_migration(replace(later, change=replace(later.change, flow=flow)))

    assert said(flow) == (
        "The largest groups that may be shown: 30 users moved from b ones to a ones and 15 of the b ones are new."
    )
    none = replace(flow, users=((90, None), (None, 80)), new=(None, None))
    assert said(none).startswith("No group that moved, came or left may be shown")
    assert changes.describe_migration(month(4)) == ""


def test_groups_that_are_no_segments_are_not_said_to_have_come_or_gone() -> None:
    """Where users differ by degrees the borders lie anywhere, and last month's are no more gone than this month's are new."""
    later = month(4, first=False)
    none = replace(later, structure=replace(later.structure, reliable=False, evidence="none"))

    assert plain(changes.summarise_changes_briefly(none)) == (
        "No segments this month that could be compared with those of September 2026."
    )
    assert plain(changes.summarise_changes(none)).startswith("This month's groups differ by degrees")
    assert [
        changes.format_share_change(none, segment) + changes.describe_change_since(none, segment)
        for segment in none.segments
    ] == [""] * 4


def test_segments_are_not_compared_with_groups_that_were_none() -> None:
    """Whoever is told that a segment is new, or has grown, takes the last month's for one."""
    later = after_none(month(4, first=False))

    assert (
        plain(changes.summarise_changes_briefly(later))
        == "In September 2026 there were no reliable segments to compare with."
    )
    assert plain(changes.summarise_changes(later)) == (
        "In September 2026 there were no reliable segments that these could be compared with."
    )
    assert {changes.format_share_change(later, segment) for segment in later.segments} == {""}


def test_what_changed_is_said_by_what_did() -> None:
    """The first group lost 12 of its 480 users to the third a month ago: 2.5 points."""
    later = month(4, first=False)

    assert "first month" in changes.summarise_changes(month(4))
    assert plain(changes.summarise_changes(later)).startswith(
        "Young lower earners grew by 2.5 points and high earners shrank by 2.5"
    )
    assert changes.format_share_change(later, later.segments[0]) == "▲2.5"
    assert changes.format_share_change(month(4), month(4).segments[0]) == ""
    assert [changes.format_points(by) for by in (None, 0, 0.0004, -0.0004, 0.011, -0.004)] == [
        "new",
        "unchanged",
        "unchanged",
        "unchanged",
        "▲1.1",
        "▼0.4",
    ]


def test_a_change_of_nothing_is_not_taken_apart() -> None:
    """A sentence of +0.0 and +0.0 says nothing."""
    later = month(4, first=False)
    same = tuple(replace(moved, last_share=moved.share, same_borders=moved.share) for moved in later.change.segments)

    assert "0.0" not in changes.describe_border_shift(replace(later, change=replace(later.change, segments=same)))
    by_both = tuple(
        replace(moved, last_share=moved.share + 0.02, same_borders=moved.share + 0.005)
        for moved in later.change.segments
    )
    told = plain(changes.describe_border_shift(replace(later, change=replace(later.change, segments=by_both))))
    assert told.endswith(", −1.5 points are people who changed and −0.5 come of borders that moved.")
    by_people = tuple(
        replace(moved, last_share=moved.share + 0.02, same_borders=moved.share + 0.0004)
        for moved in later.change.segments
    )
    told = plain(changes.describe_border_shift(replace(later, change=replace(later.change, segments=by_people))))
    assert told.endswith(" comes of people who changed; borders hardly moved.")


def test_what_stood_for_too_many_users_is_said() -> None:
    """A reader has to know that cells were clustered, what that can change, and that the counts are everybody's."""
    facts = month(4)
    cells = ComputedOn("cells", cells=35_568, step=0.2, sample=20_000, bound=0.00079, steps=3)

    assert "groups of like users" not in sentences.describe_method(facts)
    said = plain(sentences.describe_method(replace(facts, basis=cells)))
    assert "looked for on 35,568 groups of like users, which changed inertia by 0.08 %" in said
    assert "a fixed sample of 20,000 users" in said
    assert said.endswith("The segments are those of K-means on every user, and every count is one of all users.")


def test_segments_that_did_not_come_to_rest_are_not_said_to_have() -> None:
    """A bound is rounded up: 0.0149 % is not "0.01 % or less"."""
    facts = month(4)
    cells = ComputedOn("cells", cells=900, step=0.2, sample=900, bound=0.000149, steps=25, moved=0.0621)
    said = plain(sentences.describe_method(replace(facts, basis=cells)))

    assert "inertia by 0.02 % or less" in said
    assert (
        "K-means on every user, stopped after 25 steps, when one more would have moved a centre by up to 0.07 SD, and every count"
        in said
    )


def test_a_user_s_second_row_is_no_user_more() -> None:
    facts = month(4)
    audit = replace(
        facts.audit,
        read=1_000,
        kept=940,
        dropped=(DroppedRows("repeated", "user_id", 53), DroppedRows("missing", "age", 7)),
    )
    found = replace(facts, audit=audit)

    assert sentences.describe_cleaning(found) == (
        "Of 1,000 rows, 940 were kept; 60 were left out: 53 for a user who is there already and 7 for no value in age."
    )
    assert sentences.describe_users_analysed(found) == "Prepared from 940 of 947 users"


def test_last_month_s_segments_are_said_to_count() -> None:
    """Where there is a last month, the best of random starts isn't all that decides."""
    assert "of 3 random starts the best counts. " in sentences.describe_method(month(4))
    assert "of 3 random starts the best counts, or last month's segments where they are as good. " in (
        sentences.describe_method(month(4, first=False))
    )


def test_what_a_hash_is_of_is_said() -> None:
    """The hash of a question would not tell whether the answer changed."""
    facts = month(4)
    asked = replace(facts, source=replace(facts.source, hashed="query"))

    assert ", SHA-256 of what was asked " in sentences.write_colophon(asked)
    assert ", SHA-256 of what was asked " not in sentences.write_colophon(facts)
