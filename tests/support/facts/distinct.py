"""A month of which every number, name and word is another: whatever stands under a wrong label, or in a wrong row, shows.

It comes from no analysis, so that its values need not agree with each other; what pages work out of them is different, too.
"""

import tomllib
from functools import cache
from typing import Any

from report.pages.playbook import Playbook, assign_plays
from segmentation.facts import (
    FACTS_FORMAT,
    AffinityIndex,
    Anomaly,
    Brand,
    CategoryCount,
    CategoryDistribution,
    Centroid,
    CleaningAudit,
    ColumnDistributions,
    ColumnDrift,
    ComputedOn,
    ConfidenceInterval,
    DroppedRows,
    ElbowCurve,
    Facts,
    FeatureScale,
    FollowedChange,
    IdRegistry,
    MapBin,
    MigrationMatrix,
    MonthComparison,
    NotableDifference,
    NumberDistribution,
    PcaMap,
    Segment,
    SegmentStability,
    SegmentTransition,
    Source,
    StructureEvidence,
    Trend,
    TrendLine,
    ValidityIndices,
    Vote,
)
from tests.support.music import CATEGORIES, MUSIC, NUMBERS

FEATURES = ("usage_per_month", "age", "num_of_days_active", "annual_income")  # in no other table's order
IDS = ("S2", "S3", "S5", "S7", "S8")  # neither numbered from 1 nor by size
NAMES = {
    "S2": "Commuters",
    "S3": "Night owls",
    "S5": "Radio classics",
    "S7": "Weekend dancers",
    "S8": "Evening families",
}
RANKED = ("S3", "S5", "S2", "S7", "S8")  # by users
COLOURS = {
    "S2": "#d6875f",
    "S3": "#007667",
    "S4": "#d9bf80",
    "S5": "#6f4a7d",
    "S6": "#bb5f45",
    "S7": "#2b0a3d",
    "S8": "#b5e3ec",
}
DARK = {  # what each of them is on a dark screen
    "S2": "#e59a72",
    "S3": "#35b5a2",
    "S4": "#e6d29c",
    "S5": "#b58bc6",
    "S6": "#d4755a",
    "S7": "#c9a6e0",
    "S8": "#b5e3ec",
}
VALUES = {
    "gender": ("Female", "Male"),
    "employment_status": ("2 more", "Retired", "Student"),  # the first stands for two
    "top_genre": ("Pop", "Rock", "Jazz", "Folk"),
}
ITEMS = (*((name, None) for name in NUMBERS), *((name, one) for name in CATEGORIES for one in VALUES[name]))

# every text a play has, of every segment: "Offer of the owls." is in no other's
PLAY = ("objective", "offer", "message", "channel", "timing", "tone_is", "tone_is_not", "do", "avoid", "unknown")
_CALLED = {"S2": "riders", "S3": "owls", "S5": "classics", "S7": "dancers", "S8": "families"}
_WHEN = {
    "S5": "{ usage_per_month = 'high' }",
    "S2": "{ age = 'low' }",
    "S7": "{ num_of_days_active = 'low' }",
    "S3": "{ usage_per_month = 'low' }",
    "S8": "{}",
}
_UNITS = {"age": "years", "usage_per_month": "hours", "num_of_days_active": "days"}
LABELS = {
    "user_id": "user",
    "age": "age",
    "gender": "gender",
    "employment_status": "employment",
    "annual_income": "income",
    "usage_per_month": "usage",
    "top_genre": "top genre",
    "num_of_days_active": "days active",
}
WANTED = {
    "S2": ("usage_per_month", 0.10),
    "S3": ("num_of_days_active", 0.05),
    "S5": ("annual_income", 0.20),
    "S7": ("usage_per_month", -0.15),
    "S8": ("num_of_days_active", 0.25),
}


def pct(share: float) -> str:
    """Write a share."""
    return f"{100 * share:.0f} %"


def unit(name: str, value: float) -> str:
    """Write a value of one of the tables below, in its unit."""
    if name == "annual_income":
        return f"${value:,}"
    return f"{value} {_UNITS[name]}"


def grew(id_: str) -> str:
    """Write how a segment's share changed, in points."""
    if id_ not in THEN:
        return "new"
    by = 100 * (SHARES[id_] - THEN[id_])
    return f"{'▲' if by > 0 else '▼'}{abs(by):.1f}"


def said_in_play(id_: str, part: str) -> str:
    """Give the text of a part of a segment's play."""
    return f"{part.replace('_', ' ').capitalize()} of the {_CALLED[id_]}."


