"""Segments that last: pair this month's with last month's, so that an id and a name mean the same people's kind.

K-means numbers its segments anew each month. Here both months' centres are laid into last month's scaling, paired
by the least total distance, and a pair too far apart is no pair.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from segmentation.errors import SegmentationError
from segmentation.facts import Facts, FeatureScale
from segmentation.preprocessing.scaling import Floats
from segmentation.tracking.kept_names import choose_unused_name, is_name_accurate
from segmentation.tracking.naming import name_segments

MATCH_TOLERANCE_SE = 2.0  # standard errors of a centre that two samples of one segment may lie further apart


@dataclass(frozen=True, slots=True)
class PreviousModel:
    """Last month's segments, in their order on the pages.

    Attributes
    ----------
    scale : Scale
        Last month's scaling, by feature.
    ids, names : tuple of str, length k
        What each segment was called.
    centres : ndarray, shape (k, p)
        In last month's standard deviations; columns in the order of `scale`.
    users : tuple of int, length k
        Users in each.
    radius : float
        Root of the mean squared distance of a user to the own centre, in last month's SDs.
    last_id : int
        The highest number that any month has used in an id.
    retired : tuple of str
        Names of segments that are gone, which no new one may take.
    """

    scale: FeatureScale
    ids: tuple[str, ...]
    names: tuple[str, ...]
    centres: Floats
    users: tuple[int, ...]
    radius: float
    last_id: int
    retired: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SegmentMatch:
    """One of last month's segments and the one of this month's that continues it, by their numbers from 0."""

    last: int
    now: int
    distance: float
    """Way between the centres, in last month's standard deviations."""


@dataclass(frozen=True, slots=True)
class SegmentIdentity:
    """What one of this month's segments is called, and since when."""

    number: int
    """Its number in this month's model, from 0."""
    id: str
    """Last month's id where it is matched, else a new one."""
    name: str
    """Last month's name where it is matched, else one that no other segment has or had."""
    centre_shift: float | None
    """Way of its centre since last month, in last month's standard deviations; nothing for a new one."""
    suggested_name: str
    """What it would be called if it were named today."""
    name_fits: bool
    """Whether the kept name is still true; False is for a person to decide on."""

    @property
    def is_new(self) -> bool:
        """Whether no segment of last month stands behind it."""
        return self.centre_shift is None


@dataclass(frozen=True, slots=True)
class SegmentLineage:
    """The segments of this month in the order of the pages, and what next month has to know."""

    segments: tuple[SegmentIdentity, ...]
    """Matched ones in last month's order, then new ones, the largest first."""
    gone: tuple[str, ...]
    """Ids of last month's segments that none of this month's continues."""
    last_id: int
    """The highest number ever used in an id."""
    retired: tuple[str, ...]
    """Names that are gone, and stay so."""

    def renumber_in_order(self) -> "SegmentLineage":
        """Give the same with segments numbered by their places on the pages, as a model in that order has them."""
        segments = tuple(replace(kept, number=place) for place, kept in enumerate(self.segments))
        return replace(self, segments=segments)

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids by the number of the segment in this month's model."""
        return tuple(kept.id for kept in sorted(self.segments, key=lambda kept: kept.number))


def extract_previous_model(
    facts: Facts, *, last_id: int | None = None, retired: tuple[str, ...] = ()
) -> PreviousModel:
    """Give last month's segments as its facts hold them; `last_id` is the highest of its ids unless it is given."""
    segments = facts.segments
    inertia = dict(zip(facts.elbow.k, facts.elbow.inertia, strict=True))[facts.elbow.chosen]
    return PreviousModel(
        scale=facts.scale,
        ids=tuple(segment.id for segment in segments),
        names=tuple(segment.name for segment in segments),
        centres=np.array([[segment.centre[name] for name in facts.scale.mean] for segment in segments]),
        users=tuple(segment.users for segment in segments),
        radius=math.sqrt(inertia / sum(segment.users for segment in segments)),
        last_id=max(int(segment.id[1:]) for segment in segments) if last_id is None else last_id,
        retired=retired,
    )


def rescale_values(values: Floats, scale: FeatureScale, target: FeatureScale) -> Floats:
    """Express values in another month's standard deviations.

    Parameters
    ----------
    values : ndarray, shape (n, p)
        In the standard deviations of `scale`, columns in its order.
    scale, target : Scale
        Of the month of the values, and of the other one.

    Returns
    -------
    ndarray, shape (n, p)
        Columns in the order of `target`.

    Raises
    ------
    SegmentationError
        If the two months were not clustered on the same features: there is no common space then.
    """
    if set(scale.mean) != set(target.mean):
        raise SegmentationError(
            f"This month is clustered on {', '.join(scale.mean)}, last month was on {', '.join(target.mean)}: "
            "their segments can't be compared. Set `features` in settings.toml as they were, or start anew."
        )
    columns = list(scale.mean)
    parts = [
        (values[:, columns.index(name)] * scale.sd[name] + scale.mean[name] - target.mean[name])
        / target.sd[name]
        for name in target.mean
    ]
    return np.column_stack(parts)


