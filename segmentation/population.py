"""The users kept: in memory, or in an engine.

`InMemoryUsers` and `OutOfCoreUsers` have the same methods, so that the stages needn't know which they have.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import narwhals as nw
import numpy as np

from segmentation.clustering.assign import KMeansModel, assign_nearest
from segmentation.clustering.grid import aggregate_to_grid, round_scale
from segmentation.clustering.refine import CONVERGED_SHIFT, assign_in_engine, count_model_pairs, refine_on_all_users
from segmentation.clustering.sampling import is_usable_sample, sample_cells, sample_users
from segmentation.facts import ComputedOn, FeatureScale
from segmentation.frames import Frame, Users
from segmentation.options import Options
from segmentation.preprocessing.aggregate import SEGMENT_NUMBER, ColumnSummary, SegmentMoments
from segmentation.preprocessing.scaling import Floats, Labels, Points, build_scale, standardise_users
from segmentation.preprocessing.transforms import choose_transforms, summarise_features
from segmentation.profiling.intervals import NumberIntervals, bootstrap_t_intervals, normal_intervals
from segmentation.schema import USER_ID
from segmentation.tracking.matching import PreviousModel
from segmentation.tracking.migration import crosstab_with_previous

_MAX_GRID_ERROR = 0.001  # part of the inertia by which cells may differ from their users
_MIN_GRID_STEP = 0.08  # SDs: no grid is made finer
_FINER_STEP = 0.7  # of the step before


@dataclass(frozen=True, slots=True)
class InMemoryUsers:
    """Users in memory, each one a point."""

    users: Frame  # in an order that doesn't depend on the file's
    file_order: Labels  # index of each row of the file among them
    points: Points

    @classmethod
    def from_users(cls, users: Users, scale: FeatureScale) -> "InMemoryUsers":
        """Take the users into memory."""
        frame = users.collect() if isinstance(users, nw.LazyFrame) else users
        scale = round_scale(scale)
        order = _compute_row_order(frame, tuple(scale.mean))
        frame = frame[order.tolist()]
        return cls(frame, np.argsort(order), standardise_users(frame, scale))

    @property
    def judging_sample(self) -> Points:
        """All users."""
        return self.points

    def assign(self, model: KMeansModel) -> Labels:
        """Assign each user to a segment's number."""
        return assign_nearest(self.points.values, model.centres)

    def refine_model(self, model: KMeansModel) -> tuple[KMeansModel, ComputedOn]:
        """Return the model: it is of all users already."""
        return model, ComputedOn()

    def add_segment_numbers(self, model: KMeansModel) -> Frame:
        """Return the users with their segment's number."""
        return self._add_column(SEGMENT_NUMBER, self.assign(model))

    def count_overlap(self, previous: PreviousModel, model: KMeansModel) -> Floats:
        """Cross-tabulate users by last and this month's model."""
        return crosstab_with_previous(previous, self.points, self.assign(model), model.k)

    def estimate_intervals(
        self, moments: SegmentMoments, model: KMeansModel, *, seed: int
    ) -> Sequence[Sequence[NumberIntervals]]:
        """Return each segment's intervals, by bootstrap."""
        known = moments.count.sum(axis=0) == moments.size.sum()
        complete = [name for name, is_known in zip(moments.columns, known, strict=True) if is_known]
        values = np.column_stack([self.users.get_column(name).to_numpy().astype(float) for name in complete])
        found = bootstrap_t_intervals(values, self.assign(model), len(moments.size), seed=seed)
        if known.all():
            return found
        others = normal_intervals(moments)  # of columns in which not every user has a value
        return [
            [
                found[n][complete.index(name)] if name in complete else others[n][j]
                for j, name in enumerate(moments.columns)
            ]
            for n in range(len(moments.size))
        ]

    def add_segment_ids(self, model: KMeansModel, ids: Sequence[str], column: str) -> Frame:
        """Return users with segment ids, in file order."""
        users = self._add_column(column, [ids[label] for label in self.assign(model)])
        ordered: Frame = users[self.file_order.tolist()]
        return ordered

    def _add_column(self, name: str, values: Any) -> Frame:
        """Return the users with one more column."""
        backend = nw.get_native_namespace(self.users)
        users: Frame = self.users.with_columns(nw.new_series(name, values, backend=backend))
        return users


