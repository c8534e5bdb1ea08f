"""The playbook: rules that give each segment its play."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from report.storage.toml_text import TEXT_NORMALISER, read_toml_model, suggest_similar_key
from segmentation.facts import Facts, KpiTarget, Play, Segment
from segmentation.schema import Schema, ValidRange
from segmentation.thresholds import NOTABLE_SD

_LEGIBLE_PATTERN = r"[\p{L}\p{N}]"  # punctuation alone is not enough
ShortText = Annotated[str, StringConstraints(min_length=3, max_length=60, pattern=_LEGIBLE_PATTERN), TEXT_NORMALISER]
LongText = Annotated[str, StringConstraints(min_length=3, max_length=240, pattern=_LEGIBLE_PATTERN), TEXT_NORMALISER]
FeatureLevel = Literal["low", "average", "high"]


def _check_name(name: str, schema: Schema | None, group: str, kind: str) -> str:
    known = list(getattr(schema, group)) if schema else [name]
    if name not in known:
        raise ValueError(f"{name!r} is no {kind} of the columns file{suggest_similar_key(name, known)}")
    return name


FeatureName = Annotated[
    str, AfterValidator(lambda name, info: _check_name(name, info.context, "features", "feature that makes segments"))
]
NumberName = Annotated[str, AfterValidator(lambda name, info: _check_name(name, info.context, "numbers", "number"))]


class KpiRule(BaseModel):
    """A play's KPI: a column and its wanted change."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    column: NumberName
    change: Annotated[float, Field(strict=True, allow_inf_nan=False)]

    @field_validator("change")
    @classmethod
    def _check_change(cls, change: float) -> float:
        if not (-1 < change <= 1 and change):
            raise ValueError(
                f"{change:g} is no change that can be wanted; write it as a part of what there is, from above -1 to 1 and "
                "not 0: 0.05 is 5 % more, -0.05 is 5 % less"
            )
        return change


class PlayRule(BaseModel):
    """One play and the segments it fits."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: ShortText
    when: dict[FeatureName, FeatureLevel] = {}
    objective: LongText
    offer: ShortText
    message: LongText
    channel: LongText
    timing: LongText
    tone_is: LongText
    tone_is_not: LongText
    do: LongText
    avoid: LongText
    unknown: LongText
    measure: KpiRule

    def matches_segment(self, segment: Segment) -> bool:
        """Tell whether a segment meets all conditions."""
        return all(classify_level(segment.centre.get(name, 0.0)) == wanted for name, wanted in self.when.items())


class Playbook(BaseModel):
    """All rules; the first that fits a segment applies."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    play: Annotated[tuple[PlayRule, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _check_every_rule_is_reachable(self) -> Self:
        if self.play[-1].when:
            raise ValueError(
                f"the last play, {self.play[-1].name!r}, has a `when`, so a segment may be left without a play; "
                "end the file with a play that has none"
            )
        for place, rule in enumerate(self.play):
            above = next((one for one in self.play[:place] if one.when.items() <= rule.when.items()), None)
            if above:
                raise ValueError(
                    f"the play {rule.name!r} is never used: {above.name!r} above it asks for no more, so it fits whomever "
                    f"this one fits; move {rule.name!r} above {above.name!r}"
                )
        return self


def classify_level(sds: float) -> FeatureLevel:
    """Return low, average or high, by standard deviations."""
    return "low" if sds <= -NOTABLE_SD else "high" if sds >= NOTABLE_SD else "average"


def read_playbook(path: Path, schema: Schema) -> Playbook:
    """Read the playbook of a service with these columns.

    Raises SettingsError if it asks for a feature, or for a number to change, that the columns file doesn't have.
    """
    return read_toml_model(path, Playbook, schema)


def has_plays(facts: Facts) -> bool:
    """Whether the segments have plays: not where none is reliable."""
    return all(segment.play is not None for segment in facts.segments)


def assign_plays(facts: Facts, rules: Sequence[PlayRule]) -> Facts:
    """Give each segment the first play that fits."""
    valid = facts.audit.valid
    return replace(facts, segments=tuple(replace(s, play=_choose_play(s, rules, valid)) for s in facts.segments))


def _choose_play(segment: Segment, rules: Sequence[PlayRule], valid: Mapping[str, ValidRange]) -> Play:
    """Return the first play that fits, its target clipped."""
    rule = next(rule for rule in rules if rule.matches_segment(segment))
    baseline = segment.means[rule.measure.column] or 0.0
    words = rule.model_dump(exclude={"name", "when", "measure"})
    wanted = baseline * (1 + rule.measure.change)
    low, high = valid.get(rule.measure.column, (None, None))  # such as 365 days of the last 365
    wanted = wanted if high is None else min(wanted, max(high, baseline))
    wanted = wanted if low is None else max(wanted, min(low, baseline))
    measure = KpiTarget(rule.measure.column, baseline, wanted)
    is_far = any(classify_level(sds) != "average" for sds in segment.centre.values())
    return Play(rule=rule.name, measure=measure, is_general=not rule.when and is_far, **words)
