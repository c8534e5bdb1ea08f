"""Whether the report can be trusted: no segments in crowds without any, the right number where some are planted.

Run `python -m tests.bench.trust.segments`, or with `--sets 40` for a quick look; it prints tables, and ends with 1 where a promise is
broken. Tuned on seeds below 1,000; reported on seeds from 1,000,000.
"""

import argparse
import time
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import NamedTuple

import numpy as np

from segmentation.clustering.assign import KMeansModel, assign_nearest
from segmentation.clustering.kmeans import fit_k_range_quickly
from segmentation.facts import FeatureScale
from segmentation.preprocessing.scaling import Points
from segmentation.validation.consensus import KConsensus, assess_consensus
from segmentation.validation.elbow import Sweep
from segmentation.validation.gap import compute_gap_statistic, fit_gap_curves
from segmentation.validation.scores import compute_validity
from tests.bench.trust.crowds import SEPARATION, SHAPES, Crowd, fit_box_null, planted, structureless, users
from tests.bench.trust.intervals import simulate

SEED = 1_000_000
KS = range(1, 11)
STARTS = 20
BOX_DRAWS = 20
JUDGES = {
    "elbow": "elbow (kneed)",
    "silhouette": "silhouette",
    "calinski_harabasz": "Caliński-Harabasz",
    "davies_bouldin": "Davies-Bouldin",
    "gap": "gap, same shape",
    "stability": "stability",
    "valleys": "valleys",
}
BOX, PANEL, WARNED = "gap, box", "panel", "warned under elbow"


class Outcome(NamedTuple):
    """What came of one crowd."""

    kind: str
    k: int
    n: int
    answers: dict[str, int | None]
    warned: bool
    seconds: float


def ask(crowd: Crowd, seed: int) -> Outcome:
    """Ask every judge about one crowd."""
    values = crowd.values
    n, features = len(values), tuple("abcd")
    points = Points(
        values, np.ones(n), features, FeatureScale(dict.fromkeys(features, 0.0), dict.fromkeys(features, 1.0))
    )
    fits = fit_k_range_quickly(
        values, points.weights, KS, n_init=STARTS, rng=np.random.default_rng(seed), max_steps=300
    )
    models = {k: KMeansModel(fit.best_centres, float(fit.inertia.min())) for k, fit in fits.items()}
    sweep = Sweep(models, {k: assign_nearest(values, model.centres) for k, model in models.items()})
    validity = compute_validity(points, sweep, seed=seed)
    start = time.perf_counter()
    found = assess_consensus(points, sweep, validity, partial(fit_gap_curves, points, KS, seed=seed), seed=seed)
    seconds = time.perf_counter() - start
    answers = {JUDGES[vote.judge]: vote.k for vote in found.votes}
    boxed = fit_gap_curves(points, KS, fit_box_null(points.values), n_draws=BOX_DRAWS, seed=seed)
    answers[BOX] = compute_gap_statistic(boxed, sweep.inertia, total_users=points.users).chosen_k
    answers[PANEL] = found.k
    return Outcome(crowd.kind, crowd.k, n, answers, warned(found, answers[JUDGES["elbow"]]), seconds)


def warned(found: KConsensus, elbow: int | None) -> bool:
    """Whether the report, deciding by the elbow, would carry the warning; where nothing bends, whatever it takes."""
    return all(found.grade_evidence(k) != "clear" for k in ([elbow] if elbow else KS))


def draw(seed: int, number: int, *, with_segments: bool) -> Crowd:
    """Draw the numbered crowd: kinds and k in turn, users at random."""
    rng = np.random.default_rng([seed, number, with_segments])
    if with_segments:
        return planted(rng, 2 + number % 7, users(rng))
    return structureless(rng, SHAPES[number % len(SHAPES)], users(rng))


def one(task: tuple[int, int, bool]) -> Outcome:
    """Draw and ask."""
    seed, number, with_segments = task
    return ask(draw(seed, number, with_segments=with_segments), seed + number)


def structure(sets: int, seed: int, workers: int) -> list[bool]:
    """Print what every judge made of the crowds; give which promises were kept."""
    tasks = [(seed, number, kind) for kind in (False, True) for number in range(sets)]
    with ProcessPoolExecutor(workers) as pool:
        outcomes = list(pool.map(one, tasks, chunksize=4))
    none, some = outcomes[:sets], outcomes[sets:]
    judges = list(none[0].answers)
    invented = {name: sum(o.answers[name] not in (1, None) for o in none) for name in judges}
    exact = {name: sum(o.answers[name] == o.k for o in some) for name in judges}
    print(f"{sets} crowds without structure, {sets} with k = 2 to 8 planted segments, separation {SEPARATION:g}")
    print(f"{'':22}{'segments invented':>18}{'k exact':>10}{'k too small':>12}{'too large':>10}")
    for name in judges:
        less = sum((o.answers[name] or 1) < o.k for o in some)
        print(
            f"{name:22}{invented[name] / sets:18.1%}{exact[name] / sets:10.1%}{less:12}{sets - less - exact[name]:10}"
        )
    carried = sum(o.warned for o in none)
    print(f"{WARNED:22}{carried / sets:18.1%}")
    kinds: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in none:
        kinds[outcome.kind].append(outcome)
    print("Invented by the panel, by shape: ", end="")
    print(", ".join(f"{kind} {sum(o.answers[PANEL] != 1 for o in of)}/{len(of)}" for kind, of in kinds.items()))
    print("Exact by the panel, by k: ", end="")
    for k in range(2, 9):
        of = [o for o in some if o.k == k]
        print(f"{k}: {sum(o.answers[PANEL] == k for o in of)}/{len(of)}", end="  ")
    print()
    for low, high in ((300, 1000), (1000, 5000), (5000, 20_001)):
        of = [o for o in some if low <= o.n < high]
        wrong = [f"{o.k}->{o.answers[PANEL]} ({o.n})" for o in of if o.answers[PANEL] != o.k]
        print(f"Users {low} to {high - 1}: exact {len(of) - len(wrong)}/{len(of)} {', '.join(wrong)}")
    print(f"Seconds a crowd: mean {np.mean([o.seconds for o in outcomes]):.1f}")
    rivals = [JUDGES[name] for name in ("elbow", "silhouette", "calinski_harabasz", "gap")] + [BOX]
    return [
        invented[PANEL] <= 0.02 * sets,
        carried == sets,
        exact[PANEL] >= 0.95 * sets,
        *(exact[PANEL] > exact[name] for name in rivals),
    ]


def intervals(simulations: int, seed: int) -> list[bool]:
    """Print how often the intervals hold the truth; give which cover 93 to 97 of 100."""
    print(f"\n95 % intervals over {simulations} simulations of 300 to 3,000 users in four segments")
    kept = []
    for kind, (held, asked) in simulate(simulations, seed=seed).items():
        print(f"{kind:32}{held / asked:8.2%} of {asked}")
        kept.append(0.93 <= held / asked <= 0.97)
    return kept


def main() -> int:
    """Print the tables; 0 if every promise is kept."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--sets", type=int, default=200)
    asked.add_argument("--simulations", type=int, default=2000)
    asked.add_argument("--seed", type=int, default=SEED)
    asked.add_argument("--workers", type=int, default=2)
    given = asked.parse_args()
    kept = structure(given.sets, given.seed, given.workers) if given.sets else []
    kept += intervals(given.simulations, given.seed) if given.simulations else []
    print(f"\n{sum(kept)} of {len(kept)} promises kept")
    return 0 if all(kept) else 1


if __name__ == "__main__":
    raise SystemExit(main())
