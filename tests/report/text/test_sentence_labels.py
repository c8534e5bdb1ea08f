"""Every sentence: what it says of a month whose every number is another, where on a page it stands, and of other months.

Expected sentences are written out. They hold each number under its own word: then and now, left and right, low and high.
"""

import inspect
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Any
from unittest import mock

import pytest

from report.mail import brief
from report.pages.document import Document, Markdown
from report.storage import paths
from report.text import changes, holds, selection
from report.text import sentences as words
from segmentation.facts import Anomaly, Facts, Segment
from tests.support.expected.briefs import CERTAINTY, INSIGHT, MEASURE, SYNTHETIC, portrait
from tests.support.expected.indices import STANDS_OUT
from tests.support.facts import distinct as month
from tests.support.facts.distinct import IDS, distinct
from tests.support.facts.factory import changed, judged
from tests.support.pages import reading
from tests.support.pages.rendered import Rendered, rendered  # noqa: F401 - a fixture

MONTH = distinct()
SUMMARY = (
    "Since December 2026: night owls split into night owls and weekend dancers; quiet readers are gone; radio classics merged "
    "with jazz lovers into radio classics; evening families are new."
)
RENAMED = (
    "A name is kept from month to month even where it no longer fits: Commuters would be called Early risers today; Weekend "
    "dancers would be called Late dancers today."
)
OUTDATED = (
    "Names out of date: commuters (S2) would now be early risers; weekend dancers (S7) would now be late dancers."
)
BORDERS = "Of the change of night owls, +1.8 points are people who changed and +3.6 come of borders that moved."
DRIFT = (
    "Age, usage and employment are spread otherwise than in December 2026, by more than chance explains. Among the users in "
    "both months age rose by about 0.08 SD, usage fell by about 0.13 SD and the share of Rock rose by about 3.4 points."
)
WAYS = (
    "The largest groups that may be shown: 401 users moved from night owls to weekend dancers, 339 of the weekend dancers are "
    "new and 244 of the jazz lovers are gone."
)
KEPT = (
    "Of 10,911 rows, 10,592 were kept; 319 were left out: 57 for no value in age, 83 for no value in income, 129 for a user "
    "who is there already, 31 for an impossible value in usage and 19 for an impossible value in age."
)
STEADY = "Three segments of 5 come again when the data is resampled; weekend dancers and evening families may not."
OPINION = "Not all measures agree on 5: the silhouette favours 3 and the gap statistic favours 7."
BAND = "The curve falls faster than it would if the same users had no structure, whose range is drawn in grey."
CHOICE = f"Segmentations of 1 to 10 segments were tried, each from 26 starts. The curve bends at 5 segments. {BAND} {OPINION}"
METHOD = (
    "Rows with a missing or impossible value, or one far from all others, and a user's second row are left out. Usage, age, "
    "days active and income are put on one scale: standard deviations (SD) from the average. K-means puts users into the segments whose centres are "
    "nearest; of 26 random starts the best counts, or last month's segments where they are as good. Inertia is the sum of "
    "squared distances to the centres; the number of segments is where its curve bends (Kneedle). The "
    "silhouette tells how much nearer a user is to the own segment than to the next: 1 is far apart, 0 on the border. Users along a ring or a bent band can be cut into segments, too. An index compares a segment "
    "with all users: 100 is the average, 200 twice it; it says nothing on fewer than 37 users, or where chance may explain it "
    "among so many comparisons. A 95 % interval takes the borders between segments as they are; other users would move them, "
    "too. The number of segments was looked for on 3,456 groups of like users, which changed inertia by 1.23 % or less; whether there are any was judged on a "
    "fixed sample of 19,876 users. The segments are those of K-means on every user, stopped after 28 steps, when one more "
    "would have moved a centre by up to 0.04 SD, and every count is one of all users."
)
COLOPHON = "Source february.csv, SHA-256 0123456789abcdef…; random seed 48; facts format 2."
HELD = (
    "Held: before these numbers are used, somebody should look at the month's file. 10,911 rows were read; in November 2026 "
    "15,432. Mean days active is 189 days; in November 2026 17 days. Is it in another unit? 8 % of the rows have no income; in "
    "November 2026 1 %. And 1 more. No brief is mailed until somebody accepts the month."
)
HEADLINE = "Five kinds of listeners; night owls are the largest, 40 % of users"
SURE = (
    "Weak structure: segments shade into each other; only night owls and radio classics stand apart. 3 of 5 come again in "
    "resampled data."
)
WHAT_CHANGED = "Not the same segments as in December 2026: one split, one gone, 2 merged and one new."
PLACES = {
    "S2": "Commuters: younger.",
    "S3": "Night owls: less listening.",
    "S5": "Radio classics: more listening, older, more active days.",
    "S7": "Weekend dancers: fewer active days.",
    "S8": "Evening families: more active days.",
}

