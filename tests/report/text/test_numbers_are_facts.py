"""Every number on every page is the writing of a fact.

`writings` writes down how each fact may be written, by where it stands in facts.json and with its unit: a share may
stand as "27 %", never as "27 years". What no fact accounts for must be in `STRUCTURE`, each with its reason. That the
test can fail is shown by changing a fact, and by changing a page.
"""

import base64
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
import vl_convert

from report.text.formatting import (
    format_column_value,
    format_column_value_pair,
    format_decimal,
    format_index,
    format_month,
    format_percent,
    format_similarity,
    format_thousands,
)
from segmentation.facts import Facts, facts_from_dict, facts_to_dict
from tests.support.music import COLUMNS_BY_NAME, NUMBERS
from tests.support.pages.documents import Reader
from tests.support.pages.figures import around, figures, labels, pictures, spec_of
from tests.support.pages.rendered import Rendered, rendered  # noqa: F401 - a fixture

Texts = list[str]

# Numbers that are no facts, each with the reason why it may stand there
STRUCTURE = {
    r"(Figure|Table) \d+": "figures and tables are numbered",
    r"[Pp]age \d+ of \d+": "pages are counted",
    r"95 % (interval|confidence)|with 95 %": "what an interval is: the truth lies in it 95 times in 100",
    r"95 of 100 crowds": "what the grey band of the elbow is",
    r"SHA-256 [0-9a-f]{16}": "the hash of the month's file, shortened",
    r"80 to 120|within 20 of it": "from where an index counts as different (segmentation.profiling.profiles)",
    r"100 is the average|100 = all users|all users = 100|100 = (the )?average|holds? 100|against 100": "an index is against 100",
    r"200 (is )?twice( it| the average)": "how to read an index",
    r"of the last 365|in the last 365": "what days active are counted in",
    r"1 is far apart|0 (is )?on the border( between two segments)?|−1 to 1": "how to read a silhouette",
    r"as much as a shift of 0\.05 SD": "from where a change of a month counts (segmentation.thresholds)",
    r"Top \d|\d+ more\b": "how many values are taken together",
}
WORDS = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_UNITS = "|".join({COLUMNS_BY_NAME[name].unit.partition(" ")[0].removesuffix("s") for name in NUMBERS} | {"hour"})
_NUMBER = re.compile(rf"[<>]?[−▲▼+]?\$?\d[\d,]*(?:\.\d+)?(?: ?%| (?:(?:{_UNITS})s?|SD)\b)?", re.IGNORECASE)
_COUNTED = re.compile(rf"\b({'|'.join(WORDS)}) (?:kinds?|segments?|groups?|of)\b", re.IGNORECASE)


def plain(text: str) -> str:
    """Write every kind of space as a plain one."""
    return " ".join(text.split())


# How facts may be written


def points(change: float) -> Iterator[str]:
    """Write a change in share, as pages do, with and without its direction."""
    size = f"{abs(change) * 100:.1f}"
    yield from (size, f"▲{size}" if change > 0 else f"▼{size}", f"+{size}", f"−{size}")


def ratios(value: float) -> Iterator[str]:
    """Write an index, and what sentences make of it."""
    times = value / 100
    yield from (format_index(value), format_percent(times), format_percent(abs(times - 1)), format_decimal(times, 1))


def in_units(column: str) -> Callable[[float], Iterator[str]]:
    """Write a value of a column in its unit."""
    meaning = COLUMNS_BY_NAME[column]
    return lambda value: iter((format_column_value(value, meaning), format_thousands(value)))


def share(value: float) -> Iterator[str]:
    """Write a share, and what an interval makes of its lower end."""
    yield from (format_percent(value), format_percent(value).removesuffix("\u00a0%"))


def count(value: float) -> Iterator[str]:
    """Write a count, and what was lost."""
    yield from (format_thousands(value), format_thousands(-value))


def changed(value: float) -> Iterator[str]:
    """Write a change of followed users: in SDs, or in points."""
    for sign in ("", "+" if value > 0 else "−"):
        yield from (f"{sign}{abs(value):.2f} SD", f"{sign}{100 * abs(value):.1f}")


def precise(*digits: int, unit: str = "") -> Callable[[float], Iterator[str]]:
    """Write a number with so many digits, and with its unit."""
    return lambda value: iter([f"{format_decimal(value, number)}{unit}" for number in digits])


