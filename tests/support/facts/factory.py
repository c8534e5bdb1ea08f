"""Whole, valid facts of a made month, for tests of what lays them out.

A month is made by the analysis itself, so that facts gain what the analysis gains; what a test is about it replaces.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import narwhals as nw
import numpy as np
import pandas as pd

from report.pages.playbook import assign_plays
from report.storage import paths
from segmentation.disclosure import merge_small_categories
from segmentation.facts import Brand, ColumnDistributions, ConfidenceInterval, Facts, NotableDifference, Segment, Source
from segmentation.options import Options
from segmentation.pipeline import analyse
from segmentation.preprocessing.aggregate import SEGMENT_NUMBER, count_category_values
from segmentation.preprocessing.clean import CleanedUsers
from segmentation.preprocessing.quantiles import compute_column_quantiles
from segmentation.profiling.distributions import build_bin_grids, describe_columns
from segmentation.tracking.compare import PreviousMonth
from tests.support.facts.columns import whole
from tests.support.music import CATEGORIES, NUMBERS, choose_columns, read_playbook, summarise_columns

GENRES = ("Pop", "Rock", "Jazz", "Hip-hop")
VALID = dict.fromkeys(NUMBERS, (0.0, None))

LONG = "Younger high-income heavy frequent listeners of the evenings"
SCRIPT = "<script>alert(1)</script>"
ARABIC = "مستمعون شباب"
EMOJI = "🎧🎶"
FENCE = "Rock\n```\n\n[free](javascript:alert(1)) <img src=x onerror=alert(1)>\n\n```{=html}"
MARKUP = '*a* _b_ `c` [d](e) ![f](g) ~h~ ^i^ $j$ @fig-k {#l} | m "n" <o> &amp; \\p ::: q'


def described(cleaned: CleanedUsers, *, smallest: int) -> ColumnDistributions:
    """Describe what cleaning made as the analysis does, all users in one segment."""
    users = cleaned.users.with_columns(nw.lit(0).alias(SEGMENT_NUMBER))
    known = summarise_columns(users)
    counts = {name: count_category_values(users, name) for name in CATEGORIES}
    return describe_columns(
        cleaned,
        known,
        {
            name: (ruler, compute_column_quantiles(users, name, ruler, 1))
            for name, ruler in build_bin_grids(cleaned, known).items()
        },
        counts,
        {name: merge_small_categories(counts[name], min_cell=smallest) for name in CATEGORIES},
        min_cell=smallest,
    )


def users(n: int = 480, *, shift: int = 0) -> pd.DataFrame:
    """Give a month's users in four groups far apart; those of another shift are others, but for most of their ids."""
    rng = np.random.default_rng(11 + shift)
    sizes = [n - 3 * (n // 5) - shift, n // 5, n // 5 + shift, n // 5]
    middles = [(24, 20_000, 400, 150), (52, 30_000, 500, 160), (35, 150_000, 900, 170), (33, 40_000, 3_000, 300)]
    ages, incomes, usages, days = (
        np.maximum(0, np.repeat([m[i] for m in middles], sizes) + rng.normal(0, spread, n)).round()
        for i, spread in enumerate((3, 4_000, 80, 12))
    )
    return whole(
        pd.DataFrame(
            {
                "user_id": [f"u{number + shift:06d}" for number in range(n)],
                "age": ages,
                "gender": rng.choice(["Female", "Male"], n),
                "employment_status": rng.choice(["Student", "Employed full-time", "Retired"], n),
                "annual_income": incomes,
                "usage_per_month": usages,
                "top_genre": np.resize(GENRES, n),
                "num_of_days_active": days,
            }
        )
    )


@cache
def month(k: int = 4, *, first: bool = True) -> Facts:
    """Give the facts of a made month with k segments, each with its play; or of one that two others went before."""
    plan = Options(choose_columns(valid=VALID), k=k, n_init=3, draws=4, bootstraps=8)
    said = {
        "source": Source("2026-10.csv", "ab" * 32, synthetic=True),
        "brand": Brand("Cadence", "#0b5563", "insights@example.com"),
    }
    last, earlier = None, ()
    if not first:
        for number in (8, 9):
            before = analyse(users(shift=12), plan, month=f"2026-0{number}", last=last, earlier=earlier, **said)
            last, earlier = PreviousMonth(before.facts, before.users), (*earlier, before.facts)
    made = analyse(users(), plan, month="2026-10", last=last, earlier=earlier, **said)
    return assign_plays(made.facts, read_playbook(paths.TEMPLATES / "playbook.toml").play)


def genres(facts: Facts, *names: str) -> Facts:
    """Give the facts as if these were the first genres in the file."""
    new = dict(zip(GENRES, names, strict=False))

    def called(name: str) -> str:
        return new.get(name, name)

    column = facts.distributions.categories["top_genre"]
    values = tuple(replace(item, value=called(item.value)) for item in column.values)
    categories = facts.distributions.categories | {"top_genre": replace(column, values=values)}
    segments = tuple(
        replace(
            s,
            categories=s.categories | {"top_genre": {called(n): i for n, i in s.categories["top_genre"].items()}},
            stands_out=(*s.stands_out, NotableDifference("top_genre", called(GENRES[0]), 130.0)),
        )
        for s in facts.segments
    )
    return replace(
        facts,
        distributions=replace(facts.distributions, categories=categories),
        shares=facts.shares | {"top_genre": {called(n): share for n, share in facts.shares["top_genre"].items()}},
        segments=segments,
    )


def lopsided(facts: Facts) -> Facts:
    """Give facts of two segments as if one had 99 % of 1,200 users."""
    big, small = facts.segments
    return replace(
        facts,
        segments=(
            replace(big, users=1_188, share=0.99, share_interval=ConfidenceInterval(0.984, 0.995)),
            replace(small, users=12, share=0.01, share_interval=ConfidenceInterval(0.005, 0.016)),
        ),
    )


def unreliable(facts: Facts) -> Facts:
    """Give the facts as they are where nothing was found: no evidence, and nothing to sell."""
    structure = replace(facts.structure, evidence="none", reliable=False)
    return replace(facts, structure=structure, segments=tuple(replace(s, play=None) for s in facts.segments))


def after_none(facts: Facts) -> Facts:
    """Give the facts of a month before which nothing was found."""
    assert facts.change is not None
    return replace(facts, change=replace(facts.change, reliable=False))


def silhouettes(facts: Facts, **by_k: float) -> Facts:
    """Give the facts with these silhouettes, k2=0.5 for two segments; all others are 0.1."""
    values = tuple(by_k.get(f"k{k}", 0.1) for k in facts.validity.k)
    return replace(facts, validity=replace(facts.validity, silhouette=values))


def judged(facts: Facts, evidence: str, **votes: int | None) -> Facts:
    """Give the facts with this evidence for segments, and these votes of judges."""
    found = tuple(replace(vote, k=votes.get(vote.judge, facts.elbow.chosen)) for vote in facts.structure.votes)
    return replace(
        facts, structure=replace(facts.structure, evidence=evidence, reliable=evidence != "none", votes=found)
    )


def named(facts: Facts, *names: str) -> Facts:
    """Give the facts with these names, which fit, for the first segments."""
    rest = [segment.name for segment in facts.segments[len(names) :]]
    pairs = zip(facts.segments, [*names, *rest], strict=True)
    return replace(facts, segments=tuple(replace(segment, name=name, name_now=name) for segment, name in pairs))


def outdated(facts: Facts) -> Facts:
    """Give the facts with names that no longer fit."""
    segments = (replace(segment, name_now="Average listeners") for segment in facts.segments)
    return replace(facts, segments=tuple(segments))


def changed(facts: Facts, number: int = 0, **changes: object) -> Facts:
    """Give the facts with one segment changed, the first if no number is given."""
    segments = list(facts.segments)
    segments[number] = replace(segments[number], **changes)
    return replace(facts, segments=tuple(segments))


def centred(segment: Segment, **centre: float) -> Segment:
    """Give a segment that lies here, in standard deviations; in features that aren't named, on the average."""
    return replace(segment, centre={name: centre.get(name, 0.0) for name in segment.centre})


def offered(facts: Facts) -> Facts:
    """Give a month in which each segment has an offer of its own, as long as the playbook allows."""
    segments = []
    for number, segment in enumerate(facts.segments):
        assert segment.play is not None
        offer = f"Premium sound and a family plan, free for {number + 2} whole months"
        segments.append(replace(segment, play=replace(segment.play, offer=f"{offer:.<60}"[:60])))
    return replace(facts, segments=tuple(segments))


_AWKWARD: dict[str, Callable[[], Facts]] = {
    "two": lambda: month(2),
    "four": lambda: month(4),
    "later": lambda: month(4, first=False),
    "nothing found": lambda: unreliable(month(4)),
    "nothing found, later": lambda: unreliable(month(4, first=False)),
    "nothing found before": lambda: after_none(month(4, first=False)),
    "ten": lambda: month(10),
    "ten offers": lambda: offered(month(10)),
    "ten, later": lambda: month(10, first=False),
    "long names": lambda: outdated(named(month(4), LONG, LONG[::-1], LONG.upper(), LONG.swapcase())),
    "script": lambda: named(genres(month(4), "Pop", SCRIPT), SCRIPT),
    "letters": lambda: named(genres(month(4), ARABIC, EMOJI * 12), ARABIC, EMOJI),
    "one of 99 %": lambda: lopsided(month(2)),
    "markup": lambda: named(genres(month(4), FENCE, MARKUP), MARKUP),
}
AWKWARD = tuple(_AWKWARD)
NOTHING = ("nothing found", "nothing found, later")  # to sell


def awkward(what: str) -> Facts:
    """Give a month that pages have to survive, by what is awkward about it: one of `AWKWARD`."""
    return _AWKWARD[what]()
