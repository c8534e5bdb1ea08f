"""Facts about the number of segments: the curve, the indices, the votes."""

from dataclasses import dataclass
from typing import Literal

DecidedBy = Literal["elbow", "silhouette", "panel", "previous", "settings"]
Criterion = Literal[
    "elbow", "gap", "silhouette", "calinski_harabasz", "davies_bouldin", "stability", "valleys", "mixture"
]
EvidenceLevel = Literal["clear", "at least", "weak", "none"]


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
    """Who chose: the panel; the bend; the silhouette, where there is no bend; last month's number; or settings.toml."""


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
    """How well the segments used are attested: clear; at least, where there may be more; weak, where only some are set apart; or none."""
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
    agreement: float | None = None
    """Where a Gaussian mixture finds as many groups as there are segments: share of users whose segment is their group."""