COLUMN = "|".join(NUMBERS)
WRITERS: tuple[tuple[str, Callable[[float], Iterator[str]]], ...] = (
    (r"(.*\.)?(share|last_share|same_borders|stayed|dissolved|recovered)", share),
    (r"shares\..*|trend\.lines\.\d+\.shares\.\d+|pca\.explained\.\d+|.*\.share_interval\.(low|high)", share),
    (r".*\.index\.[^.]+\.value|.*\.categories\..*\.value|.*\.stands_out\.\d+\.index", ratios),
    (r".*\.(index|categories)\..*\.interval\.(low|high)", lambda value: iter((format_index(value),))),
    (r".*\b(users|read|kept|rows|base|before|after|missing|outside|both|last_users|hidden)(\.\d+)*", count),
    (r"change\.flow\.(gone|new)\.\d+|(smallest_base|smallest_cell|starts)", count),
    (r"(elbow|validity)\.k\.\d+|elbow\.(knee|chosen)|structure\.(panel|votes\.\d+\.k)", count),
    (r"elbow\.inertia\.\d+|structure\.band_(low|high)\.\d+|validity\.calinski_harabasz\.\d+", count),
    (r".*(silhouette\w*|davies_bouldin|gap\w*)(\.\d+)?", precise(2)),
    (r".*\.stability\.jaccard", lambda value: iter((format_similarity(value),))),
    (r".*\.centre\.\w+", precise(1, 2, unit=" SD")),
    (r"pca\.(loadings|spots)\..*", precise(1, 2)),
    (r"change\.drift\.\w+\.(psi|critical)", precise(4)),
    (r"change\.drift\.\w+\.followed\.size", changed),
)
UNITS = re.compile(
    rf"(?:.*\.(?:means|medians)|averages|scale\.(?:mean|sd))\.({COLUMN})"
    rf"|segments\.\d+\.mean_intervals\.({COLUMN})\.(?:low|high)"
    rf"|distributions\.numbers\.({COLUMN})\.(?:mean|sd|quartiles\.\d+|edges\.\d+)"
)


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Give every fact with its path."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if items is None:
        yield path, value
    else:
        for key, item in items:
            yield from leaves(item, f"{path}.{key}" if path else str(key))


def writings(facts: Facts) -> set[str]:
    """Give every way in which a fact, or what the pages derive from several, may be written."""
    said: set[str] = set()
    for path, value in leaves(facts_to_dict(facts)):
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        for pattern, writer in WRITERS:
            if re.fullmatch(pattern, path):
                said.update(writer(value))
        if unit := UNITS.fullmatch(path):
            said.update(in_units(next(filter(None, unit.groups())))(value))
    return {plain(text) for text in said | set(derived(facts))}


def derived(facts: Facts) -> Iterator[str]:
    """Write what the pages work out of facts: differences, sums, and what is counted in words."""
    audit = facts.audit
    yield from count(audit.read - audit.kept)
    yield from share(audit.kept / audit.read)
    for rule in {drop.rule for drop in audit.dropped}:
        yield from count(sum(drop.rows for drop in audit.dropped if drop.rule == rule))
    yield from share(sum(facts.pca.explained))
    yield from (str(facts.seed), str(facts.format))
    for segment in facts.segments:
        if segment.play:
            measure = segment.play.measure
            yield from format_column_value_pair(measure.baseline, measure.target, COLUMNS_BY_NAME[measure.column])
    for moved in facts.change.segments if facts.change else ():
        if moved.share is not None and moved.last_share is not None:
            yield from points(moved.share - moved.last_share)
            if moved.same_borders is not None:
                yield from points(moved.same_borders - moved.last_share)
                yield from points(moved.share - moved.same_borders)
    for line in facts.trend.lines if facts.trend else ():
        there = [value for value in line.shares if value is not None]
        yield from points(there[-1] - there[0])
    stable = sum(s.stability.grade in ("highly stable", "stable") for s in facts.segments)
    for number in (len(facts.segments), stable):
        yield str(number)
        yield ("no", "one", *WORDS)[number]


# What pages say


def no_numbers(facts: Facts) -> re.Pattern[str]:
    """Match what has digits and is no number of its own: names, plays, months, files, and the structure of a page."""
    months = {facts.month, *(facts.trend.months if facts.trend else ())}
    months |= {facts.change.month} if facts.change else set()
    said = {plain(value) for _, value in leaves(facts_to_dict(facts)) if isinstance(value, str)}
    for month in months:
        year, number = month.split("-")
        said |= {plain(format_month(month)), f"{number}/{year}", month}
    literal = sorted((text for text in said if re.search(r"\d", text)), key=len, reverse=True)
    return re.compile("|".join([*map(re.escape, literal), *STRUCTURE]))


