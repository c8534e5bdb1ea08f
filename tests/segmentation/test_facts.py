import copy
import dataclasses
import json
import math
import re
from typing import Any

import pytest

from segmentation.errors import FactsError
from segmentation.facts import FACTS_FORMAT, Facts, KpiTarget, Play, build_facts_schema, facts_from_dict, facts_to_dict
from segmentation.pipeline import Analysis


@pytest.fixture(scope="module")
def facts(analysis: Analysis) -> Facts:
    """Give real facts, one segment with a play."""
    words = (field.name for field in dataclasses.fields(Play) if field.name not in ("measure", "is_general"))
    play = Play(**{word: f"the {word}" for word in words}, measure=KpiTarget("usage_per_month", 600.0, 660.0))
    first, *others = analysis.facts.segments
    return dataclasses.replace(analysis.facts, segments=(dataclasses.replace(first, play=play), *others))


@pytest.fixture
def data(facts: Facts) -> dict[str, Any]:
    """Give the same as they stand in facts.json."""
    return copy.deepcopy(facts_to_dict(facts))


def test_facts_come_back_from_json_as_they_went(data: dict[str, Any]) -> None:
    """Documents read what the analysis wrote, in another process: JSON must lose nothing, and hold no NaN."""
    again = facts_from_dict(json.loads(json.dumps(data, allow_nan=False)))

    assert facts_to_dict(again) == data
    assert again.segments[0].play is not None
    assert again.segments[0].play.measure == KpiTarget("usage_per_month", 600.0, 660.0)


def test_facts_that_came_back_are_those_that_went_up_to_nine_digits(facts: Facts) -> None:
    """Nothing but the rounding of floats is between them: the types come back too, tuples as tuples."""
    again = facts_from_dict(facts_to_dict(facts))

    assert again.audit == facts.audit
    assert again.elbow.k == facts.elbow.k
    assert again.elbow.inertia == pytest.approx(facts.elbow.inertia, rel=1e-8)
    assert [segment.name for segment in again.segments] == [segment.name for segment in facts.segments]


def test_floats_are_written_with_nine_digits(facts: Facts) -> None:
    """The tenth changes with the number of threads, and is on no page; whole numbers keep all of theirs."""
    scale = dataclasses.replace(facts.scale, mean={"age": 1 / 3}, sd={"age": 123_456_789_123.0})
    audit = dataclasses.replace(facts.audit, read=12_345_678_901)
    written = facts_to_dict(dataclasses.replace(facts, scale=scale, audit=audit))

    assert written["scale"] == {"mean": {"age": 0.333333333}, "sd": {"age": 123_456_789_000.0}, "transforms": {}}
    assert written["audit"]["read"] == 12_345_678_901


def test_facts_hold_what_json_holds(data: dict[str, Any]) -> None:
    """A NumPy number that slipped in would be written by one library and refused by the next."""
    kinds = set()

    def walk(value: Any) -> None:
        kinds.add(type(value))
        for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            walk(item)

    walk(data)
    assert kinds == {dict, list, str, int, float, bool, type(None)}


def test_the_fields_that_were_promised_are_there(data: dict[str, Any]) -> None:
    """The names that the issue asks for; other programs read them."""
    assert data["format"] == FACTS_FORMAT
    assert data["month"] == "2026-10"
    assert {"read", "kept", "dropped"} <= set(data["audit"])
    assert {"k", "inertia", "chosen"} <= set(data["elbow"])
    assert {"id", "name", "users", "share", "centre", "means", "index"} <= set(data["segments"][0])
    assert {"explained", "loadings"} <= set(data["pca"])


@pytest.mark.parametrize("found", [None, 0, FACTS_FORMAT + 1, str(FACTS_FORMAT)])
def test_another_format_is_refused(data: dict[str, Any], found: object) -> None:
    """It may mean something else by the same names."""
    with pytest.raises(FactsError, match=re.escape(f"format {found!r}, expected {FACTS_FORMAT}")):
        facts_from_dict(data | {"format": found})


@pytest.mark.parametrize("found", [None, [], "facts", 1])
def test_what_is_no_object_is_refused(found: object) -> None:
    """A file cut short may still be JSON."""
    with pytest.raises(FactsError, match="format None"):
        facts_from_dict(found)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"segments": []}, "segments: none, or one of nobody"),
        ({"audit": {"kept": 0}}, "audit: no user is kept, or more than were read"),
        ({"audit": {"read": 0}}, "audit: no user is kept, or more than were read"),
        ({"scale": {"sd": {"age": 1.0}}}, "scale: a feature without a spread"),
        ({"elbow": {"chosen": 99}}, "elbow: the number used was not tried"),
    ],
)
def test_what_no_month_can_have_is_refused(data: dict[str, Any], change: dict[str, Any], said: str) -> None:
    """So that whatever compares with it divides by nothing that is 0."""
    ((name, new),) = change.items()
    with pytest.raises(FactsError, match=f"^Facts: {said}. The file was changed by hand: run that month again.$"):
        facts_from_dict(data | {name: data[name] | new if isinstance(new, dict) else new})