def playbook() -> str:
    """Write the playbook whose rules fit one segment each, in another order than theirs."""
    rules = []
    for id_, when in _WHEN.items():
        column, change = WANTED[id_]
        texts = "\n".join(f'{part} = "{said_in_play(id_, part)}"' for part in PLAY)
        rules.append(
            f'[[play]]\nname = "Rule of {id_}"\nwhen = {when}\n{texts}\n'
            f'measure = {{ column = "{column}", change = {change} }}\n'
        )
    return "\n".join(rules)


def _row(*values: float) -> dict[str, float]:
    return dict(zip(NUMBERS, values, strict=True))


_HOUR, _SOME = 60, 7  # minutes; so many more than whole hours

# age, income, usage in hours, days active
MEANS = {
    "S2": (23, 21_300, 32, 201),
    "S3": (36, 34_900, 14, 173),
    "S5": (58, 47_200, 77, 287),
    "S7": (41, 18_600, 23, 88),
    "S8": (46, 26_500, 41, 243),
}
MEDIANS = {
    "S2": (22, 20_100, 30, 198),
    "S3": (35, 33_300, 13, 170),
    "S5": (57, 45_800, 74, 291),
    "S7": (40, 17_400, 21, 85),
    "S8": (44, 25_200, 39, 240),
}
AVERAGES = (38, 31_600, 36, 189)
SD = (12, 12_400, 26, 73)
QUARTILES = ((27, 37, 51), (19_300, 28_700, 43_100), (18, 34, 55), (111, 187, 264))
CENTRES = {  # in the order of FEATURES
    "S2": (0.22, -0.91, 0.31, -0.13),
    "S3": (-0.93, 0.12, 0.07, 0.24),
    "S5": (1.47, 0.83, 0.62, 0.29),
    "S7": (-0.19, 0.17, -1.08, -0.36),
    "S8": (0.33, 0.28, 0.48, -0.22),
}
USERS = {"S2": 1_712, "S3": 4_018, "S5": 2_307, "S7": 1_109, "S8": 604}
SHARES = {"S2": 0.17, "S3": 0.402, "S5": 0.231, "S7": 0.113, "S8": 0.06}
INTERVALS = {"S2": (0.15, 0.19), "S3": (0.38, 0.42), "S5": (0.21, 0.25), "S7": (0.1, 0.12), "S8": (0.05, 0.07)}
THEN = {"S2": 0.183, "S3": 0.348, "S4": 0.031, "S5": 0.266, "S6": 0.082}  # shares in the last month
STILL = {"S2": 0.161, "S3": 0.366, "S5": 0.254}  # shares of this month within the last one's borders
STABILITY = {  # likeness, comes again, dissolves, grade
    "S2": (0.93, 0.97, 0.02, "highly stable"),
    "S3": (0.88, 0.92, 0.04, "highly stable"),
    "S5": (0.79, 0.78, 0.09, "stable"),
    "S7": (0.66, 0.55, 0.16, "doubtful"),
    "S8": (0.52, 0.33, 0.29, "not to be relied on"),
}
SILHOUETTES = {"S2": 0.412, "S3": 0.358, "S5": 0.309, "S7": 0.223, "S8": 0.147}
APART = ("S3", "S5")
# what speaks not, and why: it holds the average, too few users, or too few to be shown
SILENT = {
    ("S2", "num_of_days_active"): "average",
    ("S3", "usage_per_month"): "average",
    ("S5", "age"): "too few",
    ("S7", "usage_per_month"): "too few",
    ("S8", "Jazz"): "not shown",
}
OUT = {  # what sets a segment apart; of the first more than a brief has room for
    "S2": ("Pop", "age", "Rock", "Student", "usage_per_month", "Male", "Folk"),
    "S3": ("Retired", "age", "Pop", "annual_income"),
    "S5": ("annual_income", "Female", "Folk", "usage_per_month"),
    "S7": ("Jazz", "num_of_days_active", "Male"),
    "S8": ("Pop", "usage_per_month", "Retired", "Student"),
}


def number_of(id_: str, item: str) -> int:
    """Give an item's number among all items of all segments, from 0."""
    return IDS.index(id_) * len(ITEMS) + [one or name for name, one in ITEMS].index(item)


