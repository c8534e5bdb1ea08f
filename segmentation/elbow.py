"""How many segments: the curve of inertia over k, and where it bends."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from kneed import KneeLocator

from segmentation.clusters import Labels, Model, assign, fit
from segmentation.errors import SweepError
from segmentation.facts import Decider, Elbow, Validity
from segmentation.features import Points


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
        If there are fewer different users than the largest k.
    """
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


def choose_k(sweep: Sweep, validity: Validity, k: int | None) -> Elbow:
    """Decide the number of segments: by settings, else the bend, else the silhouette where nothing bends.

    Parameters
    ----------
    sweep : Sweep
        The curve.
    validity : Validity
        How well separated the segments are for each k.
    k : int or None
        The number that settings ask for; None to look at the curve.

    Raises
    ------
    SweepError
        If settings ask for a k that was not tried.
    """
    if k is not None and k not in sweep.models:
        raise SweepError(
            f"settings.toml asks for k = {k}, but k_range tries {sweep.ks[0]} to {sweep.ks[-1]}. Widen k_range, or change k."
        )
    knee = find_knee(sweep.ks, sweep.inertia)
    chosen, decided_by = _decide(k, knee, validity.k[int(np.argmax(validity.silhouette))])
    return Elbow(k=sweep.ks, inertia=sweep.inertia, knee=knee, chosen=chosen, decided_by=decided_by)


def _decide(asked: int | None, knee: int | None, separated: int) -> tuple[int, Decider]:
    """Take the first of what was asked for, the bend and the best silhouette."""
    if asked is not None:
        return asked, "settings"
    return (knee, "elbow") if knee is not None else (separated, "silhouette")
