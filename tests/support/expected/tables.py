"""The tables that the month of distinct numbers must have."""

from segmentation.schema import CATEGORIES, NUMBERS
from tests.support.facts import distinct as month
from tests.support.facts.distinct import COLOURS, DARK, FEATURES, IDS, LABELS, NAMES, RANKED, grew, pct, unit
from tests.support.pages.reading import Table

Rows = tuple[tuple[str, ...], ...]


COLUMN = {name: label.capitalize() for name, label in LABELS.items()}


def values(table: tuple[float, ...]) -> tuple[str, ...]:
    """Write a value of each number."""
    return tuple(unit(name, value) for name, value in zip(NUMBERS, table, strict=True))


def signed(value: float, digits: int = 2) -> str:
    """Write a number with its minus sign."""
    return f"{value:.{digits}f}".replace("-", "−")


def place(id_: str, name: str) -> str:
    """Write a segment's mean, and how far it is from the average."""
    mean = month.MEANS[id_][NUMBERS.index(name)]
    return f"{unit(name, mean)} ({signed(month.CENTRES[id_][FEATURES.index(name)])} SD)"


def index_groups() -> list[tuple[str, list[tuple[str, str]]]]:
    """Give what indices are about, by group: how it is called, and what it is."""
    others = ("top_genre", "gender", "employment_status")
    return [
        ("Numbers", [(COLUMN[name], name) for name in NUMBERS]),
        *((COLUMN[name], [(one, one) for one in month.VALUES[name]]) for name in others),
    ]


def index_rows(id_: str) -> Rows:
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


MOVES = (
    ("Commuters", "still there", "18 %", "17 %", "▼1.3"),
    ("Night owls", "split into night owls and weekend dancers", "35 %", "40 %", "▲5.4"),
    ("Quiet readers", "gone", "3 %", "", ""),
    ("Radio classics", "merged with jazz lovers into radio classics", "27 %", "23 %", "▼3.5"),
    ("Jazz lovers", "merged with radio classics into radio classics", "8 %", "", ""),
    ("Evening families", "new", "", "6 %", "new"),
)
VOTES = (
    ("Elbow of inertia (Kneedle)", "no bend", ""),
    ("Gap statistic", "7", "differs"),
    ("Silhouette", "3", "differs"),
    ("Calinski-Harabasz", "5", "agrees"),
    ("Davies-Bouldin", "9", "differs"),
    ("Stability in resampled data", "6", "differs"),
    ("Valleys between neighbours", "none", "differs"),
    ("The panel: valleys and stability", "4", "differs"),
)
PLAYS = tuple((NAMES[id_], month.said_in_play(id_, "offer")) for id_ in RANKED)
DOTS = {
    "tbl-plays": RANKED,
    "tbl-moves": ("S2", "S3", "S4", "S5", "S6", "S8"),
    "tbl-stability": RANKED,
    "tbl-segments": RANKED,
}


def flow_rows() -> Rows:
    """Give who went where, the people of each of last month's segments in a row."""

    def count(n: int | None) -> str:
        return "not shown" if n is None else f"{n:,}"

    rows = [
        (name, *map(count, row), count(gone))
        for name, row, gone in zip(month.LAST, month.FLOW, month.GONE, strict=True)
    ]
    return (*rows, ("New this month", *map(count, month.NEW), ""))


