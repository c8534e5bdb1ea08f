"""Matching of this month's segments with last month's.

K-means numbers its segments anew each month. The centres of both months are compared in last month's scaling and paired so
that the total distance is least. Centres too far apart are not paired.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from segmentation.errors import SegmentationError
from segmentation.facts import Facts, FeatureScale, IdRegistry
from segmentation.preprocessing.scaling import Floats
from segmentation.schema import Schema
from segmentation.tracking.naming import choose_unused_name, is_name_accurate, name_segments

MATCH_TOLERANCE_SE = 2.0  # standard errors added to the distance at which two centres still match


@dataclass(frozen=True, slots=True)
class PreviousModel:
    """Last month's segments, in their order on the pages."""

    scale: FeatureScale  # last month's
    ids: tuple[str, ...]
    names: tuple[str, ...]
    centres: Floats  # shape (k, p), in last month's SDs, columns in the order of `scale`
    users: tuple[int, ...]
    radius: float  # root mean squared distance of a user to the centre, in last month's SDs
    last_id: int  # the highest number that any month has used in an id
    retired: tuple[str, ...] = ()  # names of segments that are gone: no new segment gets one


@dataclass(frozen=True, slots=True)
class SegmentMatch:
    """A segment of last month and its successor."""

    last: int  # number of last month's, from 0
    now: int  # number of this month's, from 0
    distance: float  # between the centres, in last month's SDs


@dataclass(frozen=True, slots=True)
class SegmentIdentity:
    """The id and the name of a segment."""

    number: int  # its number in this month's model, from 0
    id: str  # last month's if matched, else a new one
    name: str  # last month's if matched, else one that no segment has or had
    centre_shift: float | None  # distance from last month's centre, in last month's SDs; None for a new segment
    suggested_name: str  # what it would be called if it were named today
    name_fits: bool  # whether the kept name still fits; if not, a person decides

    @property
    def is_new(self) -> bool:
        """Whether it continues no segment of last month."""
        return self.centre_shift is None


@dataclass(frozen=True, slots=True)
class SegmentLineage:
    """A month's segments in page order, with their ids."""

    segments: tuple[SegmentIdentity, ...]
    """Matched ones in last month's order, then new ones, the largest first."""
    registry: IdRegistry

    def renumber_in_order(self) -> "SegmentLineage":
        """Return the same lineage, segments numbered in page order."""
        segments = tuple(replace(kept, number=place) for place, kept in enumerate(self.segments))
        return replace(self, segments=segments)

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids in the order of this month's model."""
        return tuple(kept.id for kept in sorted(self.segments, key=lambda kept: kept.number))


def extract_previous_model(facts: Facts) -> PreviousModel:
    """Return last month's segments from its facts."""
    segments = facts.segments
    inertia = dict(zip(facts.elbow.k, facts.elbow.inertia, strict=True))[facts.elbow.chosen]
    return PreviousModel(
        scale=facts.scale,
        ids=tuple(segment.id for segment in segments),
        names=tuple(segment.name for segment in segments),
        centres=np.array([[segment.centre[name] for name in facts.scale.mean] for segment in segments]),
        users=tuple(segment.users for segment in segments),
        radius=math.sqrt(inertia / sum(segment.users for segment in segments)),
        last_id=facts.lineage.last_id,
        retired=facts.lineage.retired,
    )


def rescale_values(values: Floats, scale: FeatureScale, target: FeatureScale) -> Floats:
    """Express values in another month's standard deviations.

    Parameters
    ----------
    values : ndarray, shape (n, p)
        In the standard deviations of `scale`, columns in its order.

    Returns
    -------
    ndarray, shape (n, p)
        In the standard deviations of `target`, columns in its order.

    Raises
    ------
    SegmentationError
        If the two months were clustered on different features.
    """
    if set(scale.mean) != set(target.mean):
        raise SegmentationError(
            f"This month is clustered on {', '.join(scale.mean)}, last month was on {', '.join(target.mean)}: "
            "their segments can't be compared. Set `features` in settings.toml as they were, or start anew."
        )
    columns = list(scale.mean)
    parts = [
        (values[:, columns.index(name)] * scale.sd[name] + scale.mean[name] - target.mean[name]) / target.sd[name]
        for name in target.mean
    ]
    return np.column_stack(parts)


