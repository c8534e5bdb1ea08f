"""What is asked of an analysis: light to import, so that whoever only asks need not wait for what computes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

ValidRange = tuple[float, float | None]


@dataclass(frozen=True, slots=True)
class Options:
    """What is asked of the analysis.

    Attributes
    ----------
    features : tuple of str
        Number columns that make the segments.
    valid : mapping of str to (float, float or None)
        Smallest and largest possible value by number column.
    k_range : (int, int)
        Smallest and largest number of segments to try.
    k : int, "elbow" or "panel"
        Number of segments, or who decides.
    n_init : int
        How often K-means starts anew for each k.
    draws : int
        Structureless crowds that the curve is compared with.
    bootstraps : int
        Bootstraps from which each segment's stability is known; the vote on each k takes a quarter of them.
    seed : int
        Where the random numbers start.
    min_base : int
        Users below which an index says nothing.
    min_cell : int
        Users below which no count is shown, and no segment made.
    exact_users : int
        Users up to which each is a point; above, the number of segments is looked for on groups of like users, and the
        segments themselves are still those of every user.
    grid_step : float
        Side of a cell that holds users alike, in SDs; a finer one is taken where it would change too much.
    sample_size : int
        Users on whom, above `exact_users`, is judged whether there are segments at all.
    names : mapping of str to str
        Names that a person gives, by the segment's id; they take the place of the automatic ones.
    """

    features: tuple[str, ...]
    valid: Mapping[str, ValidRange]
    k_range: tuple[int, int] = (1, 10)
    k: int | Literal["elbow", "panel"] = "elbow"
    n_init: int = 50
    draws: int = 50
    bootstraps: int = 100
    seed: int = 2026
    min_base: int = 30
    min_cell: int = 10
    exact_users: int = 200_000
    grid_step: float = 0.2
    sample_size: int = 20_000
    names: Mapping[str, str] = field(default_factory=dict)

    @property
    def ks(self) -> range:
        """Numbers of segments to try."""
        return range(self.k_range[0], self.k_range[1] + 1)