def unaccounted(texts: Texts, facts: Facts, also: set[str] | None = None) -> list[str]:
    """List the numbers in texts that no fact is written as, each with what stands around it."""
    known, none = writings(facts) | (also or set()), no_numbers(facts)
    found = []
    for text in texts:
        said = none.sub(" ", plain(text))
        for number in [*_NUMBER.finditer(said), *_COUNTED.finditer(said)]:
            token = number[1] if number.re is _COUNTED else number[0].strip().rstrip(",")
            if token.lower() not in known and token not in known:
                found.append(f"{token!r} in {said[max(0, number.start() - 40) : number.end() + 20]!r}")
    return found


def axis_labels(scene: Any) -> Iterator[str]:
    """Give the numbers on the axes of a drawing: they measure, and say nothing."""
    if isinstance(scene, dict):
        if scene.get("role") == "axis-label":
            yield from (str(item.get("text", "")) for item in scene["items"])
        else:
            for value in scene.values():
                yield from axis_labels(value)
    elif isinstance(scene, list):
        for item in scene:
            yield from axis_labels(item)


def ticks(facts: Facts) -> set[str]:
    """Give the numbers on all axes of all charts."""
    found: set[str] = set()
    for picture in pictures(facts).values():
        found |= {plain(label) for label in axis_labels(vl_convert.vegalite_to_scenegraph(spec_of(picture.chart())))}
    return {label for label in found if re.fullmatch(r"[−-]?[\d.,]+ ?[%kM]?", label)}


def html_texts(page: str) -> Texts:
    """Give all that a page says: its texts, its alternative texts, and the texts in its pictures."""
    read = Reader(page)
    texts = [*read.texts]
    for _, attributes in read.elements:
        texts += [attributes[name] for name in ("alt", "aria-label", "title") if name in attributes]
    return [*texts, *svg_texts(page)]


def pdf_texts(path: Path) -> Texts:
    """Give all that a PDF says outside its figures, and their alternative texts. What stands in figures `svg_texts` gives."""
    document, found = pypdfium2.PdfDocument(path), figures(path)
    texts = []
    for number, page in enumerate(document):
        text = page.get_textpage()
        boxes = [box for place, box in found.values() if place == number]
        texts += [plain(text.get_text_bounded(*box).replace("\ufffe", "-")) for box in around(boxes, *page.get_size())]
    document.close()
    return [*texts, *found]


def executive_texts(rendered: Rendered, name: str) -> Texts:  # noqa: F811
    """Give all that a month's PDF says."""
    return [*pdf_texts(rendered.pdf(name)), *svg_texts(rendered.executive(name).read_text(encoding="utf-8"))]


def svg_texts(page: str) -> Texts:
    """Give the texts in a page's pictures, each line by itself."""
    drawings = re.findall(r'src="data:image/svg\+xml;base64,([^"]*)"', page)
    return [Reader(label).text for drawing in drawings for label in labels(base64.b64decode(drawing).decode())]


@pytest.fixture(scope="module")
def facts(rendered: Rendered) -> Facts:  # noqa: F811
    """Give the sample's facts."""
    return rendered.month("sample")


@pytest.fixture(scope="module")
def axes(facts: Facts) -> set[str]:
    """Give the numbers on the sample's axes."""
    return ticks(facts)


def test_every_number_of_the_report_is_a_fact(rendered: Rendered, facts: Facts, axes: set[str]) -> None:  # noqa: F811
    """Its text, its tables, its alternative texts and its pictures."""
    texts = html_texts((rendered.pages("sample") / "report.html").read_text(encoding="utf-8"))

    assert sum(len(_NUMBER.findall(text)) for text in texts) > 700
    assert unaccounted(texts, facts, axes) == []


def test_every_number_of_the_pdf_is_a_fact(rendered: Rendered, facts: Facts, axes: set[str]) -> None:  # noqa: F811
    """As it is read out of the finished file."""
    texts = executive_texts(rendered, "sample")

    assert sum(len(_NUMBER.findall(text)) for text in texts) > 300
    assert unaccounted(texts, facts, axes) == []


def test_every_number_of_the_profiles_is_a_fact(rendered: Rendered, facts: Facts, axes: set[str]) -> None:  # noqa: F811
    """Each segment's page."""
    pages = list((rendered.pages("sample") / "profiles").iterdir())

    assert len(pages) == len(facts.segments)
    for page in pages:
        assert unaccounted(html_texts(page.read_text(encoding="utf-8")), facts, axes) == []