def compute_centre_distances(a: Floats, b: Floats) -> Floats:
    """Return the distances between rows of two arrays."""
    distances: Floats = np.sqrt(((a[:, None, :] - b[None, :, :]) ** 2).sum(axis=2))
    return distances


def match_centres(previous: PreviousModel, centres: Floats, sizes: Sequence[float]) -> tuple[SegmentMatch, ...]:
    """Pair the centres of two months by distance.

    Two centres can be a pair if their distance is at most half the distance from last month's centre to its nearest
    neighbour: up to there last month's model assigns users to that segment, whatever the direction. Balls of that radius
    don't overlap, so that one pair hardly depends on the others. `MATCH_TOLERANCE_SE` standard errors of the two centres
    are added. A single segment has no neighbour: it may move by half its radius. Of all possible pairings the one with the
    least total distance is chosen.

    Parameters
    ----------
    centres : ndarray, shape (k, p)
        This month's centres in last month's standard deviations, as from `rescale_values`.
    sizes : sequence of float, length k
        Users in each of this month's segments.

    References
    ----------
    .. [1] Kuhn (1955), "The Hungarian method for the assignment problem", Naval Res. Logist. Quart. 2.
    """
    from scipy.optimize import linear_sum_assignment  # noqa: PLC0415 - slow to import

    distances = compute_centre_distances(previous.centres, centres)
    apart = compute_centre_distances(previous.centres, previous.centres)
    np.fill_diagonal(apart, np.inf)
    nearest = apart.min(axis=1) if len(previous.ids) > 1 else np.array([previous.radius])
    error = previous.radius * np.sqrt(1 / np.asarray(previous.users)[:, None] + 1 / np.asarray(sizes)[None, :])
    same = distances <= nearest[:, None] / 2 + MATCH_TOLERANCE_SE * error
    never = 1 + distances.sum()  # costs more than any set of possible pairs
    pairs = zip(*linear_sum_assignment(np.where(same, distances, never)), strict=True)
    return tuple(SegmentMatch(int(i), int(j), float(distances[i, j])) for i, j in pairs if same[i, j])


def assign_ids(
    previous: PreviousModel,
    matches: Sequence[SegmentMatch],
    centres: Sequence[Mapping[str, float]],
    sizes: Sequence[float],
    schema: Schema,
    names: Mapping[str, str] = MappingProxyType({}),
) -> SegmentLineage:
    """Assign ids and names to this month's segments.

    Parameters
    ----------
    centres : sequence of mapping of str to float, length k
        This month's centres in this month's own standard deviations, for the names.
    sizes : sequence of float, length k
        Users in each of this month's segments.
    schema : Schema
        With the words for features and users.
    names : mapping of str to str
        Names that a person gave, by id. They always fit; `previous` has them already.
    """
    suggested = name_segments(centres, schema)
    taken = {*previous.names, *previous.retired, *names.values()}
    segments = []
    for pair in sorted(matches, key=lambda pair: pair.last):
        n, id_, name = pair.now, previous.ids[pair.last], previous.names[pair.last]
        error = previous.radius / math.sqrt(len(centres[n]) * max(sizes[n], 1))
        fits = id_ in names or suggested[n] == name or is_name_accurate(name, centres[n], schema, standard_error=error)
        segments.append(SegmentIdentity(n, id_, name, pair.distance, suggested[n], name_fits=fits))
    last_id = previous.last_id
    for n in sorted(set(range(len(centres))) - {pair.now for pair in matches}, key=lambda n: -sizes[n]):
        last_id += 1
        id_ = f"S{last_id}"
        name = names.get(id_) or choose_unused_name(suggested[n], centres[n], taken, schema)
        taken.add(name)
        segments.append(SegmentIdentity(n, id_, name, None, suggested[n], name_fits=True))
    gone = [i for i in range(len(previous.ids)) if i not in {pair.last for pair in matches}]
    retired = (*previous.retired, *(previous.names[i] for i in gone))
    return SegmentLineage(tuple(segments), IdRegistry(last_id, retired))
