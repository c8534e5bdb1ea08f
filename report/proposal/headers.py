"""What a column's header tells: its name, label and meaning."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from segmentation.preprocessing.spelling import normalise_text

MAX_NAME_LENGTH = 60  # characters of a column's name or label
_RESERVED_NAMES = ("segment", "user_id")
_GERMAN_LETTERS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss"})
_LABEL_WORDS = {
    "amt": "amount",
    "avg": "average",
    "bal": "balance",
    "cnt": "count",
    "ct": "count",
    "dt": "date",
    "hrs": "hours",
    "max": "largest",
    "min": "smallest",
    "mins": "minutes",
    "mnt": "amount",
    "mon": "months",
    "n": "number of",
    "nb": "number of",
    "no": "number of",
    "num": "number of",
    "pct": "percent",
    "qty": "quantity",
    "trans": "transaction",
    "yr": "year",
    "yrs": "years",
}
Meaning = Literal[
    "target", "model", "birth_year", "birth_date", "age", "signup", "last", "tenure", "recency", "income", "limit", "spend",
    "minutes", "days_active", "orders", "visits", "usage", "items", "family", "rating", "rate", "weight", "person", "contact",
    "code", "id", "row", "day", "date", "year", "",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class WordSet:
    """Words for low and for high values of a number."""

    adjective: tuple[str, str] | None = None
    noun: tuple[str, str] | None = None
    comparative: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Hint:
    """A meaning, and what follows from it."""

    meaning: Meaning
    score: int = 0
    """How well it suits as a feature: 0 never, 5 best."""
    format: str = "plain"
    unit: str = ""
    is_additive: bool = False
    """Whether all users' values add up to something."""
    words: WordSet | None = None


def _any(*alternatives: str) -> str:
    """Return a pattern of any of them."""
    return "|".join(alternatives)


_SPEND_WORDS = WordSet(
    ("low-spending", "high-spending"), ("low spenders", "high spenders"), ("less spent", "more spent")
)
_BUY_WORDS = WordSet(("occasional", "frequent"), ("occasional buyers", "frequent buyers"), ("fewer", "more"))
_USE_WORDS = WordSet(("light", "heavy"), ("light users", "heavy users"), ("less use", "more use"))
_NEW_WORDS = WordSet(("new", "long-standing"), ("newcomers", "long-standing users"), ("newer", "here for longer"))
_AGE_WORDS = WordSet(("young", "older"), None, ("younger", "older"))
_INCOME_WORDS = WordSet(
    ("lower-income", "high-income"), ("lower earners", "high earners"), ("lower income", "higher income")
)
_RECENCY_WORDS = WordSet(("recently active", "long inactive"), None, ("active more recently", "inactive for longer"))
_VISIT_WORDS = WordSet(("occasional", "frequent"), ("occasional visitors", "frequent visitors"), ("fewer", "more"))

