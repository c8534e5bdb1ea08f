"""Three synthetic months of listeners; `make sample` writes them.

One panel with four planted groups and planted errors. Every random number is uniform, and only plain arithmetic follows:
logarithms and powers differ between platforms, and one seed has to give the same bytes everywhere.
"""

import hashlib
import math
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from report.columns.dictionary import read_shipped_columns
from report.storage import paths
from segmentation.errors import SegmentationError
from segmentation.schema import USER_ID

SCHEMA = read_shipped_columns()
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
MONTHLY_USAGE_GROWTH = 1.035  # factor on the high earners' usage: their centre drifts
# active days by which a habit changes in a month, and noise either way: together below the 31 that a month can add
MAX_HABIT_STEP_DAYS, HABIT_JITTER_DAYS = 25, 5


class SkewedRange(NamedTuple):
    """A bell between two ends, possibly skewed."""

    low: float
    high: float
    skew: float = 0.0


@dataclass(frozen=True, slots=True)
class PlantedGroup:
    """The distributions of one planted group of listeners."""

    age: SkewedRange  # years
    income: SkewedRange  # USD a year
    usage: SkewedRange  # minutes a month
    days: SkewedRange  # active days in the last 365
    employment: tuple[float, ...]  # shares, in the order of EMPLOYMENT
    genres: tuple[float, ...]  # ratio of each genre's share to that of all listeners, in the order of GENRES


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


# Columns added to the schema later: by group, the range of a number, or the shares of a category. Their values depend on a
# listener's id alone, so that all other columns stay the same and a listener keeps the value. Examples:
# "skips": {YOUNG: SkewedRange(12, 36), HEAVY: ...} or "device": {YOUNG: {"Phone": 0.7, "Car": 0.3}, HEAVY: ...}
ADDED_COLUMNS: dict[str, dict[str, SkewedRange | dict[str, float]]] = {}


@dataclass(frozen=True, slots=True)
class SampleMonthPlan:
    """One month's group sizes, movements and planted errors."""

    sizes: dict[str, int]  # listeners in each group; every month they sum to 4,914
    leavers: int  # listeners of the month before who leave; as many new ones come
    moves: dict[tuple[str, str], int]  # listeners who move from one group to another
    missing: dict[str, int]  # empty cells in each column; none in ADDED_COLUMNS
    ages: tuple[int, ...]  # impossible values, each in a row of its own
    days: tuple[int, ...]  # likewise


def _map_missing_counts(*counts: int) -> dict[str, int]:
    names = [column.name for column in SCHEMA.columns if column.name not in (USER_ID, *ADDED_COLUMNS)]
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
    """One month of the synthetic panel."""

    users: pd.DataFrame  # one row per listener, in random order, with the columns of `SCHEMA`
    groups: NDArray[np.str_]  # the planted group of each row

    def to_csv(self) -> str:
        """Return the text of the month's CSV file."""
        return str(self.users.to_csv(index=False, lineterminator="\n"))


