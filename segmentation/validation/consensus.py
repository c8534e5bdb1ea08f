"""How many segments, asked of seven judges, and what the panel makes of it: which may be "none to rely on".

The panel's verdict is no majority. The elbow, the silhouette, Caliński-Harabasz and Davies-Bouldin cannot answer 1: on
users without any structure they name 2 to 10 every time, and would outvote the rest. So two of the judges hold a veto, since
each can say "none": a k is attested when every segment is set apart from each neighbour by a valley (`valleys`) and
none is of those that bootstraps don't find again (`assess_stability`). Among attested ks the largest counts: one more would cut
a segment that has no valley in it, and fewer would lump together what a valley divides. If no k is attested, the
verdict is 1. The other judges' votes are shown beside it.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np

from segmentation.facts import EvidenceLevel, SegmentStability, ValidityIndices, Vote
from segmentation.preprocessing.scaling import Points
from segmentation.thresholds import JACCARD_DOUBTFUL, JACCARD_STABLE
from segmentation.validation.elbow import Sweep, find_knee
from segmentation.validation.gap import GapCurves, GapStatistic, compute_gap_statistic
from segmentation.validation.scores import select_points
from segmentation.validation.separation import Separation, measure_separation_by_k
from segmentation.validation.stability import assess_stability

T = TypeVar("T")
MAX_BOOTSTRAP_POINTS = 5_000  # points whose bootstraps vote
_CONCLUSIVE_Z = 3.0  # z of a valley that needs no second opinion
_JACCARD_TOLERANCE = 0.01  # a difference in mean Jaccard that 25 bootstraps do not see


@dataclass(frozen=True, slots=True)
class KConsensus:
    """Whether there are segments, and how many.

    Attributes
    ----------
    votes : tuple of Vote
        Every judge's.
    k : int
        The panel's verdict; 1 is "no reliable segments".
    supported_ks : tuple of int
        Every k whose segments are all set apart and come again.
    separations : mapping of int to Borders
        What lies between the segments, for each k of 2 and more.
    stability : mapping of int to tuple of Stability
        How often each segment comes again, by k.
    gap : Gap
        The curve of inertia against structureless crowds of the same shape.
    """

    votes: tuple[Vote, ...]
    k: int
    supported_ks: tuple[int, ...]
    separations: Mapping[int, Separation]
    stability: Mapping[int, tuple[SegmentStability, ...]]
    gap: GapStatistic

    def grade_evidence(self, k: int) -> EvidenceLevel:
        """Say how well k segments are attested, whoever chose that k.

        "clear": k is attested. "weak": k is not, but some are there: another k is attested, or one of these segments is set
        apart from all its neighbours. "none": there is no evidence of structure. Weak and none both carry a warning.
        """
        if k in self.supported_ks:
            return "clear"
        apart = k in self.separations and any(self.separations[k].separated_segments)
        return "weak" if self.supported_ks or apart else "none"


def assess_consensus(
    points: Points,
    sweep: Sweep,
    validity: ValidityIndices,
    get_curves: Callable[[], GapCurves],
    *,
    bootstraps: int = 25,
    seed: int,
    total_users: float | None = None,
    executor: Executor | None = None,
    previous: KConsensus | None = None,
    changed_ks: Collection[int] = (),
) -> KConsensus:
    """Ask every judge, and the panel.

    Parameters
    ----------
    points : Points
        All users, or a sample of them: never cells, which lie on a lattice whose gaps would pass for valleys, and which
        at a hundred million users make any dent significant. The judges were measured on 300 to 20,000 users.
    sweep : Sweep
        The best model for every k tried.
    validity : Validity
        Silhouette, Caliński-Harabasz and Davies-Bouldin of the same models, at least one: the ks that can be judged.
    get_curves : callable
        Gives what the quick search found for the gap, waiting for it if it must: it is asked last.
    bootstraps : int
        For each k, for the vote only: a report's segments deserve 100.
    seed : int
        Where the random numbers start.
    total_users : float, optional
        How many users the curve is of, where points are a sample.
    executor : Executor, optional
        Does the bootstraps of some ks, as it has time.
    previous : Structure, optional
        What was found of a curve that has other models at `changed_ks` alone: only those are looked at again.
    changed_ks : collection of int
        These ks.
    """
    ks = validity.k
    centres = {k: sweep.models[k].centres for k in (ks if previous is None else changed_ks)}
    borders = dict(previous.separations if previous else {}) | measure_separation_by_k(
        points, centres, seed=seed
    )
    some = _limit_points(points, np.random.default_rng(seed))
    work = {k: partial(assess_stability, some, c, draws=bootstraps, seed=seed) for k, c in centres.items()}
    stable = dict(previous.stability if previous else {}) | _run_split(work, executor)
    reference = compute_gap_statistic(
        get_curves(), sweep.inertia, total_users=points.users if total_users is None else total_users
    )
    attested = find_supported_ks(borders, stable, validity)
    votes = (
        Vote("elbow", find_knee(sweep.ks, sweep.inertia)),
        Vote("gap", reference.chosen_k),
        Vote("silhouette", validity.k[int(np.argmax(validity.silhouette))]),
        Vote("calinski_harabasz", validity.k[int(np.argmax(validity.calinski_harabasz))]),
        Vote("davies_bouldin", validity.k[int(np.argmin(validity.davies_bouldin))]),
        Vote("stability", _choose_most_stable_k({k: min(one.jaccard for one in stable[k]) for k in ks})),
        Vote("valleys", max((k for k in ks if borders[k].is_separated), default=1)),
    )
    return KConsensus(
        votes=votes,
        k=max(attested, default=1),
        supported_ks=attested,
        separations=borders,
        stability=stable,
        gap=reference,
    )


def find_supported_ks(
    separations: Mapping[int, Separation],
    stability: Mapping[int, Sequence[SegmentStability]],
    validity: ValidityIndices,
) -> tuple[int, ...]:
    """Give every k whose segments are all set apart from their neighbours, and come again.

    On few users a lucky cut can pass for a valley. So where the least sure of the valleys is below three standard
    deviations, Caliński-Harabasz has to agree that k segments are better than k - 1.

    Parameters
    ----------
    separations, stability : mapping
        By number of segments.
    validity : Validity
        Of the same models.
    """
    ch = dict(zip(validity.k, validity.calinski_harabasz, strict=True))

    def is_corroborated(k: int) -> bool:
        sure = min(border.z for border in separations[k].gaps) >= _CONCLUSIVE_Z
        return sure or ch[k] > ch.get(k - 1, 0.0)

    return tuple(
        k
        for k in separations
        if separations[k].is_separated
        and min(one.jaccard for one in stability[k]) >= JACCARD_DOUBTFUL
        and is_corroborated(k)
    )


def _run_split(tasks: Mapping[int, Callable[[], T]], executor: Executor | None) -> dict[int, T]:
    """Do each piece of work: here from the first on, aside from the last, until they meet."""
    begun = {k: executor.submit(one) for k, one in reversed(list(tasks.items()))} if executor else {}
    here = {k: one() for k, one in tasks.items() if k not in begun or begun[k].cancel()}
    return {k: here[k] if k in here else begun[k].result() for k in tasks}


def _limit_points(points: Points, rng: np.random.Generator) -> Points:
    """Give at most `MAX_BOOTSTRAP_POINTS` of the points: of fewer users segments come again less often, never more."""
    n = len(points.values)
    return (
        points
        if n <= MAX_BOOTSTRAP_POINTS
        else select_points(points, rng.choice(n, MAX_BOOTSTRAP_POINTS, replace=False))
    )


def _choose_most_stable_k(min_jaccards: Mapping[int, float]) -> int:
    """Give the k whose least stable segment is the most stable, of equals the largest; 1 if it isn't stable."""
    best = max(min_jaccards.values(), default=0.0)
    return (
        max(k for k, value in min_jaccards.items() if value >= best - _JACCARD_TOLERANCE)
        if best >= JACCARD_STABLE
        else 1
    )
