"""The users kept, as the stages ask for them: each a point in memory, or in an engine with cells to stand for them.

Both answer the same questions, so that the stages don't know which they have.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import narwhals as nw
import numpy as np

from segmentation.clustering.assign import KMeansModel, assign_nearest
from segmentation.clustering.grid import aggregate_to_grid, round_scale
from segmentation.clustering.refine import (
    CONVERGED_SHIFT,
    RefinedModel,
    assign_in_engine,
    count_model_pairs,
    refine_on_all_users,
)
from segmentation.clustering.sampling import is_usable_sample, sample_cells, sample_users
from segmentation.facts import ComputedOn, FeatureScale
from segmentation.preprocessing.aggregate import SEGMENT_NUMBER, ColumnSummary, SegmentMoments
from segmentation.preprocessing.scaling import Floats, Labels, Points, standardise_users
from segmentation.profiling import intervals
from segmentation.schema import NUMBERS, USER_ID, Frame, Users
from segmentation.tracking.matching import PreviousModel
from segmentation.tracking.migration import crosstab_with_previous

MAX_GRID_ERROR = 0.001  # part of the inertia by which cells may differ from their users


class Population(Protocol):
    """Users kept, and points that stand for them."""

    @property
    def points(self) -> Points:
        """What is clustered."""

    @property
    def judging_sample(self) -> Points:
        """Users by whom it is judged whether there are segments."""

    def refine_model(self, model: KMeansModel) -> tuple[KMeansModel, ComputedOn]:
        """Move a model of the points until it is one of all users; inertia is that of all users."""

    def add_segment_numbers(self, model: KMeansModel) -> Users:
        """Give the users with the number of each one's segment."""

    def count_overlap(self, previous: PreviousModel, model: KMeansModel) -> Floats:
        """Count users by last month's model (rows) and by this one (columns)."""

    def estimate_intervals(
        self, moments: SegmentMoments, model: KMeansModel, *, seed: int
    ) -> Sequence[Sequence[Any]]:
        """Give the intervals of every segment's numbers."""

    def add_segment_ids(self, model: KMeansModel, ids: Sequence[str], column: str) -> Users:
        """Give the users with the id of each one's segment, in the order in which they came."""


@dataclass(frozen=True, slots=True)
class InMemoryUsers:
    """Each user a point, in memory.

    Attributes
    ----------
    users : narwhals.DataFrame
        Users kept, in an order that doesn't depend on the one they came in.
    file_order : ndarray
        Where each row of the file lies among them.
    points : Points
        One a user.
    """

    users: Frame
    file_order: Labels
    points: Points

    @classmethod
    def from_users(cls, users: Users, scale: FeatureScale) -> "InMemoryUsers":
        """Take the users into memory."""
        here, scale = users.collect() if isinstance(users, nw.LazyFrame) else users, round_scale(scale)
        order = _compute_row_order(here, tuple(scale.mean))
        here = here[order.tolist()]
        return cls(here, np.argsort(order), standardise_users(here, scale))

    @property
    def judging_sample(self) -> Points:
        """All of them."""
        return self.points

    def refine_model(self, model: KMeansModel) -> tuple[KMeansModel, ComputedOn]:
        """Give it back: it is one."""
        return model, ComputedOn()

    def add_segment_numbers(self, model: KMeansModel) -> Frame:
        """Lay the numbers beside the users."""
        labels = assign_nearest(self.points.values, model.centres)
        return self.users.with_columns(
            nw.new_series(SEGMENT_NUMBER, labels, backend=nw.get_native_namespace(self.users))
        )

    def count_overlap(self, previous: PreviousModel, model: KMeansModel) -> Floats:
        """Count in memory."""
        return crosstab_with_previous(
            previous, self.points, assign_nearest(self.points.values, model.centres), model.k
        )

    def estimate_intervals(
        self, moments: SegmentMoments, model: KMeansModel, *, seed: int
    ) -> Sequence[Sequence[Any]]:
        """Draw bootstraps: few users lean."""
        values = np.column_stack([self.users.get_column(name).to_numpy().astype(float) for name in NUMBERS])
        labels = assign_nearest(self.points.values, model.centres)
        return intervals.bootstrap_t_intervals(values, labels, len(moments.size), seed=seed)

    def add_segment_ids(self, model: KMeansModel, ids: Sequence[str], column: str) -> Frame:
        """Give them in the order of the file."""
        labels = assign_nearest(self.points.values, model.centres)
        named = [ids[label] for label in labels]
        backend = nw.get_native_namespace(self.users)
        users: Frame = self.users.with_columns(nw.new_series(column, named, backend=backend))
        ordered: Frame = users[self.file_order.tolist()]
        return ordered


