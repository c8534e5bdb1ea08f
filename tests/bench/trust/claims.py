"""How many differences a report claims where there are none.

Run `python -m tests.bench.trust.claims`, or with `--reports 100` for a quick look. "Before" is the rule of a single look: the
95 % interval excludes 100.
"""

import argparse
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from segmentation.clustering.assign import KMeansModel
from segmentation.facts import AffinityIndex, Segment, SegmentStability
from segmentation.preprocessing.aggregate import ColumnSummary, SegmentMoments
from segmentation.profiling.intervals import bootstrap_t_intervals
from segmentation.profiling.profiles import SegmentQuality, profile_segments
from segmentation.thresholds import INDEX_HIGH, INDEX_LOW
from segmentation.tracking.matching import SegmentIdentity
from tests.support.music import CATEGORIES, NUMBERS, make_moments

SEED = 4_000_000
MIN_BASE, MIN_CELL = 30, 10
SHARES = {  # of each category's values among all users
    "gender": (0.5, 0.46, 0.04),
    "employment_status": (0.4, 0.25, 0.15, 0.12, 0.08),
    "top_genre": (0.22, 0.17, 0.13, 0.11, 0.09, 0.08, 0.06, 0.05, 0.04, 0.03, 0.02),
}
LINKED = 0.6  # part of the users of a segment who have its own value, where a category belongs to segments
QUALITY = SegmentQuality(0.3, SegmentStability(0.9, 0.0, 1.0, "stable"), apart=True)


class Claims(NamedTuple):
    """False claims of one report, and true ones."""

    before: int  # outside 80 to 120, and the interval excludes 100
    after: int  # what stands out
    true_before: int
    true_after: int


def make_report(number: int, seed: int, *, features: int = 4, linked: bool = False) -> tuple[Segment, ...]:
    """Describe two to eight segments of 300 to 5,000 users.

    Parameters
    ----------
    features : int
        Numbers that differ between the segments; the others are skewed, and the same everywhere.
    linked : bool
        Whether gender belongs to the segments; the other categories never do.
    """
    rng = np.random.default_rng([seed, number])
    n, k = round(float(np.exp(rng.uniform(np.log(300), np.log(5000))))), int(rng.integers(2, 9))
    labels = np.concatenate([np.arange(k), rng.choice(k, n - k, p=rng.dirichlet(np.full(k, 3.0)))])
    centres = 5 + 2 * rng.random((k, 4))
    values = centres[labels] + 0.5 * rng.standard_normal((n, 4))
    values[:, features:] = np.exp(0.8 * rng.standard_normal((n, 4 - features)))
    tables = {}
    for name, shares in SHARES.items():
        drawn = rng.choice(len(shares), n, p=shares)
        if linked and name == "gender":
            drawn = np.where(rng.random(n) < LINKED, labels % 2, drawn)
        tables[name] = {
            (int(s), f"{name} {v}"): int(((labels == s) & (drawn == v)).sum())
            for s in range(k)
            for v in range(len(shares))
        }
    moments = _compute_moments(values, labels, k)
    identities = [
        SegmentIdentity(s, f"S{s + 1}", f"Segment {s}", None, f"Segment {s}", name_fits=True) for s in range(k)
    ]
    return profile_segments(
        NUMBERS[:features],
        KMeansModel(moments.mean[:, :features], 0.0),
        moments,
        {name: moments.mean[:, j].tolist() for j, name in enumerate(NUMBERS)},
        tables,
        bootstrap_t_intervals(values, labels, k, draws=200, seed=number),
        {
            name: ColumnSummary(len(own), own.mean(), own.std(), own.min(), own.max(), is_integer=False)
            for name, own in zip(NUMBERS, values.T, strict=True)
        },
        identities,
        [QUALITY] * k,
        has_previous_month=False,
        min_base=MIN_BASE,
        min_cell=MIN_CELL,
    )


def count_claims(segments: tuple[Segment, ...], features: int, *, linked: bool) -> Claims:
    """Count what one report claims, false and true."""
    false, true = [0, 0], [0, 0]
    for segment in segments:
        items = [(name in NUMBERS[:features], item) for name, item in segment.index.items()]
        items += [
            (linked and name == "gender", item) for name in CATEGORIES for item in segment.categories[name].values()
        ]
        for differs, item in items:
            counts = true if differs else false
            counts[0] += is_claimed_by_one_look(item)
            counts[1] += item.notable and is_far(item)
    return Claims(false[0], false[1], true[0], true[1])


def is_far(item: AffinityIndex) -> bool:
    """Whether an index is outside 80 to 120."""
    return item.value is not None and not INDEX_LOW < item.value < INDEX_HIGH


def is_claimed_by_one_look(item: AffinityIndex) -> bool:
    """Whether an index stands out where it is the only one looked at."""
    return is_far(item) and item.interval is not None and not item.interval.low <= 100 <= item.interval.high


def simulate_claims(reports: int, seed: int, *, features: int = 4, linked: bool = False) -> NDArray[np.float64]:
    """Count the claims of many reports, shape (reports, 4)."""
    return np.array(
        [
            count_claims(make_report(number, seed, features=features, linked=linked), features, linked=linked)
            for number in range(reports)
        ],
        dtype=float,
    )


def main() -> None:
    """Print false and true claims a report."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--reports", type=int, default=400)
    asked.add_argument("--seed", type=int, default=SEED)
    given = asked.parse_args()
    print(f"What stands out, in {given.reports} reports each of 300 to 5,000 users in 2 to 8 segments")
    print(
        "| categories and numbers | false before | reports with one | false now | reports with one | true before | now |"
    )
    print("|---|---|---|---|---|---|---|")
    for name, features, linked in (
        ("no category differs", 4, False),
        ("no category, and two of the numbers don't", 2, False),
        ("gender differs, no other category", 4, True),
    ):
        found = simulate_claims(given.reports, given.seed, features=features, linked=linked)
        before, after, true_before, true_after = found.mean(axis=0)
        some = (found > 0).mean(axis=0)
        print(
            f"| {name} | {before:.2f} | {some[0]:.0%} | {after:.3f} | {some[1]:.1%} | {true_before:.1f} | {true_after:.1f} |",
            flush=True,
        )


def _compute_moments(values: NDArray[np.float64], labels: NDArray[np.intp], k: int) -> SegmentMoments:
    """Return users, means and variances by segment."""
    parts = [values[labels == s] for s in range(k)]
    return make_moments(
        NUMBERS,
        np.array([float(len(part)) for part in parts]),
        np.array([part.mean(axis=0) for part in parts]),
        np.array([part.var(axis=0) for part in parts]),
    )


if __name__ == "__main__":
    main()
