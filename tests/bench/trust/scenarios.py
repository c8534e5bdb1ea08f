"""Made-up users with planted groups, in 29 scenarios from easy to hard."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
COLUMNS = 4
NEAREST, FARTHEST = 3.0, 4.6  # distance of any two groups' middles, in the mean of their SDs along the line between
MIN_GROUP = 12  # users
SCENARIOS: tuple[tuple[str, int], ...] = (
    *(("round", k) for k in range(2, 11)),
    *(("unequal sizes", k) for k in (2, 3, 5, 7, 9)),
    *(("unequal spreads", k) for k in (2, 4, 6, 8)),
    *(("long", k) for k in (2, 4, 6)),
    *(("noise columns", k) for k in (2, 4, 6)),
    *(("outliers", k) for k in (3, 6)),
    *(("lognormal", k) for k in (2, 4, 6)),
)


class Planted(NamedTuple):
    """Users in standard deviations from the mean, and their groups."""

    kind: str
    k: int
    values: Floats
    groups: NDArray[np.intp]  # -1: an outlier, in no group


def draw_scenario(rng: np.random.Generator, kind: str, k: int, n: int) -> Planted:
    """Draw about n users of a scenario.

    "unequal sizes": up to 8 to 1. "unequal spreads": SDs up to 3 to 1. "long": one axis 2 to 4 times the others, in any
    direction. "noise columns": groups differ in two columns of four (three from six groups on). "outliers": one user in a
    hundred lies anywhere in a box three times as wide. "lognormal": the exponential of round groups.
    """
    informative = COLUMNS if kind != "noise columns" else 2 if k <= 5 else 3
    share = np.exp(rng.uniform(0, np.log(8 if kind == "unequal sizes" else 2), k))
    sizes = np.maximum(np.round(n * share / share.sum()).astype(int), MIN_GROUP)
    roots = [_draw_root(rng, kind, informative) for _ in range(k)]
    middles = _draw_middles(rng, roots, informative, rng.uniform(NEAREST, FARTHEST))
    parts = [
        m + rng.standard_normal((size, informative)) @ root.T
        for m, size, root in zip(middles, sizes, roots, strict=True)
    ]
    values, groups = np.concatenate(parts), np.repeat(np.arange(k), sizes)
    if kind == "noise columns":
        values = np.column_stack([values, rng.standard_normal((len(values), COLUMNS - informative))])
    if kind == "lognormal":
        values = np.exp(values / 5)
    if kind == "outliers":
        low, high = values.min(axis=0), values.max(axis=0)
        far = rng.uniform(2 * low - high, 2 * high - low, (max(3, len(values) // 100), values.shape[1]))
        values, groups = np.concatenate([values, far]), np.concatenate([groups, np.full(len(far), -1)])
    return Planted(kind, k, (values - values.mean(axis=0)) / values.std(axis=0), groups)


def _draw_root(rng: np.random.Generator, kind: str, p: int) -> Floats:
    """Draw a matrix that turns standard normal values into a group's."""
    if kind == "unequal spreads":
        return np.eye(p) * np.exp(rng.uniform(0, np.log(3)))
    if kind == "long":
        sd = np.ones(p)
        sd[rng.integers(p)] = rng.uniform(2, 4)
        return np.asarray(np.linalg.qr(rng.standard_normal((p, p)))[0] * sd)
    return np.diag(np.exp(rng.uniform(0, np.log(1.3), p)))


def _draw_middles(rng: np.random.Generator, roots: list[Floats], p: int, apart: float) -> Floats:
    """Draw the groups' middles as close as `apart` lets them be.

    They are drawn evenly in a box that grows by one per cent until a draw keeps all distances.
    """
    side = 1.0
    while True:
        middles = rng.uniform(0, side, (len(roots), p))
        if all(
            _measure_distance(middles[i] - middles[j], roots[i], roots[j]) >= apart
            for i in range(len(roots))
            for j in range(i)
        ):
            return middles
        side *= 1.01


def _measure_distance(way: Floats, first: Floats, second: Floats) -> float:
    """Return a distance in the mean of two groups' SDs along it."""
    length = float(np.sqrt(way @ way))
    sds = [float(np.sqrt(((way / length) @ root) @ ((way / length) @ root))) for root in (first, second)]
    return length / (sum(sds) / 2)
