"""Facts to and from JSON, and the JSON Schema of facts.json."""

import math
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from segmentation.errors import FactsError
from segmentation.facts.results import Facts

FACTS_FORMAT = 2  # version of the layout of facts.json; `facts_from_dict` refuses another

_FACTS_ADAPTER: TypeAdapter[Facts] = TypeAdapter(Facts)


def facts_to_dict(facts: Facts) -> dict[str, Any]:
    """Return the facts as JSON values, floats with nine digits.

    Nine significant digits are more than any page shows. The number of threads changes only later digits.
    """
    rounded: dict[str, Any] = _round_floats(_FACTS_ADAPTER.dump_python(facts, mode="json"))
    return rounded


def facts_from_dict(data: Any) -> Facts:
    """Return the facts that `facts_to_dict` wrote.

    Raises
    ------
    FactsError
        If the format differs, a field is missing, unknown or of a wrong type, or values contradict each other.
    """
    version = data.get("format") if isinstance(data, dict) else None
    if version != FACTS_FORMAT:
        raise FactsError(
            f"Facts of format {repr(version)[:20]}, expected {FACTS_FORMAT}. They were written by another version: run that month again."
        )
    try:
        facts = _FACTS_ADAPTER.validate_python(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise FactsError(
            f"Facts: {place}: {first['msg']}. The file was changed by hand: run that month again."
        ) from error
    contradiction = _find_contradiction(facts)
    if contradiction:
        raise FactsError(f"Facts: {contradiction}. The file was changed by hand: run that month again.")
    return facts


def _find_contradiction(facts: Facts) -> str:
    """Describe the first impossible value; return "" if there is none."""
    if not facts.segments or min(segment.users for segment in facts.segments) < 1:
        return "segments: none, or one of nobody"
    if not 1 <= facts.audit.kept <= facts.audit.read:
        return "audit: no user is kept, or more than were read"
    if set(facts.scale.sd) != set(facts.features) or not all(0 < sd < math.inf for sd in facts.scale.sd.values()):
        return "scale: a feature without a spread"
    if any(set(segment.centre) != set(facts.features) for segment in facts.segments):
        return "segments: a centre without all features"
    return "" if facts.elbow.chosen in facts.elbow.k else "elbow: the number used was not tried"


def build_facts_schema() -> dict[str, Any]:
    """Return the JSON Schema of facts.json, with descriptions."""
    strict = Facts.__pydantic_config__
    # only the schema needs the descriptions: reading them from the source takes 20 times as long as the rest
    Facts.__pydantic_config__ = ConfigDict(**strict, use_attribute_docstrings=True)
    try:
        schema = TypeAdapter(Facts).json_schema()
    finally:
        Facts.__pydantic_config__ = strict
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _round_floats(value: Any) -> Any:
    """Round every float in a JSON value to nine digits."""
    if isinstance(value, float):
        return float(f"{value:.9g}")
    if isinstance(value, dict):
        return {key: _round_floats(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_round_floats(item) for item in value]
    return value
