"""A number column's format, range and words guessed."""

import math
import re
from dataclasses import replace

import numpy as np

from report.proposal.cells import CURRENCIES
from report.proposal.column import ColumnEvidence, ColumnProposal, measure_skewness
from report.proposal.headers import Hint, WordSet

_MAX_CODES = 12  # whole numbers that may be codes or marks
_SET_LOG_FROM, _NAME_LOG_FROM = 3.0, 2.0  # skewness
_FAR = 20  # times the rest: a value that is far outside
_NEVER_FEATURES = ("target", "model", "weight", "day", "birth_year", "id", "row")
_NOT_BELOW_ZERO = {
    *("age", "income", "spend", "minutes", "orders", "visits", "usage", "items", "family", "tenure", "recency"),
    *("days_active", "limit"),
}
_RATING_SCALES = ((1, 4), (1, 5), (0, 4), (0, 5), (1, 7), (1, 10), (0, 10), (0, 100), (1, 100))
_PERCENT_WORDS = {"pct", "percent", "percentage", "prozent"}
_RATE_WORDS = {*_PERCENT_WORDS, "rate", "anteil", "share"}
_PERIODS = {
    " a month": {"month", "monthly", "monat", "monatlich"},
    " a year": {"annual", "yearly", "year", "annually", "jahr", "jaehrlich"},
    " a week": {"weekly", "woche"},
    " a day": {"daily"},
}
_UNITS = {
    "hours": "hours",
    "seconds": "seconds",
    "km": "km",
    "kg": "kg",
    "gb": "GB",
    "mb": "MB",
    "kwh": "kWh",
    "stunden": "hours",
    "sekunden": "seconds",
}
_COUNTED_WORDS = {
    word: word
    for word in (
        *("orders", "purchases", "transactions", "bookings", "visits", "sessions", "logins", "views", "clicks"),
        *("streams", "trips", "nights", "stays", "calls", "messages", "articles", "contacts", "reads", "opens"),
    )
} | {"trans": "transactions", "besuche": "visits", "bestellungen": "orders", "artikel": "articles"}


def propose_number(base: ColumnProposal, evidence: ColumnEvidence, currency: str) -> ColumnProposal:
    """Propose a number column's format, range, words and score."""
    sentinels = find_sentinels(evidence)
    values = list_numbers(evidence, sentinels)
    if values.size == 0:
        return replace(base, kind="number", role="ignore", reasons=("It holds no number but codes for missing.",))
    unreadable = (*evidence.list_unreadable(), *(() if evidence.bands else evidence.other_texts))
    format_, unit = _choose_format(evidence, values, currency)
    valid = _choose_range(evidence, values, format_)
    hint = evidence.hint
    is_average = bool({"avg", "average", "mean"} & set(evidence.words)) or evidence.words in (["duration"], ["dauer"])
    proposal = replace(
        base,
        kind="number",
        format=format_,
        unit=unit,
        has_bands=bool(evidence.bands),
        missing_values=(*unreadable, *sentinels),
        words=None if hint.meaning == "minutes" and is_average else _fit_words(hint, evidence.words),
        is_additive=hint.is_additive and not is_average,
        valid=valid,
        digits=_choose_digits(evidence, values, format_),
        portrait="{} old" if hint.meaning == "age" else "",
        transform=_choose_transform(_keep_valid(values, valid)),
        score=_rate_number(evidence, values),
    )
    return proposal.add_reasons(*_explain_number(proposal, evidence, values, sentinels))


def list_numbers(evidence: ColumnEvidence, sentinels: tuple[int, ...]) -> np.ndarray:
    """Return the numbers without those that stand for a missing value."""
    values: np.ndarray = evidence.numbers[np.isfinite(evidence.numbers)]
    known: np.ndarray = values[~np.isin(values, sentinels)]
    return known


