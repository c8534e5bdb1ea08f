"""Columns worked out from others: times since a date, sums and averages."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from report.proposal.column import ColumnEvidence, ColumnProposal
from report.proposal.headers import MAX_NAME_LENGTH, WordSet, make_label, make_unique, split_numbers, split_words

_DAYS_PER_YEAR = 365.25
_MAX_EXPRESSION = 400  # characters
_MIN_FAMILY = 3  # columns that are added up
_THOUSANDS = re.compile(
    r"[(\[{]\s*(?:in )?(?:k|k\$|k€|\$k|€k|thousands?|000s?|tsd\.?|k ?(?:usd|eur|gbp))\s*[)\]}]", re.IGNORECASE
)
# First or last words of a header that make no family.
_GENERIC_WORDS = {
    *("total", "avg", "average", "num", "number", "n", "nb", "no", "max", "min", "monthly", "annual", "credit"),
    *("yearly", "count", "last", "days"),
}
_DATE_WORDS = {"dt", "date", "datum", "year", "jahr", "of", "at", "on", "since", "seit"}
_USER_NOUNS = {"customer", "client", "member", "subscriber", "reader", "user", "employee", "listener"}
_TIME_WORDS: dict[str, tuple[WordSet | None, float]] = {
    "age": (WordSet(("young", "older"), None, ("younger", "older")), 3.0),
    "signup": (WordSet(("new", "long-standing"), None, ("newer", "here for longer")), 4.0),
    "last": (WordSet(("recently active", "long inactive"), None, ("more recent", "longer ago")), 5.0),
    "other": (None, 0.5),
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A column's proposal, and every row's number."""

    proposal: ColumnProposal
    numbers: np.ndarray | None = None

    @property
    def is_number(self) -> bool:
        """Whether it has numbers to compare."""
        return self.numbers is not None and self.proposal.kind in ("number", "date")


def add_derived(proposal: ColumnProposal, evidence: ColumnEvidence, until: date, taken: set[str]) -> list[Candidate]:
    """Return a column, and the one worked out from it."""
    numbers = _pick_numbers(proposal, evidence) if proposal.kind == "number" else None
    plain = [Candidate(proposal, numbers)]
    if proposal.kind == "date" and evidence.dates is not None:
        return _derive_from_date(proposal, evidence, until, taken)
    if proposal.kind != "number" or numbers is None or proposal.role == "ignore":
        return plain
    if _is_year(evidence, numbers, until):
        return _derive_from_year(proposal, evidence, numbers, until, taken)
    if _THOUSANDS.search(evidence.header):
        short = make_unique(f"{proposal.name[: MAX_NAME_LENGTH - 13]}_in_thousands", taken)
        derived = replace(
            proposal,
            source="",
            value=f"1000 * {short}",
            format="money",
            digits=0,
            valid=proposal.valid and (1000 * proposal.valid[0], 1000 * proposal.valid[1]),
            missing_values=(),
            reasons=("The header says that the file counts in thousands.",),
        )
        source = _make_source(
            replace(proposal, name=short), "In thousands: another column has the full amount.", *proposal.reasons
        )
        return [Candidate(source, numbers), Candidate(derived, 1000 * numbers)]
    return plain


def _make_source(proposal: ColumnProposal, *reasons: str) -> ColumnProposal:
    """Return a column that is only read for others."""
    return replace(
        proposal, role="ignore", format="plain", unit="", words=None, is_additive=False, valid=None, digits=0, score=0.0, transform="none",
        portrait="", is_used=True, reasons=reasons,
    )  # fmt: skip


def _pick_numbers(proposal: ColumnProposal, evidence: ColumnEvidence) -> np.ndarray:
    """Return every row's number, sentinels taken out."""
    if isinstance(proposal.values, dict) and proposal.values:
        known = proposal.values
        return np.array([np.nan if cell is None else float(known.get(cell, np.nan)) for cell in evidence.cells])
    sentinels = [value for value in proposal.missing_values if not isinstance(value, str)]
    return np.where(np.isin(evidence.numbers, sentinels), np.nan, evidence.numbers)


def _is_year(evidence: ColumnEvidence, numbers: np.ndarray, until: date) -> bool:
    """Return whether its numbers are calendar years."""
    known = numbers[np.isfinite(numbers)]
    in_range = known.size > 0 and ((known >= 1850) & (known <= until.year + 1)).mean() > 0.98
    is_named = evidence.hint.meaning in ("birth_year", "birth_date", "year", "signup", "last", "date", "age", "tenure")
    return bool(in_range and is_named and evidence.is_integral)


def _derive_from_year(
    proposal: ColumnProposal, evidence: ColumnEvidence, numbers: np.ndarray, until: date, taken: set[str]
) -> list[Candidate]:
    """Return a column of years, ignored, and the years since."""
    is_birth = evidence.hint.meaning in ("birth_year", "birth_date", "age")
    if is_birth and proposal.name == "age":
        proposal = replace(proposal, name=make_unique("year_of_birth", taken))
        taken = taken - {"age"}
    source = _make_source(proposal, "A year: what is worked out from it says more.")
    hint = "age" if is_birth else "signup" if evidence.hint.meaning in ("signup", "tenure") else "other"
    derived = _make_time_column(hint, proposal.name, proposal.label, "years", taken)
    derived = replace(derived, value=f"{until.year} - {proposal.name}").add_reasons(
        f"Counted to {until.year}: change the number when the year changes."
    )
    return [Candidate(source, numbers), Candidate(derived, until.year - numbers)]