@pytest.mark.parametrize("name", ["two", "ten", "nothing found"])
def test_every_number_of_other_months_is_a_fact(name: str, rendered: Rendered) -> None:  # noqa: F811
    """As the executives' pages say it, with two and with ten segments, and where nothing was found."""
    month = rendered.month(name)

    texts = executive_texts(rendered, name)
    assert len(texts) > 5
    assert unaccounted(texts, month, ticks(month)) == []


# That it can fail


def shifted(facts: Facts, pattern: str) -> Facts:
    """Give the facts as if every one of a kind were another: a fact stands in several places, so all are changed."""

    def visit(value: Any, path: str = "") -> Any:
        if isinstance(value, dict):
            return {key: visit(item, f"{path}.{key}" if path else key) for key, item in value.items()}
        if isinstance(value, list):
            return [visit(item, f"{path}.{place}") for place, item in enumerate(value)]
        if isinstance(value, bool) or not isinstance(value, int | float) or not re.fullmatch(pattern, path):
            return value
        return value + 1_007 if isinstance(value, int) else value * 0.63 + 0.0131

    return facts_from_dict(visit(facts_to_dict(facts)))


KINDS = {
    "shares": r"(.*\.)?(share|last_share|same_borders|stayed|dissolved|recovered)|shares\..*|trend\.lines\.\d+\.shares\.\d+"
    r"|pca\.explained\.\d+|.*\.share_interval\.(low|high)",
    "indices": r".*\.(index|categories)\..*\.value|.*\.stands_out\.\d+\.index",
    "users": r".*\b(users|base|before|after)(\.\d+)*",
    "rows": r"audit\.(read|kept)|audit\.dropped\.\d+\.rows",
    "inertia": r"elbow\.inertia\.\d+|structure\.band_(low|high)\.\d+",
    "silhouettes and places": r".*silhouette(\.\d+)?|pca\.(loadings|spots)\..*",
    "stability": r".*\.stability\.jaccard",
    "values in their units": rf".*\.(means|medians)\.({COLUMN})|averages\.({COLUMN})|distributions\.numbers\..*|.*\.measure\..*",
}


@pytest.mark.parametrize("kind", KINDS)
def test_facts_that_were_changed_are_found_out(
    kind: str,
    rendered: Rendered,  # noqa: F811
    facts: Facts,
    axes: set[str],
) -> None:
    """The PDF says what the facts said before: its numbers are now nobody's."""
    others = shifted(facts, KINDS[kind])

    assert others != facts
    assert unaccounted(executive_texts(rendered, "sample"), others, axes) != []


def test_a_page_that_was_changed_is_found_out(rendered: Rendered, facts: Facts, axes: set[str]) -> None:  # noqa: F811
    """Of the numbers that a reader would act on, each is missed when one digit of it is another."""
    page = (rendered.pages("sample") / "report.html").read_text(encoding="utf-8")
    first = facts.segments[0]
    known = writings(facts) | axes
    tried = 0
    for said in (
        format_thousands(first.users),
        format_column_value(first.means["annual_income"], COLUMNS_BY_NAME["annual_income"]),
        format_thousands(facts.audit.kept),
    ):
        wrong = said.translate(str.maketrans("0123456789", "1234567890"))
        if plain(wrong) in known:
            continue
        tried += 1
        assert said in page
        assert unaccounted(html_texts(page.replace(said, wrong)), facts, axes) != []
    assert tried >= 2


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The answer is 41,999 users.", "41,999"),
        ("They are 99 years old.", "99 years"),
        ("It grew by 44.4 points.", "44.4"),
        ("Around $7,777,000 a year.", "$7,777,000"),
        ("Nine kinds of listeners.", "Nine"),
        ("Silhouette −0.97.", "−0.97"),
    ],
)
def test_a_number_out_of_nowhere_is_found_out(text: str, found: str, facts: Facts) -> None:
    """Whatever its unit."""
    assert any(repr(found) in one for one in unaccounted([text], facts))


def test_a_number_needs_its_own_unit(facts: Facts) -> None:
    """A share of 30 % doesn't make anybody 30 % years old: "30 SD" is no writing of it."""
    said = format_percent(facts.segments[0].share)

    assert unaccounted([f"It is {said} of users."], facts) == []
    assert unaccounted([f"It is {said.replace('%', 'SD')} away."], facts) != []