# What each function says of the month; of a function of a segment, of each segment
SAID: dict[Callable[..., Any], Any] = {
    words.write_headline: HEADLINE,
    words.choose_segment_noun: "segment",
    words.describe_largest_segment: "Night owls are the largest segment, 40 % of users",
    words.describe_size_range: "Five segments of 6 to 40 % of users each",
    words.describe_users_analysed: "Prepared from 10,592 of 10,782 users",  # of 10,911 rows 129 repeat a user
    words.write_synthetic_notice: SYNTHETIC,
    words.name_evidence_level: "weak",
    words.describe_certainty: CERTAINTY,
    words.summarise_certainty: SURE,
    words.describe_stability: STEADY,
    words.rank_features: {"usage_per_month": 2.4, "age": 1.74, "num_of_days_active": 1.7, "annual_income": 0.65},
    words.describe_separating_features: "Usage separates the segments most, then age; income does not",
    words.describe_cleaning: KEPT,
    words.describe_median_user: "Medians: 37 years old, $28,700 a year, 34 hours of listening a month, active on 187 days of the last 365",
    words.describe_common_values: "Most common: top genre Pop (36 %) and employment Retired (32 %)",
    words.describe_explained_variance: "The map shows 73 % of all differences between users",
    words.describe_method: METHOD,
    words.write_colophon: COLOPHON,
    words.describe_average_user: {id_: portrait(id_) for id_ in IDS},
    words.describe_position: PLACES,
    words.describe_main_difference: {id_: f"{month.NAMES[id_]}: {STANDS_OUT[id_][0]}" for id_ in IDS},
    words.describe_differences: {id_: STANDS_OUT[id_][1] for id_ in IDS},
    words.describe_kpi: {id_: MEASURE[id_][0] for id_ in IDS},
    words.describe_kpi_lift: {id_: MEASURE[id_][1] for id_ in IDS},
    changes.summarise_changes: SUMMARY,
    changes.summarise_changes_briefly: WHAT_CHANGED,
    changes.describe_retention: "68 % of the 7,003 users in both months stayed in their segment",
    changes.describe_migration: WAYS,
    changes.describe_border_shift: BORDERS,
    changes.describe_drift: DRIFT,
    changes.describe_outdated_names: RENAMED,
    changes.summarise_outdated_names: OUTDATED,
    selection.describe_other_measures: OPINION,
    selection.describe_null_band: BAND,
    selection.describe_bend: "The curve bends at 5 segments",
    selection.describe_separation: "Users are separated better in 3 segments than in the 5 used",
    selection.describe_k_choice: CHOICE,
    selection.explain_k_rule: "the number of segments is where its curve bends (Kneedle)",
    selection.find_best_silhouette_k: 3,
    selection.get_chosen_silhouette: 0.29,
    holds.describe_hold: HELD,
    brief.describe_resampling_stability: {
        "S2": "Highly stable: when the data is resampled it comes again with a likeness of 0.93 of 1. "
        "With these borders it is 15 to 19 % of users, with 95 % confidence.",
        "S3": "Highly stable: when the data is resampled it comes again with a likeness of 0.88 of 1. "
        "With these borders it is 38 to 42 % of users, with 95 % confidence.",
        "S5": "Stable: when the data is resampled it comes again with a likeness of 0.79 of 1. "
        "With these borders it is 21 to 25 % of users, with 95 % confidence.",
        "S7": "Doubtful: when the data is resampled it comes again with a likeness of 0.66 of 1. "
        "With these borders it is 10 to 12 % of users, with 95 % confidence.",
        "S8": "Not to be relied on: when the data is resampled it comes again with a likeness of 0.52 of 1. "
        "With these borders it is 5 to 7 % of users, with 95 % confidence.",
    },
    brief.describe_drop_criterion: {
        "S2": "A month in which its likeness falls below 0.75, or no change in usage after the play.",
        "S3": "A month in which its likeness falls below 0.75, or no change in days active after the play.",
        "S5": "A month in which its likeness falls below 0.75, or no change in income after the play.",
        "S7": "A month in which its likeness doesn't rise to 0.75, or no change in usage after the play.",
        "S8": "A month in which its likeness doesn't rise to 0.75, or no change in days active after the play.",
    },
    brief.write_insight: INSIGHT,
    changes.format_share_change: {"S2": "▼1.3", "S3": "▲5.4", "S5": "▼3.5", "S7": "new", "S8": "new"},
    changes.describe_change_since: {
        "S2": "points since December 2026",
        "S3": "points since December 2026",
        "S5": "points since December 2026",
        "S7": "since December 2026",
        "S8": "since December 2026",
    },
}
# Functions that give no sentence of the month: what is said of it by them stands in another's sentence, or below
OTHERS = {
    words.describe_distributions,  # of two others
    words.describe_main_number,
    words.describe_number_difference,
    words.note_general_play,
    words.compute_main_share,
    words.rank_categories,
    words.rank_segments,
    words.find_largest_segment,
    words.lowercase_name,
    words.list_positions,  # in `place`
    words.is_plural,
    words.has_too_few_users,
    words.describe_difference,  # in `standouts`
    words.list_differences,
    words.format_index_ratio,
    words.name_cleaning_rule,  # in the tables
    words.list_axis_titles,
    selection.name_criterion,
    changes.format_points,
    changes.format_followed_change,  # in the table of drift
    changes.get_comparison,
    changes.require_change,
    changes.get_share_change,
    changes.describe_share_change,
    changes.describe_transition,
    holds.describe_anomaly,
    brief.make_brief,
}


