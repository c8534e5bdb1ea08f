"""The synthetic Music data: three months of one panel of listeners, with four planted groups and planted dirt.

Every random number is a uniform one, and what is made of them is plain arithmetic: no platform's logarithm
or power has a say, so one seed gives the same bytes everywhere.
"""

import hashlib
import math
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from segmentation.errors import SegmentationError
from segmentation.schema import COLUMNS, COLUMNS_BY_NAME, NUMBERS, USER_ID

UniformDraws: TypeAlias = NDArray[np.float64]

GENDERS = {"Male": 0.505, "Female": 0.478, "Prefer not to say": 0.0122, "Other": 0.0045}
GENRES = {
    "Pop": 0.437,
    "Rock": 0.170,
    "Classical": 0.147,
    "Country": 0.113,
    "Indie": 0.059,
    "Jazz": 0.054,
    "Hip Hop": 0.020,
}
EMPLOYMENT = ("Employed full-time", "Student", "Employed part-time", "Unemployed")
MONTHLY_USAGE_GROWTH = 1.035  # high earners listen this much more every month: the drift of a centre
MAX_HABIT_STEP_DAYS = (
    25  # days towards a new habit in one month; with WOBBLE below the 31 that a month can add
)
HABIT_JITTER_DAYS = 5  # days either way


class SkewedRange(NamedTuple):
    """A broad bell between two ends; `skew` from -1 to 1 moves its middle towards the low or the high one."""

    low: float
    high: float
    skew: float = 0.0


@dataclass(frozen=True, slots=True)
class PlantedGroup:
    """What the listeners of one planted group have in common.

    Attributes
    ----------
    age, income, usage, days : Spread
        Years, USD a year, minutes a month, days in the last 365.
    employment : tuple of float
        Shares, in the order of `EMPLOYMENT`.
    genres : tuple of float
        Index of each genre against all listeners (1 is as many as everywhere), in the order of `GENRES`.
    """

    age: SkewedRange
    income: SkewedRange
    usage: SkewedRange
    days: SkewedRange
    employment: tuple[float, ...]
    genres: tuple[float, ...]


YOUNG, HEAVY, OLDER, HIGH_EARNERS = "young light", "heavy", "older lighter", "high earners"
GROUPS = {
    YOUNG: PlantedGroup(
        age=SkewedRange(16, 30, -0.4),
        income=SkewedRange(0, 42_000, -0.2),
        usage=SkewedRange(1, 1050, -0.9),
        days=SkewedRange(40, 200),
        employment=(0.29, 0.50, 0.13, 0.08),
        genres=(1.15, 0.85, 0.72, 0.95, 1.30, 0.70, 1.35),
    ),
    HEAVY: PlantedGroup(
        age=SkewedRange(20, 45),
        income=SkewedRange(500, 62_000, -0.4),
        usage=SkewedRange(1300, 2930),
        days=SkewedRange(165, 345),
        employment=(0.69, 0.13, 0.09, 0.09),
        genres=(1.05, 1.25, 0.75, 0.95, 1.10, 0.80, 1.10),
    ),
    OLDER: PlantedGroup(
        age=SkewedRange(33, 64, -0.9),
        income=SkewedRange(500, 62_000, -0.4),
        usage=SkewedRange(5, 1350, -0.4),
        days=SkewedRange(75, 255),
        employment=(0.79, 0.03, 0.09, 0.09),
        genres=(0.78, 0.95, 1.40, 1.25, 0.70, 1.20, 0.70),
    ),
    HIGH_EARNERS: PlantedGroup(
        age=SkewedRange(23, 60, -0.4),
        income=SkewedRange(88_000, 200_000, -0.9),
        usage=SkewedRange(400, 2300, -0.1),
        days=SkewedRange(95, 305),
        employment=(0.92, 0.03, 0.04, 0.01),
        genres=(0.98, 0.95, 1.30, 0.80, 0.75, 1.50, 0.70),
    ),
}


# Columns that the report has learnt of since: by group, where numbers are spread, or the shares of words. They are made of
# a listener's id and nothing else, so that the columns above stay what they were, and a listener stays the same. Such as
# "skips": {YOUNG: Spread(12, 36), HEAVY: ...} or "device": {YOUNG: {"Phone": 0.7, "Car": 0.3}, HEAVY: ...}
ADDED_COLUMNS: dict[str, dict[str, SkewedRange | dict[str, float]]] = {}


