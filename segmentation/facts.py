"""The contract: everything that a page may show, as frozen results that go to facts.json and come back.

Depends on no number-cruncher, so that a document that only lays facts out starts fast. Each field is documented
where it stands: the schema in `docs/facts.schema.json` is made from these lines.
"""

import math
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError

from segmentation.errors import FactsError
from segmentation.thresholds import StabilityGrade

FACTS_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Source:
    """Where the month's users come from."""

    name: str
    """Name of the file or folder, without where it lies, or of the database that was asked."""
    sha256: str
    """Hash that tells this source from others; `hashed` says of what."""
    synthetic: bool
    """Whether these are the made-up users that the project ships; then every page says so."""
    hashed: Literal["bytes", "files", "query"] = "bytes"
    """What the hash is of: the file's bytes; the list of a folder's files with the hash of each; or who was asked for
    what, where a database or a cluster answered."""


@dataclass(frozen=True, slots=True)
class Brand:
    """How the report signs itself, from settings.toml."""

    name: str
    """Name of the service."""
    accent: str
    """Accent colour, "#rrggbb"."""
    contact: str
    """Whom a reader may ask; empty where settings name nobody."""


CleaningRule = Literal["missing", "repeated", "out_of_range"]
DecidedBy = Literal["elbow", "silhouette", "panel", "settings"]
Criterion = Literal[
    "elbow", "gap", "silhouette", "calinski_harabasz", "davies_bouldin", "stability", "valleys"
]
EvidenceLevel = Literal["clear", "weak", "none"]
TransitionKind = Literal["survived", "split", "merged", "vanished", "emerged"]


@dataclass(frozen=True, slots=True)
class DroppedRows:
    """Rows that cleaning left out, by the first rule that each of them broke."""

    rule: CleaningRule
    """What was wrong: no value, a user who is there already, or a value that can't be."""
    column: str
    """Where it was wrong."""
    rows: int
    """Number of rows; a row counts once."""


@dataclass(frozen=True, slots=True)
class CleaningAudit:
    """What cleaning read, kept and dropped: kept and dropped add up to read."""

    read: int
    """Rows in the file."""
    kept: int
    """Rows that the analysis uses."""
    dropped: tuple[DroppedRows, ...]
    """Rules that were broken, in the order in which they are asked; none without a row."""
    valid: dict[str, tuple[float, float | None]]
    """The smallest and largest possible value of each number; no largest where nothing is too much."""
    joined: dict[str, int] = field(default_factory=dict)
    """By category: how many spellings were read as another that looks the same, such as one with a space of no width; a
    column without any is left out."""


@dataclass(frozen=True, slots=True)
class NumberDistribution:
    """How one number column is spread, before and after cleaning."""

    edges: tuple[float, ...]
    """Borders of the bins, in the column's unit; a bin holds its left border, the last both."""
    before: tuple[int | None, ...]
    """Rows as read, by bin; values outside the bins are in `outside`. Nothing where it would give somebody away."""
    after: tuple[int | None, ...]
    """Rows kept, by bin; nothing where they are too few to be shown."""
    missing: int
    """Rows as read without a value."""
    outside: int
    """Rows as read with a value outside the valid range."""
    mean: float
    """Mean of the rows kept."""
    sd: float
    """Population standard deviation of the rows kept."""
    quartiles: tuple[float, float, float]
    """First quartile, median and third quartile of the rows kept."""


@dataclass(frozen=True, slots=True)
class CategoryCount:
    """How often one value of a category stands in the file."""

    value: str
    """The value."""
    before: int | None
    """Rows as read; nothing where it would give somebody away."""
    after: int
    """Rows kept."""
    merged: bool | None = None
    """Whether it stands for several values, of too few rows or more than a page has room for; nothing in months made before
    this was written down."""


@dataclass(frozen=True, slots=True)
class CategoryDistribution:
    """How one category column is spread, before and after cleaning."""

    values: tuple[CategoryCount, ...]
    """Values by rows kept, the most frequent first."""
    missing: int
    """Rows as read without a value."""


@dataclass(frozen=True, slots=True)
class ColumnDistributions:
    """Every column that the analysis describes, before and after cleaning."""

    numbers: dict[str, NumberDistribution]
    """By column."""
    categories: dict[str, CategoryDistribution]
    """By column."""


@dataclass(frozen=True, slots=True)
class ElbowCurve:
    """The curve of inertia and the number of segments that came of it."""

    k: tuple[int, ...]
    """Numbers of segments tried."""
    inertia: tuple[float, ...]
    """Sum of squared distances to the nearest centre for each k, in squared SDs; the best of all starts."""
    knee: int | None
    """Where Kneedle sees the curve bend; nothing where it sees no bend."""
    chosen: int
    """Number of segments that the report uses."""
    decided_by: DecidedBy
    """Who chose: the bend; the silhouette, where there is no bend; the panel; or a number in settings.toml."""