# Asked from top to bottom of a header's words, joined by blanks; the first that fits counts.
_HINTS: tuple[tuple[str, Hint], ...] = (
    (r"naive bayes|classifier|predict|probab|propensity|logit", Hint("model")),
    (
        _any(
            r"^(y|label|target|outcome|class label|result)$|churn|attrition|^exited$",
            r"\bdefault\b.*\b(payment|month)\b|is default",
            r"^(response|responded|converted|conversion|subscribed)$|cancell?ed|gekuendigt|kuendigung|lapsed",
        ),
        Hint("target"),
    ),
    (r"\b(year|yr|jahr)\b.*\b(birth|born|geb)|\bbirth ?(year|yr)\b|\byob\b|geburtsjahr|\bborn\b", Hint("birth_year")),
    (r"birth|\bdob\b|geburt", Hint("birth_date")),
    (r"\bvehicle age|\bcar age|\bage (of|group code)\b.*(car|vehicle|account)", Hint("", format="years", unit="years")),
    (r"\bage\b|\balter\b|\bages\b", Hint("age", 3, "years", "years", words=_AGE_WORDS)),
    (r"e ?mail|phone|\btel\b|telefon|mobile (no|number)|^mobile$|\bfax\b", Hint("contact")),
    (
        _any(
            r"\b(first|last|sur|full|given|family|middle|user|customer|client|contact|nick|guest|passenger|patient) ?name\b",
            r"^(name|surname|vorname|nachname)$|\baddress\b|\bstreet\b|strasse|\biban\b|\bssn\b|passport",
            r"anschrift",
        ),
        Hint("person"),
    ),
    (r"\bfnlwgt\b|\bwgt\b|sampling weight|survey weight", Hint("weight")),
    (r"^(unnamed( \d+)?|index|row ?(number|num|no|id)?|record ?(number|no)?|lfd nr|nr|no)$", Hint("row")),
    (
        r"inactive|recency|\b(days?|weeks?|months?) since (the )?last|days ago",
        Hint("recency", 5, "plain", words=_RECENCY_WORDS),
    ),
    (
        r"\bdays?\b.*\bactive|\bactive\b.*\bdays?\b|aktive tage",
        Hint("days_active", 5, "days", "days", words=_VISIT_WORDS),
    ),
    (
        _any(
            r"tenure|months? on book|length of (membership|time)|membership (years|months|length)|\bvintage\b",
            r"seniority|years? at company|account (length|age)|customer (for|age)",
            r"kunde seit \w+ (jahren|monaten)|\b(years|months|days) as\b",
        ),
        Hint("tenure", 4, "plain", words=_NEW_WORDS),
    ),
    (
        _any(
            r"\b(last|latest|recent|letzte[rns]?)\b.*\b(date|purchase|order|login|visit|active|activity|seen|contact|payment|bestellung|besuch|kauf|session|open)",
            r"\blast ?(login|seen|active|order|purchase|visit)\b",
        ),
        Hint("last", 5),
    ),
    (
        _any(
            r"sign ?(ed )?up|\bjoin|regist|\bsince\b|created|\bstart|enroll?|member|subscri\w+ (date|on)",
            r"acqui|opened|onboard|\b(dt|date)( of)? (customer|contract)|customer (date|start)|kunde seit",
            r"\bseit\b|first (order|purchase|visit|seen)|beginn",
        ),
        Hint("signup", 4),
    ),
    (r"^(day|month|day of (week|month)|weekday|hour|minute|week|quarter|wochentag)$", Hint("day")),
    (
        r"\b(channel|region|zip|postal|postcode|plz|type|code|browser|operating|os|traffic|method|segment|cluster)\b(?!.*\b(count|amount|amt|minutes)\b)",
        Hint("code"),
    ),
    (
        r"\bscore\b|\bratings?\b|satisfaction|\bstars?\b|\bnps\b|feedback|\bgrade\b|involvement|\blevel\b|life balance|bewertung|zufrieden|\breviews?\b",
        Hint("rating", 2),
    ),
    (r"\b(pct|percent|percentage|prozent)\b", Hint("rate", 2)),
    (r"income|salary|\bwages?\b|earning|einkommen|gehalt", Hint("income", 3, "money", words=_INCOME_WORDS)),
    (r"educat", Hint("rating", 1)),
    (
        r"\brates?\b|\bidx\b|\bindex\b|\bratios?\b|\bshare\b|\bpct\b|percent|utili[sz]|\bchng\b|\bchange\b|anteil|quote|\bprozent\b",
        Hint("rate", 2),
    ),
    (
        _any(
            r"\b(num|number|n|no|nb|count|cnt|ct|total|anzahl|amount)\b.*\b(orders?|purchases?|transactions?|trans|bookings?|bestellungen|kaeufe)\b(?!.*\b(amt|amount|value)\b)",
            r"^(orders?|purchases?|transactions?|bookings?|bestellungen|frequency|purchase count)$",
            r"\b(orders?|purchases?|trans\w*|bookings?)\b.*\b(count|ct|cnt|num|number|frequency|freq|month|year|week|12m|30d)$",
            r"^(orders|purchases|bookings|bestellungen)\b(?! (value|amount))",
        ),
        Hint("orders", 5, "count", is_additive=True, words=_BUY_WORDS),
    ),
    (
        r"children|\bkids?\b|kidhome|teenhome|\bteens?\b|dependents?|dependants?|household|family|\bkinder\b|num companies|siblings",
        Hint("family", 1, "count"),
    ),
    (
        r"\bminutes?\b|\bmins\b|minuten|lesezeit|\bduration\b|dauer\b|\btime (on|spent)\b|session length|\bseconds?\b",
        Hint("minutes", 5, "plain", is_additive=True, words=_USE_WORDS),
    ),
    (
        _any(
            r"\b(visits?|sessions?|logins?|views?|clicks?|opens|streams?|plays|listens?|reads|articles?|trips?|nights?|stays?|calls?|sms|messages?|contacts?|travel|besuche?|artikel|aufrufe|pageviews?|visitors?|mails?)\b(?!.*\b(charges?|amount|cost)\b)"
        ),
        Hint("visits", 4, "count", is_additive=True, words=_VISIT_WORDS),
    ),
    (
        r"\bbalance\b|\bbal\b|\blimit\b|\bloan amount\b|\bcredit amount\b|savings|\bdebt\b|budget|open to buy|\bcoverage\b|\bcapital (gain|loss)|kontostand|\bwealth\b",
        Hint("limit", 4, "money"),
    ),
    (
        _any(
            r"spend|spent|\bamt\b|amount|charges?\b|revenue|\bsales\b|turnover|\bbills?\b|\bfees?\b",
            r"payments?\b|\bpaid\b|\bclv\b|\bltv\b|lifetime value|premium|\bprices?\b|\bcosts?\b|\bmnt\b",
            r"basket|\bgmv\b|\bgmb\b|umsatz|betrag|\bpreis\b|ausgaben|monetary",
            r"\b(order|page|cart|purchase|customer|warenkorb) ?(value|values|wert)\b|expens|donation|spende",
        ),
        Hint("spend", 5, "money", is_additive=True, words=_SPEND_WORDS),
    ),
    (
        r"usage|\bgb\b|\bmb\b|\bkwh\b|consumption|\bhours?\b|stunden|verbrauch|nutzung|downloads?|\bon (the )?(app|website|site)\b",
        Hint("usage", 5, "plain", is_additive=True, words=_USE_WORDS),
    ),
    (
        _any(
            r"products?\b|\bitems?\b|quantity|\bqty\b|devices?\b|\bcards\b|relationship count|\bservices\b",
            r"\bcoupons?\b|\bdeals?\b|complaints?|\bpreviou|\bnumber of\b|\bnum\b|\bcount\b|\banzahl\b",
            r"\btimes\b|^campaign$|^n\b|tickets",
        ),
        Hint("items", 3, "count"),
    ),
    (
        _any(
            r"region|channel|browser|operating|\bos\b|traffic|\btypes?\b|\bcodes?\b|\bzip\b|postal|postcode",
            r"\bplz\b|category|segment|cluster|\bgroup\b|department|\bdept\b|marri|marital|\bsex\b|gender",
            r"\bstore\b|branch|country|\bcity\b|\bstate\b|\bplan\b|genre|employment|job|occupation|contract",
            r"brand|\bmodel\b|\btier\b|\bmethod\b|device|source|language|\barea\b|housing|geschlecht",
            r"bundesland|\bort\b|\bland\b|status",
        ),
        Hint("code"),
    ),
    (
        _any(
            r"\bid\b|\bids\b|\buuid\b|\bguid\b|identifier|\bkey\b|\bhash\b|\btoken\b",
            r"(customer|user|client|member|account|employee|kunden|kunde|mitglied|reader|leser|subscriber|abo) ?(id|nr|no|num|number|nummer)$",
            r"^(clientnum|kundennummer|kundennr|nutzer|userid|customerid|clientid)$|card (no|number)",
        ),
        Hint("id"),
    ),
    (r"\bdate\b|\bdt\b|\bdatum\b|timestamp|\bon$|\bat$", Hint("date")),
    (r"\byears?\b|\bjahre?\b", Hint("year", 3)),
)
_COMPILED_HINTS = tuple((re.compile(pattern), hint) for pattern, hint in _HINTS)
_ID_FIRST = re.compile(
    _any(
        r"\b(id|uuid|guid)$|^(clientnum|kundennummer|kundennr)$",
        r"^(customer|user|client|member|employee|account|card) (no|num|number|nr)$",
        r"\b(order|invoice|ticket|booking|transaction|policy|case) (no|nr|num|number)$",
    )
)
_NO_HINT = Hint("")
# What one user is called, by how a word in the headers starts; the first that is found counts.
_USER_WORDS = (
    ("customer", ("customer", "customers")),
    ("client", ("customer", "customers")),
    ("kunde", ("customer", "customers")),
    ("subscriber", ("subscriber", "subscribers")),
    ("reader", ("reader", "readers")),
    ("leser", ("reader", "readers")),
    ("listener", ("listener", "listeners")),
    ("member", ("member", "members")),
    ("employee", ("employee", "employees")),
    ("guest", ("guest", "guests")),
    ("patient", ("patient", "patients")),
    ("student", ("student", "students")),
)
_BUYER_WORDS = {
    "purchase",
    "purchases",
    "order",
    "orders",
    "spending",
    "spend",
    "basket",
    "churn",
    "charges",
    "bestellungen",
    "umsatz",
}
# Values of an order that people agree on, the lowest first.
_ORDERS = (
    ("very low", "low", "medium", "high", "very high"),
    ("low", "moderate", "high"),
    ("low", "average", "high"),
    ("little", "moderate", "quite rich", "rich"),
    ("very small", "small", "medium", "large", "very large"),
    ("xs", "s", "m", "l", "xl", "xxl"),
    ("blue", "silver", "gold", "platinum"),
    ("bronze", "silver", "gold", "platinum", "diamond"),
    ("basic", "standard", "premium"),
    ("never", "rarely", "sometimes", "often", "always"),
    ("never", "rarely", "frequently"),
    ("non-travel", "travel_rarely", "travel_frequently"),
    ("bad", "poor", "fair", "good", "very good", "excellent"),
    ("very dissatisfied", "dissatisfied", "neutral", "satisfied", "very satisfied"),
    ("strongly disagree", "disagree", "neutral", "agree", "strongly agree"),
    ("daily", "weekly", "fortnightly", "monthly", "quarterly", "yearly"),
    ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"),
    ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"),
    ("mon", "tue", "wed", "thu", "fri", "sat", "sun"),
    ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),
    ("uneducated", "high school", "college", "graduate", "post-graduate", "doctorate"),
    ("basic", "2n cycle", "graduation", "master", "phd"),
)  # fmt: skip