def compute_centre_distances(a: Floats, b: Floats) -> Floats:
    """Give the distance of every row of a to every row of b."""
    distances: Floats = np.sqrt(((a[:, None, :] - b[None, :, :]) ** 2).sum(axis=2))
    return distances


def match_centres(
    previous: PreviousModel, centres: Floats, sizes: Sequence[float]
) -> tuple[SegmentMatch, ...]:
    """Pair the centres of two months so that the total distance is least, and leave out what is too far.

    A centre of this month may be the same segment as one of last month's while it is nearer to it than half the way
    to that one's nearest neighbour: there last month's own model would call it so, whatever the direction. The balls
    of that radius do not overlap, so that which pairs are possible hardly depends on the other pairs. The sampling
    error of the two centres is added, `MATCH_TOLERANCE_SE` of them. A segment that was alone has no neighbour: it may move
    by half its own radius.

    Parameters
    ----------
    previous : Past
        Last month's segments.
    centres : ndarray, shape (k, p)
        This month's centres in last month's standard deviations, as from `rescale_values`.
    sizes : sequence of float, length k
        Users in each of this month's segments.

    Returns
    -------
    tuple of Match
        In last month's order.

    References
    ----------
    .. [1] Kuhn (1955), "The Hungarian method for the assignment problem", Naval Res. Logist. Quart. 2.
    """
    from scipy.optimize import linear_sum_assignment  # noqa: PLC0415 - brings half of SciPy, as kneed does

    distances = compute_centre_distances(previous.centres, centres)
    apart = compute_centre_distances(previous.centres, previous.centres)
    np.fill_diagonal(apart, np.inf)
    nearest = apart.min(axis=1) if len(previous.ids) > 1 else np.array([previous.radius])
    error = previous.radius * np.sqrt(
        1 / np.asarray(previous.users)[:, None] + 1 / np.asarray(sizes)[None, :]
    )
    same = distances <= nearest[:, None] / 2 + MATCH_TOLERANCE_SE * error
    never = 1 + distances.sum()  # dearer than any set of possible pairs
    pairs = zip(*linear_sum_assignment(np.where(same, distances, never)), strict=True)
    return tuple(SegmentMatch(int(i), int(j), float(distances[i, j])) for i, j in pairs if same[i, j])


def assign_ids(
    previous: PreviousModel,
    matches: Sequence[SegmentMatch],
    centres: Sequence[Mapping[str, float]],
    sizes: Sequence[float],
    names: Mapping[str, str] = MappingProxyType({}),
) -> SegmentLineage:
    """Give this month's segments their ids, names and places.

    Parameters
    ----------
    previous : Past
        Last month's segments.
    matches : sequence of Match
        As from `match_centres`.
    centres : sequence of mapping of str to float, length k
        This month's centres in this month's own standard deviations, which is what names speak of.
    sizes : sequence of float, length k
        Users in each of this month's segments.
    names : mapping of str to str
        Names that a person gives, by id. They always fit; `previous` has those of its segments already.
    """
    suggested = name_segments(centres)
    taken = {*previous.names, *previous.retired, *names.values()}
    segments = []
    for pair in sorted(matches, key=lambda pair: pair.last):
        n, id_, name = pair.now, previous.ids[pair.last], previous.names[pair.last]
        error = previous.radius / math.sqrt(len(centres[n]) * max(sizes[n], 1))
        fits = (
            id_ in names or suggested[n] == name or is_name_accurate(name, centres[n], standard_error=error)
        )
        segments.append(SegmentIdentity(n, id_, name, pair.distance, suggested[n], name_fits=fits))
    last_id = previous.last_id
    for n in sorted(set(range(len(centres))) - {pair.now for pair in matches}, key=lambda n: -sizes[n]):
        last_id += 1
        id_ = f"S{last_id}"
        name = names.get(id_) or choose_unused_name(suggested[n], centres[n], taken)
        taken.add(name)
        segments.append(SegmentIdentity(n, id_, name, None, suggested[n], name_fits=True))
    gone = [i for i in range(len(previous.ids)) if i not in {pair.last for pair in matches}]
    return SegmentLineage(
        segments=tuple(segments),
        gone=tuple(previous.ids[i] for i in gone),
        last_id=last_id,
        retired=(*previous.retired, *(previous.names[i] for i in gone)),
    )