@dataclass(frozen=True, slots=True)
class SampleMonthPlan:
    """What one month is to hold: group sizes, who comes, goes and moves, and what is wrong in the file.

    Attributes
    ----------
    sizes : dict of str to int
        Listeners in each group; every month they sum to 4,914.
    leavers : int
        Listeners of the month before who are gone; as many new ones come.
    moves : dict of (str, str) to int
        Listeners who go from one group to another.
    missing : dict of str to int
        Empty cells in each column; those of `ADDED_COLUMNS` have none.
    ages, days : tuple of int
        Impossible values, each on a row of its own.
    """

    sizes: dict[str, int]
    leavers: int
    moves: dict[tuple[str, str], int]
    missing: dict[str, int]
    ages: tuple[int, ...]
    days: tuple[int, ...]


def _map_missing_counts(*counts: int) -> dict[str, int]:
    names = [column.name for column in COLUMNS if column.name not in (USER_ID, *ADDED_COLUMNS)]
    return dict(zip(names, counts, strict=True))


def _map_group_sizes(*counts: int) -> dict[str, int]:
    return dict(zip((YOUNG, HEAVY, OLDER, HIGH_EARNERS), counts, strict=True))


MONTH_PLANS = {
    "2026-08": SampleMonthPlan(
        sizes=_map_group_sizes(1602, 1204, 1243, 865),
        leavers=0,
        moves={},
        missing=_map_missing_counts(6, 3, 4, 9, 7, 5, 4),
        ages=(-29, 4, 212, 0, 131),
        days=(392, 400),
    ),
    "2026-09": SampleMonthPlan(
        sizes=_map_group_sizes(1538, 1263, 1238, 875),
        leavers=231,
        moves={
            (YOUNG, HEAVY): 62,
            (YOUNG, HIGH_EARNERS): 4,
            (HEAVY, YOUNG): 12,
            (HEAVY, OLDER): 25,
            (HEAVY, HIGH_EARNERS): 8,
            (OLDER, HEAVY): 34,
            (OLDER, HIGH_EARNERS): 5,
            (HIGH_EARNERS, HEAVY): 9,
            (HIGH_EARNERS, OLDER): 6,
        },
        missing=_map_missing_counts(8, 2, 6, 11, 5, 3, 6),
        ages=(-3, 7, 199, 6),
        days=(366, 371, 388),
    ),
    "2026-10": SampleMonthPlan(
        sizes=_map_group_sizes(1474, 1327, 1229, 884),
        leavers=262,
        moves={
            (YOUNG, HEAVY): 66,
            (YOUNG, HIGH_EARNERS): 5,
            (HEAVY, YOUNG): 13,
            (HEAVY, OLDER): 24,
            (HEAVY, HIGH_EARNERS): 9,
            (OLDER, HEAVY): 38,
            (OLDER, HIGH_EARNERS): 4,
            (HIGH_EARNERS, HEAVY): 8,
            (HIGH_EARNERS, OLDER): 7,
        },
        missing=_map_missing_counts(5, 4, 3, 13, 8, 6, 7),
        ages=(-41, -18, 3, 5, 150, 188),
        days=(367, 379, 391, 410),
    ),
}
SAMPLE_MONTHS: tuple[str, ...] = tuple(MONTH_PLANS)


@dataclass(frozen=True, slots=True, eq=False)
class SampleMonth:
    """One month of the synthetic panel.

    Attributes
    ----------
    users : pandas.DataFrame
        One row a listener, with the columns of `schema.COLUMNS`; shuffled, the order carries nothing.
    groups : numpy.ndarray of str, shape (len(users),)
        The planted group of each row.
    """

    users: pd.DataFrame
    groups: NDArray[np.str_]

    def to_csv(self) -> str:
        """Give the text of the month's file: a header, LF, and nothing in an empty cell."""
        return str(self.users.to_csv(index=False, lineterminator="\n"))


def make_sample_month(month: str, seed: int = 2026) -> SampleMonth:
    """Make one month of the panel; a listener who is in two months is the same one in both.

    Parameters
    ----------
    month : str
        One of `SAMPLE_MONTHS`.
    seed : int
        Which panel; not negative.

    Returns
    -------
    Sample
        4,914 listeners, with the sizes and the dirt that `MONTH_PLANS` has for the month.

    Raises
    ------
    SegmentationError
        If there is no plan for the month.
    """
    if month not in MONTH_PLANS:
        raise SegmentationError(
            f"There is no sample for {month!r}, expected one of {', '.join(SAMPLE_MONTHS)}. "
            "Ask for one of these, or put your own file in data/."
        )
    number = SAMPLE_MONTHS.index(month)
    panel = _make_newcomers(MONTH_PLANS[SAMPLE_MONTHS[0]].sizes, 0, _make_generator(seed, 0), taken=set())
    for n in range(1, number + 1):
        panel = _advance_month(panel, n, _make_generator(seed, n))
    return _make_month_file(panel, MONTH_PLANS[month], _make_generator(seed, number, 1))


