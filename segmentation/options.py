"""The options of an analysis. Imports nothing heavy."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from segmentation.schema import Schema, ValidRange


@dataclass(frozen=True, slots=True)
class Options:
    """The options of an analysis."""

    schema: Schema
    """The columns, and what is done with each."""
    k_range: tuple[int, int] = (1, 10)
    """Smallest and largest number of segments to try."""
    k: int | Literal["elbow", "panel"] = "panel"
    """Number of segments, or who decides."""
    n_init: int = 50
    """K-means starts for each k."""
    draws: int = 50
    """Structureless data sets that the inertia curve is compared with."""
    bootstraps: int = 100
    """Bootstraps for each segment's stability; the vote on each k takes a quarter of them."""
    seed: int = 2026
    min_base: int = 30
    """Users below which an index says nothing."""
    min_cell: int = 10
    """Users below which no count is shown, and no segment made."""
    exact_users: int = 200_000
    """Users up to which each is a point. Above, k is chosen on grid cells; the segments are still those of all users."""
    grid_step: float = 0.2
    """Side of a grid cell, in SDs; made finer where it would change too much."""
    sample_size: int = 20_000
    """Users in the sample that is judged above `exact_users`."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Names that a person gives, by segment id; they replace the automatic ones."""

    @property
    def features(self) -> tuple[str, ...]:
        """Number columns that make the segments."""
        return self.schema.features

    @property
    def valid(self) -> Mapping[str, ValidRange]:
        """Smallest and largest possible value, by number column."""
        return self.schema.valid

    @property
    def ks(self) -> range:
        """Numbers of segments to try."""
        return range(self.k_range[0], self.k_range[1] + 1)
