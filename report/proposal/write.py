"""A proposal written as a columns file."""

import json
import re
import textwrap
from collections.abc import Iterator

from report.proposal.column import ColumnProposal
from report.proposal.roles import TableProposal

_COMMENT_COLUMN = 36  # where comments behind a key start
_LINE_WIDTH = 118
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_WHOLE_LIMIT = 1e15  # below it a float of a whole number is written without decimals
# Behind a key where it stands first.
_COMMENTS = {
    "source": "its name in the file",
    "kind": '"number", "category", "ordered", "date" or "id"',
    "role": '"feature" makes the segments, "describe" describes them, "ignore" is for others\' use',
    "label": "on the pages, in the middle of a sentence",
    "format": '"plain", "count", "money", "minutes", "percent", "share", "years" or "days"',
    "unit": "what a value of 1 means",
    "digits": "decimals of small numbers",
    "total": "what all users' values add up to; take it out if they don't",
    "valid": "smallest and largest possible value; rows outside are left out and counted",
    "transform": '"log" or "clip": before distances are measured; "none" for a number as it is',
    "missing_values": "mean that nothing is known",
    "bands": 'cells such as "20-35" are read as their middle',
    "values": "what each value means, or their order",
    "hash": "only a fingerprint of each is kept",
    "value": "worked out from other columns",
    "words": "of users with low and with high values",
    "portrait": "a value in a sentence",
    "required": "a file without it is read as well",
}
_IDS_COMMENT = "who it is, so that users can be followed from month to month"
_SECTIONS = {
    "feature": "Features: segments are made by them. Two are needed; four to eight are usual.",
    "describe": "Described: every segment's page shows them.",
    "ignore": 'Left out: write role = "describe" or "feature" to use one.',
}


def write_columns(proposal: TableProposal) -> str:
    """Return a columns file's text in TOML."""
    lines = _wrap_comment(
        f"What {proposal.file} holds, and what the report does with each column: a first proposal, guessed from names and "
        f"{proposal.rows:,} rows. Read it through and correct it; docs/columns.md explains every key."
    )
    for warning in proposal.warnings:
        lines += _wrap_comment(f"Note: {warning}")
    lines += ["", *_write_service(proposal)]
    seen: set[str] = set()
    for column in proposal.columns:
        if column.kind == "id":
            head, *rest = _write_column(column, seen)
            lines += ["", f"{head.ljust(_COMMENT_COLUMN - 1)} # {_IDS_COMMENT}", *rest]
    for role, heading in _SECTIONS.items():
        columns = proposal.list_role(role)
        lines += ["", f"# --- {heading}"] if columns else []
        for column in columns:
            lines += ["", *_write_column(column, seen)]
    return "\n".join(lines) + "\n"


def _write_service(proposal: TableProposal) -> list[str]:
    """Return the lines of [service]."""
    why = proposal.reasons.get("currency", "")
    main = _write_key("main", proposal.main, "the number that matters most, and whose total is shared out")
    return [
        "[service]",
        _write_key("title", proposal.title, "the report's name"),
        _write_key("user", proposal.user, "what one user is called, and several"),
        main
        if proposal.main
        else _write_key("# main", "…", "the number that matters most; none was found that adds up"),
        _write_key("currency", proposal.currency, f"of money; {why}" if why else "of money"),
        _write_key("locale", proposal.locale, "whose way of writing numbers is used"),
        _write_key("unit", "person", 'or "thing" (a shop, a product), which has no privacy'),
    ]


def _write_column(column: ColumnProposal, seen: set[str]) -> list[str]:
    """Return the lines of one column.

    `seen` has the keys that were explained, and gets those that now are.
    """
    lines = [f"[columns.{column.name}]"]
    for reason in column.reasons:
        lines += _wrap_comment(reason)
    for key, value in _list_keys(column):
        lines.append(_write_key(key, value, "" if key in seen else _COMMENTS.get(key, "")))
        seen.add(key)
    if column.role == "feature" and column.format == "plain" and not column.unit:
        lines.append(_write_key("# unit", "…", _COMMENTS["unit"]))
    return lines


def _list_keys(column: ColumnProposal) -> Iterator[tuple[str, object]]:
    """Yield the keys that aren't at their default, in the file's order."""
    if column.source and column.source != column.name:
        yield "source", column.source
    if column.value:
        yield "value", column.value
    yield "kind", column.kind
    if column.kind == "id":
        yield "label", column.label
        if column.is_hashed:
            yield "hash", True
        return
    if column.role != "describe":
        yield "role", column.role
    if column.role != "ignore":
        if column.label != column.name.replace("_", " "):
            yield "label", column.label
        if column.kind == "number":
            yield from _list_number_keys(column)
    found = {"missing_values": column.missing_values, "bands": column.has_bands, "values": column.values}
    yield from ((key, value) for key, value in found.items() if value)
    if column.role == "ignore" and not column.is_used:
        yield "required", False


def _list_number_keys(column: ColumnProposal) -> Iterator[tuple[str, object]]:
    """Yield the keys that say how a number is written."""
    words = column.words
    pairs = {
        key: pair
        for key, pair in (
            ("adjective", words and words.adjective),
            ("noun", words and words.noun),
            ("comparative", words and words.comparative),
        )
        if pair
    }
    found = {
        "format": "" if column.format == "plain" else column.format,
        "unit": "" if column.unit == column.format else column.unit,
        "digits": column.digits,
        "total": _name_total(column) if column.is_additive else "",
        "valid": column.valid,
        "transform": "" if column.transform == "none" else column.transform,
        "words": pairs,
        "portrait": column.portrait,
    }
    yield from ((key, value) for key, value in found.items() if value)


def _name_total(column: ColumnProposal) -> str:
    """Return what a column adds up to: "charges" for "monthly charges"."""
    if column.format == "count" and column.unit:
        return re.sub(r" an? \w+$", "", column.unit)
    words = (
        r"\b(monthly|yearly|annual|daily|weekly|total|number of|(per|a|each) (month|year|week|day)|count|12 months)\b"
    )
    text = re.sub(r" (month|year|week|day)$", "", " ".join(re.sub(words, " ", column.label).split()))
    return text or column.label


def _write_key(key: str, value: object, comment: str) -> str:
    """Return a key's line, with a comment behind it."""
    line = f"{key} = {_write_value(value)}"
    return f"{line.ljust(_COMMENT_COLUMN - 1)} # {comment}" if comment else line


def _write_value(value: object) -> str:
    """Return a value in TOML."""
    if isinstance(value, dict):
        inside = ", ".join(f"{_write_toml_key(str(key))} = {_write_value(one)}" for key, one in value.items())
        return f"{{ {inside} }}"
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(map(_write_value, value))}]"
    if isinstance(value, str):
        # JSON's text is TOML's basic string, but for one control character
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return _write_number(value)


def _write_number(value: object) -> str:
    """Return a number or truth value in TOML."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and not (value.is_integer() and abs(value) < _WHOLE_LIMIT):
        return f"{value:.12g}"  # infinity is "inf", as in TOML
    return f"{value:_.0f}"


def _write_toml_key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else _write_value(key)


def _wrap_comment(text: str) -> list[str]:
    """Return comment lines of a text, without what would end a comment."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    return textwrap.wrap(plain, _LINE_WIDTH, initial_indent="# ", subsequent_indent="# ", break_long_words=False)