def find_sentinels(evidence: ColumnEvidence) -> tuple[int, ...]:
    """Return numbers that stand for a missing value, such as -1 or 999.

    A number of nines that is at least twice the next largest, or the only negative one; on two rows or more.
    """
    values, times = np.unique(evidence.numbers[np.isfinite(evidence.numbers)], return_counts=True)
    if values.size < 4 or evidence.bands:
        return ()
    low, high = float(values[0]), float(values[-1])
    found = []
    if re.fullmatch(r"-1|-9+", f"{low:.0f}") and low.is_integer() and times[0] >= 2 and values[1] >= 0:
        found.append(int(low))
    is_nines = re.fullmatch(r"9{2,}", f"{high:.0f}") and high.is_integer()
    if is_nines and times[-1] >= 2 and high >= 2 * max(values[-2], 1):
        found.append(int(high))
    return tuple(found)


def explain_transform(proposal: ColumnProposal, values: np.ndarray) -> str:
    """Return what a feature's skewness asks for, or nothing."""
    skewness = measure_skewness(values)
    if proposal.transform == "log":
        return f"A few values are far above the rest (skewness {skewness:.1f}): segments are made by its logarithm."
    if proposal.transform == "clip":
        return f"A few values are far from the rest (skewness {skewness:.1f}): they are cut before segments are made."
    if skewness > _NAME_LOG_FROM and values.min() >= 0 and values.max() > 5:
        return f'Its largest values are far from the rest (skewness {skewness:.1f}): perhaps transform = "log".'
    return ""


def _keep_valid(values: np.ndarray, valid: tuple[float, float] | None) -> np.ndarray:
    return values if valid is None else values[(values >= valid[0]) & (values <= valid[1])]


def _fit_words(hint: Hint, words: list[str]) -> WordSet | None:
    """Return a hint's words, the comparative with what is counted."""
    if hint.words is None or hint.words.comparative != ("fewer", "more"):
        return hint.words
    thing = "active days" if hint.meaning == "days_active" else find_counted_word(words)
    fits_noun = thing in ("orders", "purchases", "visits", "sessions", "logins", "active days")
    return replace(
        hint.words,
        noun=hint.words.noun if fits_noun else None,
        comparative=(f"fewer {thing}", f"more {thing}") if thing else None,
    )


def find_counted_word(words: list[str]) -> str:
    """Return what a header says is counted, such as "orders"."""
    return next((_COUNTED_WORDS[word] for word in words if word in _COUNTED_WORDS), "")


# --- format and unit


def _choose_format(evidence: ColumnEvidence, values: np.ndarray, currency: str) -> tuple[str, str]:
    """Return how values are written, and what a value of 1 means."""
    brackets = " ".join(re.findall(r"[(\[{]([^)\]}]*)", evidence.header)).strip()
    if brackets == "%" or any(number.is_percent for number in evidence.parsed.values()):
        return "percent", "percent"
    if found := _choose_money(evidence, brackets, currency):
        return found
    if evidence.hint.meaning == "rate":
        return _choose_rate(evidence, values)
    if found := _choose_time(evidence, values):
        return found
    if re.fullmatch(r"[^\W\d]{1,20}", brackets):
        return "plain", brackets.lower()
    return _choose_count(evidence)


def _choose_money(evidence: ColumnEvidence, brackets: str, currency: str) -> tuple[str, str] | None:
    """Return money's format if cells or header say so."""
    signs = {number.currency for number in evidence.parsed.values()}
    signs |= {band.currency for band in evidence.bands.values()}
    found = next(iter(sorted(signs - {""})), "") or CURRENCIES.get(brackets.lower().replace(" ", ""), "")
    if found or evidence.hint.format == "money":
        return "money", f"{found or currency}{_find_period(evidence.words)}"
    return None


def _choose_rate(evidence: ColumnEvidence, values: np.ndarray) -> tuple[str, str]:
    """Return whether a rate is a share, percent or neither."""
    words = set(evidence.words)
    if values.min() >= 0 and values.max() <= 1 and not words & _PERCENT_WORDS:
        return "share", ""
    is_plain = _find_period(evidence.words) or "hourly" in words
    if values.min() >= 0 and values.max() <= 100 and words & _RATE_WORDS and not is_plain:
        return "percent", "percent"
    return "plain", ""