@dataclass(frozen=True, slots=True)
class ValidityIndices:
    """How well separated the segments are for each k of 2 and more."""

    k: tuple[int, ...]
    """Numbers of segments."""
    silhouette: tuple[float, ...]
    """Mean silhouette of all users (micro), -1 to 1."""
    silhouette_macro: tuple[float, ...]
    """Mean of the segments' own mean silhouettes (macro), -1 to 1."""
    calinski_harabasz: tuple[float, ...]
    """Between over within variance; more is better."""
    davies_bouldin: tuple[float, ...]
    """Mean likeness of each segment to its nearest; less is better."""


@dataclass(frozen=True, slots=True)
class Vote:
    """One judge's number of segments."""

    judge: Criterion
    """Who votes."""
    k: int | None
    """The number; 1 is "no segments"; nothing where the judge sees nothing to vote on."""


@dataclass(frozen=True, slots=True)
class StructureEvidence:
    """Whether there are segments at all."""

    evidence: EvidenceLevel
    """How well the segments used are attested: clear; weak, where only some are set apart; or none."""
    reliable: bool
    """Whether anything may be called a segment; if not, the report describes and sells nothing."""
    panel: int
    """The panel's number of segments; 1 is "no reliable segments"."""
    votes: tuple[Vote, ...]
    """Every judge's."""
    gap: tuple[float, ...]
    """For each k tried: mean log inertia of structureless users less the users' own."""
    gap_se: tuple[float, ...]
    """Standard error of each."""
    band_low: tuple[float, ...]
    """For each k tried: what 97.5 of 100 structureless crowds of the same shape exceed in inertia, in squared SDs."""
    band_high: tuple[float, ...]
    """For each k tried: what 2.5 of 100 of them exceed."""
    below_band: bool
    """Whether the curve falls faster than structureless users let expect."""


@dataclass(frozen=True, slots=True)
class ConfidenceInterval:
    """Where the truth lies, 95 times in 100."""

    low: float
    """Its lower end."""
    high: float
    """Its upper end."""


@dataclass(frozen=True, slots=True)
class SegmentStability:
    """How often a segment comes again when other users are drawn from the same crowd."""

    jaccard: float
    """Mean likeness to the nearest segment of a bootstrap, 0 to 1."""
    dissolved: float
    """Share of bootstraps in which it is dissolved: likeness of 0.5 or less."""
    recovered: float
    """Share of bootstraps in which it comes again: likeness of 0.75 or more."""
    grade: StabilityGrade
    """The mean in words."""


@dataclass(frozen=True, slots=True)
class FeatureScale:
    """What one standard deviation means: the space in which the centres lie."""

    mean: dict[str, float]
    """Mean of each feature, in its unit."""
    sd: dict[str, float]
    """Population standard deviation of each feature, in its unit."""


@dataclass(frozen=True, slots=True)
class AffinityIndex:
    """A value of a segment against the same of all users: 100 is the average."""

    value: float | None
    """The index; nothing where the base is too small to speak."""
    base: int | None
    """Users it rests on: of the segment for a number, of the segment with that value for a category. Nothing where
    they are too few to be shown."""
    interval: ConfidenceInterval | None
    """Where the index lies, 95 times in 100."""
    share: float | None = None
    """For a category: the part of the segment that has this value, 0 to 1; nothing where they are too few."""

    @property
    def is_significant(self) -> bool:
        """Whether the index may be said: it is there, and the average, 100, lies outside its interval."""
        return (
            self.value is not None
            and self.interval is not None
            and not self.interval.low <= 100 <= self.interval.high
        )


@dataclass(frozen=True, slots=True)
class NotableDifference:
    """One thing in which a segment differs from all users."""

    column: str
    """The column."""
    category: str | None
    """The value of the category; nothing for a number."""
    index: float
    """Its index, 80 or less, or 120 or more."""


@dataclass(frozen=True, slots=True)
class KpiTarget:
    """What a segment's play is judged by."""

    column: str
    """The number that should move."""
    baseline: float
    """Its mean in the segment this month, in the column's unit."""
    target: float
    """Where it should be, in the column's unit."""