def functions(module: ModuleType) -> set[Callable[..., Any]]:
    """Give what a module offers."""
    return {
        one
        for name, one in vars(module).items()
        if inspect.isfunction(one) and one.__module__ == module.__name__ and not name.startswith("_")
    }


def test_every_sentence_is_read() -> None:
    """A function that somebody adds is written down here, with what it says."""
    offered = set().union(*map(functions, (words, changes, selection, holds, brief)))

    assert {one.__qualname__ for one in offered ^ (SAID.keys() | OTHERS)} == set()


def say(sentence: Callable[..., Any], facts: Facts, segment: Segment | None = None) -> Any:
    """Call a sentence with what it asks for."""
    offered = {"facts": facts, "segment": segment}
    found = sentence(*(offered[name] for name in inspect.signature(sentence).parameters if name in offered))
    return reading.plain(found) if isinstance(found, str) else found


@pytest.mark.parametrize("sentence", SAID, ids=lambda one: one.__qualname__)
def test_a_sentence_says_each_number_under_its_own_word(sentence: Callable[..., Any]) -> None:
    """Of every segment, where it is about one."""
    if "segment" in inspect.signature(sentence).parameters:
        said = {segment.id: say(sentence, MONTH, segment) for segment in MONTH.segments}
        assert said == SAID[sentence]
    elif isinstance(SAID[sentence], dict):
        found = say(sentence, MONTH)
        assert list(found) == list(SAID[sentence])
        assert found == pytest.approx(SAID[sentence])
    else:
        assert say(sentence, MONTH) == SAID[sentence]


# Where they stand


def test_each_section_of_the_report_says_its_own(rendered: Rendered) -> None:  # noqa: F811
    """All sentences beside charts, tables and profiles, in order, each under its heading."""
    root = reading.tree(rendered.whole("distinct") / "report.html")
    (masthead,), (held, outdated), (notice,) = (reading.of_class(root, name) for name in ("masthead", "held", "notice"))

    assert [reading.said(one) for one in reading.of_class(masthead, "brand")] == ["Larkspur"]
    assert [reading.said(one) for one in reading.of_class(masthead, "edition")] == ["Listener segments · February 2027"]
    assert [reading.said(one) for one in reading.of_class(masthead, "prepared")] == [
        SAID[words.describe_users_analysed]
    ]
    assert [reading.said(one) for one in (held, outdated, notice)] == [HELD, OUTDATED, SYNTHETIC]
    order = list(reading.sections(root))

    def called(id_: str) -> str:
        same = [one for one in order if one[:3] == id_[:3]]
        return f"{'Figure' if id_.startswith('fig') else 'Table'} {same.index(id_) + 1}"

    said = {
        "headline": (HEADLINE, f"{CERTAINTY} {STEADY} {OPINION} {SUMMARY}"),
        "found": ("What was found",),
        "changes": ("What changed", f"{SUMMARY} {RENAMED}", f"{BORDERS} {DRIFT}", WAYS),
        "data": (
            "The data",
            f"{KEPT} Allowed values are in the columns file; {called('tbl-audit')} counts every row left out.",
            (
                f"{SAID[words.describe_median_user]}. {SAID[words.describe_common_values]}. The first picture below shows the users before and after "
                "cleaning, the second those kept; their tables have every number."
            ),
        ),
        "choice": (
            "How many segments",
            f"{CHOICE} {called('fig-elbow')} shows the curve, and {called('fig-silhouette')} how well the users are separated for each number.",
            (
                f"{called('tbl-votes')} has the vote of every measure, and {called('tbl-stability')} says how far each segment can be relied on: a segment that "
                "comes again is stable, and one is set apart where fewer users live between it and its neighbours than on either "
                "side."
            ),
        ),
        "segments": (
            "The segments",
            f"{called('tbl-segments')} has the medians; the profiles below it have the means, and the indices against all users.",
        ),
        "map": (
            "The map",
            f"{SAID[words.describe_explained_variance]}. Segments that lie on each other here may still lie apart in what the map doesn't show.",
        ),
        "method": ("Method", METHOD, COLOPHON),
    }
    sections = {one.get("id"): one for one in root.iter("section")}
    for id_, (heading, *paragraphs) in said.items():
        section = sections[id_]
        aside = {one for inner in section.iter("section") if inner is not section for one in inner.iter("p")}
        aside |= {
            one for name in ("numbers", "downloads") for box in reading.of_class(section, name) for one in box.iter("p")
        }
        assert reading.said(next(one for one in section.iter() if one.tag in ("h1", "h2"))) == heading
        assert [reading.said(one) for one in section.iter("p") if one not in aside] == paragraphs


def test_the_contents_lead_to_the_headings_that_they_name(rendered: Rendered) -> None:  # noqa: F811
    """Each entry, segments by size."""
    root = reading.tree(rendered.whole("distinct") / "report.html")
    sections = {f"#{one.get('id')}": one for one in root.iter("section")}
    entries = [(one.get("href", ""), reading.said(one)) for one in next(root.iter("nav")).iter("a")]

    assert len(entries) == 8 + len(IDS)
    own = [(f"#{id_.lower()}", month.NAMES[id_]) for id_ in month.RANKED]
    assert [entry for entry in entries if entry in own] == own
    for address, entry in entries:
        heading = next(one for one in sections[address].iter() if one.tag in ("h1", "h2", "h3"))
        assert entry == reading.said(heading)