def _derive_from_date(
    proposal: ColumnProposal, evidence: ColumnEvidence, until: date, taken: set[str]
) -> list[Candidate]:
    """Return a date, ignored, and the time since."""
    reading = evidence.dates
    assert reading is not None  # noqa: S101 - asked by the caller
    last = until.toordinal()
    days = np.array(
        [
            np.nan if (day := reading.dates.get(cell or "")) is None else last - day.toordinal()
            for cell in evidence.cells
        ],
        dtype=float,
    )
    known = days[np.isfinite(days)]
    if float((known < -31).mean()) > 0.2:
        return [Candidate(proposal.add_reasons("Many of its dates are in the future, so nothing is counted from it."))]
    meaning = evidence.hint.meaning
    if meaning in ("birth_date", "birth_year"):
        hint, unit = "age", "years"
    elif meaning == "last":
        hint, unit = "last", "days"
    else:
        hint = "signup" if meaning == "signup" else "other"
        unit = "years" if float(np.ptp(known)) > 3 * _DAYS_PER_YEAR else "days"
    derived = replace(
        _make_time_column(hint, proposal.name, proposal.label, unit, taken), value=f"{unit}_since({proposal.name})"
    )
    numbers = days / _DAYS_PER_YEAR if unit == "years" else days
    missing = float(np.isnan(days).mean())
    if missing > 0.1:
        derived = replace(derived, score=0.0).add_reasons(f"{missing:.0%} of the rows have no date.")
    return [Candidate(replace(proposal, is_used=True)), Candidate(derived, numbers)]


def _make_time_column(hint: str, name: str, label: str, unit: str, taken: set[str]) -> ColumnProposal:
    """Return the proposal of a time since a date or year."""
    words, score = _TIME_WORDS[hint]
    new = ColumnProposal(name, label, "", "number", format=unit, unit=unit, words=words, score=score)
    if hint == "age":
        new = replace(new, name="age", label="age", valid=(0.0, 120.0), portrait="{} old")
    else:
        bare = "_".join(word for word in name.split("_") if word not in _DATE_WORDS) or name
        plain = " ".join(word for word in label.split() if word not in _DATE_WORDS) or label
        is_user = hint == "signup" and plain in _USER_NOUNS
        new = replace(
            new,
            name=f"{unit}_since_{bare}",
            label=f"{unit} as a {plain}" if is_user else f"{unit} since {plain}",
            digits=int(unit == "years"),
        )
    return replace(new, name=make_unique(new.name[:MAX_NAME_LENGTH], taken), label=new.label[:MAX_NAME_LENGTH])


def add_families(candidates: list[Candidate], taken: set[str]) -> list[Candidate]:
    """Return the columns with sums of those that belong together.

    Money by a common first word, counts and minutes by a common last one; numbered columns as an average.
    """
    families: dict[tuple[str, str, str], list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        proposal = candidate.proposal
        if not candidate.is_number or not proposal.source or proposal.score <= 0 or proposal.has_bands:
            continue
        words = split_numbers(split_words(proposal.source))
        if len(words) < 2 or proposal.format not in ("money", "count", "minutes", "plain"):
            continue
        if words[-1].isdigit():
            if proposal.format != "plain":
                families["average", " ".join(words[:-1]), proposal.format].append(candidate)
        elif proposal.format == "money" and words[0] not in _GENERIC_WORDS:
            families["first", words[0], "money"].append(candidate)
        elif proposal.is_additive and words[-1] not in _GENERIC_WORDS:
            families["last", f"{words[0]} {words[-1]}", proposal.format].append(candidate)
    for (kind, common, _), members in families.items():
        if len(members) >= _MIN_FAMILY:
            stem = common.split()[-1] if kind == "last" else common
            candidates = _add_sum(candidates, members, stem, taken, is_average=kind == "average")
    return candidates


def _add_sum(
    candidates: list[Candidate], members: Sequence[Candidate], stem: str, taken: set[str], *, is_average: bool
) -> list[Candidate]:
    """Return the columns with the sum or average of some."""
    first = members[0].proposal
    names = [member.proposal.name for member in members]
    expression = " + ".join(names)
    expression = f"({expression}) / {len(names)}" if is_average else expression
    if len(expression) > _MAX_EXPRESSION:
        return candidates
    word = "average" if is_average else "total"
    bare = "_".join(stem.split())
    name = make_unique(f"{bare}_{word}"[:MAX_NAME_LENGTH], taken)
    taken.add(name)
    rows = np.vstack([member.numbers for member in members if member.numbers is not None])
    total = rows.sum(axis=0) / (len(names) if is_average else 1)
    known = total[np.isfinite(total)]
    derived = replace(
        first,
        name=name,
        label=f"{word} {make_label(stem)}",
        source="",
        value=expression,
        valid=None,
        missing_values=(),
        digits=0 if known.size and np.median(known) >= 20 else 1,
        unit=first.unit if first.format != "count" else stem.rpartition(" ")[2],
        is_additive=first.is_additive,
        transform="log" if "log" in {member.proposal.transform for member in members} else "none",
        score=max(member.proposal.score for member in members),
        reasons=(
            f"{len(names)} columns of one family as {'an average' if is_average else 'a sum'}; the parts only describe.",
        ),
    )
    described = {member.proposal.name for member in members}
    found = [
        replace(one, proposal=replace(one.proposal, score=0.0).add_reasons(f"A part of {name}."))
        if one.proposal.name in described
        else one
        for one in candidates
    ]
    place = next(place for place, one in enumerate(found) if one.proposal.name == names[-1])
    return [*found[: place + 1], Candidate(derived, total), *found[place + 1 :]]