def index_of(id_: str, item: str) -> AffinityIndex:
    """Give the index of a number, or of a category's value: no two have the same number, base, interval or share."""
    number, why = number_of(id_, item), SILENT.get((id_, item))
    base = 203 + 37 * number
    share = None if item in NUMBERS else (7 * number % 89 + 5) / 100
    if why == "average":
        value = 97.2 if item == "usage_per_month" else 104.3
        return AffinityIndex(value, base, ConfidenceInterval(value - 6.1, value + 7.4), share)
    if why:
        few = {"S5": 17, "S7": 21}.get(id_)
        return AffinityIndex(None, few if why == "too few" else None, None, None)
    low = (IDS.index(id_) + number % len(ITEMS)) % 3 == 0
    value = float(13 + number if low else 131 + 2 * number) + 0.2
    return AffinityIndex(value, base, ConfidenceInterval(value - 6.3, value + 7.6), share, notable=True)


def _segment(id_: str) -> Segment:
    jaccard, recovered, dissolved, grade = STABILITY[id_]
    low, high = INTERVALS[id_]
    column = {one: name for name, one in ITEMS}
    means = in_minutes(MEANS[id_])
    return Segment(
        id=id_,
        name=NAMES[id_],
        users=USERS[id_],
        share=SHARES[id_],
        share_interval=ConfidenceInterval(low, high),
        centre=dict(zip(FEATURES, CENTRES[id_], strict=True)),
        means=means,
        medians=in_minutes(MEDIANS[id_]),
        mean_intervals={name: ConfidenceInterval(0.9 * mean, 1.1 * mean) for name, mean in means.items()},
        stability=SegmentStability(jaccard, dissolved, recovered, grade),  # type: ignore[arg-type]
        apart=id_ in APART,
        new=id_ == "S8",
        name_now={"S2": "Early risers", "S7": "Late dancers"}.get(id_, NAMES[id_]),
        silhouette=SILHOUETTES[id_],
        index={name: index_of(id_, name) for name in NUMBERS},
        categories={name: {one: index_of(id_, one) for one in VALUES[name]} for name in CATEGORIES},
        stands_out=tuple(
            NotableDifference(
                item if item in NUMBERS else column[item],
                None if item in NUMBERS else item,
                index_of(id_, item).value or 0.0,
            )
            for item in OUT[id_]
        ),
    )


def in_minutes(values: tuple[float, ...]) -> dict[str, float]:
    """Give values by column, usage in minutes: some more than whole hours."""
    age, income, hours, days = values
    return _row(age, income, hours * _HOUR + _SOME, days)


