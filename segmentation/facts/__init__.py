"""The contract: everything that a page may show, as frozen results that facts.json stores.

Imports no number library, so that a document that only lays facts out starts fast. Each field has its description below
it: `make schema` builds docs/facts.schema.json from these descriptions.
"""

from segmentation.facts.data import (
    CategoryCount,
    CategoryDistribution,
    CleaningAudit,
    CleaningRule,
    ColumnDistributions,
    DroppedRows,
    NumberDistribution,
    Source,
)
from segmentation.facts.history import (
    Anomaly,
    ColumnDrift,
    IdRegistry,
    MigrationMatrix,
    MonthComparison,
    NotFollowedReason,
    SegmentTransition,
    TransitionKind,
    Trend,
    TrendLine,
)
from segmentation.facts.results import Brand, ComputedOn, Facts
from segmentation.facts.segments import (
    AffinityIndex,
    Centroid,
    ConfidenceInterval,
    FeatureScale,
    KpiTarget,
    MapBin,
    NotableDifference,
    PcaMap,
    Play,
    Segment,
    SegmentStability,
)
from segmentation.facts.selection import (
    Criterion,
    DecidedBy,
    ElbowCurve,
    EvidenceLevel,
    StructureEvidence,
    ValidityIndices,
    Vote,
)
from segmentation.facts.serialise import FACTS_FORMAT, build_facts_schema, facts_from_dict, facts_to_dict

__all__ = [
    "FACTS_FORMAT",
    "AffinityIndex",
    "Anomaly",
    "Brand",
    "CategoryCount",
    "CategoryDistribution",
    "Centroid",
    "CleaningAudit",
    "CleaningRule",
    "ColumnDistributions",
    "ColumnDrift",
    "ComputedOn",
    "ConfidenceInterval",
    "Criterion",
    "DecidedBy",
    "DroppedRows",
    "ElbowCurve",
    "EvidenceLevel",
    "Facts",
    "FeatureScale",
    "IdRegistry",
    "KpiTarget",
    "MapBin",
    "MigrationMatrix",
    "MonthComparison",
    "NotFollowedReason",
    "NotableDifference",
    "NumberDistribution",
    "PcaMap",
    "Play",
    "Segment",
    "SegmentStability",
    "SegmentTransition",
    "Source",
    "StructureEvidence",
    "TransitionKind",
    "Trend",
    "TrendLine",
    "ValidityIndices",
    "Vote",
    "build_facts_schema",
    "facts_from_dict",
    "facts_to_dict",
]