def find_hint(words: Sequence[str], *, without: Sequence[Meaning] = ()) -> Hint:
    """Return what a header's words tell."""
    text = " ".join(split_numbers(words))
    if _ID_FIRST.search(text) and "id" not in without:
        return Hint("id")
    hints = (hint for pattern, hint in _COMPILED_HINTS if hint.meaning not in without and pattern.search(text))
    return next(hints, _NO_HINT)


def choose_user_words(headers: Sequence[Sequence[str]]) -> tuple[str, str]:
    """Return what one and several users are called."""
    words = {word for header in headers for word in header} - {"membership", "readership"}
    for start, pair in _USER_WORDS:
        if any(word.startswith(start) for word in words):
            return pair
    return ("customer", "customers") if words & _BUYER_WORDS else ("user", "users")


def find_order(values: Sequence[str]) -> tuple[str, ...]:
    """Return values in an order that people agree on.

    Empty if there is none for all of them, or for fewer than three.
    """
    by_key = {value.casefold(): value for value in values}
    shortened = {key[:3] if key in ("june", "july", "sept") else key: value for key, value in by_key.items()}
    for order in _ORDERS:
        for known in (by_key, shortened):
            if len(known) == len(values) >= 3 and set(known) <= set(order):
                return tuple(known[key] for key in order if key in known)
    return ()


