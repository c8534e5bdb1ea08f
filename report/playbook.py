"""The playbook: which play fits a segment, from rules that marketing edits and no code."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from report.settings import Number
from report.tomlfile import NORMALISED, parse
from segmentation.facts import Facts, Measure, Play, Segment
from segmentation.plan import Range
from segmentation.readings import FAR

_LEGIBLE = r"[\p{L}\p{N}]"  # signs alone are no text
Line = Annotated[str, StringConstraints(min_length=3, max_length=60, pattern=_LEGIBLE), NORMALISED]
Text = Annotated[str, StringConstraints(min_length=3, max_length=240, pattern=_LEGIBLE), NORMALISED]
Level = Literal["low", "average", "high"]


class MeasureRule(BaseModel):
    """What a play is judged by: a column and the change that is wanted."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    column: Number
    change: Annotated[float, Field(strict=True, allow_inf_nan=False)]

    @field_validator("change")
    @classmethod
    def _is_a_part(cls, change: float) -> float:
        if not (-1 < change <= 1 and change):
            raise ValueError(
                f"{change:g} is no change that can be wanted; write it as a part of what there is, from above -1 to 1 and "
                "not 0: 0.05 is 5 % more, -0.05 is 5 % less"
            )
        return change


class Rule(BaseModel):
    """One play, and the segments that it fits."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Line
    when: dict[Number, Level] = {}
    objective: Text
    offer: Line
    message: Text
    channel: Text
    timing: Text
    tone_is: Text
    tone_is_not: Text
    do: Text
    avoid: Text
    unknown: Text
    measure: MeasureRule

    def fits(self, segment: Segment) -> bool:
        """Tell whether every number that the rule speaks of is as it says."""
        return all(level(segment.centre.get(name, 0.0)) == wanted for name, wanted in self.when.items())


class Playbook(BaseModel):
    """All rules; the first that fits a segment counts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    play: Annotated[tuple[Rule, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.play[-1].when:
            raise ValueError(
                f"the last play, {self.play[-1].name!r}, has a `when`, so a segment may be left without a play; "
                "end the file with a play that has none"
            )
        for rule in self.play[:-1]:
            if not rule.when:
                raise ValueError(
                    f"the play {rule.name!r} has no `when`, so it fits everybody and no play after it is ever used; "
                    "give it one, or move it to the end"
                )
        for place, rule in enumerate(self.play):
            above = next((one for one in self.play[:place] if one.when.items() <= rule.when.items()), None)
            if above:
                raise ValueError(
                    f"the play {rule.name!r} is never used: whatever it asks for, {above.name!r} above it asks for no more, "
                    f"so whoever it fits has that one; move it above {above.name!r}"
                )
        return self


def level(sds: float) -> Level:
    """Call a number low, average or high by its distance from the average in standard deviations."""
    return "low" if sds <= -FAR else "high" if sds >= FAR else "average"


def read_playbook(path: Path) -> Playbook:
    """Read the playbook.

    Raises
    ------
    SettingsError
        Naming the line of the mistake.
    """
    return parse(path, Playbook)


def with_plays(facts: Facts, rules: Sequence[Rule]) -> Facts:
    """Give every segment the first play that fits it."""
    valid = facts.audit.valid
    return replace(facts, segments=tuple(replace(s, play=_play(s, rules, valid)) for s in facts.segments))


def _play(segment: Segment, rules: Sequence[Rule], valid: Mapping[str, Range]) -> Play:
    """Give the first play that fits; what is wanted is at most what is possible, such as 365 days of the last 365."""
    rule = next(rule for rule in rules if rule.fits(segment))
    baseline = segment.means[rule.measure.column]
    words = rule.model_dump(exclude={"name", "when", "measure"})
    wanted = baseline * (1 + rule.measure.change)
    low, high = valid.get(rule.measure.column, (None, None))
    wanted = wanted if high is None else min(wanted, max(high, baseline))
    wanted = wanted if low is None else max(wanted, min(low, baseline))
    measure = Measure(rule.measure.column, baseline, wanted)
    return Play(rule=rule.name, measure=measure, **words)
