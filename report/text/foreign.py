"""Words from files and settings, whatever script they are in.

A word that reads from right to left turns what stands beside it, such as "(61 %)". So it is isolated wherever it stands.
"""

import re
import unicodedata
from dataclasses import fields, is_dataclass, replace
from typing import Any

from segmentation.facts import Facts

_FIRST_STRONG_ISOLATE, _POP_DIRECTIONAL_ISOLATE = "\u2068", "\u2069"  # around a text with its own direction
_ISOLATES = dict.fromkeys(range(0x2066, 0x206A))
_MERGED_VALUES = re.compile(r"(.+)( and [0-9,]+ more(?:, put together)*)")  # as the analysis names them
_RIGHT_TO_LEFT = ("R", "AL", "AN")


def isolate_text(text: str) -> str:
    """Return a text that turns nothing beside it.

    Only what has letters from right to left is changed, once.
    """
    if text.startswith(_FIRST_STRONG_ISOLATE) and _POP_DIRECTIONAL_ISOLATE in text:
        return text
    if merged := _MERGED_VALUES.fullmatch(text):  # the rest is ours
        return isolate_text(merged[1]) + merged[2]
    from_right = any(unicodedata.bidirectional(letter) in _RIGHT_TO_LEFT for letter in text)
    return f"{_FIRST_STRONG_ISOLATE}{text}{_POP_DIRECTIONAL_ISOLATE}" if from_right else text


def strip_isolates(text: str) -> str:
    """Return a text without isolates."""
    return text.translate(_ISOLATES)


def isolate_facts(facts: Facts) -> Facts:
    """Return facts whose texts are isolated, for any sentence.

    Every text is: values, names, offers and the brand. Numbers, ids and months have no letters from right to left.
    """
    isolated: Facts = _isolate_value(facts)
    return isolated


def _isolate_value(value: Any) -> Any:
    if isinstance(value, str):
        return isolate_text(value)
    if isinstance(value, dict):
        return {_isolate_value(key): _isolate_value(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return tuple(map(_isolate_value, value))
    if is_dataclass(value) and not isinstance(value, type):
        changes = {field.name: _isolate_value(getattr(value, field.name)) for field in fields(value) if field.init}
        return replace(value, **changes)
    return value


def list_foreign_texts(facts: Facts) -> dict[str, list[str]]:
    """Return the texts from files and settings, by their place."""
    texts = {
        "the brand's name in settings.toml": [facts.brand.name],
        "the brand's contact in settings.toml": [facts.brand.contact],
        "the name of the data": [facts.source.name],
        "a segment's name": [text for segment in facts.segments for text in (segment.name, segment.name_now)],
    }
    for column, found in facts.distributions.categories.items():
        texts[facts.schema[column].label] = [item.value for item in found.values]
    for segment in facts.segments:
        for field in fields(segment.play) if segment.play else ():
            if isinstance(text := getattr(segment.play, field.name), str):
                texts.setdefault(f"`{field.name}` in templates/playbook.toml", []).append(text)
    return texts
