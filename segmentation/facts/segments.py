"""Facts about the segments: sizes, indices, plays, and their map."""

from dataclasses import dataclass, field
from typing import Literal

from segmentation.thresholds import StabilityGrade


@dataclass(frozen=True, slots=True)
class ConfidenceInterval:
    """Where the truth lies, 95 times in 100, with the segments' borders as they are."""

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
class FeatureTransform:
    """What is done to a feature's values before distances are measured."""

    kind: Literal["log", "clip"]
    """The logarithm of one more than the value; or the value, moved to the nearer limit if it is outside."""
    low: float | None = None
    """Lower limit of "clip"."""
    high: float | None = None
    """Upper limit of "clip"."""


@dataclass(frozen=True, slots=True)
class FeatureScale:
    """What one standard deviation means: the space in which the centres lie."""

    mean: dict[str, float]
    """Mean of each feature, in its unit or what its transform makes of it."""
    sd: dict[str, float]
    """Population standard deviation of each feature, in the same."""
    transforms: dict[str, FeatureTransform] = field(default_factory=dict)
    """By feature; none for a feature that is taken as it is."""


@dataclass(frozen=True, slots=True)
class AffinityIndex:
    """A value of a segment against the same of all users: 100 is the average."""

    value: float | None
    """The index; nothing where the base is too small to speak."""
    base: int | None
    """Users it rests on: of the segment for a number, of the segment with that value for a category. Nothing where
    they are too few to be shown."""
    interval: ConfidenceInterval | None
    """Where the index lies, 95 times in 100, with these borders; nothing in a month without reliable segments."""
    share: float | None = None
    """For a category: the part of the segment that has this value, 0 to 1; nothing where they are too few."""
    notable: bool = False
    """Whether it differs from 100 by more than chance explains, all comparisons of the month counted."""


@dataclass(frozen=True, slots=True)
class NotableDifference:
    """One thing in which a segment differs from all users."""

    column: str
    """The column."""
    category: str | None
    """The value of the category; nothing for a number."""
    index: float
    """Its index, notable, and 80 or less, or 120 or more."""


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
    is_general: bool = False
    """Whether no rule of the playbook fits, though the segment is far from the average: it got the last one."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One kind of user."""

    id: str
    """Stays with the segment from month to month: "S1"."""
    name: str
    """Its name, unique within the month."""
    users: int
    """Users in it."""
    share: float
    """Users over all users kept, 0 to 1."""
    share_interval: ConfidenceInterval | None
    """Where the share lies, 95 times in 100, with these borders; nothing in a month without reliable segments."""
    centre: dict[str, float]
    """Mean of each feature, in standard deviations from the mean of all users."""
    means: dict[str, float | None]
    """Mean of each number column, in its unit; nothing where no user's value is known."""
    medians: dict[str, float | None]
    """Median of each number column, in its unit; nothing as above."""
    mean_intervals: dict[str, ConfidenceInterval | None]
    """Where each mean lies, 95 times in 100, with these borders; nothing where there are too few users to say, and in a
    month without reliable segments."""
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
    """The loadings in words: which users lie in each direction."""
    step: float
    """Side of a square of the map."""
    cells: tuple[MapBin, ...]
    """The squares with at least `smallest_cell` users."""
    spots: tuple[Centroid, ...]
    """The middle of each segment."""
    hidden: int
    """Users in squares that are not drawn: nobody, or at least `smallest_cell`, so that few are not known either."""