@dataclass(frozen=True, slots=True)
class Play:
    """What marketing does with a segment: the words of the playbook's rule that fits it."""

    rule: str
    """Name of the rule in templates/playbook.toml."""
    objective: str
    """What it is for."""
    offer: str
    """The one proposition."""
    message: str
    """What to say."""
    channel: str
    """Where to say it."""
    timing: str
    """When to say it."""
    tone_is: str
    """How it sounds."""
    tone_is_not: str
    """How it never sounds."""
    do: str
    """What to do."""
    avoid: str
    """What to avoid."""
    unknown: str
    """What would have to be known to be surer."""
    measure: KpiTarget
    """What it is judged by."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One kind of listener."""

    id: str
    """Stays with the segment from month to month: "S1"."""
    name: str
    """Its name, unique within the month."""
    users: int
    """Users in it."""
    share: float
    """Users over all users kept, 0 to 1."""
    share_interval: ConfidenceInterval
    """Where the share lies, 95 times in 100."""
    centre: dict[str, float]
    """Mean of each feature, in standard deviations from the mean of all users."""
    means: dict[str, float]
    """Mean of each number column, in its unit."""
    medians: dict[str, float]
    """Median of each number column, in its unit."""
    mean_intervals: dict[str, ConfidenceInterval | None]
    """Where each mean lies, 95 times in 100; nothing where there are too few users to say."""
    stability: SegmentStability
    """How often it comes again."""
    apart: bool
    """Whether fewer users live between it and each of its neighbours than on either side."""
    new: bool
    """Whether no segment of the last month stands behind it; False in the first month."""
    name_now: str
    """What it would be called if it were named today; another name than its own is for a person to decide on."""
    silhouette: float
    """Mean silhouette of its users, -1 to 1."""
    index: dict[str, AffinityIndex]
    """Each number column's mean against that of all users."""
    categories: dict[str, dict[str, AffinityIndex]]
    """Each category's shares against those of all users, by column and value."""
    stands_out: tuple[NotableDifference, ...]
    """What sets it apart, the largest difference first."""
    play: Play | None = None
    """What marketing does with it."""


@dataclass(frozen=True, slots=True)
class MapBin:
    """A square of the map with enough users to be drawn."""

    x: float
    """Middle of the square on the first component."""
    y: float
    """Middle of the square on the second component."""
    users: int
    """Users in it."""
    segment: str
    """Id of the segment that most of them belong to."""


@dataclass(frozen=True, slots=True)
class Centroid:
    """Where a segment lies on the map."""

    segment: str
    """Id of the segment."""
    x: float
    """Its users' mean on the first component."""
    y: float
    """Its users' mean on the second component."""


@dataclass(frozen=True, slots=True)
class PcaMap:
    """The features seen in two: principal components of the standardised features."""

    explained: tuple[float, float]
    """Share of the variance that each component explains, 0 to 1."""
    loadings: dict[str, tuple[float, float]]
    """Each feature's part in the components: unit-length directions."""
    axes: dict[Literal["right", "left", "up", "down"], str]
    """The loadings in words: which listeners lie in each direction."""
    step: float
    """Side of a square of the map."""
    cells: tuple[MapBin, ...]
    """The squares with at least `smallest_cell` users."""
    spots: tuple[Centroid, ...]
    """The middle of each segment."""
    hidden: int
    """Users in squares that are not drawn: nobody, or at least `smallest_cell`, so that few are not known either."""


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
class ColumnDrift:
    """Whether a column is spread otherwise than in the last month."""

    psi: float
    """Population stability index: 0 is the same spread."""
    critical: float
    """What two samples of the same people exceed with probability 0.05 / columns: any column of a month, 5 times in 100 at most."""

    @property
    def has_drifted(self) -> bool:
        """Whether the page may say that the column has changed."""
        return self.psi > self.critical


NotFollowedReason = Literal["no ids", "no last ids", "no last users"]


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
class ComputedOn:
    """What the segments were looked for on: every user, or groups of like users where there are too many.

    Sizes, means, tables and the segments themselves are always those of every user.
    """

    points: Literal["users", "cells"] = "users"
    """Whether each user was a point, or each occupied cell of a fine grid was."""
    cells: int | None = None
    """Cells; nothing where each user was a point."""
    step: float | None = None
    """Side of a cell, in SDs."""
    sample: int | None = None
    """Users on whom it was judged whether there are segments: a fixed sample."""
    bound: float | None = None
    """Part by which the cells' inertia differs from that of all users, about the same centres."""
    steps: int | None = None
    """K-means steps over all users that the segments took."""
    moved: float | None = None
    """SDs by which one more step would move a centre, at most; nothing where that is no more than 0.0001."""


@dataclass(frozen=True, slots=True)
class Anomaly:
    """One thing in which a month is unlike the last beyond what its size explains: the month is held."""

    kind: Literal["future", "same_file", "users", "unit", "lost", "gone"]
    """What is suspicious: a month that has not begun, last month's users again, many more or fewer users, a mean that is
    off by a factor, rows lost to a rule of cleaning, or a value of a category that hardly anybody has any more."""
    column: str | None = None
    """Where."""
    value: str | None = None
    """The value of the category that is gone, or the rule that drops the rows."""
    last: float | None = None
    """Last month: rows read, a mean in its column's unit, a share of the rows, or users with the value."""
    now: float | None = None
    """The same, this month; of a value that doesn't stand alone any more, the users who may still have it."""
    month: str | None = None
    """The month that this one is compared with, "2026-09"."""


