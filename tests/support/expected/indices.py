"""What is said of the indices of the month of distinct numbers, in charts and in mails."""

from tests.support.facts import distinct as month
from tests.support.facts.distinct import IDS, LABELS, NAMES
from tests.support.music import NUMBERS

STANDS_OUT = {  # the one thing, in a chart's title; all of it, for those who don't see the chart
    "S2": (
        "age at 13 % of the average (index 13)",
        (
            "Age at 13 % of the average (index 13) and usage 35 % above the average (index 135). More common than average: Rock "
            "(index 151) and Student (index 147). Less common than average: Pop (index 22)."
        ),
    ),
    "S3": (
        "age 57 % above the average (index 157)",
        (
            "Age 57 % above the average (index 157) and income 59 % above the average (index 159). More common than average: "
            "Retired (index 171) and Pop (index 175)."
        ),
    ),
    "S5": (
        "income at 40 % of the average (index 40)",
        (
            "Income at 40 % of the average (index 40) and usage about twice the average (index 187). More common than average: "
            "Folk (index 207). Less common than average: Female (index 43)."
        ),
    ),
    "S7": (
        "days active at 55 % of the average (index 55)",
        "Days active at 55 % of the average (index 55). More common than average: Jazz (index 231) and Male (index 219).",
    ),
    "S8": (
        "usage at 67 % of the average (index 67)",
        (
            "Usage at 67 % of the average (index 67). More common than average: Pop (index 253) and Retired (index 249). Less "
            "common than average: Student (index 73)."
        ),
    ),
}
COLUMN = {name: label.capitalize() for name, label in LABELS.items()}


def index_words(id_: str) -> str:
    """Give what those who don't see a segment's indices are told."""
    return f"{NAMES[id_]} against 100 for all users. {STANDS_OUT[id_][1]}"


def index_groups() -> list[tuple[str, list[tuple[str, str]]]]:
    """Give what indices are about, by group: how it is called, and what it is."""
    others = sorted(month.VALUES, key=lambda name: -len(month.VALUES[name]))  # those with most values first
    return [
        ("Numbers", [(COLUMN[name], name) for name in NUMBERS]),
        *((COLUMN[name], [(one, one) for one in month.VALUES[name]]) for name in others),
    ]


def index_rows(id_: str) -> tuple[tuple[str, ...], ...]:
    """Give each index of a segment with what it rests on: numbers first, then what people listen to."""
    rows = []
    for group, items in index_groups():
        for called, item in items:
            number = month.number_of(id_, item)
            low = (IDS.index(id_) + number % 13) % 3 == 0
            said = str(13 + number if low else 131 + 2 * number)
            base = f"{203 + 37 * number:,}"
            if why := month.SILENT.get((id_, item)):
                said = "as average" if why == "average" else why
                base = {"not shown": why, "too few": {"S5": "17", "S7": "21"}.get(id_, "")}.get(why, base)
            rows.append((f"{group}: {called}", said, base))
    return tuple(rows)
