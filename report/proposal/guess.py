"""A column's meaning guessed from its header and cells."""

import re
from collections import Counter
from dataclasses import replace

import numpy as np

from report.proposal.cells import parse_band
from report.proposal.column import ColumnEvidence, ColumnProposal
from report.proposal.headers import find_order, make_label
from report.proposal.numbers import find_sentinels, list_numbers, propose_number

_MAX_CATEGORIES = 30  # values that a page can show
_MAX_FREQUENT_CATEGORIES = 200  # values, if each is frequent
_MIN_ROWS_PER_CATEGORY = 20
_MAX_CODES = 10  # different users' ids that may be a code instead
_TRUTH_VALUES = (
    {"0": "no", "1": "yes"},
    {"0.0": "no", "1.0": "yes"},
    {"false": "no", "true": "yes"},
    {"f": "no", "t": "yes"},
    {"n": "no", "y": "yes"},
    {"nein": "no", "ja": "yes"},
)
_TARGET_REASON = "It looks like an outcome, what became of a user: it describes segments and never makes them."


def propose_column(
    evidence: ColumnEvidence, name: str, *, currency: str = "USD", is_id: bool = False
) -> ColumnProposal:
    """Propose what a column is, and what the report does with it.

    The role "feature" is given later, when all columns are known: `score` says how well this one suits.
    """
    base = ColumnProposal(name, make_label(evidence.header), evidence.header, "category")
    if is_id:
        return _propose_id(base, evidence)
    if unusable := _find_no_use(evidence):
        return replace(base, kind="number" if evidence.is_numeric else "category", role="ignore", reasons=(unusable,))
    if evidence.dates is not None:
        return _propose_date(base, evidence)
    if truth := _find_truth_values(evidence):
        return _propose_truth(base, evidence, truth)
    has_units = any(band.unit for band in evidence.bands.values())
    if evidence.is_numeric or (evidence.bands and not has_units):
        return _propose_coded(base, evidence) or propose_number(base, evidence, currency)
    return _propose_category(base, evidence)


def _propose_id(base: ColumnProposal, evidence: ColumnEvidence) -> ColumnProposal:
    """Return the id's proposal."""
    reasons = []
    if evidence.is_email:
        reasons.append("E-mail addresses are personal data: `hash` keeps only a fingerprint of each.")
    if evidence.is_zero_padded:
        reasons.append("Some start with zeros: keep them as text in every export, or users can't be followed.")
    return replace(base, name="user_id", kind="id", label="user", is_hashed=evidence.is_email, reasons=tuple(reasons))


def _find_no_use(evidence: ColumnEvidence) -> str:
    """Return why a column can't be used, or nothing."""
    hint, distinct = evidence.hint.meaning, len(evidence.counts)
    is_many_id = hint == "id" and evidence.unique_share > 0.5 and distinct > 20
    found = {
        "It is empty.": not distinct,
        "It has the same value on every row.": distinct == 1 and evidence.missing_share == 0,
        f"Only {evidence.filled:,} of {evidence.rows:,} rows have a value.": evidence.missing_share > 0.98
        and evidence.rows > 50,
        "E-mail addresses are personal data, and no report needs them.": evidence.is_email,
        "Telephone numbers are personal data, and no report needs them.": evidence.is_phone,
        "Names or addresses of persons are personal data, and no report needs them.": evidence.is_person,
        "Links or network addresses tell the report nothing.": evidence.is_web_address,
        "It looks like a model's output: segments made of it would only repeat the model.": hint == "model",
        "It looks like a weight of a survey's sample, which tells nothing of a user.": hint == "weight"
        and evidence.is_numeric,
        "It counts the rows, and another export may count them otherwise.": evidence.is_row_number
        and hint in ("row", "", "id", "items"),
        "It looks like another id.": evidence.is_uuid or is_many_id,
        f"It looks like an id that repeats: {distinct:,} different ones.": hint == "id"
        and distinct > (_MAX_CODES if evidence.names_user else _MAX_FREQUENT_CATEGORIES),
    }
    return next((reason for reason, holds in found.items() if holds), "")


# --- dates


def _propose_date(base: ColumnProposal, evidence: ColumnEvidence) -> ColumnProposal:
    """Return a date's proposal; what is worked out from it comes later."""
    reading = evidence.dates
    assert reading is not None  # noqa: S101 - asked by the caller
    reasons = []
    if reading.order == "unclear":
        reasons.append("Nothing tells whether the day or the month comes first. Export dates as 2026-10-31 to be sure.")
    elif reading.order != "year first":
        reasons.append(f"Read with the {reading.order}.")
    return replace(base, kind="date", role="ignore", missing_values=evidence.unknown_values, reasons=tuple(reasons))


# --- yes and no


def _find_truth_values(evidence: ColumnEvidence) -> dict[str, str]:
    """Return what a yes/no column's values mean."""
    known = {value: value.casefold() for value in evidence.counts if value not in evidence.unknown_values}
    for words in _TRUTH_VALUES:
        if known and set(known.values()) <= set(words) and (len(set(known.values())) == 2 or "0" not in words):
            meant = {value: words[key] for value, key in known.items()}
            return dict(sorted(meant.items(), key=lambda item: item[1]))
    return {}