def test_each_page_of_the_pdf_says_its_own(rendered: Rendered) -> None:  # noqa: F811
    """Page one, what changed, and the method: each sentence below its head, in order."""
    pages = reading.pdf_lines(rendered.whole("distinct") / "executive.pdf")
    said = {
        0: (
            f"Larkspur Listener segments · February 2027 {SAID[words.describe_users_analysed]}",
            HELD,
            SYNTHETIC,
            HEADLINE,
            f"How sure? {SURE}",
            f"What changed? {WHAT_CHANGED}",
        ),
        6: ("What changed", f"{SUMMARY} {RENAMED}", f"{BORDERS} {DRIFT}", WAYS),
        8: ("Data and method", KEPT),
        9: (f"{CERTAINTY} {STEADY} {OPINION}", METHOD, f"{COLOPHON} {SYNTHETIC}"),
    }
    for number, sentences in said.items():
        text, at = "".join(reading.line_texts(pages[number])), 0
        for sentence in sentences:
            place = text.find(reading.glued(sentence), at)
            assert place >= 0, sentence
            at = place + len(reading.glued(sentence))


# Of other months


def sized(**users: int) -> Facts:
    """Give the month with these segments alone, each of so many users, and a hundredth of them as its share."""
    kept = [replace(MONTH.get_segment(id_), users=n, share=n / 100) for id_, n in users.items()]
    return replace(MONTH, segments=tuple(kept))


def stable(*ids: str) -> Facts:
    """Give the month with these segments stable, and no other."""
    made = []
    for one in MONTH.segments:
        grade: Any = "stable" if one.id in ids else "doubtful"
        made.append(replace(one, stability=replace(one.stability, grade=grade)))
    return replace(MONTH, segments=tuple(made))


def after(**fields: Any) -> Facts:
    """Give the month with another change."""
    assert MONTH.change is not None
    return replace(MONTH, change=replace(MONTH.change, **fields))


def flowing(**fields: Any) -> Facts:
    """Give the month with another flow."""
    assert MONTH.change is not None
    assert MONTH.change.flow is not None
    return after(flow=replace(MONTH.change.flow, **fields))


def survived(*shares: tuple[str, float, float]) -> Facts:
    """Give the month as if these segments had all survived, with these shares then and now."""
    assert MONTH.change is not None
    template = MONTH.change.segments[0]
    moved = tuple(
        replace(template, id=id_, name=month.NAMES[id_], last_share=then, share=now, same_borders=then)
        for id_, then, now in shares
    )
    segments = tuple(replace(MONTH.get_segment(id_), share=now) for id_, _, now in shares)
    return replace(after(segments=moved), segments=segments)


def elbow(**fields: Any) -> Facts:
    """Give the month with another choice of the number of segments."""
    return replace(MONTH, elbow=replace(MONTH.elbow, **fields))


def silhouettes(*values: float) -> Facts:
    """Give the month with these silhouettes."""
    return replace(MONTH, validity=replace(MONTH.validity, silhouette=values))


def apart(*ids: str, evidence: Any = "weak") -> Facts:
    """Give the month with these segments set apart."""
    structure = replace(MONTH.structure, evidence=evidence, reliable=evidence != "none")
    segments = tuple(replace(one, apart=one.id in ids) for one in MONTH.segments)
    return replace(MONTH, structure=structure, segments=segments)


def without(facts: Facts, **fields: Any) -> Facts:
    """Give facts with some of a structure's, source's or audit's fields changed."""
    for name in ("structure", "source", "audit", "basis"):
        one = getattr(facts, name)
        facts = replace(facts, **{name: replace(one, **{key: fields[key] for key in fields if hasattr(one, key)})})
    return facts