def expected() -> dict[str, Table]:
    """Give every table of the report by the id of its figure."""
    names = NAMES | {"S4": "Quiet readers", "S6": "Jazz lovers"}
    said = {
        "fig-sizes": (
            "Users in each segment, and their share of all users.",
            ("Segment", "Users", "Share", "95 % interval of the share", "Change, points"),
            tuple(
                (
                    NAMES[id_],
                    f"{month.USERS[id_]:,}",
                    pct(month.SHARES[id_]),
                    "{:.0f} to {:.0f} %".format(*(100 * end for end in month.INTERVALS[id_])),
                    grew(id_),
                )
                for id_ in RANKED
            ),
        ),
        "fig-differences": (
            (
                "Each segment's mean, in its own unit on the right; the distance from the line is counted in standard "
                "deviations (SD), so that years and dollars can be compared."
            ),
            ("Segment", *(COLUMN[name] for name in FEATURES)),
            tuple((NAMES[id_], *(place(id_, name) for name in FEATURES)) for id_ in RANKED),
        ),
        "tbl-plays": ("What to do", ("Segment", "Offer"), PLAYS),
        "tbl-moves": (
            "What became of each segment since December 2026.",
            ("Segment", "What became of it", "Share then", "Share now", "Change, points"),
            MOVES,
        ),
        "fig-flow": (
            (
                "Users by their segment in December 2026 (left) and February 2027 (right). A bar is a segment, a band is those "
                "of it whose way may be shown: bands of fewer than 12 users are left out, and those that would give such a band "
                "away."
            ),
            ("From", *NAMES.values(), "Not there any more"),
            flow_rows(),
        ),
        "fig-trend": (
            "Each segment's share of all users in every month that was made.",
            ("Segment", "October 2026", "November 2026", "December 2026", "January 2027", "February 2027"),
            tuple(
                (names[id_], *("" if share is None else pct(share) for share in shares))
                for id_, shares in month.TREND.items()
            ),
        ),
        "tbl-drift": (
            "Whether each column is spread otherwise than in December 2026 (population stability index).",
            ("Column", "Index", "By chance at most", "Verdict"),
            tuple(
                (COLUMN[name], f"{psi:.4f}", f"{most:.4f}", "changed" if psi > most else "as before")
                for name, (psi, most) in month.DRIFT.items()
            ),
        ),
        "tbl-audit": (
            "What cleaning read, left out and kept.",
            ("Step", "Column", "Rows"),
            (
                ("Rows read", "", "10,911"),
                ("Spellings that look the same, read as one", "top genre", "27 spellings"),
                ("Spellings that look the same, read as one", "employment", "1 spelling"),
                ("No value", "age", "−57"),
                ("No value", "income", "−83"),
                ("Repeated user", "user", "−129"),
                ("Impossible value", "usage", "−31"),
                ("Impossible value", "age", "−19"),
                ("Users kept", "", "10,592"),
            ),
        ),
        "fig-numbers": (
            "How age, income, usage and days active are spread over the users, after cleaning and before.",
            ("Column", "Mean", "SD", "First quartile", "Median", "Third quartile", "Missing", "Impossible"),
            tuple(
                (
                    COLUMN[name],
                    *(unit(name, value) for value in (month.AVERAGES[n], month.SD[n], *month.QUARTILES[n])),
                    str(month.MISSING[name]),
                    str(month.OUTSIDE[name]),
                )
                for n, name in enumerate(NUMBERS)
            ),
        ),
        "fig-categories": (
            "Gender, employment and top genre of the users kept.",
            ("Column", "Value", "Read", "Kept", "Share of kept"),
            tuple(
                (COLUMN[name], one, "not shown" if read is None else f"{read:,}", f"{kept:,}", pct(share))
                for name in CATEGORIES
                for one, (read, kept), share in zip(
                    month.VALUES[name], month.COUNTS[name], month.OF_ALL[name], strict=True
                )
            ),
        ),
        "fig-elbow": (
            (
                "Sum of squared distances of all users to their segment's centre (inertia), for each number of segments; the "
                "ring marks the number used. The grey band is where 95 of 100 crowds of the same shape without any structure "
                "lie."
            ),
            ("Segments", "Inertia (squared SD)", "Without structure, from", "to"),
            tuple(
                (str(k), f"{inertia:,}", f"{low:,.0f}", f"{high:,.0f}")
                for k, (inertia, (low, high)) in enumerate(zip(month.INERTIA, month.BAND, strict=True), 1)
            ),
        ),
        "fig-silhouette": (
            (
                "Mean silhouette of all users for each number of segments: how much nearer users are to their own segment than "
                "to the next."
            ),
            ("Segments", "Silhouette", "Silhouette, mean of segments", "Calinski-Harabasz", "Davies-Bouldin"),
            tuple(
                (str(k), f"{value:.2f}", f"{value - 0.13:.2f}", f"{2_607 - 103 * k:,}", f"{1.55 - 0.07 * k:.2f}")
                for k, value in enumerate(month.SILHOUETTE_OF_K, 2)
            ),
        ),
        "tbl-votes": (
            "How many segments each measure would choose; 5 are used.",
            ("Measure", "Segments", "Verdict"),
            VOTES,
        ),
        "tbl-stability": (
            "How far each segment can be relied on, from resampled data.",
            ("Segment", "Stability", "Comes again", "Dissolves", "Set apart", "Silhouette"),
            tuple(
                (
                    NAMES[id_],
                    f"{grade}, {likeness:.2f}",
                    pct(again),
                    pct(dissolved),
                    "yes" if id_ in month.APART else "no",
                    f"{month.SILHOUETTES[id_]:.2f}",
                )
                for id_ in RANKED
                for likeness, again, dissolved, grade in (month.STABILITY[id_],)
            ),
        ),
        "tbl-segments": (
            "The segments at a glance: users, share, and medians.",
            ("Segment", "Users", "Share", "Age", "Income", "Usage", "Days active", "Stability"),
            tuple(
                (
                    NAMES[id_],
                    f"{month.USERS[id_]:,}",
                    pct(month.SHARES[id_]),
                    *values(month.MEDIANS[id_]),
                    f"{month.STABILITY[id_][3]}, {month.STABILITY[id_][0]:.2f}",
                )
                for id_ in RANKED
            ),
        ),
        **{
            f"fig-indices-{id_.lower()}": (
                (
                    f"How {NAMES[id_].lower()} differ from all users. An index of 200 is twice the average; n is the number of "
                    "users that it rests on. Under 37 of them, or where the interval holds 100, it says nothing."
                ),
                ("Of what", "Index", "Users"),
                index_rows(id_),
            )
            for id_ in RANKED
        },
        "fig-components": (
            (
                "Users on the first two principal components of the standardised features, each segment's middle named; on the "
                "right, the direction in which each feature grows. Squares with fewer than 12 users are left blank."
            ),
            ("Of what", "First component", "Second component"),
            (
                *(
                    (f"Loading of {LABELS[name]}", signed(a), signed(b))
                    for name, (a, b) in zip(FEATURES, month.LOADINGS, strict=True)
                ),
                *((f"Middle of {NAMES[id_]}", signed(x), signed(y)) for id_, (x, y) in month.SPOTS.items()),
                ("Share of the variance", "44 %", "29 %"),
            ),
        ),
    }
    return {id_: Table(*table, _dots(id_, len(table[2]))) for id_, table in said.items()}


def _dots(id_: str, rows: int) -> tuple[tuple[str, ...], ...]:
    """Give the colour beside each row's head, where a table has them."""
    return tuple((COLOURS[one], DARK[one]) for one in DOTS[id_]) if id_ in DOTS else ((),) * rows


EXPECTED = expected()
