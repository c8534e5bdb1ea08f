"""The users kept, as the stages ask for them: each a point in memory, or in an engine with cells to stand for them.

Both answer the same questions, so that the stages don't know which they have.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import narwhals as nw
import numpy as np

from segmentation import intervals
from segmentation.cells import cells_of, steady
from segmentation.clusters import Model, assign
from segmentation.drawn import is_mixed, sample_cells, sample_users
from segmentation.exact import STILL, Exact, crossed, numbered, settle_on_users
from segmentation.facts import Basis, Scale
from segmentation.features import Floats, Labels, Points, standardise
from segmentation.flows import cross
from segmentation.history import Past
from segmentation.schema import NUMBERS, USER_ID, Frame, Users
from segmentation.tally import SEGMENT_NUMBER, Moments, Summary

FINE_ENOUGH = 0.001  # part of the inertia by which cells may differ from their users


class Crowd(Protocol):
    """Users kept, and points that stand for them."""

    @property
    def points(self) -> Points:
        """What is clustered."""

    @property
    def judged(self) -> Points:
        """Users by whom it is judged whether there are segments."""

    def settled(self, model: Model) -> tuple[Model, Basis]:
        """Move a model of the points until it is one of all users; inertia is that of all users."""

    def numbered(self, model: Model) -> Users:
        """Give the users with the number of each one's segment."""

    def overlap(self, past: Past, model: Model) -> Floats:
        """Count users by last month's model (rows) and by this one (columns)."""

    def known(self, numbers: Moments, model: Model, *, seed: int) -> Sequence[Sequence[Any]]:
        """Give the intervals of every segment's numbers."""

    def named(self, model: Model, ids: Sequence[str], column: str) -> Users:
        """Give the users with the id of each one's segment, in the order in which they came."""


@dataclass(frozen=True, slots=True)
class Everybody:
    """Each user a point, in memory.

    Attributes
    ----------
    users : narwhals.DataFrame
        Users kept, in an order that doesn't depend on the one they came in.
    in_file : ndarray
        Where each row of the file lies among them.
    points : Points
        One a user.
    """

    users: Frame
    in_file: Labels
    points: Points

    @classmethod
    def of(cls, users: Users, scale: Scale) -> "Everybody":
        """Take the users into memory."""
        here, scale = users.collect() if isinstance(users, nw.LazyFrame) else users, steady(scale)
        order = _in_any_order(here, tuple(scale.mean))
        here = here[order.tolist()]
        return cls(here, np.argsort(order), standardise(here, scale))

    @property
    def judged(self) -> Points:
        """All of them."""
        return self.points

    def settled(self, model: Model) -> tuple[Model, Basis]:
        """Give it back: it is one."""
        return model, Basis()

    def numbered(self, model: Model) -> Frame:
        """Lay the numbers beside the users."""
        labels = assign(self.points.values, model.centres)
        return self.users.with_columns(
            nw.new_series(SEGMENT_NUMBER, labels, backend=nw.get_native_namespace(self.users))
        )

    def overlap(self, past: Past, model: Model) -> Floats:
        """Count in memory."""
        return cross(past, self.points, assign(self.points.values, model.centres), model.k)

    def known(self, numbers: Moments, model: Model, *, seed: int) -> Sequence[Sequence[Any]]:
        """Draw bootstraps: few users lean."""
        values = np.column_stack([self.users.get_column(name).to_numpy().astype(float) for name in NUMBERS])
        labels = assign(self.points.values, model.centres)
        return intervals.numbers(values, labels, len(numbers.size), seed=seed)

    def named(self, model: Model, ids: Sequence[str], column: str) -> Frame:
        """Give them in the order of the file."""
        labels = assign(self.points.values, model.centres)
        named = [ids[label] for label in labels]
        backend = nw.get_native_namespace(self.users)
        users: Frame = self.users.with_columns(nw.new_series(column, named, backend=backend))
        ordered: Frame = users[self.in_file.tolist()]
        return ordered


@dataclass(frozen=True, slots=True)
class Multitude:
    """Users where their engine has them, cells of them to cluster, and a sample to judge by.

    Attributes
    ----------
    users : narwhals.LazyFrame
        Users kept.
    points : Points
        Their cells.
    judged : Points
        A sample of them.
    step : float
        Side of a cell, in SDs.
    """

    users: Users
    points: Points
    judged: Points
    step: float

    @classmethod
    def of(
        cls, users: Users, scale: Scale, found: dict[str, Summary], *, step: float, sample: int, seed: int
    ) -> "Multitude":
        """Count the users by cells, and draw the sample."""
        users, scale = users.lazy(), steady(scale)
        n = next(iter(found.values())).users
        points, wanted = cells_of(users, scale, found, step), min(sample, n)
        judged = sample_users(users, scale, n, wanted)
        if not is_mixed(judged, wanted):
            judged = sample_cells(points, wanted, seed=seed)
        return cls(users, points, judged, step)

    def finer(self, found: dict[str, Summary]) -> "Multitude":
        """Give the same on a finer grid."""
        step = self.step * 0.7
        return replace(self, points=cells_of(self.users, self.points.scale, found, step), step=step)

    def settled(self, model: Model) -> tuple[Model, Basis]:
        """Scan the users until no centre moves, or as often as that may take."""
        exact: Exact = settle_on_users(self.users, self.points, model)
        basis = Basis(
            points="cells",
            cells=len(self.points.values),
            step=self.step,
            sample=len(self.judged.values),
            bound=exact.bound,
            steps=exact.steps,
            moved=exact.moved if exact.moved > STILL else None,
        )
        return exact.model, basis

    def numbered(self, model: Model) -> Users:
        """Let the engine find the nearest centre."""
        return numbered(self.users, self.points.scale, model.centres)

    def overlap(self, past: Past, model: Model) -> Floats:
        """Let the engine count."""
        counts = np.zeros((len(past.ids), model.k))
        if past.ids:
            seen = crossed(self.users, (past.scale, past.centres), (self.points.scale, model.centres))
            for (i, j), n in seen.items():
                counts[i, j] = n
        return counts

    def known(self, numbers: Moments, model: Model, *, seed: int) -> Sequence[Sequence[Any]]:  # noqa: ARG002 - of both kinds
        """Take the limit of many users."""
        return intervals.of_moments(numbers)

    def named(self, model: Model, ids: Sequence[str], column: str) -> Users:
        """Give them lazily: whoever writes them down makes the engine work."""
        name = nw.lit(ids[-1])
        for number, id_ in reversed(list(enumerate(ids[:-1]))):
            name = nw.when(nw.col(SEGMENT_NUMBER) == number).then(nw.lit(id_)).otherwise(name)
        return self.numbered(model).with_columns(name.alias(column)).drop(SEGMENT_NUMBER)


def _in_any_order(users: Frame, features: Sequence[str]) -> Labels:
    """Give an order of the rows that doesn't depend on the one they came in: bootstraps and samples draw rows.

    By id, by the features, and by other columns only where those are equal: one column more in the file moves nothing.
    """
    names = dict.fromkeys([*(name for name in (USER_ID, *features) if name in users.columns), *users.columns])
    keys = [users.get_column(name).to_numpy() for name in reversed(names)]
    return np.lexsort([key if key.dtype.kind in "fiub" else key.astype(str) for key in keys])