UNRELIABLE = apart(evidence="none")
FIRST = replace(MONTH, change=None)
MOVES = survived(("S2", 0.21, 0.17), ("S3", 0.30, 0.372), ("S5", 0.25, 0.249))
STILL = survived(("S2", 0.17, 0.17), ("S3", 0.372, 0.372))
PEOPLE = survived(("S3", 0.30, 0.372))
assert PEOPLE.change is not None
BY_PEOPLE = replace(
    PEOPLE,
    change=replace(PEOPLE.change, segments=tuple(replace(one, same_borders=0.372) for one in PEOPLE.change.segments)),
)
OTHER = {
    "one kind": (words.write_headline, sized(S5=37), "One kind of listeners: radio classics, 37 % of users"),
    "two kinds": (
        words.write_headline,
        sized(S5=37, S8=63),
        "Two kinds of listeners; evening families are the larger, 63 % of users",
    ),
    "none is larger": (
        words.write_headline,
        sized(S5=37, S8=37, S2=26),
        "Three kinds of listeners; none is larger than radio classics, 37 % of users",
    ),
    "no kinds": (
        words.write_headline,
        UNRELIABLE,
        "No reliable segments this month: users differ by degrees, not in groups",
    ),
    "the only one": (
        words.describe_largest_segment,
        sized(S5=37),
        "Radio classics are the only segment, 37 % of users",
    ),
    "the larger one": (
        words.describe_largest_segment,
        sized(S2=37, S8=63),
        "Evening families are the larger segment, 63 % of users",
    ),
    "none larger": (
        words.describe_largest_segment,
        sized(S2=37, S8=37),
        "No segment is larger than commuters, 37 % of users",
    ),
    "the largest group": (
        words.describe_largest_segment,
        UNRELIABLE,
        "Night owls are the largest group, 40 % of users",
    ),
    "spread of one": (words.describe_size_range, sized(S5=37), "Radio classics are the only segment, 37 % of users"),
    "spread of equals": (words.describe_size_range, sized(S5=37, S8=37), "Two segments of 37 % of users each"),
    "spread of groups": (words.describe_size_range, UNRELIABLE, "Five groups of 6 to 40 % of users each"),
    "strength: none": (words.name_evidence_level, UNRELIABLE, "none to rely on"),
    "strength: at least": (words.name_evidence_level, apart(*IDS, evidence="at least"), "at least"),
    "strength: clear": (words.name_evidence_level, apart(*IDS, evidence="clear"), "clear"),
    "certainty: clear": (
        words.describe_certainty,
        apart(*IDS, evidence="clear"),
        "Clear structure: few users live between the segments (silhouette 0.29).",
    ),
    "certainty: at least": (
        words.describe_certainty,
        without(apart(*IDS, evidence="at least"), panel=5),
        "At least 5 groups are clearly separate; there may be more (silhouette 0.29).",
    ),
    "certainty: more found": (
        words.describe_certainty,
        without(apart(*IDS, evidence="at least"), panel=7),
        "These 5 segments are clearly separate, but there are at least 7 groups (silhouette 0.29).",
    ),
    "certainty: long groups": (
        words.describe_certainty,
        without(apart(*IDS, evidence="clear"), agreement=0.88),
        (
            "Clear structure: few users live between the segments (silhouette 0.29). The groups are not round, so the borders "
            "are rough: 12 % of users lie in another group by a model that allows long ones."
        ),
    ),
    "certainty: round groups": (
        words.describe_certainty,
        without(apart(*IDS, evidence="clear"), agreement=0.9),
        "Clear structure: few users live between the segments (silhouette 0.29).",
    ),
    "sure: at least": (
        words.summarise_certainty,
        without(apart(*IDS, evidence="at least"), panel=5),
        "At least 5 groups are clearly separate; there may be more. 3 of 5 come again in resampled data.",
    ),
    "certainty: all apart": (
        words.describe_certainty,
        apart(*IDS),
        "Weak structure: the segments stand apart, but may not come again (silhouette 0.29).",
    ),
    "certainty: none apart": (
        words.describe_certainty,
        apart(),
        "Weak structure: the segments shade into each other (silhouette 0.29).",
    ),
    "certainty: no evidence": (
        words.describe_certainty,
        UNRELIABLE,
        (
            "There is no evidence of separate groups: any border between them is drawn through a crowd (silhouette 0.29). What "
            "follows describes the users; it is no basis for different treatment."
        ),
    ),
    "certainty: too little": (
        words.describe_certainty,
        without(MONTH, reliable=False),
        (
            "There is too little evidence of separate groups: any border between them is drawn through a crowd (silhouette 0.29). "
            "What follows describes the users; it is no basis for different treatment."
        ),
    ),
    "sure: clear": (
        words.summarise_certainty,
        apart(*IDS, evidence="clear"),
        "Clear structure: few users live between segments. 3 of 5 come again in resampled data.",
    ),
    "sure: one apart": (
        words.summarise_certainty,
        apart("S7"),
        (
            "Weak structure: segments shade into each other; only weekend dancers stand apart. 3 of 5 come again in resampled "
            "data."
        ),
    ),
    "sure: three apart": (
        words.summarise_certainty,
        apart("S7", "S2", "S3"),
        "Weak structure: segments shade into each other. 3 of 5 come again in resampled data.",
    ),
    "sure: all apart": (
        words.summarise_certainty,
        apart(*IDS),
        "Weak structure: segments stand apart, but may not come again. 3 of 5 come again in resampled data.",
    ),
    "sure: one stable": (
        words.summarise_certainty,
        stable("S8"),
        (
            "Weak structure: segments shade into each other; only night owls and radio classics stand apart. 1 of 5 comes again "
            "in resampled data."
        ),
    ),
    "sure: all stable": (
        words.summarise_certainty,
        stable(*IDS),
        (
            "Weak structure: segments shade into each other; only night owls and radio classics stand apart. All come again in "
            "resampled data."
        ),
    ),
    "sure: none stable": (
        words.summarise_certainty,
        stable(),
        (
            "Weak structure: segments shade into each other; only night owls and radio classics stand apart. None of 5 come again "
            "in resampled data."
        ),
    ),
    "steady: all": (words.describe_stability, stable(*IDS), "All five segments come again when the data is resampled."),
    "steady: one": (
        words.describe_stability,
        stable("S8"),
        (
            "One segment of 5 comes again when the data is resampled; commuters, night owls, radio classics and weekend dancers may "
            "not."
        ),
    ),
    "steady: none": (
        words.describe_stability,
        stable(),
        "None of the 5 segments is sure to come again when the data is resampled.",
    ),
    "kept: all": (
        words.describe_cleaning,
        without(MONTH, read=10_592, dropped=()),
        "All 10,592 rows passed every check.",
    ),
    "kept: all but one": (
        words.describe_cleaning,
        without(MONTH, read=10_593, dropped=MONTH.audit.dropped[:1]),
        "Of 10,593 rows, 10,592 were kept; 1 was left out: 57 for no value in age.",
    ),
    "made up by nobody": (words.write_synthetic_notice, without(MONTH, synthetic=False), ""),
    "colophon: files": (
        words.write_colophon,
        without(MONTH, hashed="files"),
        "Source february.csv, SHA-256 of its files' hashes 0123456789abcdef…; random seed 48; facts format 2.",
    ),
    "colophon: query": (
        words.write_colophon,
        without(MONTH, hashed="query"),
        "Source february.csv, SHA-256 of what was asked 0123456789abcdef…; random seed 48; facts format 2.",
    ),
    "axis across": (
        lambda facts: words.list_axis_titles(facts, 0)[0],
        MONTH,
        [
            "← less listening, fewer active days" + 12 * "\u00a0" + "more listening, more active days →",
            "First component (SD), 44\u00a0% of the differences",
        ],
    ),
    "axis upwards, short": (
        lambda facts: words.list_axis_titles(facts, 1)[-1],
        MONTH,
        ["← lower income", "higher income →", "Second component (SD), 29\u00a0% of the differences"],
    ),
    "summary of moves": (
        changes.summarise_changes,
        MOVES,
        (
            "Night owls grew by 7.2 points and commuters shrank by 4.0 points since December 2026; all segments are the same kinds "
            "as then."
        ),
    ),
    "brief of moves": (
        changes.summarise_changes_briefly,
        MOVES,
        "The same segments as in December 2026; night owls grew by 7.2 points and commuters shrank by 4.0.",
    ),
    "summary of nothing": (
        changes.summarise_changes,
        STILL,
        "Since December 2026 the sizes of all segments are unchanged.",
    ),
    "brief of nothing": (
        changes.summarise_changes_briefly,
        STILL,
        "The same segments as in December 2026, in the same sizes.",
    ),
    "summary: first": (
        changes.summarise_changes,
        changed(FIRST, id="S1"),
        "This is the first month: there is nothing to compare it with.",
    ),
    "brief: first": (
        changes.summarise_changes_briefly,
        changed(FIRST, id="S1"),
        "First month: nothing to compare it with.",
    ),
    "summary: anew": (
        changes.summarise_changes,
        FIRST,
        "The segments are made of other features than in earlier months: there is nothing to compare them with.",
    ),
    "brief: anew": (
        changes.summarise_changes_briefly,
        FIRST,
        "Made of other features than in earlier months: nothing to compare with.",
    ),
    "summary: now none": (
        changes.summarise_changes,
        UNRELIABLE,
        "This month's groups differ by degrees, so that who was in which in December 2026 says little.",
    ),
    "brief: now none": (
        changes.summarise_changes_briefly,
        UNRELIABLE,
        "No segments this month that could be compared with those of December 2026.",
    ),
    "summary: then none": (
        changes.summarise_changes,
        after(reliable=False),
        "In December 2026 there were no reliable segments that these could be compared with.",
    ),
    "brief: then none": (
        changes.summarise_changes_briefly,
        after(reliable=False),
        "In December 2026 there were no reliable segments to compare with.",
    ),
    "flows: no ids": (
        changes.describe_retention,
        after(flow=None, unfollowed="no ids"),
        (
            "The file names no users, so nobody can be followed from month to month; shares are compared at the borders of the "
            "last month."
        ),
    ),
    "flows: no last ids": (
        changes.describe_retention,
        after(flow=None, unfollowed="no last ids"),
        (
            "The file of December 2026 named no users, so nobody can be followed from month to month; shares are compared at the "
            "borders of the last month."
        ),
    ),
    "flows: no last users": (
        changes.describe_retention,
        after(flow=None, unfollowed="no last users"),
        (
            "The users of December 2026 can't be read from the archive, so nobody can be followed from month to month; shares are "
            "compared at the borders of the last month."
        ),
    ),
    "flows: too few": (
        changes.describe_retention,
        flowing(both=None),
        "How many users are there in both months would give a few of them away, so it is left out",
    ),
    "flows: who stayed": (
        changes.describe_retention,
        flowing(stayed=None),
        (
            "7,003 users are there in both months; how many stayed in their segment would give a few of them away, so it is left "
            "out"
        ),
    ),
    "flows: nobody": (changes.describe_retention, flowing(both=0, stayed=None), "Nobody is there in both months"),
    "ways: none": (
        changes.describe_migration,
        flowing(users=((None,) * 5,) * 5, gone=(None,) * 5, new=(None,) * 5),
        "No group that moved, came or left may be shown: each is too small, or would give away one that is.",
    ),
    "borders: none moved": (
        changes.describe_border_shift,
        BY_PEOPLE,
        "The change of night owls comes of people who changed; borders hardly moved.",
    ),
    "borders: they alone": (
        changes.describe_border_shift,
        MOVES,
        "Of the change of night owls, 0.0 points are people who changed and +7.2 come of borders that moved.",
    ),
    "borders: nothing": (changes.describe_border_shift, STILL, ""),
    "drift: none": (
        changes.describe_drift,
        after(drift={"age": month.ColumnDrift(0.0042, 0.0061)}),
        "No column's distribution changed by more than chance explains.",
    ),
    "drift: a trifle": (
        changes.describe_drift,
        after(drift={"age": month.ColumnDrift(0.0024, 0.0011)}),
        "No column's distribution changed by as much as a shift of 0.05 SD makes.",
    ),
    "drift: followed users alone": (
        changes.describe_drift,
        after(drift={name: month.ColumnDrift(0.0042, 0.0061, month.FOLLOWED[name]) for name in ("gender", "age")}),
        "The distributions are much as in December 2026. Among the users in both months age rose by about 0.08 SD.",
    ),
    "drift: nobody changed much": (
        changes.describe_drift,
        after(
            drift={
                name: month.ColumnDrift(0.0042, 0.0061, month.FOLLOWED[name])
                for name in ("annual_income", "num_of_days_active", "gender", "employment_status")
            }
        ),
        "All columns look the same as in December 2026, also among the users in both months.",
    ),
    "drift: distributions alone": (
        changes.describe_drift,
        after(drift={"age": month.ColumnDrift(0.0099, 0.0061, month.FOLLOWED["annual_income"])}),
        (
            "Age is spread otherwise than in December 2026, by more than chance explains. Among the users in both months no "
            "column changed much."
        ),
    ),
    "drift: one": (
        changes.describe_drift,
        after(drift={"age": month.ColumnDrift(0.0042, 0.0061), "gender": month.ColumnDrift(0.0077, 0.0053)}),
        "Gender is spread otherwise than in December 2026, by more than chance explains.",
    ),
    "opinion: all agree": (
        selection.describe_other_measures,
        judged(MONTH, "weak", silhouette=5, gap=5),
        "The silhouette and the gap statistic favour 5, too.",
    ),
    "opinion: one agrees": (
        selection.describe_other_measures,
        judged(MONTH, "weak", silhouette=None, gap=5),
        "The gap statistic favours 5, too.",
    ),
    "opinion: one has none": (
        selection.describe_other_measures,
        judged(MONTH, "weak", silhouette=8, gap=1),
        "Not all measures agree on 5: the silhouette favours 8 and the gap statistic favours none.",
    ),
    "band: within": (
        selection.describe_null_band,
        without(MONTH, below_band=False),
        "The curve falls as it would if the same users had no structure, whose range is drawn in grey.",
    ),
    "bend: settings": (
        selection.describe_bend,
        elbow(decided_by="settings", knee=7),
        "5 segments, as asked for; the curve bends at 7",
    ),
    "bend: settings, none": (
        selection.describe_bend,
        elbow(decided_by="settings", knee=None),
        "5 segments, as asked for; the curve has no bend",
    ),
    "bend: fewer": (
        selection.describe_bend,
        elbow(knee=7),
        "5 segments: the curve bends at 7, which would leave one with too few users",
    ),
    "bend: panel, fewer": (
        selection.describe_bend,
        elbow(decided_by="panel", chosen=3),
        "3 segments: gaps show 4, which would leave one with too few users",
    ),
    "bend: panel": (
        selection.describe_bend,
        elbow(decided_by="panel", chosen=4),
        "Gaps between the groups show 4 segments; the curve bends at 5",
    ),
    "bend: silhouette": (
        selection.describe_bend,
        elbow(decided_by="silhouette", chosen=3),
        "The curve has no bend; the silhouette is best at 3 segments",
    ),
    "bend: silhouette, fewer": (
        selection.describe_bend,
        elbow(decided_by="silhouette", chosen=2),
        "2 segments: the silhouette is best at 3, which would leave one with too few users",
    ),
    "decider: previous": (
        selection.explain_k_rule,
        elbow(decided_by="previous", chosen=4),
        "the number of segments is last month's, since the evidence for another isn't clear",
    ),
    "bend: previous": (
        selection.describe_bend,
        elbow(decided_by="previous", chosen=4),
        "4 segments, as last month: the evidence for another number isn't clear",
    ),
    "decider: panel": (
        selection.explain_k_rule,
        elbow(decided_by="panel", chosen=4),
        "the number of segments is the largest with a gap between each two",
    ),
    "decider: silhouette, fewer": (
        selection.explain_k_rule,
        elbow(decided_by="silhouette"),
        (
            "its curve does not bend, so that the number of segments is where the silhouette is best, or fewer, so that none has "
            "too few users"
        ),
    ),
    "decider: settings": (
        selection.explain_k_rule,
        elbow(decided_by="settings"),
        "the number of segments was asked for",
    ),
    "separation: used": (
        selection.describe_separation,
        silhouettes(0.1, 0.1, 0.1, 0.4, 0.1, 0.1, 0.1, 0.1, 0.1),
        "Users are best separated in 5 segments, the number used",
    ),
    "separation: a little": (
        selection.describe_separation,
        silhouettes(0.1, 0.1, 0.1, 0.4, 0.1, 0.44, 0.1, 0.1, 0.1),
        "Users are separated a little better in 7 segments than in the 5 used",
    ),
}


