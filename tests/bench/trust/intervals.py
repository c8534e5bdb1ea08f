"""How often the 95 % intervals hold the truth, over many draws from crowds of which the truth is known."""

from collections import Counter

import numpy as np

from segmentation.facts import ConfidenceInterval
from segmentation.profiling.intervals import bootstrap_t_intervals, katz_index_interval, wilson_interval

SHARES = np.array([0.4, 0.3, 0.2, 0.1])  # of four segments: 300 to 3,000 users make 30 to 1,200 of each
GENRES = np.array([[0.5, 0.3, 0.2], [0.3, 0.4, 0.3], [0.6, 0.2, 0.2], [0.25, 0.25, 0.5]])  # by segment
LOGS = np.array([0.0, 0.4, -0.3, 0.8])  # of the lognormal column: its mean log by segment
SIZE = 0.7  # and its SD
MIDDLE = np.array([35.0, 28.0, 50.0, 40.0])  # of the Gaussian column, with SD 8
SCALE = np.array([1.0, 2.0, 0.5, 3.0])  # means of the exponential column
WIDTH = np.array([1.0, 1.0, 2.0, 3.0])  # of the even column, from 0


def simulate(simulations: int, *, seed: int, draws: int = 1000) -> dict[str, tuple[int, int]]:
    """Count, by kind of interval, how many held the truth, of how many."""
    held: Counter[str] = Counter()
    asked: Counter[str] = Counter()
    mean = np.column_stack([MIDDLE, np.exp(LOGS + SIZE**2 / 2), SCALE, WIDTH / 2])
    index = 100 * mean / (SHARES @ mean)
    genre = 100 * GENRES / (SHARES @ GENRES)

    def note(kind: str, interval: ConfidenceInterval | None, truth: float) -> None:
        if interval is not None:
            asked[kind] += 1
            held[kind] += interval.low <= truth <= interval.high

    for number in range(simulations):
        rng = np.random.default_rng([seed, number])
        n = round(float(np.exp(rng.uniform(np.log(300), np.log(3000)))))
        labels = rng.choice(4, n, p=SHARES)
        sizes = np.bincount(labels, minlength=4)
        values = np.column_stack(
            [
                MIDDLE[labels] + 8 * rng.standard_normal(n),
                np.exp(LOGS[labels] + SIZE * rng.standard_normal(n)),
                SCALE[labels] * rng.standard_exponential(n),
                WIDTH[labels] * rng.random(n),
            ]
        )
        chosen = (rng.random(n)[:, None] > GENRES[labels].cumsum(axis=1)[:, :2]).sum(axis=1)
        counts = np.bincount(labels * 3 + chosen, minlength=12).reshape(4, 3)
        for s, row in enumerate(bootstrap_t_intervals(values, labels, 4, draws=draws, seed=number)):
            note("share of a segment", wilson_interval(sizes[s], n), SHARES[s])
            for j, column in enumerate(("gaussian", "lognormal", "exponential", "even")):
                note(f"mean, {column}", row[j].mean, mean[s, j])
                note(f"index, {column}", row[j].index, index[s, j])
            for g in range(3):
                note("share of a category", wilson_interval(counts[s, g], sizes[s]), GENRES[s, g])
                if counts[s, g] >= 30:
                    found = katz_index_interval(counts[s, g], sizes[s], int(counts[:, g].sum()), n)
                    note("index of a category, base 30+", found, genre[s, g])
    return {kind: (held[kind], asked[kind]) for kind in asked}