def _propose_truth(base: ColumnProposal, evidence: ColumnEvidence, truth: dict[str, str]) -> ColumnProposal:
    """Return a yes/no column's proposal."""
    reasons = []
    if evidence.hint.meaning == "target" or evidence.words == ["revenue"]:
        reasons.append(_TARGET_REASON)
    return replace(
        base, values=dict[str, str | float](truth), missing_values=evidence.unknown_values, reasons=tuple(reasons)
    )


# --- categories


def _propose_category(base: ColumnProposal, evidence: ColumnEvidence) -> ColumnProposal:
    """Return a text column's proposal."""
    distinct = len({value.casefold() for value in evidence.counts})
    reasons = []
    if evidence.hint.meaning == "target":
        reasons.append(_TARGET_REASON)
    if distinct < len(evidence.counts):
        reasons.append("Values that differ only in case are read as one.")
    rows_each = evidence.filled / distinct
    if evidence.count_wordy() > 0.5 and distinct > 20:
        return replace(base, role="ignore", reasons=("It is free text.",))
    unit = _find_unit_word(evidence)
    if unit and distinct > 10:
        return replace(
            base,
            role="ignore",
            reasons=(f"Numbers with the word {unit!r} in every cell: export them without it to use them.",),
        )
    is_frequent = distinct <= _MAX_FREQUENT_CATEGORIES and rows_each >= _MIN_ROWS_PER_CATEGORY
    if rows_each < 2 or not (distinct <= _MAX_CATEGORIES or is_frequent):
        return replace(base, role="ignore", reasons=(f"It has {distinct:,} different values, too many to compare.",))
    known = [value for value in evidence.counts if value not in evidence.unknown_values]
    if unit_values := _read_unit_bands(evidence, known):
        reasons.append("Each band is read as its middle. Correct the numbers of those with an open end.")
        return replace(
            base,
            kind="number",
            values=unit_values,
            unit="years" if re.search(r"year|yr|jahr", " ".join(known).casefold()) else "",
            digits=1,
            score=1.0,
            missing_values=evidence.unknown_values,
            reasons=tuple(reasons),
        )
    order = find_order(known)
    if order:
        reasons.append("The values have an order: the lowest stands first.")
    values: tuple[str, ...] | dict[str, str | float] = order
    if not order and {value.casefold() for value in known} == {"f", "m"} and evidence.hint.meaning == "code":
        values = {value: "female" if value in "fF" else "male" for value in sorted(known)}
    return replace(
        base,
        kind="ordered" if order else "category",
        values=values,
        missing_values=evidence.unknown_values,
        reasons=tuple(reasons),
    )


def _find_unit_word(evidence: ColumnEvidence) -> str:
    """Return the word behind nearly all numbers, such as "kg"."""
    found = [re.fullmatch(r"[\d.,]+ ?([^\W\d_]{1,10})", value) for value in evidence.counts]
    words = Counter(one[1].casefold() for one in found if one)
    word, times = max(words.items(), key=lambda item: item[1], default=("", 0))
    return word if times >= 0.9 * len(found) else ""


def _read_unit_bands(evidence: ColumnEvidence, known: list[str]) -> dict[str, str | float]:
    """Return the middle of bands with a unit, such as "1-2 Year"."""
    bands = {value: parse_band(value, evidence.mark) for value in known}
    if len(known) < 3 or any(band is None for band in bands.values()):
        return {}
    found = {value: band.middle for value, band in bands.items() if band is not None}
    widths = [
        band.high - band.low for band in bands.values() if band and band.low is not None and band.high is not None
    ]
    open_ends = [value for value, band in bands.items() if band is not None and band.high is None]
    found |= {value: found[value] + widths[-1] / 2 for value in open_ends if widths}
    return dict[str, str | float](sorted(found.items(), key=lambda item: item[1]))


# --- codes


def _propose_coded(base: ColumnProposal, evidence: ColumnEvidence) -> ColumnProposal | None:
    """Return the proposal for whole numbers that are codes, or None."""
    hint, sentinels = evidence.hint, find_sentinels(evidence)
    steps = np.unique(list_numbers(evidence, sentinels))
    if hint.meaning == "target" and 0 < steps.size <= 5:
        reasons = (_TARGET_REASON, _ask_for_values(steps))
        return replace(base, missing_values=(*evidence.unknown_values, *sentinels), reasons=reasons)
    is_coded = evidence.is_integral and (hint.meaning in ("code", "day", "id") or evidence.is_zero_padded)
    if not is_coded or evidence.bands or not steps.size:
        return None
    rows_each = evidence.filled / steps.size
    is_frequent = steps.size <= _MAX_FREQUENT_CATEGORIES and rows_each >= _MIN_ROWS_PER_CATEGORY
    if rows_each < 2 or not (steps.size <= _MAX_CATEGORIES or is_frequent):
        return replace(base, role="ignore", reasons=(f"It has {steps.size:,} different codes, too many to compare.",))
    return replace(base, missing_values=evidence.unknown_values, reasons=(_ask_for_values(steps),))


def _ask_for_values(steps: np.ndarray) -> str:
    """Return the request to say what codes mean."""
    shown = ", ".join(f'{int(step)} = "…"' for step in steps[:3])
    return f"Its numbers look like codes. Write what each means: values = {{ {shown} }}."