def _make_generator(*key: int) -> np.random.Generator:
    # By name: NumPy promises this stream for good, and what `default_rng` stands for only for now.
    return np.random.Generator(np.random.PCG64(key))


def _draw_uniform(rng: np.random.Generator, n: int, low: float = 0.0, high: float = 1.0) -> UniformDraws:
    return low + (high - low) * rng.random(n)


def _draw_bell(rng: np.random.Generator, n: int) -> UniformDraws:
    """Draw n numbers between 0 and 1: level in the middle, sloping to the ends."""
    return 0.7 * rng.random(n) + 0.3 * rng.random(n)


def _scale_to_range(t: UniformDraws, spread: SkewedRange) -> UniformDraws:
    """Lay numbers between 0 and 1 out between a spread's ends."""
    return spread.low + (spread.high - spread.low) * (t + spread.skew * t * (1 - t))


def _draw_categories(rng: np.random.Generator, n: int, shares: dict[str, float]) -> NDArray[np.object_]:
    """Draw n names by their shares, which need not sum to 1."""
    return _pick_categories(rng.random(n), shares)


def _pick_categories(chance: UniformDraws, shares: dict[str, float]) -> NDArray[np.object_]:
    """Give the name that each chance between 0 and 1 falls on."""
    edges = np.cumsum(list(shares.values()))
    return np.array(list(shares), dtype=object)[np.searchsorted(edges[:-1] / edges[-1], chance, "right")]


def _draw_permutation(rng: np.random.Generator, n: int) -> NDArray[np.intp]:
    return np.argsort(rng.random(n), kind="stable")


def _make_listeners(name: str, n: int, month: int, rng: np.random.Generator) -> pd.DataFrame:
    """Make n listeners of one group, without ids, as they are in the given month (0 is the first)."""
    group = GROUPS[name]
    job = _draw_categories(rng, n, dict(zip(EMPLOYMENT, group.employment, strict=True)))
    # Less than full-time work pays less; those on a high income have it whatever they do.
    paid = np.where(job == "Employed full-time", 1.0, 0.8) if name != HIGH_EARNERS else np.ones(n)
    listening = _draw_bell(rng, n)
    rise = math.prod([MONTHLY_USAGE_GROWTH] * month) if name == HIGH_EARNERS else 1.0
    activity = 0.8 * _draw_bell(rng, n) + 0.2 * listening  # who listens more, listens on more days
    days = _scale_to_range(activity, group.days)
    lean = {genre: GENRES[genre] * index for genre, index in zip(GENRES, group.genres, strict=True)}
    return pd.DataFrame(
        {
            "group": name,
            "age": np.floor(_scale_to_range(_draw_bell(rng, n), group.age)),
            "birthday": np.floor(_draw_uniform(rng, n, 0, 12)),
            "gender": _draw_categories(rng, n, GENDERS),
            "employment_status": job,
            "annual_income": _scale_to_range(_draw_bell(rng, n), group.income) * paid,
            "usage": _scale_to_range(listening, group.usage) * rise,
            "top_genre": _draw_categories(rng, n, lean),
            "days": days,
            "days_now": days,
        }
    )


def _make_added_column(
    panel: pd.DataFrame, name: str, by_group: dict[str, SkewedRange | dict[str, float]]
) -> Any:
    """Make a column of ids and groups: of each id a chance between 0 and 1, another one for each column."""
    digests = (hashlib.blake2b(f"{name}:{one}".encode(), digest_size=4).digest() for one in panel[USER_ID])
    chance = np.array([int.from_bytes(digest, "big") / 2**32 for digest in digests])
    values = np.empty(len(panel), dtype=object)
    for group, what in by_group.items():
        rows = np.flatnonzero(panel["group"] == group)
        if isinstance(what, SkewedRange):
            values[rows] = _scale_to_range(chance[rows], what).round(COLUMNS_BY_NAME[name].digits)
        else:
            values[rows] = _pick_categories(chance[rows], what)
    return pd.Series(values, panel.index).infer_objects()


