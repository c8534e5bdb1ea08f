"""The roles of all columns, and the words for the service."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from report.proposal.cells import find_decimal_mark, tidy_cell
from report.proposal.column import ColumnEvidence, ColumnProposal, examine_column
from report.proposal.derived import Candidate, add_derived, add_families
from report.proposal.guess import propose_column
from report.proposal.headers import WordSet, choose_user_words, make_names, split_words
from report.proposal.numbers import explain_transform
from report.proposal.table import TextTable

MAX_FEATURES = 8
_MIN_FEATURES, _ENOUGH_FEATURES = 2, 3
_GOOD_SCORE = 2.5  # from which a number is said by its name to tell of behaviour or value
_SAME, _SIMILAR = 0.98, 0.95  # correlations
_CORRELATED_ROWS = 20_000  # every n-th row is enough
_MARKS_SAMPLE = 5_000  # distinct cells of a column that are asked for a decimal mark


@dataclass(frozen=True, slots=True)
class TableProposal:
    """What a first columns file says."""

    file: str
    rows: int
    columns: tuple[ColumnProposal, ...]
    """The id, then features, described and ignored columns."""
    title: str
    user: tuple[str, str]
    main: str
    currency: str
    locale: str
    warnings: tuple[str, ...]
    """What a person should know of the file as a whole."""
    reasons: Mapping[str, str]
    """By key of the service: why."""

    def list_role(self, role: str) -> tuple[ColumnProposal, ...]:
        """Return the columns with a role, ids left out."""
        return tuple(column for column in self.columns if column.role == role and column.kind != "id")


def propose_table(table: TextTable, today: date, month: str = "") -> TableProposal:
    """Propose a first columns file for a table.

    Years are counted to the month asked for, else to the newest date in the file, else to today.
    """
    marks = _find_marks(table)
    currency = _find_currency(table)
    names = make_names(table.headers)
    examined = [
        examine_column(header, cells, mark)
        for header, cells, mark in zip(table.headers, table.columns, marks, strict=True)
    ]
    ratings = [evidence.rate_as_id() if evidence.header else 0 for evidence in examined]
    id_place = int(np.argmax(ratings)) if any(ratings) else -1
    candidates, warnings = list[Candidate](), _list_table_warnings(table, examined, has_id=id_place >= 0)
    newest = _find_newest_date(examined, today)
    until = date(int(month[:4]), int(month[5:]), 28) if month else newest or today
    taken = set(names) | {"user_id", "segment"}
    doubled = {header for header in table.headers if table.headers.count(header) > 1}
    for place, (evidence, name) in enumerate(zip(examined, names, strict=True)):
        if not evidence.header or evidence.header in doubled:
            continue
        proposal = propose_column(evidence, name, currency=currency or "USD", is_id=place == id_place)
        found = add_derived(proposal, evidence, until, taken)
        taken |= {candidate.proposal.name for candidate in found}
        candidates += found
    candidates = add_families(_mark_copies(candidates), taken)  # copies make no family
    candidates = _choose_features(_mark_copies(candidates))
    user = choose_user_words([split_words(header) for header in table.headers])
    main = _choose_main(candidates)
    columns = _fit_words([candidate.proposal for candidate in candidates], user, main)
    reasons = {} if currency else {"currency": "nothing in the file tells it"}
    currency, locale = currency or "USD", "de" if "," in marks and currency in ("EUR", "CHF") else "en"
    order = {"feature": 1, "describe": 2, "ignore": 3}
    features = sum(column.role == "feature" for column in columns)
    if features < _MIN_FEATURES:
        warnings.append(
            f"Only {features} of its columns can make segments, and the report needs {_MIN_FEATURES} or more numbers: "
            'give others role = "feature", or add numbers to the export.'
        )
    return TableProposal(
        table.file,
        table.rows,
        tuple(sorted(columns, key=lambda column: 0 if column.kind == "id" else order[column.role])),
        f"{user[0].capitalize()} segments",
        user,
        main,
        currency,
        locale,
        tuple(warnings),
        reasons,
    )


def _find_marks(table: TextTable) -> list[str]:
    """Return each column's decimal mark, what others prove where it has no proof."""
    samples = [
        [text for cell in list(dict.fromkeys(cells))[:_MARKS_SAMPLE] if (text := tidy_cell(cell))]
        for cells in table.columns
    ]
    proven = [find_decimal_mark(sample) if _is_mostly_digits(sample) else "" for sample in samples]
    usual = max(".,", key=proven.count)
    return [mark or usual for mark in proven]