@pytest.mark.parametrize("what", OTHER)
def test_of_another_month_it_says_what_is_true_of_that(what: str) -> None:
    """Each way that a sentence may end, with the numbers of that month."""
    sentence, facts, said = OTHER[what]
    found = sentence(facts)

    assert (reading.plain(found) if isinstance(found, str) else found) == said


NO_FLOW = after(flow=None, unfollowed="no ids")
NOBODY = (
    "The file names no users, so nobody can be followed from month to month; shares are compared at the borders of the last "
    "month."
)
NOW_NONE = "This month's groups differ by degrees, so that who was in which in December 2026 says little."
THEN_NONE = "In December 2026 there were no reliable segments that these could be compared with."
FITTING = replace(MONTH, segments=tuple(replace(one, name_now=one.name) for one in MONTH.segments))
TEMPLATES = {
    "changes": (
        MONTH,
        "screen",
        "parts/changes.md",
        f"{SUMMARY} {RENAMED} moves {BORDERS} {DRIFT} flow {WAYS} trend drift",
    ),
    "changes on paper": (
        MONTH,
        "print",
        "parts/changes.md",
        f"{SUMMARY} {RENAMED} moves {BORDERS} {DRIFT} flow {WAYS} trend",
    ),
    "nobody followed": (
        NO_FLOW,
        "screen",
        "parts/changes.md",
        f"{SUMMARY} {RENAMED} moves {BORDERS} {DRIFT} {NOBODY} trend drift",
    ),
    "no trend": (
        replace(MONTH, trend=None),
        "screen",
        "parts/changes.md",
        f"{SUMMARY} {RENAMED} moves {BORDERS} {DRIFT} flow {WAYS} drift",
    ),
    "no segments now": (UNRELIABLE, "screen", "parts/changes.md", f"{NOW_NONE} {RENAMED} {DRIFT} drift"),
    "no segments then": (after(reliable=False), "screen", "parts/changes.md", f"{THEN_NONE} {RENAMED} {DRIFT} drift"),
    "first month": (
        changed(FIRST, id="S1"),
        "screen",
        "parts/changes.md",
        f"This is the first month: there is nothing to compare it with. {RENAMED}",
    ),
    "plays": (MONTH, "print", "parts/plays.md", "::: {.plays .few} plays :::"),
    "no plays": (UNRELIABLE, "print", "parts/plays.md", ""),
    "no page on changes": (UNRELIABLE, "print", "parts/changed.md", ""),
    "masthead": (
        replace(without(FITTING, synthetic=False), suspicions=()),
        "print",
        "parts/masthead.md",
        (
            '::: {.masthead style="--accent: #0b5563"} [Larkspur]{.brand} [Listener segments · February 2027]{.edition} '
            "[Prepared from 10,592 of 10,782 users]{.prepared} :::"
        ),
    ),
}