def split_words(header: str) -> list[str]:
    """Return a header's words in lower case and without accents.

    `["monthly", "charges"]` for "MonthlyCharges", and words in brackets too.
    """
    text = unicodedata.normalize("NFKD", header.translate(_GERMAN_LETTERS))
    plain = "".join(letter for letter in text if not unicodedata.combining(letter))
    return [word.casefold() for word in _split_letters(plain)]


def _split_letters(header: str) -> list[str]:
    """Return a header's words as they are written."""
    text = re.sub(r"(?<=[a-zß-ÿ0-9])(?=[A-ZÄÖÜ])|(?<=[A-Z])(?=[A-Z][a-z])", " ", normalise_text(header))
    return [word for word in re.split(r"[\W_]+", text) if word]


def split_numbers(words: Sequence[str]) -> list[str]:
    """Return words with the numbers at their ends apart.

    `["bill", "amt", "1"]` for `["bill", "amt1"]`.
    """
    return [part for word in words for part in re.sub(r"(?<=[a-z]{3})(?=\d)", " ", word).split()]


def strip_brackets(header: str) -> str:
    """Return a header without what stands in brackets."""
    return normalise_text(re.sub(r"[(\[{][^)\]}]*[)\]}]?", " ", header)) or normalise_text(header)


def make_label(header: str) -> str:
    """Return how pages write a header's name."""
    words = split_numbers([word.lower() for word in _split_letters(strip_brackets(header))])
    label = " ".join(
        _LABEL_WORDS.get(word, word) if word not in ("n", "no", "min", "max") or place == 0 else word
        for place, word in enumerate(words)
    )
    label = label.replace("number of of ", "number of ")
    label = re.sub(
        r"(?<! per)(?<! next)(?<! last)(?<! this)(?<! a)(?<! of)(?<! in) (month|year|week)$", r" a \1", label
    )
    return _cut_words(label or normalise_text(header), " ") or "column"


def make_names(headers: Sequence[str]) -> list[str]:
    """Return a unique ASCII name for every header.

    Lower-case words with underscores, a letter first, at most 60 characters.
    """
    taken: set[str] = set(_RESERVED_NAMES)
    names = []
    for place, header in enumerate(headers, 1):
        words = [re.sub(r"[^a-z0-9]", "", word) for word in split_words(strip_brackets(header))]
        name = "_".join(filter(None, words))
        if not name:
            name = f"column_{place}"
        elif not name[0].isalpha():
            name = f"column_{name}"
        names.append(make_unique(_cut_words(name, "_"), taken))
        taken.add(names[-1])
    return names


def make_unique(name: str, taken: set[str]) -> str:
    """Return the name, with a number if it is taken."""
    number, unique = 2, name
    while unique in taken:
        unique = f"{name[: MAX_NAME_LENGTH - 4].rstrip('_')}_{number}"
        number += 1
    return unique


def _cut_words(text: str, separator: str) -> str:
    """Return whole words up to the largest length."""
    if len(text) <= MAX_NAME_LENGTH:
        return text
    return text[: MAX_NAME_LENGTH + 1].rpartition(separator)[0] or text[:MAX_NAME_LENGTH]