def _make_newcomers(
    sizes: dict[str, int], month: int, rng: np.random.Generator, taken: set[str]
) -> pd.DataFrame:
    """Make new listeners, so many of each group, with ids that nobody has."""
    new = pd.concat([_make_listeners(name, n, month, rng) for name, n in sizes.items()], ignore_index=True)
    ids: list[str] = []
    while len(ids) < len(new):
        name = f"u{int(rng.random() * 2**32):08x}"
        if name not in taken:
            taken.add(name)
            ids.append(name)
    new.insert(0, USER_ID, ids)
    return new


def _advance_month(panel: pd.DataFrame, month: int, rng: np.random.Generator) -> pd.DataFrame:
    """Let a month pass: some leave, some move, everyone is a little different, and new listeners come."""
    plan = MONTH_PLANS[SAMPLE_MONTHS[month]]
    taken = set(panel[USER_ID])
    stay = panel.iloc[_draw_permutation(rng, len(panel))[plan.leavers :]].reset_index(drop=True)
    n = len(stay)
    stay["age"] += stay["birthday"] == month
    stay["usage"] *= np.where(stay["group"] == HIGH_EARNERS, MONTHLY_USAGE_GROWTH, 1.0)
    raised = rng.random(n) < 0.04
    stay["annual_income"] *= np.where(
        raised & (stay["group"] != HIGH_EARNERS), _draw_uniform(rng, n, 1.0, 1.06), 1.0
    )
    _move_listeners(stay, plan.moves, month, rng)
    gap = (stay["days"] - stay["days_now"]).clip(-MAX_HABIT_STEP_DAYS, MAX_HABIT_STEP_DAYS)
    stay["days_now"] += gap + _draw_uniform(rng, n, -HABIT_JITTER_DAYS, HABIT_JITTER_DAYS)
    have = stay["group"].value_counts()
    wanted = {name: size - int(have[name]) for name, size in plan.sizes.items()}
    return pd.concat([stay, _make_newcomers(wanted, month, rng, taken)], ignore_index=True)


def _move_listeners(
    panel: pd.DataFrame, moves: dict[tuple[str, str], int], month: int, rng: np.random.Generator
) -> None:
    """Move listeners between groups, in place: they take up the new group's habits, and keep who they are.

    Nobody changes age by it, so those move whose age suits the new group, and rather those who are already
    active on about as many days. Only a move to or from the high earners changes an income.
    """
    settled = np.ones(len(panel), dtype=bool)
    for (origin, target), n in moves.items():
        to = GROUPS[target]
        suits = panel["age"].between(to.age.low + 3, to.age.high - 3)
        rows = np.flatnonzero((panel["group"] == origin) & suits & settled)
        far = (panel["days_now"].iloc[rows] - (to.days.low + to.days.high) / 2).abs()
        rows = rows[np.argsort(far + _draw_uniform(rng, len(rows), 0, 60), kind="stable")[:n]]
        new = _make_listeners(target, n, month, rng)
        taken_up = ["group", "usage", "days"]
        if HIGH_EARNERS in (origin, target):
            taken_up += ["employment_status", "annual_income"]
        for name in taken_up:
            panel.loc[rows, name] = new[name].to_numpy()
        settled[rows] = False


def _make_month_file(panel: pd.DataFrame, plan: SampleMonthPlan, rng: np.random.Generator) -> SampleMonth:
    """Turn the panel into the month's file: whole numbers, shuffled, with the planned dirt."""
    n = len(panel)
    panel = panel.iloc[_draw_permutation(rng, n)].reset_index(drop=True)
    seen: dict[str, Any] = {
        **{name: panel[name].round() for name in NUMBERS if name in panel},
        **{name: _make_added_column(panel, name, by_group) for name, by_group in ADDED_COLUMNS.items()},
        "annual_income": (panel["annual_income"] / 50).round() * 50,
        "usage_per_month": (panel["usage"] * _draw_uniform(rng, n, 0.94, 1.06)).round().clip(1, 3000),
        "num_of_days_active": panel["days_now"].round().clip(31, 365),
    }
    users = panel.assign(**seen)[[column.name for column in COLUMNS]]
    users = users.astype({name: "Int64" for name in NUMBERS if not COLUMNS_BY_NAME[name].digits})
    dirty = iter(_draw_permutation(rng, n))
    for name, values in (("age", plan.ages), ("num_of_days_active", plan.days)):
        for value in values:
            users.loc[next(dirty), name] = value
    for name, count in plan.missing.items():
        for _ in range(count):
            users.loc[next(dirty), name] = pd.NA if name in NUMBERS else None
    return SampleMonth(users=users, groups=panel["group"].to_numpy(dtype=np.str_))