@dataclass(frozen=True, slots=True)
class OutOfCoreUsers:
    """Users in their engine, with cells and sample."""

    users: Users
    points: Points  # the cells
    judging_sample: Points
    grid_step: float  # side of a cell, in SDs
    summaries: dict[str, ColumnSummary]  # of the features, as distances are measured in them

    @classmethod
    def from_users(
        cls, users: Users, scale: FeatureScale, summaries: dict[str, ColumnSummary], options: Options
    ) -> "OutOfCoreUsers":
        """Count the users by cell, and draw the sample."""
        users, scale = users.lazy(), round_scale(scale)
        n_users = next(iter(summaries.values())).users
        sample_size = min(options.sample_size, n_users)
        cells = aggregate_to_grid(users, scale, summaries, options.grid_step)
        sample = sample_users(users, scale, n_users, sample_size)
        if not is_usable_sample(sample, sample_size):
            sample = sample_cells(cells, sample_size, seed=options.seed)
        return cls(users, cells, sample, options.grid_step, summaries)

    def needs_finer_grid(self, basis: ComputedOn) -> bool:
        """Whether cells are too coarse, and may be smaller."""
        return (basis.bound or 0) > _MAX_GRID_ERROR and self.grid_step > _MIN_GRID_STEP

    def refine_grid(self) -> "OutOfCoreUsers":
        """Return the same users on a finer grid."""
        step = self.grid_step * _FINER_STEP
        cells = aggregate_to_grid(self.users, self.points.scale, self.summaries, step)
        return replace(self, points=cells, grid_step=step)

    def refine_model(self, model: KMeansModel) -> tuple[KMeansModel, ComputedOn]:
        """Refine a model of the cells on all users."""
        refined = refine_on_all_users(self.users, self.points, model)
        basis = ComputedOn(
            points="cells",
            cells=len(self.points.values),
            step=self.grid_step,
            sample=len(self.judging_sample.values),
            bound=refined.grid_error,
            steps=refined.steps,
            moved=refined.max_shift if refined.max_shift > CONVERGED_SHIFT else None,
        )
        return refined.model, basis

    def add_segment_numbers(self, model: KMeansModel) -> Users:
        """Return the users with their segment's number."""
        return assign_in_engine(self.users, self.points.scale, model.centres)

    def count_overlap(self, previous: PreviousModel, model: KMeansModel) -> Floats:
        """Cross-tabulate users by last and this month's model."""
        counts = np.zeros((len(previous.ids), model.k))
        if previous.ids:
            pairs = count_model_pairs(
                self.users, (previous.scale, previous.centres), (self.points.scale, model.centres)
            )
            for (i, j), n in pairs.items():
                counts[i, j] = n
        return counts

    def estimate_intervals(
        self,
        moments: SegmentMoments,
        model: KMeansModel,  # noqa: ARG002 - as in `InMemoryUsers`
        *,
        seed: int,  # noqa: ARG002 - as in `InMemoryUsers`
    ) -> Sequence[Sequence[NumberIntervals]]:
        """Return each segment's intervals, by normal approximation."""
        return normal_intervals(moments)

    def add_segment_ids(self, model: KMeansModel, ids: Sequence[str], column: str) -> Users:
        """Return users with segment ids; evaluated when written."""
        name = nw.lit(ids[-1])
        for number, id_ in reversed(list(enumerate(ids[:-1]))):
            name = nw.when(nw.col(SEGMENT_NUMBER) == number).then(nw.lit(id_)).otherwise(name)
        return self.add_segment_numbers(model).with_columns(name.alias(column)).drop(SEGMENT_NUMBER)


Population: TypeAlias = InMemoryUsers | OutOfCoreUsers


def build_population(users: Users, summaries: dict[str, ColumnSummary], options: Options) -> Population:
    """Return the users in memory, or out of core."""
    features = {name: summaries[name] for name in options.features}
    transforms = choose_transforms(users, options.schema.select(options.features), features)
    measured = summarise_features(users, features, transforms)
    scale = build_scale(measured, transforms)
    if next(iter(summaries.values())).users <= options.exact_users:
        return InMemoryUsers.from_users(users, scale)
    return OutOfCoreUsers.from_users(users, scale, measured, options)


def _compute_row_order(users: Frame, features: Sequence[str]) -> Labels:
    """Return a row order independent of the file's.

    Bootstraps and samples draw by row. By id, by the features, and by other columns only where those are equal: one
    column more in the file changes nothing.
    """
    names = dict.fromkeys([*(name for name in (USER_ID, *features) if name in users.columns), *users.columns])
    keys = [users.get_column(name).to_numpy() for name in reversed(names)]
    return np.lexsort([key if key.dtype.kind in "fiub" else key.astype(str) for key in keys])