@pytest.mark.parametrize("what", TEMPLATES)
def test_a_template_says_what_there_is(what: str) -> None:
    """Each sentence and each chart in its place, and none that there is nothing for."""
    facts, medium, template, said = TEMPLATES[what]
    with mock.patch.object(Document, "show", lambda _, make: Markdown(make.__name__.partition("_")[2])):
        found = Document(facts, medium, paths.TEMPLATES).render_template(template).text  # type: ignore[arg-type]

    assert reading.plain(found.replace("\\", "")) == said


DOUBTS = [
    (Anomaly("future"), "February 2027 has not begun."),
    (Anomaly("same_file", month="2026-11"), "The users are those of November 2026, one and all."),
    (Anomaly("users", last=15_432, now=10_911), "10,911 rows were read; in December 2026 15,432."),
    (
        Anomaly("unit", column="annual_income", last=2_870, now=28_700, month="2026-11"),
        "Mean income is $28,700; in November 2026 $2,870. Is it in another unit?",
    ),
    (
        Anomaly("lost", column="user_id", value="repeated", last=0.01, now=0.21, month="2026-11"),
        "21 % of the rows repeat a user; in November 2026 1 %.",
    ),
    (
        Anomaly("lost", column="age", value="out_of_range", last=0.03, now=0.14, month="2026-11"),
        "14 % of the rows have an impossible age; in November 2026 3 %.",
    ),
    (
        Anomaly("gone", column="employment_status", value="Intern", last=412, now=6, month="2026-11"),
        "At most 6 users have the employment Intern any more; in November 2026 412 had it.",
    ),
    (
        Anomaly("gone", column="top_genre", value="Polka", last=305, now=0, month="2026-11"),
        "Nobody has the top genre Polka any more; in November 2026 305 users had it.",
    ),
]


@pytest.mark.parametrize(("one", "said"), DOUBTS)
def test_a_doubt_says_now_and_then(one: Anomaly, said: str) -> None:
    """Each with its own month and unit; where a doubt names no month, the last one's."""
    assert reading.plain(holds.describe_anomaly(MONTH, one)) == said


def test_a_change_is_said_in_its_direction() -> None:
    """Up is more now than then."""
    said = [changes.format_points(by) for by in (0.0123, -0.0345, 0.0004, None)]

    assert said == ["▲1.2", "▼3.5", "unchanged", "new"]
    assert [reading.plain(changes.describe_share_change(by)) for by in (0.0123, -0.0345)] == [
        "grew by 1.2 points",
        "shrank by 3.5 points",
    ]
