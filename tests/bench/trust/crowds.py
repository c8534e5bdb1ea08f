"""Made-up crowds for the trust benchmark: without structure, and with planted segments."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
SHAPES = ("uniform", "gaussian", "correlated", "lognormal", "exponential", "mixed")
MORE_SHAPES = ("ball", "simplex", "laplace", "gamma", "student", "pareto", "ratings", "income classes", "zeros")
CLASSES = np.array([0, 10, 15, 25, 35, 50, 75, 100, 150, 200])  # lower ends of incomes in classes, in thousands
COLUMNS = 4
SEPARATION = 5.0  # distance of any two centres, in the mean of the two SDs along the line between them
SIZES, SDS, STRETCH = 4.0, 2.0, 1.5  # at most so unequal: users, SDs, and the SDs of one segment by column


class Crowd(NamedTuple):
    """Users, in standard deviations from the mean of all."""

    kind: str
    values: Floats
    k: int
    labels: NDArray[np.intp]


def users(rng: np.random.Generator) -> int:
    """Draw a number of users, 300 to 20,000, as many small as large ones."""
    return round(float(np.exp(rng.uniform(np.log(300), np.log(20_000)))))


def structureless(rng: np.random.Generator, kind: str, n: int) -> Crowd:
    """Draw a crowd of one kind: every column has one peak, and so has every way through it.

    "correlated", "lognormal", "exponential" and "mixed" have a Gaussian copula with random correlations; the log SDs of
    "lognormal" are 0.4 to 1, a skewness of 1.3 to 6; "mixed" has one column of each sort. "student" has three degrees of
    freedom, "pareto" an exponent of 3; "ratings" are whole numbers of 1 to 5; of "income classes" one column is an income
    in classes of unequal width, of "zeros" one is 0 for three in ten.
    """
    if kind in MORE_SHAPES:
        return Crowd(kind, _standardised(_draw_more(rng, kind, n)), 1, np.zeros(n, dtype=np.intp))
    if kind == "uniform":
        values = rng.random((n, COLUMNS))
    elif kind == "gaussian":
        values = rng.standard_normal((n, COLUMNS))
    else:
        values = _related(rng, n)
        size = rng.uniform(0.4, 1.0, COLUMNS)
        uniform = np.clip(_below(values), 1e-12, 1 - 1e-12)
        if kind == "lognormal":
            values = np.exp(values * size)
        elif kind == "exponential":
            values = -np.log1p(-uniform)
        elif kind == "mixed":
            columns = [uniform[:, 0], -np.log1p(-uniform[:, 1]), np.exp(values[:, 2] * size[2]), values[:, 3]]
            values = np.column_stack(columns)
    return Crowd(kind, _standardised(values), 1, np.zeros(n, dtype=np.intp))


def _draw_more(rng: np.random.Generator, kind: str, n: int) -> Floats:
    """Draw a crowd of one of `MORE_SHAPES`."""
    normal = _related(rng, n)
    uniform = np.clip(_below(normal), 1e-12, 1 - 1e-12)
    first = normal[:, 0]
    if kind == "income classes":
        middles = np.append((CLASSES[:-1] + CLASSES[1:]) / 2, CLASSES[-1] * 1.25)
        normal[:, 0] = middles[np.digitize(np.exp(3.5 + 0.6 * first), CLASSES) - 1]
    elif kind == "zeros":
        normal[:, 0] = np.where(uniform[:, 0] < 0.3, 0, -np.log1p(-(uniform[:, 0] - 0.3).clip(0) / 0.7))
    draws = {
        "ball": lambda: normal_way(rng, n) * rng.random((n, 1)) ** (1 / COLUMNS),
        "simplex": lambda: rng.dirichlet(np.ones(COLUMNS + 1), n)[:, :COLUMNS],
        "laplace": lambda: rng.laplace(size=(n, COLUMNS)),
        "gamma": lambda: rng.gamma(2, 1, (n, COLUMNS)),
        "student": lambda: rng.standard_t(3, (n, COLUMNS)),
        "pareto": lambda: (1 - uniform) ** (-1 / 3),
        "ratings": lambda: np.round(np.clip(3 + normal, 1, 5)),
    }
    return np.asarray(draws[kind]() if kind in draws else normal)


def normal_way(rng: np.random.Generator, n: int) -> Floats:
    """Draw directions, each as likely as any other."""
    way = rng.standard_normal((n, COLUMNS))
    return np.asarray(way / np.linalg.norm(way, axis=1)[:, None])


def planted(rng: np.random.Generator, k: int, n: int, separation: float = SEPARATION) -> Crowd:
    """Draw k Gaussian segments of unequal sizes, SDs and shapes, as close together as the separation lets them be.

    Centres are drawn evenly in a box that grows by one per cent until a draw keeps the separation.
    """
    share = np.exp(rng.uniform(0, np.log(SIZES), k))
    size = np.maximum(np.round(n * share / share.sum()).astype(int), 2)
    sd = np.exp(rng.uniform(0, np.log(SDS), (k, 1))) * np.exp(rng.uniform(-0.5, 0.5, (k, COLUMNS)) * np.log(STRETCH))
    side = 1.0
    while True:
        centres = rng.uniform(0, side, (k, COLUMNS))
        if separations(centres, sd).min(initial=np.inf) >= separation:
            break
        side *= 1.01
    values = [centres[i] + sd[i] * rng.standard_normal((size[i], COLUMNS)) for i in range(k)]
    return Crowd("planted", _standardised(np.concatenate(values)), k, np.repeat(np.arange(k), size))


def separations(centres: Floats, sd: Floats) -> Floats:
    """Give the distance of each two centres, in the mean of their SDs along the line between them."""
    found = []
    for i in range(len(centres)):
        for j in range(i):
            way = centres[i] - centres[j]
            length = float(np.sqrt(way @ way))
            along = [float(np.sqrt(((way / length) ** 2) @ sd[m] ** 2)) for m in (i, j)]
            found.append(length / (sum(along) / 2))
    return np.array(found)


def _related(rng: np.random.Generator, n: int) -> Floats:
    """Draw Gaussian columns with random correlations."""
    mix = rng.standard_normal((COLUMNS, COLUMNS + 2))
    covariance = mix @ mix.T
    sd = np.sqrt(np.diag(covariance))
    return rng.standard_normal((n, COLUMNS)) @ np.linalg.cholesky(covariance / np.outer(sd, sd)).T


def _below(values: Floats) -> Floats:
    from scipy.special import ndtr

    return np.asarray(ndtr(values))


def _standardised(values: Floats) -> Floats:
    return np.asarray((values - values.mean(axis=0)) / values.std(axis=0))


def fit_box_null(values: Floats) -> Callable[[int, np.random.Generator], Floats]:
    """Return the usual reference: even over the smallest box around the principal components' scores.

    References
    ----------
    .. [1] Tibshirani, Walther, Hastie (2001), "Estimating the number of clusters in a data set via the gap statistic",
       J. R. Stat. Soc. B 63(2), choice (b) of section 4.
    """
    centred = values - values.mean(axis=0)
    axes = np.linalg.svd(centred, full_matrices=False)[2]
    scores = centred @ axes.T
    low, high = scores.min(axis=0), scores.max(axis=0)

    def draw_box_sample(n: int, rng: np.random.Generator) -> Floats:
        filled: Floats = rng.uniform(low, high, (n, len(low))) @ axes
        return filled

    return draw_box_sample