EDGES = (
    (16, 25, 40, 52, 65),
    (0, 20_000, 40_000, 60_000, 80_000),
    (0, 1_200, 2_400, 3_600, 4_800),
    (0, 90, 180, 270, 365),
)
AFTER = (
    (2_950, 4_444, 2_037, None),
    (3_111, 4_222, 2_333, 926),
    (4_121, 3_808, 1_717, 946),
    (2_229, 3_339, 4_001, 1_023),
)
BEFORE = (
    (3_001, 4_505, None, None),
    (3_160, 4_301, 2_344, 929),
    (4_200, 3_870, None, 988),
    (2_250, 3_399, 4_050, 1_066),
)
MISSING = {"age": 57, "annual_income": 83, "usage_per_month": 24, "num_of_days_active": 39}
OUTSIDE = {"age": 19, "annual_income": 6, "usage_per_month": 31, "num_of_days_active": 14}
COUNTS = {  # read and kept
    "gender": ((5_431, 5_330), (5_402, 5_262)),
    "employment_status": ((4_188, 4_077), (None, 3_412), (3_205, 3_103)),
    "top_genre": ((3_939, 3_838), (2_990, 2_889), (2_371, 2_273), (None, 1_592)),
}
OF_ALL = {
    "gender": (0.512, 0.488),
    "employment_status": (0.382, 0.322, 0.293),
    "top_genre": (0.362, 0.273, 0.213, 0.152),
}
DROPPED = (
    ("missing", "age", 57),
    ("missing", "annual_income", 83),
    ("repeated", "user_id", 129),
    ("out_of_range", "usage_per_month", 31),
    ("out_of_range", "age", 19),
)
INERTIA = (42_368, 31_577, 24_866, 19_955, 15_144, 13_733, 12_622, 11_911, 11_300, 10_809)
BAND = tuple((value * 0.83 + 2_011, value * 0.91 + 2_503) for value in INERTIA)
SILHOUETTE_OF_K = (0.31, 0.41, 0.33, 0.29, 0.27, 0.25, 0.24, 0.23, 0.22)  # of 2 to 10
VOTES = (
    ("elbow", None),
    ("gap", 7),
    ("silhouette", 3),
    ("calinski_harabasz", 5),
    ("davies_bouldin", 9),
    ("stability", 6),
    ("valleys", 1),
)
PANEL = 4
LOADINGS = ((0.71, 0.19), (-0.43, 0.62), (0.52, -0.34), (0.13, 0.67))
SPOTS = {"S2": (-1.31, 0.42), "S3": (0.24, -0.93), "S5": (1.72, 1.15), "S7": (-0.58, -1.64), "S8": (0.91, 0.07)}
CELLS = (
    (-1.5, 0.5, 61, "S2"),
    (0.0, -1.0, 72, "S3"),
    (0.5, -0.5, 83, "S3"),
    (1.5, 1.0, 94, "S5"),
    (-0.5, -1.5, 105, "S7"),
    (1.0, 0.0, 116, "S8"),
)
AXES = {
    "right": "more listening, more active days",
    "left": "less listening, fewer active days",
    "up": "higher income, older",
    "down": "lower income, younger",
}
LAST = ("Commuters", "Night owls", "Quiet readers", "Radio classics", "Jazz lovers")
LAST_IDS = ("S2", "S3", "S4", "S5", "S6")
LAST_USERS = (1_811, 3_839, 307, 2_628, 1_011)
FLOW = (
    (1_101, 44, 51, 58, None),
    (72, 2_903, 86, 401, 23),
    (101, 108, None, 37, 16),
    (None, 143, 1_350, 157, 164),
    (171, 28, 285, 31, 199),
)
GONE = (211, 222, 33, None, 244)
NEW = (206, 317, None, 339, 45)
DRIFT = {
    "age": (0.0123, 0.0087),
    "annual_income": (0.0065, 0.0091),
    "usage_per_month": (0.0214, 0.0088),
    "num_of_days_active": (0.0031, 0.0083),
    "gender": (0.0009, 0.0042),
    "employment_status": (0.0157, 0.0074),
    "top_genre": (0.0048, 0.0095),
}
FOLLOWED = {
    "age": FollowedChange(0.083, None, beyond_chance=True),
    "annual_income": FollowedChange(0.021, None, beyond_chance=True),
    "usage_per_month": FollowedChange(-0.126, None, beyond_chance=True),
    "num_of_days_active": FollowedChange(0.064, None, beyond_chance=False),
    "gender": FollowedChange(-0.004, "Female", beyond_chance=True),
    "employment_status": FollowedChange(0.0, "Retired", beyond_chance=False),
    "top_genre": FollowedChange(0.034, "Rock", beyond_chance=True),
}
MONTHS = ("2026-10", "2026-11", "2026-12", "2027-01", "2027-02")  # one was not made
TREND = {
    "S2": (0.201, 0.192, THEN["S2"], None, SHARES["S2"]),
    "S3": (0.287, 0.313, THEN["S3"], None, SHARES["S3"]),
    "S4": (0.052, 0.039, THEN["S4"], None, None),
    "S5": (0.298, 0.276, THEN["S5"], None, SHARES["S5"]),
    "S6": (None, 0.091, THEN["S6"], None, None),
    "S7": (None, None, None, None, SHARES["S7"]),
    "S8": (None, None, None, None, SHARES["S8"]),
}
SUSPICIONS = (
    Anomaly("users", last=15_432, now=10_911, month="2026-11"),
    Anomaly("unit", column="num_of_days_active", last=17, now=189, month="2026-11"),
    Anomaly("lost", column="annual_income", value="missing", last=0.013, now=0.076, month="2026-11"),
    Anomaly("gone", column="employment_status", value="Intern", last=412, now=6, month="2026-11"),
)


