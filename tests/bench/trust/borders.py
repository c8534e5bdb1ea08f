"""How often 95 % intervals hold the truth, with given borders and after clustering anew.

Run `python -m tests.bench.trust.borders`, or with `--samples 40` for a quick look. A population's own segments are those of K-means on
all its users. Each sample is clustered as a month is. Its intervals are compared with two truths: the population within
the sample's borders, and the population's own segments.
"""

import argparse
from collections import Counter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from threadpoolctl import threadpool_limits

from segmentation.clustering.assign import assign_nearest
from segmentation.clustering.kmeans import draw_kmeans_plus_plus, run_lloyd
from segmentation.facts import ConfidenceInterval, FeatureScale
from segmentation.preprocessing.scaling import Points
from segmentation.profiling.intervals import bootstrap_t_intervals, katz_index_interval, wilson_interval
from segmentation.validation.gap import compute_gap_statistic, fit_gap_curves
from tests.bench.trust.crowds import SHAPES, planted, structureless

Floats = NDArray[np.float64]
Labels = NDArray[np.intp]
SEED = 5_000_000
USERS, K, STARTS = 30_000, 4, 10  # of a population, its segments, and K-means starts
SIZES = (1000,)  # users of a sample
POPULATIONS = {"groups 6 SD apart": 6.0, "groups 3 SD apart": 3.0, "groups 2 SD apart": 2.0, "no groups": 0.0}
KINDS = ("share of users", "mean", "index of a number", "index of a category")
BAND_USERS, BAND_KS = 400, range(1, 11)


class Truth(NamedTuple):
    """What an interval should hold, by segment."""

    share: Floats  # shape (k,)
    mean: Floats  # shape (k, p)
    index: Floats  # shape (k, p)
    category: Floats  # shape (k,): index of one value


class Population(NamedTuple):
    """Users, standardised; a number and a category go with the first feature."""

    values: Floats
    has_value: NDArray[np.bool_]
    centres: Floats  # of its own segments


def make_population(separation: float, seed: int) -> Population:
    """Draw the users, and find their segments."""
    rng = np.random.default_rng(seed)
    crowd = planted(rng, K, USERS, separation) if separation else structureless(rng, "gaussian", USERS)
    has_value = rng.random(len(crowd.values)) < 0.15 + 0.4 / (1 + np.exp(-2 * crowd.values[:, 0]))
    return Population(crowd.values, has_value, cluster(crowd.values, rng))


def cluster(values: Floats, rng: np.random.Generator) -> Floats:
    """Return the centres of the best of some K-means starts."""
    some = values[rng.choice(len(values), min(len(values), 5_000), replace=False)]
    starts = draw_kmeans_plus_plus(some, np.ones(len(some)), K, STARTS, rng)
    best = run_lloyd(some, np.ones(len(some)), starts).best_centres
    return run_lloyd(values, np.ones(len(values)), best[None]).best_centres


def describe(values: Floats, has_value: NDArray[np.bool_], labels: Labels) -> Truth:
    """Return shares, means and indices of labelled users."""
    numbers = to_units(values)
    size = np.bincount(labels, minlength=K)
    mean = np.column_stack([np.bincount(labels, column, K) for column in numbers.T]) / size[:, None]
    part = np.bincount(labels, has_value, K) / size
    return Truth(size / len(values), mean, 100 * mean / numbers.mean(axis=0), 100 * part / has_value.mean())


def to_units(values: Floats) -> Floats:
    """Return numbers such as a file has: none below 0, the last one skewed."""
    return np.column_stack([values[:, :-1] + 8, np.exp(values[:, -1] / 2)])


def simulate_borders(samples: int, seed: int, separation: float, n: int) -> dict[str, tuple[float, float]]:
    """Return coverage by kind: within the sample's borders, and of the population's own segments."""
    population = make_population(separation, seed)
    held: Counter[tuple[str, int]] = Counter()
    asked: Counter[str] = Counter()
    own = describe(population.values, population.has_value, assign_nearest(population.values, population.centres))
    for number in range(samples):
        rng = np.random.default_rng([seed, n, number])
        rows = rng.choice(len(population.values), n, replace=False)
        values, has_value = population.values[rows], population.has_value[rows]
        centres = cluster(values, rng)
        distance = np.linalg.norm(centres[:, None] - population.centres[None], axis=2)
        _, same = linear_sum_assignment(distance)
        labels = assign_nearest(values, centres)
        given = describe(population.values, population.has_value, assign_nearest(population.values, centres))
        size, with_value = np.bincount(labels, minlength=K), np.bincount(labels, has_value, K).astype(int)
        intervals = bootstrap_t_intervals(to_units(values), labels, K, draws=400, seed=number)
        for s in range(K):
            checks: list[tuple[str, ConfidenceInterval | None, float, float]] = [
                (KINDS[0], wilson_interval(size[s], n), given.share[s], own.share[same[s]])
            ]
            for j, one in enumerate(intervals[s]):
                checks.append((KINDS[1], one.mean, given.mean[s, j], own.mean[same[s], j]))
                checks.append((KINDS[2], one.index, given.index[s, j], own.index[same[s], j]))
            if with_value[s] >= 30:
                found = katz_index_interval(int(with_value[s]), int(size[s]), int(with_value.sum()), n)
                checks.append((KINDS[3], found, given.category[s], own.category[same[s]]))
            for kind, interval, *truths in checks:
                if interval is None:
                    continue
                asked[kind] += 1
                for place, truth in enumerate(truths):
                    held[kind, place] += interval.low <= truth <= interval.high
    return {kind: (held[kind, 0] / asked[kind], held[kind, 1] / asked[kind]) for kind in KINDS}


def simulate_band(sets: int, seed: int) -> float:
    """Return how often the elbow's band holds a structureless curve, k by k."""
    held = []
    features = tuple("abcd")
    scale = FeatureScale(dict.fromkeys(features, 0.0), dict.fromkeys(features, 1.0))
    for number in range(sets):
        rng = np.random.default_rng([seed, number])
        values = structureless(rng, SHAPES[number % len(SHAPES)], BAND_USERS).values
        points = Points(values, np.ones(BAND_USERS), features, scale)
        with threadpool_limits(1):
            curves = fit_gap_curves(points, BAND_KS, seed=number)
        inertia = np.exp(curves.observed) * BAND_USERS
        found = compute_gap_statistic(curves, inertia.tolist(), total_users=BAND_USERS)
        held.append((np.array(found.low) <= inertia)[1:] & (inertia <= np.array(found.high))[1:])
    return float(np.mean(held))


def main() -> None:
    """Print both coverages, and that of the elbow's band."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--samples", type=int, default=400)
    asked.add_argument("--bands", type=int, default=100)
    asked.add_argument("--seed", type=int, default=SEED)
    given = asked.parse_args()
    print(
        f"Coverage of 95 % intervals, {given.samples} samples of each kind, {K} segments: with these borders / the population's own"
    )
    print(f"| population | users | {' | '.join(KINDS)} |\n|---|---|{'---|' * len(KINDS)}")
    for name, separation in POPULATIONS.items():
        for n in SIZES:
            found = simulate_borders(given.samples, given.seed, separation, n)
            cells = (f"{with_borders:.0%} / {own:.0%}" for with_borders, own in found.values())
            print(f"| {name} | {n:,} | {' | '.join(cells)} |", flush=True)
    if given.bands:
        print(
            f"The elbow's band holds {simulate_band(given.bands, given.seed):.0%} of {given.bands} curves without structure, k by k"
        )


if __name__ == "__main__":
    main()
