"""Whether the report can be trusted: no segments in crowds without any, the right number where some are planted.

The crowds without groups are of 15 kinds, the planted ones of 29 scenarios (`scenarios.py`). Outliers are set aside first, as
the report does. Each planted crowd is clustered again with one to twelve absurd values in it.

Run `python -m tests.bench.trust.segments`, or with `--sets 40` for a quick look; it prints tables, and ends with 1 where a promise is
broken. Tuned on seeds below 1,000; reported on seeds from 1,000,000.
"""

import argparse
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import NamedTuple

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture

from segmentation.clustering.assign import KMeansModel, assign_nearest
from segmentation.clustering.kmeans import fit_k_range_quickly
from segmentation.facts import CleaningAudit, FeatureScale
from segmentation.preprocessing.clean import CleanedUsers
from segmentation.preprocessing.outliers import set_aside_outliers
from segmentation.preprocessing.scaling import Floats, Points
from segmentation.validation.consensus import KConsensus, assess_consensus
from segmentation.validation.elbow import Sweep
from segmentation.validation.gap import compute_gap_statistic, fit_gap_curves
from segmentation.validation.scores import compute_validity
from tests.bench.trust.crowds import MORE_SHAPES, SHAPES, Crowd, fit_box_null, structureless, users
from tests.bench.trust.intervals import simulate
from tests.bench.trust.scenarios import SCENARIOS, draw_scenario
from tests.support.music import summarise_columns

SEED = 1_000_000
KS = range(1, 11)
STARTS = 20
MOST_USERS = 6_000
BOX_DRAWS = 20
JUDGES = {
    "elbow": "elbow (kneed)",
    "silhouette": "silhouette",
    "calinski_harabasz": "Caliński-Harabasz",
    "davies_bouldin": "Davies-Bouldin",
    "gap": "gap, same shape",
    "stability": "stability",
    "valleys": "valleys",
    "mixture": "mixture, merged",
}
BOX, BIC, PANEL, WARNED = "gap, box", "mixture, BIC", "consensus", "warned under elbow"
ABSURD = (2_000_000.0, 999_999_999.0)  # in standard deviations of a column, more or less


class Outcome(NamedTuple):
    """What came of one crowd."""

    kind: str
    k: int
    n: int
    answers: dict[str, int | None]
    is_clear: bool
    warned: bool
    likeness: float  # adjusted Rand index of the segments to the groups
    spoilt: float  # the same, of the segments with absurd values to those without
    seconds: float


def ask(crowd: Crowd, seed: int, *, spoil: bool = False) -> Outcome:
    """Ask every judge about one crowd."""
    rows, points = keep(crowd.values)
    sweep = fit(points, seed)
    validity = compute_validity(points, sweep, seed=seed)
    start = time.perf_counter()
    found = assess_consensus(points, sweep, validity, partial(fit_gap_curves, points, KS, seed=seed), seed=seed)
    seconds = time.perf_counter() - start
    answers = {JUDGES[vote.judge]: vote.k for vote in found.votes}
    boxed = fit_gap_curves(points, KS, fit_box_null(points.values), n_draws=BOX_DRAWS, seed=seed)
    answers[BOX] = compute_gap_statistic(boxed, sweep.inertia, total_users=points.users).chosen_k
    answers[BIC] = choose_by_bic(points.values)
    answers[PANEL] = found.k
    elbow = answers[JUDGES["elbow"]]
    used = found.k if found.k > 1 else elbow or 2
    groups = crowd.labels[rows]
    return Outcome(
        crowd.kind,
        crowd.k,
        len(crowd.values),
        answers,
        found.grade_evidence(used) == "clear",
        warned(found, elbow),
        float(adjusted_rand_score(groups[groups >= 0], sweep.labels[used][groups >= 0])),
        measure_spoilt(crowd.values, rows, sweep, used, seed) if spoil else 1.0,
        seconds,
    )


def keep(values: Floats) -> tuple[NDArray[np.intp], Points]:
    """Set outliers aside; give the rows of the others, in SDs from their mean."""
    names = tuple("abcd"[: values.shape[1]])
    frame = nw.from_native(pd.DataFrame(dict(zip((*names, "row"), (*values.T, np.arange(len(values))), strict=True))))
    cleaned = CleanedUsers(frame, CleaningAudit(len(values), len(values), (), {}))
    kept = set_aside_outliers(cleaned, summarise_columns(frame, names), names).users.to_native()
    rows = kept["row"].to_numpy()
    some = values[rows]
    scale = FeatureScale(dict.fromkeys(names, 0.0), dict.fromkeys(names, 1.0))
    return rows, Points((some - some.mean(axis=0)) / some.std(axis=0), np.ones(len(some)), names, scale)


def fit(points: Points, seed: int) -> Sweep:
    """Cluster the users for every k."""
    fits = fit_k_range_quickly(
        points.values, points.weights, KS, n_init=STARTS, rng=np.random.default_rng(seed), max_steps=300
    )
    models = {k: KMeansModel(fit.best_centres, float(fit.inertia.min())) for k, fit in fits.items()}
    return Sweep(models, {k: assign_nearest(points.values, model.centres) for k, model in models.items()})