def _choose_time(evidence: ColumnEvidence, values: np.ndarray) -> tuple[str, str] | None:
    """Return the format of a number of minutes, days, months or years."""
    meaning, words = evidence.hint.meaning, set(evidence.words)
    if meaning == "minutes" and words & {"minutes", "mins", "minuten", "lesezeit"}:
        return "minutes", f"minutes{_find_period(evidence.words)}"
    if meaning in ("tenure", "recency", "last", "signup"):
        unit = next((unit for unit in ("days", "weeks", "months", "years") if words & {unit, unit[:-1]}), "")
        if not unit:
            is_months = values.max() <= 120 and meaning == "tenure"
            unit = "years" if values.max() <= 12 else "months" if is_months else "days"
        return unit if unit in ("days", "years") else "plain", unit
    fixed = {"age": ("years", "years"), "days_active": ("days", "days in the last 365"), "year": ("years", "years")}
    return fixed.get(meaning)


def _choose_count(evidence: ColumnEvidence) -> tuple[str, str]:
    """Return the format of a count, or of a plain number."""
    hint, period = evidence.hint, _find_period(evidence.words)
    if hint.format == "count" and evidence.is_integral:
        return "count", (_name_counted(evidence.words) + period).strip()
    if hint.format == "years":
        return "years", "years"
    unit = next((unit for word, unit in _UNITS.items() if word in evidence.words), "")
    return "plain", (unit + (period if hint.score >= 4 else "")).strip()


def _find_period(words: list[str]) -> str:
    """Return " a month" for a header that says so."""
    return next((text for text, known in _PERIODS.items() if known & set(words)), "")


def _name_counted(words: list[str]) -> str:
    """Return what a count counts, by its header."""
    if found := find_counted_word(words):
        return found
    others = ("previous", "days", "weeks", "months", "years", "is", "has", "times")
    return next((word for word in reversed(words) if word.endswith("s") and word not in others), "")


# --- range, digits, transform


def _choose_range(evidence: ColumnEvidence, values: np.ndarray, format_: str) -> tuple[float, float] | None:
    """Return the smallest and largest possible value."""
    low, high = float(values.min()), float(values.max())
    bracket = re.search(r"[(\[](\d+)\s*(?:-|–|to)\s*(\d+)[)\]]", evidence.header)
    if bracket and int(bracket[1]) <= low and high <= int(bracket[2]):
        return float(bracket[1]), float(bracket[2])
    meaning = evidence.hint.meaning
    if meaning == "age":
        young = float((values < 16).mean())  # so few that they are mistakes
        return (16.0 if 0 < young < 0.005 else 0.0, 120.0)
    if meaning == "days_active" and float((values > 365).mean()) < 0.01:
        return 0.0, 365.0
    top = {"percent": 100.0, "share": 1.0}.get(format_, 0.0)
    if top and low >= 0 and high <= top:
        return 0.0, top
    if meaning == "rating":
        fitting = (scale for scale in _RATING_SCALES if scale[0] <= low and high == scale[1])
        return next(((float(one), float(other)) for one, other in fitting), None)
    return _choose_open_range(evidence, values)


def _choose_open_range(evidence: ColumnEvidence, values: np.ndarray) -> tuple[float, float] | None:
    """Return a range from 0, with an end only below values far outside."""
    rest = _find_rest_below_outliers(values)
    top = math.inf if rest is None else _round_up(3 * rest)
    if evidence.hint.meaning in _NOT_BELOW_ZERO and float((values < 0).mean()) < 0.005:
        return 0.0, top
    return (0.0, top) if top < math.inf and values.min() >= 0 else None