def make_sample_month(month: str, seed: int = 2026) -> SampleMonth:
    """Make one of the `SAMPLE_MONTHS`: 4,914 listeners.

    One id is one listener in every month. Another seed gives another panel.

    Raises
    ------
    SegmentationError
        If `MONTH_PLANS` has no such month.
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
    # NumPy keeps the stream of PCG64 for good; `default_rng` may use another generator one day
    return np.random.Generator(np.random.PCG64(key))


def _draw_uniform(rng: np.random.Generator, n: int, low: float = 0.0, high: float = 1.0) -> UniformDraws:
    return low + (high - low) * rng.random(n)


def _draw_bell(rng: np.random.Generator, n: int) -> UniformDraws:
    """Draw n numbers between 0 and 1, bell-shaped."""
    return 0.7 * rng.random(n) + 0.3 * rng.random(n)


def _scale_to_range(t: UniformDraws, spread: SkewedRange) -> UniformDraws:
    """Map numbers between 0 and 1 to a range."""
    return spread.low + (spread.high - spread.low) * (t + spread.skew * t * (1 - t))


def _draw_categories(rng: np.random.Generator, n: int, shares: dict[str, float]) -> NDArray[np.object_]:
    """Draw n categories by their shares."""
    return _pick_categories(rng.random(n), shares)


def _pick_categories(chance: UniformDraws, shares: dict[str, float]) -> NDArray[np.object_]:
    """Return the category for each uniform number."""
    edges = np.cumsum(list(shares.values()))
    return np.array(list(shares), dtype=object)[np.searchsorted(edges[:-1] / edges[-1], chance, "right")]


def _draw_permutation(rng: np.random.Generator, n: int) -> NDArray[np.intp]:
    return np.argsort(rng.random(n), kind="stable")


def _make_listeners(name: str, n: int, month: int, rng: np.random.Generator) -> pd.DataFrame:
    """Make n listeners of one group, without ids.

    Month 0 is the first one.
    """
    group = GROUPS[name]
    job = _draw_categories(rng, n, dict(zip(EMPLOYMENT, group.employment, strict=True)))
    # part-time work, study and unemployment pay less, except for high earners
    paid = np.where(job == "Employed full-time", 1.0, 0.8) if name != HIGH_EARNERS else np.ones(n)
    listening = _draw_bell(rng, n)
    rise = math.prod([MONTHLY_USAGE_GROWTH] * month) if name == HIGH_EARNERS else 1.0
    activity = 0.8 * _draw_bell(rng, n) + 0.2 * listening  # heavy listeners are active on more days
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


def _make_added_column(panel: pd.DataFrame, name: str, by_group: dict[str, SkewedRange | dict[str, float]]) -> Any:
    """Make a column from each listener's id and group.

    The hash of the id and the column's name serves as the uniform number.
    """
    digests = (hashlib.blake2b(f"{name}:{one}".encode(), digest_size=4).digest() for one in panel[USER_ID])
    chance = np.array([int.from_bytes(digest, "big") / 2**32 for digest in digests])
    values = np.empty(len(panel), dtype=object)
    for group, shape in by_group.items():
        rows = np.flatnonzero(panel["group"] == group)
        if isinstance(shape, SkewedRange):
            values[rows] = _scale_to_range(chance[rows], shape).round(SCHEMA[name].digits)
        else:
            values[rows] = _pick_categories(chance[rows], shape)
    return pd.Series(values, panel.index).infer_objects()


def _make_newcomers(sizes: dict[str, int], month: int, rng: np.random.Generator, taken: set[str]) -> pd.DataFrame:
    """Make new listeners of each group, with unused ids."""
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
    """Return the panel one month later."""
    plan = MONTH_PLANS[SAMPLE_MONTHS[month]]
    taken = set(panel[USER_ID])
    stay = panel.iloc[_draw_permutation(rng, len(panel))[plan.leavers :]].reset_index(drop=True)
    n = len(stay)
    stay["age"] += stay["birthday"] == month
    stay["usage"] *= np.where(stay["group"] == HIGH_EARNERS, MONTHLY_USAGE_GROWTH, 1.0)
    raised = rng.random(n) < 0.04
    stay["annual_income"] *= np.where(raised & (stay["group"] != HIGH_EARNERS), _draw_uniform(rng, n, 1.0, 1.06), 1.0)
    _move_listeners(stay, plan.moves, month, rng)
    gap = (stay["days"] - stay["days_now"]).clip(-MAX_HABIT_STEP_DAYS, MAX_HABIT_STEP_DAYS)
    stay["days_now"] += gap + _draw_uniform(rng, n, -HABIT_JITTER_DAYS, HABIT_JITTER_DAYS)
    have = stay["group"].value_counts()
    wanted = {name: size - int(have[name]) for name, size in plan.sizes.items()}
    return pd.concat([stay, _make_newcomers(wanted, month, rng, taken)], ignore_index=True)


def _move_listeners(
    panel: pd.DataFrame, moves: dict[tuple[str, str], int], month: int, rng: np.random.Generator
) -> None:
    """Move listeners between groups, in place.

    Age stays, so only listeners whose age suits the new group move, preferably those with about its active days. Only a
    move to or from the high earners changes an income.
    """
    unmoved = np.ones(len(panel), dtype=bool)
    for (origin, target), n in moves.items():
        to = GROUPS[target]
        suits = panel["age"].between(to.age.low + 3, to.age.high - 3)
        rows = np.flatnonzero((panel["group"] == origin) & suits & unmoved)
        far = (panel["days_now"].iloc[rows] - (to.days.low + to.days.high) / 2).abs()
        rows = rows[np.argsort(far + _draw_uniform(rng, len(rows), 0, 60), kind="stable")[:n]]
        new = _make_listeners(target, n, month, rng)
        changed = ["group", "usage", "days"]
        if HIGH_EARNERS in (origin, target):
            changed += ["employment_status", "annual_income"]
        for name in changed:
            panel.loc[rows, name] = new[name].to_numpy()
        unmoved[rows] = False


def _make_month_file(panel: pd.DataFrame, plan: SampleMonthPlan, rng: np.random.Generator) -> SampleMonth:
    """Turn the panel into a month, with planned errors."""
    n = len(panel)
    panel = panel.iloc[_draw_permutation(rng, n)].reset_index(drop=True)
    columns: dict[str, Any] = {
        **{name: panel[name].round() for name in SCHEMA.numbers if name in panel},
        **{name: _make_added_column(panel, name, by_group) for name, by_group in ADDED_COLUMNS.items()},
        "annual_income": (panel["annual_income"] / 50).round() * 50,
        "usage_per_month": (panel["usage"] * _draw_uniform(rng, n, 0.94, 1.06)).round().clip(1, 3000),
        "num_of_days_active": panel["days_now"].round().clip(31, 365),
    }
    users = panel.assign(**columns)[[column.name for column in SCHEMA.columns]]
    users = users.astype({name: "Int64" for name in SCHEMA.numbers if not SCHEMA[name].digits})
    error_rows = iter(_draw_permutation(rng, n))
    for name, values in (("age", plan.ages), ("num_of_days_active", plan.days)):
        for value in values:
            users.loc[next(error_rows), name] = value
    for name, count in plan.missing.items():
        for _ in range(count):
            users.loc[next(error_rows), name] = pd.NA if name in SCHEMA.numbers else None
    return SampleMonth(users=users, groups=panel["group"].to_numpy(dtype=np.str_))


if __name__ == "__main__":
    paths.write_sample_months(
        paths.ROOT / "data", {month: make_sample_month(month).to_csv() for month in SAMPLE_MONTHS}
    )
