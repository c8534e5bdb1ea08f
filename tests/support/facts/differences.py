"""Where two sets of facts differ."""

from typing import Any

from segmentation.facts import Facts
from segmentation.facts.serialise import _FACTS_ADAPTER


def told(facts: Facts) -> Any:
    """Give facts with every digit: those of the file are rounded."""
    return _FACTS_ADAPTER.dump_python(facts, mode="json")


def differences(one: Any, other: Any, at: str = "") -> list[str]:
    """List where two sets of facts differ: numbers by more than a billionth of themselves, or of 0.001."""
    if isinstance(one, dict) and isinstance(other, dict):
        if list(one) != list(other):
            return [f"{at}: {list(one)} and {list(other)}"]
        return [line for key in one for line in differences(one[key], other[key], f"{at}.{key}")]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = enumerate(zip(one, other, strict=True))
        return [line for n, (a, b) in pairs for line in differences(a, b, f"{at}[{n}]")]
    if isinstance(one, float) and isinstance(other, float):
        return [] if abs(one - other) <= 1e-9 * max(abs(one), abs(other), 1e-3) else [f"{at}: {one} and {other}"]
    return [] if one == other else [f"{at}: {one!r} and {other!r}"]