def _find_rest_below_outliers(values: np.ndarray) -> float | None:
    """Return the largest usual value if one to three are far above it."""
    ordered = np.sort(np.abs(values))
    for count in range(1, max(1, min(3, ordered.size // 20)) + 1):
        if ordered.size > 20 and ordered[-count] > _FAR * ordered[-count - 1] > 0:
            return float(ordered[-count - 1])
    return None


def _round_up(value: float) -> float:
    """Return the next 1, 2 or 5 with zeros."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= value)


def _choose_digits(evidence: ColumnEvidence, values: np.ndarray, format_: str) -> int:
    """Return the decimals with which a small number is written."""
    typical = float(np.median(np.abs(values[values != 0]))) if np.any(values != 0) else 1.0
    if format_ == "money":
        return 0 if typical >= 20 else 2
    if format_ in ("minutes", "days") or typical >= 1000:
        return 0
    if format_ == "percent":
        return int(not evidence.is_integral)
    if evidence.is_integral:
        return 0 if typical >= 20 or evidence.hint.meaning == "age" else 1
    wanted = (0 if format_ == "share" else 2) - math.floor(math.log10(typical))
    return min(6, max(0, wanted))


def _choose_transform(values: np.ndarray) -> str:
    """Return "log" or "clip" where single values would rule the distances."""
    if values.size == 0:
        return "none"
    skewness = measure_skewness(values)
    if abs(skewness) <= _SET_LOG_FROM or float(np.abs(values).max()) <= 5:
        return "none"
    return "log" if values.min() >= 0 and skewness > 0 else "clip"


# --- score and comments


def _rate_number(evidence: ColumnEvidence, values: np.ndarray) -> float:
    """Return how well a number suits as a feature."""
    hint, (steps, times) = evidence.hint, np.unique(values, return_counts=True)
    usual, missing = float(times.max()) / values.size, 1 - values.size / evidence.rows
    if hint.meaning in _NEVER_FEATURES or usual > 0.95 or missing > 0.1 or steps.size <= 2:
        return 0.0
    score = float(hint.score) or (1.5 if steps.size > 10 else 0.5)
    if hint.meaning == "rating" and steps.size > 10:
        score += 1
    return score - (1.5 if usual > 0.85 else 0) - (2 if steps.size <= 5 else 0) - (0.5 if missing > 0.05 else 0)


def _explain_number(
    proposal: ColumnProposal, evidence: ColumnEvidence, values: np.ndarray, sentinels: tuple[int, ...]
) -> list[str]:
    """Return what a person should look at."""
    reasons = []
    for sentinel in sentinels:
        times = int((evidence.numbers == sentinel).sum())
        reasons.append(f"{sentinel} stands on {times:,} rows, far from all others: taken for a missing value.")
    if evidence.bands:
        reasons.append("Its cells are bands, read as their middle.")
    elif evidence.other_texts:
        words = "word among the numbers is" if len(evidence.other_texts) == 1 else "words among the numbers are"
        reasons.append(f"{len(evidence.other_texts)} {words} taken for a missing value.")
    outside = values.size - _keep_valid(values, proposal.valid).size
    if outside:
        rows = "row is" if outside == 1 else "rows are"
        reasons.append(f"{outside:,} {rows} outside `valid`, and would be left out.")
    if factors := sorted({number.factor for number in evidence.parsed.values()} - {1.0}):
        meant = " or ".join(f"{factor:,.0f}" for factor in factors)
        reasons.append(f"A letter behind the number stands for {meant}.")
    if (missing := 1 - values.size / evidence.rows) > 0.1:
        reasons.append(f"{missing:.0%} of the rows have no value.")
    few = evidence.is_integral and np.unique(values).size <= _MAX_CODES and not evidence.bands
    if evidence.hint.meaning == "" and few:
        reasons.append('If its numbers are codes, write kind = "category" and take out the keys that it refuses.')
    is_unnamed = proposal.format == "plain" and (not proposal.unit or proposal.unit.startswith("a "))
    if evidence.hint.meaning in ("usage", "minutes") and is_unnamed:
        reasons.append("Write in `unit` what is counted: minutes, hours, seconds.")
    return reasons
