"""All facts of one month, the root of facts.json."""

from dataclasses import dataclass, field
from typing import Literal

from pydantic import ConfigDict

from segmentation.facts.data import CleaningAudit, ColumnDistributions, Source
from segmentation.facts.history import Anomaly, IdRegistry, MonthComparison, Trend
from segmentation.facts.segments import FeatureScale, PcaMap, Segment
from segmentation.facts.selection import ElbowCurve, StructureEvidence, ValidityIndices
from segmentation.schema import Schema


@dataclass(frozen=True, slots=True)
class Brand:
    """How the report signs itself, from settings.toml."""

    name: str
    """Name of the service."""
    accent: str
    """Accent colour, "#rrggbb"."""
    contact: str
    """Whom a reader may ask; empty where settings name nobody."""


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
    schema: Schema
    """The columns: what they mean, how they are written, and what was done with them."""
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
