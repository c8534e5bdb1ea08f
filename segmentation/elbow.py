"""How many segments: the curve of inertia over k, and where it bends."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from segmentation.cells import fit_cells
from segmentation.clusters import Model, assign, fit
from segmentation.errors import SweepError
from segmentation.facts import Decider, Elbow, Validity
from segmentation.features import Labels, Points


@dataclass(frozen=True, slots=True)
class Sweep:
    """The best model for every k tried.

    Attributes
    ----------
    models : dict of int to Model
        By number of segments, increasing.
    labels : dict of int to ndarray, shape (n,)
        Each point's segment under that model.
    """

    models: dict[int, Model]
    labels: dict[int, Labels]

    @property
    def ks(self) -> tuple[int, ...]:
        """Numbers of segments tried."""
        return tuple(self.models)

    @property
    def inertia(self) -> tuple[float, ...]:
        """Inertia for each k, in squared SDs."""
        return tuple(model.inertia for model in self.models.values())


def sweep(points: Points, ks: Sequence[int], *, starts: int, seed: int) -> Sweep:
    """Fit the best model for every k.

    Raises
    ------
    SweepError
        If there is no k to try, or there are fewer different users than the largest.
    """
    if not len(ks):
        raise SweepError("There is no number of segments to try. Correct `k_range` in settings.toml.")
    if points.kind == "cells":
        models = fit_cells(points, ks, starts=starts, seed=seed)
    else:
        models = {k: fit(points, k, starts=starts, seed=seed) for k in ks}
    return Sweep(models, {k: assign(points.values, model.centres) for k, model in models.items()})


def find_knee(ks: Sequence[int], inertia: Sequence[float]) -> int | None:
    """Find where the falling curve bends most, by Kneedle.

    Parameters
    ----------
    ks : sequence of int, shape (n,)
        Numbers of segments tried, increasing, n >= 3.
    inertia : sequence of float, shape (n,)
        Inertia for each k, in squared SDs.

    Returns
    -------
    int or None
        The k at the bend; None if the curve is straight, or bends the other way, or if Kneedle takes the first k
        for the bend, as it does where the curve falls faster at first than it did before.

    Raises
    ------
    SweepError
        If there are fewer than three pairs, or inertia does not fall over increasing k.

    References
    ----------
    .. [1] Satopää et al. (2011), "Finding a 'Kneedle' in a Haystack", ICDCS Workshops. Sensitivity 1, as there.
    """
    from kneed import KneeLocator  # noqa: PLC0415 - brings half of SciPy: half a second that users can be read in

    k, w = np.asarray(ks, dtype=float), np.asarray(inertia, dtype=float)
    if k.ndim != 1 or k.shape != w.shape or k.size < 3:
        raise SweepError(
            f"An elbow needs at least 3 pairs, got k {k.shape} and inertia {w.shape}. "
            "Widen `k_range` in settings.toml."
        )
    if not (np.isfinite(w).all() and (np.diff(k) > 0).all() and w[-1] < w[0]):
        raise SweepError(f"Inertia must fall over increasing k, got {w.tolist()} at {k.tolist()}.")
    knee = KneeLocator(k, w, S=1.0, curve="convex", direction="decreasing").knee
    return None if knee is None or knee == k[0] else int(knee)


def choose_k(
    curve: Sweep,
    validity: Validity,
    wanted: int | Literal["elbow", "panel"],
    panel: int,
    sizes: Mapping[int, int],
    smallest: int,
) -> Elbow:
    """Decide the number of segments.

    A number in settings decides; else the panel, if it is asked and finds any; else the bend; else the silhouette,
    where nothing bends. A segment of fewer than `smallest` users would be a handful of people who can be picked out:
    the next smaller k without one is taken.

    Parameters
    ----------
    curve : Sweep
        The curve.
    validity : Validity
        How well separated the segments are for each k.
    wanted : int, "elbow" or "panel"
        What settings ask for.
    panel : int
        The panel's verdict, 1 for "no reliable segments".
    sizes : mapping of int to int
        Users of the smallest segment, by k.
    smallest : int
        Users below which nothing is shown.

    Raises
    ------
    SweepError
        If settings ask for a k that was not tried, or that makes too small a segment.
    """
    knee = find_knee(curve.ks, curve.inertia)
    if isinstance(wanted, int):
        return Elbow(curve.ks, curve.inertia, knee, _asked(curve, wanted, sizes, smallest), "settings")
    best = validity.k[int(np.argmax(validity.silhouette))]
    chosen, by = _decide(knee, best, panel if wanted == "panel" else 1)
    safe = [k for k in validity.k if k <= chosen and sizes[k] >= smallest]
    if not safe:
        raise SweepError(
            f"Even {max(2, curve.ks[0])} segments leave one with fewer than {smallest} users, who could be picked out. Give a larger file."
        )
    return Elbow(curve.ks, curve.inertia, knee, max(safe), by)


def require_judged(validity: Validity, wanted: int | str, users: float, *, fewest: int) -> None:
    """Make sure that what settings ask for can be judged, or the fewest segments that were tried.

    Raises
    ------
    SweepError
        If it can't.
    """
    if not validity.k:
        raise SweepError(
            f"Even {fewest} segments leave one so small that a sample of {users:,.0f} users can't judge it: a few users lie far "
            "from all others. Narrow the possible values under [valid] in settings.toml, or raise `exact_users` under [scale] above the month's users."
        )
    if isinstance(wanted, int) and wanted > 1 and wanted not in validity.k:
        raise SweepError(
            f"settings.toml asks for k = {wanted}, but one of them is so small that a sample of {users:,.0f} users can't judge "
            "it. Ask for a smaller k, or raise `exact_users` under [scale] above the month's users."
        )


def _asked(curve: Sweep, k: int, sizes: Mapping[int, int], smallest: int) -> int:
    """Give the k that settings ask for, if it can be had."""
    if k not in curve.models:
        raise SweepError(
            f"settings.toml asks for k = {k}, but k_range tries {curve.ks[0]} to {curve.ks[-1]}. "
            "Widen k_range, or change k."
        )
    if sizes[k] < smallest:
        raise SweepError(
            f"settings.toml asks for k = {k}, but one of them has {sizes[k]} users; under {smallest} can be picked out. "
            "Ask for a smaller k."
        )
    return k


def _decide(knee: int | None, separated: int, panel: int) -> tuple[int, Decider]:
    """Take the first of the panel's segments, the bend and the best silhouette."""
    if panel > 1:
        return panel, "panel"
    return (separated, "silhouette") if knee is None else (knee, "elbow")
