"""How far the gap statistic's search ends above the lowest inertia.

Run `python -m tests.bench.trust.search`, or with `--sets 10` for a quick look.
"""

import argparse
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

from segmentation.clustering.kmeans import fit_k_range_quickly
from segmentation.facts import FeatureScale
from segmentation.preprocessing.scaling import Points
from segmentation.validation.gap import MAX_NULL_USERS, fit_gap_curves
from segmentation.validation.null_model import fit_copula_null, standardise_columns
from tests.bench.trust.crowds import planted, users

Floats = NDArray[np.float64]
SEED = 3_000_000
KS = range(1, 11)


def draw_data_sets(number: int, seed: int) -> tuple[Points, Floats]:
    """Return users in 2 to 10 planted segments, and a draw without structure."""
    rng = np.random.default_rng([seed, number])
    n = min(users(rng), MAX_NULL_USERS)
    features = tuple("abcd")
    scale = FeatureScale(dict.fromkeys(features, 0.0), dict.fromkeys(features, 1.0))
    points = Points(standardise_columns(planted(rng, 2 + number % 9, n).values), np.ones(n), features, scale)
    return points, fit_copula_null(points, seed=seed)(n, rng)


def find_lowest_inertia(values: Floats) -> Floats:
    """Return the lowest log inertia per user for each k.

    Of two long searches: scikit-learn's, and ours with forty starts.
    """
    ours = fit_k_range_quickly(
        values, np.ones(len(values)), KS, n_init=20, max_steps=300, rng=np.random.default_rng(len(values))
    )
    theirs = [KMeans(k, n_init=8, tol=0, random_state=0).fit(values).inertia_ for k in KS]
    lowest: Floats = np.log(np.minimum(theirs, [ours[k].inertia.min() for k in KS]) / len(values))
    return lowest


def measure_miss(number: int, seed: int) -> tuple[Floats, Floats]:
    """Return by how much log inertia is missed, of the users and of a draw.

    Shapes (k,) each.
    """
    points, drawn = draw_data_sets(number, seed)
    with threadpool_limits(1):
        found = fit_gap_curves(points, KS, lambda _n, _rng: drawn, n_draws=1, seed=seed)
        own, null = find_lowest_inertia(points.values), find_lowest_inertia(drawn)
    return np.maximum(found.observed - own, 0), np.maximum(found.null[0] - null, 0)


def main() -> None:
    """Print the largest and the mean miss."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--sets", type=int, default=50)
    asked.add_argument("--seed", type=int, default=SEED)
    asked.add_argument("--workers", type=int, default=2)
    given = asked.parse_args()
    with ProcessPoolExecutor(given.workers) as pool:
        found = np.array(list(pool.map(partial(measure_miss, seed=given.seed), range(given.sets))))
    print(f"Log inertia above the lowest known, {given.sets} data sets, k = 1 to 10")
    for name, missed in zip(
        ("users, 2 to 10 planted segments", "draws without structure"), found.swapaxes(0, 1), strict=True
    ):
        print(
            f"{name:32} largest {missed.max():.4f}, mean {missed.mean():.4f}, above 0.01 in {(missed > 0.01).mean():.1%}"
        )


if __name__ == "__main__":
    main()