def _is_mostly_digits(sample: Sequence[str]) -> bool:
    return sum(bool(re.search(r"\d", text)) for text in sample) >= 0.5 * len(sample) > 0


def _find_currency(table: TextTable) -> str:
    """Return the currency that cells or headers name, or nothing."""
    for header, cells in zip(table.headers, table.columns, strict=True):
        sample = " ".join(text for cell in list(dict.fromkeys(cells))[:50] if (text := tidy_cell(cell)))
        for sign, currency in (("€", "EUR"), ("£", "GBP"), ("$", "USD"), ("₹", "INR")):
            if sign in header or (
                sign in sample and re.search(rf"\d\s*[kKmM]?\s*{re.escape(sign)}|{re.escape(sign)}\s*-?\d", sample)
            ):
                return currency
        word = re.search(
            r"(?<![A-Za-z])(EUR|USD|GBP|CHF)(?![A-Za-z])", f"{header.replace('_', ' ')} {sample}", re.IGNORECASE
        )
        if word:
            return word[1].upper()
    return ""


def _list_table_warnings(table: TextTable, examined: Sequence[ColumnEvidence], *, has_id: bool) -> list[str]:
    """Return what a person should know of the file."""
    warnings = []
    if table.title_rows:
        rows = "row" if table.title_rows == 1 else "rows"
        warnings.append(f"{table.title_rows} {rows} above the header left out.")
    if table.odd_rows:
        verb = "row has" if table.odd_rows == 1 else "rows have"
        warnings.append(f"{table.odd_rows:,} {verb} another number of fields than the header: not looked at.")
    if table.is_cut:
        warnings.append(f"Guessed from the first {table.rows:,} rows.")
    unnamed = sum(not header for header in table.headers)
    if unnamed:
        warnings.append(f"{unnamed} column{'s' if unnamed > 1 else ''} without a name left out.")
    doubled = sorted({header for header in table.headers if header and table.headers.count(header) > 1})
    if doubled:
        warnings.append(f"Left out, as several columns have the same name: {', '.join(doubled)}.")
    if not has_id:
        ids = [one for one in examined if one.hint.meaning == "id" and len(one.counts) > 10 and one.missing_share < 0.5]
        repeated = max(ids, key=lambda one: one.names_user, default=None)
        if repeated and repeated.unique_share < 0.98:
            warnings.append(
                f"{repeated.header!r} looks like an id and repeats ({len(repeated.counts):,} different ones on {repeated.filled:,} "
                "rows): a report needs one row a user, so add up the rows of each first."
            )
        else:
            warnings.append("No column looks like an id of users: they can't be followed from month to month.")
    if table.rows < 50:
        warnings.append(f"{table.rows} rows are few: guesses and segments need more.")
    return warnings


def _find_newest_date(examined: Sequence[ColumnEvidence], today: date) -> date | None:
    """Return the newest date that isn't in the future."""
    dates = (
        day
        for evidence in examined
        if evidence.dates is not None and evidence.hint.meaning != "birth_date"
        for day in evidence.dates.dates.values()
        if day <= today
    )
    return max(dates, default=None)


# --- features


def _mark_copies(candidates: list[Candidate]) -> list[Candidate]:
    """Return the columns with copies of others never features."""
    found: list[Candidate] = []
    for candidate in candidates:
        twin = None
        if candidate.is_number and candidate.proposal.role != "ignore" and candidate.proposal.score > 0:
            twins = (one for one in found if one.proposal.score > 0 and _correlate(one, candidate) > _SAME)
            twin = next(twins, None)
        if twin is not None and candidate.proposal.score > twin.proposal.score:
            found[found.index(twin)] = _weaken(twin, candidate)
            found.append(candidate)
        else:
            found.append(candidate if twin is None else _weaken(candidate, twin))
    return found


def _weaken(copy: Candidate, other: Candidate) -> Candidate:
    """Return a column that another says as well, without its score."""
    reason = (
        f"Says nearly the same as {other.proposal.name} (r = {_correlate(copy, other):.2f}): only one makes segments."
    )
    return replace(copy, proposal=replace(copy.proposal, score=0.0).add_reasons(reason))


