"""Facts about earlier months: transitions, migration, drift, trend, ids, anomalies."""

from dataclasses import dataclass, field
from typing import Literal

from segmentation.thresholds import MIN_MEAN_SHIFT, MIN_PSI, MIN_SHARE_SHIFT

TransitionKind = Literal["survived", "split", "merged", "vanished", "emerged"]
NotFollowedReason = Literal["no ids", "no last ids", "no last users"]


@dataclass(frozen=True, slots=True)
class SegmentTransition:
    """What became of one segment since the last month."""

    id: str
    """The segment."""
    name: str
    """Its name."""
    fate: TransitionKind
    """What happened to it."""
    into: tuple[str, ...]
    """Names of this month's segments that hold it now."""
    others: tuple[str, ...]
    """For one that merged: names of the last month's segments that went into the same."""
    last_users: int | None
    """Its users in the last month; nothing if it wasn't there."""
    last_share: float | None
    """Its share of the last month's users, 0 to 1."""
    share: float | None
    """Its share of this month's users; nothing if it is gone."""
    same_borders: float | None
    """Its share of this month's users had its borders stayed where they were; nothing where they are too few to be
    shown."""


@dataclass(frozen=True, slots=True)
class MigrationMatrix:
    """People who are in both months, by their segment then and now; nothing where they are too few to be shown."""

    rows: tuple[str, ...]
    """Names of the last month's segments."""
    columns: tuple[str, ...]
    """Names of this month's segments."""
    users: tuple[tuple[int | None, ...], ...]
    """People, a row for each of the last month's segments."""
    gone: tuple[int | None, ...]
    """People of each of the last month's segments who are not there this month."""
    new: tuple[int | None, ...]
    """People of each of this month's segments who were not there in the last."""
    both: int | None
    """People who are in both months; nothing where that, and the months' sizes, would tell a small count."""
    stayed: float | None
    """Part of them who are in the segment that they were in, 0 to 1; nothing where it would tell a small count, or there
    is nobody."""


@dataclass(frozen=True, slots=True)
class FollowedChange:
    """How a column changed among the users who are in both months."""

    size: float
    """Of a number: the mean change, in SDs of the last month. Of a category: the change in the share of the value that
    changed most, -1 to 1. Rounded so far that it tells no small count."""
    value: str | None
    """The value of the category that changed most; nothing for a number."""
    beyond_chance: bool
    """Whether a paired test finds it in at most 0.05 / (2 * columns) of months without a change."""

    @property
    def is_notable(self) -> bool:
        """Whether the page may tell of it: it is neither chance nor a trifle."""
        return self.beyond_chance and abs(self.size) >= (MIN_MEAN_SHIFT if self.value is None else MIN_SHARE_SHIFT)


@dataclass(frozen=True, slots=True)
class ColumnDrift:
    """Whether a column is spread otherwise than in the last month."""

    psi: float
    """Population stability index: 0 is the same spread."""
    critical: float
    """What two samples of the same people exceed with probability 0.05 / columns, or half of that where users are
    followed: any column of a month, 5 times in 100 at most."""
    followed: FollowedChange | None = None
    """Of the users in both months; nothing where they can't be followed, or are too few."""

    @property
    def has_drifted(self) -> bool:
        """Whether the page may say that the column has changed: it is neither chance nor a trifle."""
        return self.psi > max(self.critical, MIN_PSI)


@dataclass(frozen=True, slots=True)
class ColumnContinuity:
    """Whether a column still stands beside its users."""

    agreement: float | None = None
    """How far it is the same for the users in both months: 1 for all of them, 0 as for strangers; to a tenth. Nothing
    where they are fewer than 200, or nearly everybody is alike."""
    unrelated: bool = False
    """Whether it went with other columns in the last month, and goes with none any more."""


@dataclass(frozen=True, slots=True)
class MonthComparison:
    """What changed since the last month."""

    month: str
    """The last month that was made, "2026-09"."""
    users: int
    """Users kept in it."""
    segments: tuple[SegmentTransition, ...]
    """Its segments in their order, then those that emerged."""
    flow: MigrationMatrix | None
    """Who moved; nothing where nobody can be followed."""
    drift: dict[str, ColumnDrift]
    """By number and category column."""
    unfollowed: NotFollowedReason | None = None
    """Why nobody can be followed: this month's file has no ids, the last month's had none, or its users can't
    be read from the archive."""
    reliable: bool = True
    """Whether the last month had segments to rely on: what became of groups that were none is not told."""
    retention: float | None = None
    """Part of the smaller month's users who are in both, to a tenth; nothing where nobody can be followed, or a month has
    fewer than 200 users."""
    continuity: dict[str, ColumnContinuity] = field(default_factory=dict)
    """By number and category column; empty where the last month's users can't be read."""
    emptied: tuple[str, ...] = ()
    """Ids of the last month's segments within whose borders hardly anybody is left."""


@dataclass(frozen=True, slots=True)
class TrendLine:
    """One segment's share over the months."""

    id: str
    """The segment."""
    name: str
    """Its name in the last month in which it was there."""
    shares: tuple[float | None, ...]
    """Its share of each month's users; nothing where it, or the month, is not there."""


@dataclass(frozen=True, slots=True)
class Trend:
    """Shares of all segments over all archived months."""

    months: tuple[str, ...]
    """Every month from the first to the last, one that is missing included."""
    lines: tuple[TrendLine, ...]
    """Segments by the number of their id."""


@dataclass(frozen=True, slots=True)
class IdRegistry:
    """What the next month has to know, so that no id is given twice, and no name among segments of the same features."""

    last_id: int
    """The highest number ever used in an id."""
    retired: tuple[str, ...]
    """Names of segments that are gone."""


@dataclass(frozen=True, slots=True)
class Anomaly:
    """One thing in which a month is unlike the last beyond what its size explains: the month is held."""

    kind: Literal[
        "future",
        "same_file",
        "users",
        "unit",
        "scale",
        "lost",
        "gone",
        "segment",
        "other_ids",
        "reused_ids",
        "other_users",
        "unrelated",
    ]
    """What is suspicious: a month that has not begun, last month's users again, many more or fewer users, a mean that is
    off by a factor, a median and quartiles that are, rows lost to a rule of cleaning, a value of a category that hardly
    anybody has any more, a segment in whose place hardly anybody is left, ids of which hardly any was there, ids that
    stand for other users, one column that belongs to other users, or one that goes with no other column any more."""
    column: str | None = None
    """Where; of ids that stand for other users, a column that shows it."""
    value: str | None = None
    """The value of the category that is gone, the rule that drops the rows, or the name of the segment."""
    last: float | None = None
    """Last month: rows read, a mean or a median in its column's unit, a share of the rows, users with the value or in the
    segment."""
    now: float | None = None
    """The same, this month; of a value that doesn't stand alone any more, the users who may still have it."""
    month: str | None = None
    """The month that this one is compared with, "2026-09"."""