@dataclass(frozen=True, slots=True)
class Facts:
    """One month, analysed: the one source of every number that is shown anywhere."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    format: int
    """Version of this layout; another one is refused."""
    month: str
    """The month, "2026-10"."""
    source: Source
    """Where the users come from."""
    brand: Brand
    """How the report signs itself."""
    seed: int
    """Where the random numbers start."""
    starts: int
    """How often K-means started anew for each k; the best is kept."""
    features: tuple[str, ...]
    """Number columns that make the segments."""
    smallest_base: int
    """Users below which an index says nothing."""
    smallest_cell: int
    """Users below which no count is shown, and no segment made."""
    audit: CleaningAudit
    """What cleaning did."""
    distributions: ColumnDistributions
    """Every column before and after cleaning."""
    elbow: ElbowCurve
    """How many segments."""
    validity: ValidityIndices
    """How well separated they are."""
    structure: StructureEvidence
    """How sure it is that there are segments."""
    scale: FeatureScale
    """The space of the centres."""
    averages: dict[str, float]
    """Mean of each number column over all users kept, in its unit."""
    shares: dict[str, dict[str, float]]
    """Part of all users kept that has each value of each category, 0 to 1."""
    segments: tuple[Segment, ...]
    """The segments, the largest first in the month in which they appeared."""
    pca: PcaMap
    """The map."""
    change: MonthComparison | None
    """What changed since the last month; nothing in the first."""
    trend: Trend | None
    """All archived months; nothing before the third."""
    lineage: IdRegistry
    """What the next month has to know."""
    basis: ComputedOn = field(default_factory=ComputedOn)
    """What the segments were looked for on."""
    suspicions: tuple[Anomaly, ...] = ()
    """What a person has to look at before anybody is mailed; none in a month like any other."""

    def get_segment(self, id_: str) -> Segment:
        """Give the segment with this id; KeyError if there is none."""
        return {segment.id: segment for segment in self.segments}[id_]


_FACTS_ADAPTER: TypeAdapter[Facts] = TypeAdapter(Facts)


def facts_to_dict(facts: Facts) -> dict[str, Any]:
    """Give the facts as what JSON can hold, floats at nine significant digits.

    Nine digits are more than any page shows, and fewer than what the number of threads changes.
    """
    rounded: dict[str, Any] = _round_floats(_FACTS_ADAPTER.dump_python(facts, mode="json"))
    return rounded


def facts_from_dict(data: Any) -> Facts:
    """Read facts back.

    Raises
    ------
    FactsError
        If the format is another one, a field is missing, unknown or of the wrong kind, or no month can be like that.
    """
    version = data.get("format") if isinstance(data, dict) else None
    if version != FACTS_FORMAT:
        raise FactsError(
            f"Facts of format {repr(version)[:20]}, expected {FACTS_FORMAT}. They were written by another version: run that month again."
        )
    try:
        found = _FACTS_ADAPTER.validate_python(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise FactsError(
            f"Facts: {place}: {first['msg']}. The file was changed by hand: run that month again."
        ) from error
    wrong = _find_contradiction(found)
    if wrong:
        raise FactsError(f"Facts: {wrong}. The file was changed by hand: run that month again.")
    return found


def _find_contradiction(facts: Facts) -> str:
    """Say what no month can have, so that whatever compares with it need not ask; nothing where all is possible."""
    if not facts.segments or min(segment.users for segment in facts.segments) < 1:
        return "segments: none, or one of nobody"
    if not 1 <= facts.audit.kept <= facts.audit.read:
        return "audit: no user is kept, or more than were read"
    if set(facts.scale.sd) != set(facts.features) or not all(
        0 < sd < math.inf for sd in facts.scale.sd.values()
    ):
        return "scale: a feature without a spread"
    if any(set(segment.centre) != set(facts.features) for segment in facts.segments):
        return "segments: a centre without all features"
    return "" if facts.elbow.chosen in facts.elbow.k else "elbow: the number used was not tried"


def build_facts_schema() -> dict[str, Any]:
    """Give the JSON Schema of facts.json, each field with its description."""
    strict = Facts.__pydantic_config__
    # reading the descriptions from this file takes twenty times as long as all else: a run does without
    Facts.__pydantic_config__ = ConfigDict(**strict, use_attribute_docstrings=True)
    try:
        found = TypeAdapter(Facts).json_schema()
    finally:
        Facts.__pydantic_config__ = strict
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **found}


def _round_floats(value: Any) -> Any:
    """Round every float below a JSON value to nine significant digits."""
    if isinstance(value, float):
        return float(f"{value:.9g}")
    if isinstance(value, dict):
        return {key: _round_floats(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_round_floats(item) for item in value]
    return value