def _correlate(one: Candidate, other: Candidate) -> float:
    """Return the size of the correlation of two columns' numbers."""
    if one.numbers is None or other.numbers is None or one.numbers.size != other.numbers.size:
        return 0.0
    step = max(1, one.numbers.size // _CORRELATED_ROWS)
    first, second = one.numbers[::step], other.numbers[::step]
    both = np.isfinite(first) & np.isfinite(second)
    first, second = first[both], second[both]
    if first.size < 10 or first.std() == 0 or second.std() == 0:
        return 0.0
    return abs(float(np.corrcoef(first, second)[0, 1]))


def _choose_features(candidates: list[Candidate]) -> list[Candidate]:
    """Return the columns with their roles.

    The best-rated first, none that moves with one already chosen. Numbers whose name tells nothing are taken only where fewer
    than three others are there.
    """
    usable = [one for one in candidates if one.is_number and one.proposal.role != "ignore" and one.proposal.score > 0]
    good = sum(one.proposal.score >= _GOOD_SCORE for one in usable)
    chosen: list[Candidate] = []
    similar: dict[str, str] = {}
    for one in sorted(usable, key=lambda one: -one.proposal.score):
        is_good = one.proposal.score >= _GOOD_SCORE
        is_filler = good < _ENOUGH_FEATURES and (one.proposal.score >= 1 or len(chosen) < _MIN_FEATURES)
        most = MAX_FEATURES if is_good or not good else _ENOUGH_FEATURES + 1
        if len(chosen) >= most or not (is_good or is_filler):
            continue
        near = next((other for other in chosen if _correlate(one, other) > _SIMILAR), None)
        if near is None or len(usable) <= _MIN_FEATURES:
            chosen.append(one)
            continue
        moves = f"Moves with {near.proposal.name} (r = {_correlate(one, near):.2f})"
        similar[one.proposal.name] = f"{moves}, so only that one makes segments."
    names = {one.proposal.name for one in chosen}
    return [
        _assign_role(one, similar.get(one.proposal.name, ""), is_feature=one.proposal.name in names)
        for one in candidates
    ]


def _assign_role(one: Candidate, reason: str, *, is_feature: bool) -> Candidate:
    """Return a column as a feature, or without a feature's keys."""
    if not is_feature:
        # a range without an end would only cost users of a column that describes
        valid = one.proposal.valid if one.proposal.valid and np.isfinite(one.proposal.valid[1]) else None
        words = one.proposal.words and WordSet(comparative=one.proposal.words.comparative)
        proposal = replace(one.proposal, transform="none", valid=valid, words=words).add_reasons(reason)
        return replace(one, proposal=proposal)
    proposal = replace(one.proposal, role="feature")
    known = np.array([]) if one.numbers is None else one.numbers[np.isfinite(one.numbers)]
    if proposal.valid is not None:
        known = known[(known >= proposal.valid[0]) & (known <= proposal.valid[1])]
    missing = 0 if one.numbers is None else int(np.isnan(one.numbers).sum())
    rows = "row has" if missing == 1 else "rows have"
    proposal = proposal.add_reasons(
        explain_transform(proposal, known),
        f'{missing:,} {rows} no value and would be left out, unless missing = "median".' if missing else "",
    )
    return replace(one, proposal=proposal)


def _fit_words(columns: Sequence[ColumnProposal], user: tuple[str, str], main: str) -> tuple[ColumnProposal, ...]:
    """Return the columns with the service's word for users, and no words for low and high twice.

    Of several features with the same adjectives the main one alone keeps them.
    """
    adjectives = [column.words.adjective for column in columns if column.role == "feature" and column.words]
    fitted = []
    for column in columns:
        words = column.words
        if words is None:
            fitted.append(replace(column, label=user[0]) if column.kind == "id" else column)
            continue
        if column.name != main and adjectives.count(words.adjective) > 1:
            words = WordSet(comparative=words.comparative)
        if words.noun is not None:
            low, high = (noun.replace("users", user[1]) for noun in words.noun)
            words = replace(words, noun=(low, high))
        fitted.append(replace(column, words=words))
    return tuple(fitted)


def _choose_main(candidates: Sequence[Candidate]) -> str:
    """Return the number that matters most: what adds up, money first."""
    order = {"money": 0, "minutes": 1, "plain": 2, "count": 3}
    adding = [
        one.proposal
        for one in candidates
        if one.proposal.role == "feature" and one.proposal.is_additive and one.proposal.kind == "number"
    ]
    return min(adding, key=lambda one: order.get(one.format, 4)).name if adding else ""