@dataclass(frozen=True, slots=True)
class OutOfCoreUsers:
    """Users where their engine has them, cells of them to cluster, and a sample to judge by.

    Attributes
    ----------
    users : narwhals.LazyFrame
        Users kept.
    points : Points
        Their cells.
    judging_sample : Points
        A sample of them.
    grid_step : float
        Side of a cell, in SDs.
    """

    users: Users
    points: Points
    judging_sample: Points
    grid_step: float

    @classmethod
    def from_users(
        cls,
        users: Users,
        scale: FeatureScale,
        summaries: dict[str, ColumnSummary],
        *,
        grid_step: float,
        sample_size: int,
        seed: int,
    ) -> "OutOfCoreUsers":
        """Count the users by cells, and draw the sample."""
        users, scale = users.lazy(), round_scale(scale)
        n = next(iter(summaries.values())).users
        points, wanted = aggregate_to_grid(users, scale, summaries, grid_step), min(sample_size, n)
        judged = sample_users(users, scale, n, wanted)
        if not is_usable_sample(judged, wanted):
            judged = sample_cells(points, wanted, seed=seed)
        return cls(users, points, judged, grid_step)

    def refine_grid(self, summaries: dict[str, ColumnSummary]) -> "OutOfCoreUsers":
        """Give the same on a finer grid."""
        step = self.grid_step * 0.7
        return replace(
            self, points=aggregate_to_grid(self.users, self.points.scale, summaries, step), grid_step=step
        )

    def refine_model(self, model: KMeansModel) -> tuple[KMeansModel, ComputedOn]:
        """Scan the users until no centre moves, or as often as that may take."""
        exact: RefinedModel = refine_on_all_users(self.users, self.points, model)
        basis = ComputedOn(
            points="cells",
            cells=len(self.points.values),
            step=self.grid_step,
            sample=len(self.judging_sample.values),
            bound=exact.grid_error,
            steps=exact.steps,
            moved=exact.max_shift if exact.max_shift > CONVERGED_SHIFT else None,
        )
        return exact.model, basis

    def add_segment_numbers(self, model: KMeansModel) -> Users:
        """Let the engine find the nearest centre."""
        return assign_in_engine(self.users, self.points.scale, model.centres)

    def count_overlap(self, previous: PreviousModel, model: KMeansModel) -> Floats:
        """Let the engine count."""
        counts = np.zeros((len(previous.ids), model.k))
        if previous.ids:
            seen = count_model_pairs(
                self.users, (previous.scale, previous.centres), (self.points.scale, model.centres)
            )
            for (i, j), n in seen.items():
                counts[i, j] = n
        return counts

    def estimate_intervals(
        self,
        moments: SegmentMoments,
        model: KMeansModel,  # noqa: ARG002 - the protocol's
        *,
        seed: int,  # noqa: ARG002 - the protocol's
    ) -> Sequence[Sequence[Any]]:
        """Use the normal approximation."""
        return intervals.normal_intervals(moments)

    def add_segment_ids(self, model: KMeansModel, ids: Sequence[str], column: str) -> Users:
        """Give them lazily: whoever writes them down makes the engine work."""
        name = nw.lit(ids[-1])
        for number, id_ in reversed(list(enumerate(ids[:-1]))):
            name = nw.when(nw.col(SEGMENT_NUMBER) == number).then(nw.lit(id_)).otherwise(name)
        return self.add_segment_numbers(model).with_columns(name.alias(column)).drop(SEGMENT_NUMBER)


def _compute_row_order(users: Frame, features: Sequence[str]) -> Labels:
    """Give an order of the rows that doesn't depend on the one they came in: bootstraps and samples draw rows.

    By id, by the features, and by other columns only where those are equal: one column more in the file moves nothing.
    """
    names = dict.fromkeys([*(name for name in (USER_ID, *features) if name in users.columns), *users.columns])
    keys = [users.get_column(name).to_numpy() for name in reversed(names)]
    return np.lexsort([key if key.dtype.kind in "fiub" else key.astype(str) for key in keys])