@cache
def distinct() -> Facts:
    """Give the month: February 2027, of five segments, after December 2026, and held."""
    names = NAMES | dict(zip(LAST_IDS, LAST, strict=True))

    def moved(id_: str, fate: Any, into: tuple[str, ...], others: tuple[str, ...] = ()) -> SegmentTransition:
        then = dict(zip(LAST_IDS, LAST_USERS, strict=True)).get(id_)
        return SegmentTransition(
            id_, names[id_], fate, into, others, then, THEN.get(id_), SHARES.get(id_), STILL.get(id_)
        )

    by_column = tuple(zip(NUMBERS, EDGES, BEFORE, AFTER, AVERAGES, SD, QUARTILES, strict=True))
    facts = Facts(
        format=FACTS_FORMAT,
        month="2027-02",
        source=Source("february.csv", "0123456789abcdef" * 4, synthetic=True),
        brand=Brand("Larkspur", "#0b5563", "insights@example.com"),
        seed=48,
        starts=26,
        schema=MUSIC,
        features=FEATURES,
        smallest_base=37,
        smallest_cell=12,
        audit=CleaningAudit(
            10_911,
            10_592,
            tuple(DroppedRows(*one) for one in DROPPED),  # type: ignore[arg-type]
            {"age": (16, 65), "annual_income": (0, None), "usage_per_month": (0, None), "num_of_days_active": (0, 365)},
            {"top_genre": 27, "employment_status": 1},
        ),
        distributions=ColumnDistributions(
            {
                name: NumberDistribution(
                    tuple(map(float, edges)),
                    before,
                    after,
                    MISSING[name],
                    OUTSIDE[name],
                    in_minutes(AVERAGES)[name],
                    _scaled(name, sd),
                    tuple(_scaled(name, value) for value in quartiles),  # type: ignore[arg-type]
                )
                for name, edges, before, after, _, sd, quartiles in by_column
            },
            {
                name: CategoryDistribution(
                    tuple(
                        CategoryCount(one, before, after, one == "2 more")
                        for one, (before, after) in zip(VALUES[name], COUNTS[name], strict=True)
                    ),
                    missing,
                )
                for name, missing in zip(CATEGORIES, (3, 5, 8), strict=True)
            },
        ),
        elbow=ElbowCurve(tuple(range(1, 11)), tuple(map(float, INERTIA)), 5, 5, "elbow"),
        validity=ValidityIndices(
            tuple(range(2, 11)),
            SILHOUETTE_OF_K,
            tuple(value - 0.13 for value in SILHOUETTE_OF_K),
            tuple(2_401.0 - 103 * number for number in range(9)),
            tuple(1.41 - 0.07 * number for number in range(9)),
        ),
        structure=StructureEvidence(
            evidence="weak",
            reliable=True,
            panel=PANEL,
            votes=tuple(Vote(judge, k) for judge, k in VOTES),  # type: ignore[arg-type]
            gap=tuple(0.1 * k for k in range(10)),
            gap_se=tuple(0.01 * k for k in range(10)),
            band_low=tuple(low for low, _ in BAND),
            band_high=tuple(high for _, high in BAND),
            below_band=True,
        ),
        scale=FeatureScale(in_minutes(AVERAGES), {name: _scaled(name, sd) for name, sd in _row(*SD).items()}),
        averages=in_minutes(AVERAGES),
        shares={name: dict(zip(VALUES[name], OF_ALL[name], strict=True)) for name in CATEGORIES},
        segments=tuple(_segment(id_) for id_ in IDS),
        pca=PcaMap(
            (0.44, 0.29),
            dict(zip(FEATURES, LOADINGS, strict=True)),
            AXES,  # type: ignore[arg-type]
            0.5,
            tuple(MapBin(*cell) for cell in CELLS),
            tuple(Centroid(id_, x, y) for id_, (x, y) in SPOTS.items()),
            52,
        ),
        change=MonthComparison(
            "2026-12",
            9_876,
            (
                moved("S2", "survived", ("Commuters",)),
                moved("S3", "split", ("Night owls", "Weekend dancers")),
                moved("S4", "vanished", ()),
                moved("S5", "merged", ("Radio classics",), ("Jazz lovers",)),
                moved("S6", "merged", ("Radio classics",), ("Radio classics",)),
                moved("S8", "emerged", ("Evening families",)),
            ),
            MigrationMatrix(LAST, tuple(NAMES.values()), FLOW, GONE, NEW, 7_003, 0.68),
            {name: ColumnDrift(*one, FOLLOWED[name]) for name, one in DRIFT.items()},
        ),
        trend=Trend(MONTHS, tuple(TrendLine(id_, names[id_], shares) for id_, shares in TREND.items())),
        lineage=IdRegistry(8, ("Quiet readers", "Jazz lovers")),
        basis=ComputedOn("cells", 3_456, 0.3, 19_876, 0.0123, 28, 0.0345),
        suspicions=SUSPICIONS,
    )
    return assign_plays(facts, Playbook(**tomllib.loads(playbook())).play)


def _scaled(name: str, value: float) -> float:
    return value * _HOUR + _SOME if name == "usage_per_month" else float(value)