def measure_spoilt(values: Floats, rows: NDArray[np.intp], sweep: Sweep, k: int, seed: int) -> float:
    """Give how like the segments are where one to twelve users have an absurd value, to those where none has."""
    rng = np.random.default_rng(seed)
    spoilt = values.copy()
    who = rng.choice(rows, rng.integers(1, 13), replace=False)
    spoilt[who, rng.integers(values.shape[1])] = rng.choice(ABSURD)
    left, points = keep(spoilt)
    both = np.intersect1d(rows, left)
    again = fit(points, seed).labels[k]
    return float(adjusted_rand_score(sweep.labels[k][np.searchsorted(rows, both)], again[np.searchsorted(left, both)]))


def choose_by_bic(values: Floats) -> int:
    """Give the number of components with the least BIC, as scikit-learn's users choose it."""
    fits = {k: GaussianMixture(k, random_state=0, reg_covar=1e-3).fit(values) for k in KS}
    return min(fits, key=lambda k: float(fits[k].bic(values)))


def warned(found: KConsensus, elbow: int | None) -> bool:
    """Whether the report, deciding by the elbow, would carry the warning; where nothing bends, whatever it takes."""
    return all(found.grade_evidence(k) not in ("clear", "at least") for k in ([elbow] if elbow else KS))


def draw(seed: int, number: int, *, with_segments: bool) -> Crowd:
    """Draw the numbered crowd: kinds in turn, users at random."""
    rng = np.random.default_rng([seed, number, with_segments])
    if with_segments:
        found = draw_scenario(rng, *SCENARIOS[number % len(SCENARIOS)], min(users(rng), MOST_USERS))
        return Crowd(found.kind, found.values, found.k, found.groups)
    shapes = (*SHAPES, *MORE_SHAPES)
    return structureless(rng, shapes[number % len(shapes)], min(users(rng), MOST_USERS))


def one(task: tuple[int, int, bool]) -> Outcome:
    """Draw and ask."""
    seed, number, with_segments = task
    return ask(draw(seed, number, with_segments=with_segments), seed + number, spoil=with_segments)


def structure(sets: int, seed: int, workers: int) -> list[bool]:
    """Print what every judge made of the crowds; give which promises were kept."""
    tasks = [(seed, number, kind) for kind in (False, True) for number in range(sets)]
    with ProcessPoolExecutor(workers) as pool:
        outcomes = list(pool.map(one, tasks, chunksize=4))
    none, some = outcomes[:sets], outcomes[sets:]
    judges = list(none[0].answers)
    invented = {name: sum(o.answers[name] not in (1, None) for o in none) for name in judges}
    exact = {name: sum(o.answers[name] == o.k for o in some) for name in judges}
    print(f"{sets} crowds without structure, {sets} with k = 2 to 10 planted groups")
    print(f"{'':22}{'segments invented':>18}{'k exact':>10}{'k too small':>12}{'too large':>10}")
    for name in judges:
        less = sum((o.answers[name] or 1) < o.k for o in some)
        print(
            f"{name:22}{invented[name] / sets:18.1%}{exact[name] / sets:10.1%}{less:12}{sets - less - exact[name]:10}"
        )
    carried = sum(o.warned for o in none)
    print(f"{WARNED:22}{carried / sets:18.1%}")
    print("Invented by the consensus, by kind: ", end="")
    kinds = {kind: [o for o in none if o.kind == kind] for kind in dict.fromkeys(o.kind for o in none)}
    invented_by_kind = {kind: sum(o.answers[PANEL] != 1 for o in of) for kind, of in kinds.items()}
    print(", ".join(f"{kind} {invented_by_kind[kind]}/{len(of)}" for kind, of in kinds.items()))
    print("Exact by the consensus, by scenario: ", end="")
    scenarios = {kind: [o for o in some if o.kind == kind] for kind in dict.fromkeys(o.kind for o in some)}
    print(", ".join(f"{kind} {sum(o.answers[PANEL] == o.k for o in of)}/{len(of)}" for kind, of in scenarios.items()))
    clear_and_wrong = sum(o.is_clear and o.answers[PANEL] != o.k for o in some)
    print(f"Clear and wrong: {clear_and_wrong}/{sets}; clear: {sum(o.is_clear for o in some)}/{sets}")
    print(f"Adjusted Rand index to the groups: mean {np.mean([o.likeness for o in some]):.3f}")
    spoilt = [o.spoilt for o in some]
    print(f"Adjusted Rand index with absurd values to without: mean {np.mean(spoilt):.3f}, least {min(spoilt):.3f}")
    for low, high in ((300, 1000), (1000, 5000), (5000, 20_001)):
        of = [o for o in some if low <= o.n < high]
        wrong = [f"{o.k}->{o.answers[PANEL]} ({o.n})" for o in of if o.answers[PANEL] != o.k]
        print(f"Users {low} to {high - 1}: exact {len(of) - len(wrong)}/{len(of)} {', '.join(wrong)}")
    print(f"Seconds a crowd: mean {np.mean([o.seconds for o in outcomes]):.1f}")
    rivals = [*(JUDGES[name] for name in ("elbow", "silhouette", "calinski_harabasz", "gap")), BOX, BIC]
    return [
        invented[PANEL] <= 0.02 * sets,
        all(invented_by_kind[kind] <= max(1, 0.05 * len(of)) for kind, of in kinds.items()),
        carried == sets,
        exact[PANEL] >= 0.80 * sets,
        clear_and_wrong <= 0.03 * sets,
        float(np.mean(spoilt)) >= 0.98,
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
    asked.add_argument("--sets", type=int, default=290)
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
