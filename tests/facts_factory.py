"""Whole, valid facts of a made month, for tests of what lays them out.

A month is made by the analysis itself, so that facts gain what the analysis gains; what a test is about it replaces.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd

from report import files
from report.playbook import read_playbook, with_plays
from segmentation.analysis import Plan, analyse
from segmentation.facts import Brand, Facts, Segment, Source
from segmentation.schema import NUMBERS

GENRES = ("Pop", "Rock", "Jazz", "Hip-hop")
VALID = dict.fromkeys(NUMBERS, (0.0, None))

LONG = "Younger high-income heavy frequent listeners of the evenings"
SCRIPT = "<script>alert(1)</script>"
ARABIC = "مستمعون شباب"
EMOJI = "🎧🎶"
FENCE = "Rock\n```\n\n[free](javascript:alert(1)) <img src=x onerror=alert(1)>\n\n```{=html}"
MARKUP = '*a* _b_ `c` [d](e) ![f](g) ~h~ ^i^ $j$ @fig-k {#l} | m "n" <o> &amp; \\p ::: q'


def users(n: int = 480, *, far: int | None = None, genres: Sequence[str] = GENRES) -> pd.DataFrame:
    """Give a month's users in four groups far apart; or all but `far` of them in one."""
    rng = np.random.default_rng(11)
    sizes = [n - 3 * (n // 5), n // 5, n // 5, n // 5] if far is None else [n - far, far]
    middles = [
        (24, 20_000, 400, 150),
        (52, 30_000, 500, 160),
        (35, 150_000, 900, 170),
        (33, 40_000, 3_000, 300),
    ]
    if far is not None:
        middles = [middles[0], (70, 400_000, 9_000, 350)]
    ages, incomes, usages, days = (
        np.maximum(0, np.repeat([m[i] for m in middles], sizes) + rng.normal(0, spread, n)).round()
        for i, spread in enumerate((3, 4_000, 80, 12))
    )
    return pd.DataFrame(
        {
            "user_id": [f"u{number:06d}" for number in range(n)],
            "age": ages,
            "gender": rng.choice(["Female", "Male"], n),
            "employment_status": rng.choice(["Student", "Employed full-time", "Retired"], n),
            "annual_income": incomes,
            "usage_per_month": usages,
            "top_genre": np.resize(genres, n),
            "num_of_days_active": days,
        }
    )


@cache
def month(k: int = 4, *, far: int | None = None, genres: tuple[str, ...] = GENRES) -> Facts:
    """Give the facts of a made month with k segments, each with its play."""
    made = analyse(
        users(far=far, genres=genres),
        Plan(features=NUMBERS, valid=VALID, k=k, starts=3),
        month="2026-10",
        source=Source("2026-10.csv", "ab" * 32, synthetic=True),
        brand=Brand("Cadence", "#0b5563", "insights@example.com"),
    )
    return with_plays(made.facts, read_playbook(files.TEMPLATES / "playbook.toml").play)


def named(facts: Facts, *names: str) -> Facts:
    """Give the facts with these names for the first segments."""
    rest = [segment.name for segment in facts.segments[len(names) :]]
    pairs = zip(facts.segments, [*names, *rest], strict=True)
    return replace(facts, segments=tuple(replace(segment, name=name) for segment, name in pairs))


def changed(facts: Facts, number: int = 0, **changes: object) -> Facts:
    """Give the facts with one segment changed, the first if no number is given."""
    segments = list(facts.segments)
    segments[number] = replace(segments[number], **changes)
    return replace(facts, segments=tuple(segments))


def centred(segment: Segment, **centre: float) -> Segment:
    """Give a segment that lies here, in standard deviations; in features that aren't named, on the average."""
    return replace(segment, centre={name: centre.get(name, 0.0) for name in segment.centre})


AWKWARD = ("two", "four", "ten", "long names", "script", "letters", "one of 99 %", "markup")


@cache
def awkward() -> dict[str, Facts]:
    """Give the months that pages have to survive, by what is awkward about them: `AWKWARD` lists it."""
    return {
        "two": month(2),
        "four": month(4),
        "ten": month(10),
        "long names": named(month(4), LONG, LONG[::-1], LONG.upper(), LONG.swapcase()),
        "script": named(month(4, genres=("Pop", SCRIPT, "Jazz")), SCRIPT),
        "letters": named(month(4, genres=("Pop", ARABIC, EMOJI)), ARABIC, EMOJI),
        "one of 99 %": month(2, far=5),
        "markup": named(month(4, genres=("Pop", FENCE, MARKUP)), MARKUP),
    }
