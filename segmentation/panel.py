"""How many segments, asked of seven judges, and what the panel makes of it: which may be "none to rely on".

The panel's verdict is no majority. The elbow, the silhouette, Caliński-Harabasz and Davies-Bouldin cannot answer 1: on
users without any structure they name 2 to 10 every time, and would outvote the rest. So two of the judges hold a veto, since
each can say "none": a k is attested when every segment is set apart from each neighbour by a valley (`valleys`) and
none is of those that bootstraps don't find again (`stability`). Among attested ks the largest counts: one more would cut
a segment that has no valley in it, and fewer would lump together what a valley divides. If no k is attested, the
verdict is 1. The other judges' votes are shown beside it.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np

from segmentation.elbow import Sweep, find_knee
from segmentation.facts import Evidence, Stability, Validity, Vote
from segmentation.features import Points
from segmentation.gap import Curves, Gap, gap
from segmentation.readings import DOUBTFUL, STABLE
from segmentation.stability import stability
from segmentation.validity import sample_of
from segmentation.valleys import Borders, all_borders

T = TypeVar("T")
MOST = 5_000  # points whose bootstraps vote
_ALONE = 3.0  # z of a valley that needs no second opinion
_EQUAL = 0.01  # a difference in mean Jaccard that 25 bootstraps do not see


@dataclass(frozen=True, slots=True)
class Structure:
    """Whether there are segments, and how many.

    Attributes
    ----------
    votes : tuple of Vote
        Every judge's.
    k : int
        The panel's verdict; 1 is "no reliable segments".
    attested : tuple of int
        Every k whose segments are all set apart and come again.
    borders : mapping of int to Borders
        What lies between the segments, for each k of 2 and more.
    stability : mapping of int to tuple of Stability
        How often each segment comes again, by k.
    gap : Gap
        The curve of inertia against structureless crowds of the same shape.
    """

    votes: tuple[Vote, ...]
    k: int
    attested: tuple[int, ...]
    borders: Mapping[int, Borders]
    stability: Mapping[int, tuple[Stability, ...]]
    gap: Gap

    def evidence(self, k: int) -> Evidence:
        """Say how well k segments are attested, whoever chose that k.

        "clear": k is attested. "weak": k is not, but some are there: another k is attested, or one of these segments is set
        apart from all its neighbours. "none": there is no evidence of structure. Weak and none both carry a warning.
        """
        if k in self.attested:
            return "clear"
        apart = k in self.borders and any(self.borders[k].apart)
        return "weak" if self.attested or apart else "none"


def judge(
    points: Points,
    curve: Sweep,
    validity: Validity,
    curves: Callable[[], Curves],
    *,
    bootstraps: int = 25,
    seed: int,
    users: float | None = None,
    aside: Executor | None = None,
    known: Structure | None = None,
    anew: Collection[int] = (),
) -> Structure:
    """Ask every judge, and the panel.

    Parameters
    ----------
    points : Points
        All users, or a sample of them: never cells, which lie on a lattice whose gaps would pass for valleys, and which
        at a hundred million users make any dent significant. The judges were measured on 300 to 20,000 users.
    curve : Sweep
        The best model for every k tried.
    validity : Validity
        Silhouette, Caliński-Harabasz and Davies-Bouldin of the same models, at least one: the ks that can be judged.
    curves : callable
        Gives what the quick search found for the gap, waiting for it if it must: it is asked last.
    bootstraps : int
        For each k, for the vote only: a report's segments deserve 100.
    seed : int
        Where the random numbers start.
    users : float, optional
        How many users the curve is of, where points are a sample.
    aside : Executor, optional
        Does the bootstraps of some ks, as it has time.
    known : Structure, optional
        What was found of a curve that has other models at `anew` alone: only those are looked at again.
    anew : collection of int
        These ks.
    """
    ks = validity.k
    centres = {k: curve.models[k].centres for k in (ks if known is None else anew)}
    borders = dict(known.borders if known else {}) | all_borders(points, centres, seed=seed)
    some = _some(points, np.random.default_rng(seed))
    work = {k: partial(stability, some, c, draws=bootstraps, seed=seed) for k, c in centres.items()}
    stable = dict(known.stability if known else {}) | _each(work, aside)
    reference = gap(curves(), curve.inertia, users=points.users if users is None else users)
    attested = attest(borders, stable, validity)
    votes = (
        Vote("elbow", find_knee(curve.ks, curve.inertia)),
        Vote("gap", reference.choice),
        Vote("silhouette", validity.k[int(np.argmax(validity.silhouette))]),
        Vote("calinski_harabasz", validity.k[int(np.argmax(validity.calinski_harabasz))]),
        Vote("davies_bouldin", validity.k[int(np.argmin(validity.davies_bouldin))]),
        Vote("stability", _steadiest({k: min(one.jaccard for one in stable[k]) for k in ks})),
        Vote("valleys", max((k for k in ks if borders[k].are_valleys), default=1)),
    )
    return Structure(
        votes=votes,
        k=max(attested, default=1),
        attested=attested,
        borders=borders,
        stability=stable,
        gap=reference,
    )


def attest(
    borders: Mapping[int, Borders], stable: Mapping[int, Sequence[Stability]], validity: Validity
) -> tuple[int, ...]:
    """Give every k whose segments are all set apart from their neighbours, and come again.

    On few users a lucky cut can pass for a valley. So where the least sure of the valleys is below three standard
    deviations, Caliński-Harabasz has to agree that k segments are better than k - 1.

    Parameters
    ----------
    borders, stable : mapping
        By number of segments.
    validity : Validity
        Of the same models.
    """
    ch = dict(zip(validity.k, validity.calinski_harabasz, strict=True))

    def agreed(k: int) -> bool:
        sure = min(border.z for border in borders[k].borders) >= _ALONE
        return sure or ch[k] > ch.get(k - 1, 0.0)

    return tuple(
        k
        for k in borders
        if borders[k].are_valleys and min(one.jaccard for one in stable[k]) >= DOUBTFUL and agreed(k)
    )


def _each(work: Mapping[int, Callable[[], T]], aside: Executor | None) -> dict[int, T]:
    """Do each piece of work: here from the first on, aside from the last, until they meet."""
    begun = {k: aside.submit(one) for k, one in reversed(list(work.items()))} if aside else {}
    here = {k: one() for k, one in work.items() if k not in begun or begun[k].cancel()}
    return {k: here[k] if k in here else begun[k].result() for k in work}


def _some(points: Points, rng: np.random.Generator) -> Points:
    """Give at most `MOST` of the points: of fewer users segments come again less often, never more."""
    n = len(points.values)
    return points if n <= MOST else sample_of(points, rng.choice(n, MOST, replace=False))


def _steadiest(least: Mapping[int, float]) -> int:
    """Give the k whose least stable segment is the most stable, of equals the largest; 1 if it isn't stable."""
    best = max(least.values(), default=0.0)
    return max(k for k, value in least.items() if value >= best - _EQUAL) if best >= STABLE else 1