def test_facts_of_a_segment_of_nobody_or_a_feature_without_spread_are_refused(data: dict[str, Any]) -> None:
    """One user is somebody, and half a year is a spread."""
    first, *others = data["segments"]
    assert facts_from_dict(data | {"segments": [first | {"users": 1}, *others]}).segments[0].users == 1
    with pytest.raises(FactsError, match="segments: none, or one of nobody"):
        facts_from_dict(data | {"segments": [first | {"users": 0}, *others]})
    with pytest.raises(FactsError, match="segments: a centre without all features"):
        facts_from_dict(data | {"segments": [first | {"centre": {}}, *others]})
    spread = {age: data["scale"] | {"sd": data["scale"]["sd"] | {"age": age}} for age in (0.5, 0.0, math.inf)}
    assert facts_from_dict(data | {"scale": spread[0.5]}).scale.sd["age"] == 0.5
    for none in (0.0, math.inf):
        with pytest.raises(FactsError, match="scale: a feature without a spread"):
            facts_from_dict(data | {"scale": spread[none]})


def test_one_user_who_is_left_is_enough_for_facts(data: dict[str, Any]) -> None:
    """Whether a month of one can be analysed, the analysis says; what it wrote is read."""
    assert facts_from_dict(data | {"audit": data["audit"] | {"kept": 1}}).audit.kept == 1


@pytest.mark.parametrize("place", ["month", "segments", "trend", "change", "averages"])
def test_facts_nested_without_end_are_refused(data: dict[str, Any], place: str) -> None:
    """A thousand brackets end no run."""
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(FactsError, match=rf"^Facts: {place}[a-z.0-9]*: .*changed by hand"):
        facts_from_dict(data | {place: deep})


def test_an_unknown_field_is_refused_at_any_depth(data: dict[str, Any]) -> None:
    """Were it ignored, a misspelt one would be lost without a word."""
    data["segments"][1]["nmae"] = "Heavy listeners"

    with pytest.raises(FactsError, match=r"segments\.1\.nmae"):
        facts_from_dict(data)


def test_a_missing_field_is_named(data: dict[str, Any]) -> None:
    """The reader of the message has to find it."""
    del data["audit"]["kept"]

    with pytest.raises(FactsError, match=r"audit\.kept"):
        facts_from_dict(data)


@pytest.mark.parametrize(("place", "value"), [("rule", "unlucky"), ("rows", 1.5), ("column", 7)])
def test_a_value_of_another_kind_is_named(data: dict[str, Any], place: str, value: object) -> None:
    """Rules are a closed list, rows are whole, columns are text."""
    data["audit"]["dropped"] = [{"rule": "missing", "column": "age", "rows": 1, place: value}]

    with pytest.raises(FactsError, match=rf"audit\.dropped\.0\.{place}"):
        facts_from_dict(data)


def test_a_segment_is_found_by_its_id(facts: Facts) -> None:
    assert facts.get_segment("S2") is facts.segments[1]
    with pytest.raises(KeyError):
        facts.get_segment("S99")


def test_facts_are_frozen(facts: Facts) -> None:
    """What one page was given can't be changed under the next one."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        facts.month = "2026-11"  # type: ignore[misc]


def test_every_field_is_described_in_the_schema() -> None:
    """facts.json is documented by its schema, and the schema by the lines beside the fields."""
    whole = build_facts_schema()
    objects = {"Facts": whole, **whole["$defs"]}
    bare = [
        f"{name}.{field}"
        for name, object_ in objects.items()
        for field, about in object_.get("properties", {}).items()
        if not about.get("description")
    ]

    assert len(objects) >= 15
    assert bare == []
    assert whole["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_asking_for_the_schema_changes_nothing_of_how_facts_are_read(data: dict[str, Any]) -> None:
    """And each object of the schema refuses what it doesn't know, as reading does."""
    before = Facts.__pydantic_config__
    whole = build_facts_schema()

    assert Facts.__pydantic_config__ is before
    assert all(one["additionalProperties"] is False for one in [whole, *whole["$defs"].values()] if "properties" in one)
    assert facts_to_dict(facts_from_dict(data)) == data
