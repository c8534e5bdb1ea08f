"""A German publisher: 20 columns, skewed money in EUR, dates, bands, decimal commas; only numbers make segments."""

from datetime import date, timedelta

import numpy as np

from tests.gallery.service import GalleryService, draw_groups, pick_by_group

GROUPS = ("print readers", "digital readers", "trial readers", "patrons")
SIZES = [400, 300, 350, 150]
LAST_DAY = date(2026, 10, 31)
_CENTRES = {
    "age": [66.0, 38.0, 30.0, 57.0],
    "years_subscribed": [14.0, 4.5, 0.9, 8.0],
    "log_revenue": [6.2, 5.2, 2.8, 8.2],
    "articles": [9.0, 90.0, 26.0, 58.0],
    "reading_minutes": [120.0, 700.0, 170.0, 430.0],
}
_SPREADS = {
    "age": [6.0, 5.0, 4.0, 5.0],
    "years_subscribed": [2.5, 1.1, 0.25, 1.6],
    "log_revenue": [0.35, 0.35, 0.45, 0.4],
    "articles": [2.5, 12.0, 6.0, 9.0],
    "reading_minutes": [35.0, 90.0, 40.0, 60.0],
}
_PAPERS = [
    {"Print": 0.9, "Beides": 0.1}, {"Digital": 0.9, "Beides": 0.1}, {"Digital": 0.8, "Print": 0.2}, {"Beides": 0.7, "Print": 0.3},
]  # fmt: skip
_SECTIONS = [
    {"Lokales": 0.6, "Politik": 0.3, "Sport": 0.1}, {"Politik": 0.5, "Kultur": 0.3, "Sport": 0.2},
    {"Sport": 0.5, "Politik": 0.3, "Kultur": 0.2}, {"Kultur": 0.6, "Politik": 0.4},
]  # fmt: skip
_LANDS = {"Bayern": 0.3, "Hessen": 0.25, "Sachsen": 0.2, "Hamburg": 0.15, "Bremen": 0.1}
_PAYMENTS = {"Lastschrift": 0.6, "Rechnung": 0.3, "Karte": 0.1}
_DEVICES = [
    {"Tablet": 0.7, "Telefon": 0.3},
    {"Telefon": 0.7, "Rechner": 0.3},
    {"Telefon": 1.0},
    {"Tablet": 0.6, "Rechner": 0.4},
]
_INCOMES = [
    {"0-20": 0.2, "20-35": 0.5, "35-60": 0.3}, {"35-60": 0.6, "60-90": 0.4}, {"0-20": 0.6, "20-35": 0.4},
    {"60-90": 0.3, "90+": 0.7},
]  # fmt: skip


def make_publisher(seed: int = 3) -> GalleryService:
    """Return the publisher's month."""
    rng = np.random.default_rng(seed)
    drawn, groups = draw_groups(SIZES, _CENTRES, _SPREADS, rng)
    rows = groups.size
    born = 2026 - drawn["age"].round().clip(18, 95).astype(int)
    subscribed = [LAST_DAY - timedelta(round(365.25 * max(0.1, years))) for years in drawn["years_subscribed"]]
    revenue = np.exp(drawn["log_revenue"]).round(2)
    visited = [LAST_DAY - timedelta(int(days)) for days in rng.poisson(np.array([6.0, 2.0, 12.0, 3.0])[groups])]
    features = drawn.assign(
        age=2026.0 - born,
        years_subscribed=[(LAST_DAY - day).days / 365.25 for day in subscribed],
        revenue=revenue,
        articles=drawn["articles"].round().clip(0),
        reading_minutes=drawn["reading_minutes"].round().clip(1),
    )[["age", "years_subscribed", "revenue", "articles", "reading_minutes"]]
    income = pick_by_group(_INCOMES, groups, rng)
    ratings = rng.choice([3, 4, 5], rows, p=[0.2, 0.4, 0.4])
    newsletters, discount = rng.poisson(6, rows), rng.choice([0.0, 5.0, 12.5], rows, p=[0.7, 0.2, 0.1])
    shop = np.where(rng.random(rows) < 0.3, np.exp(rng.normal(3.3, 0.6, rows)), 0.0)
    answered = rng.random(rows)
    frame = features.assign(**{
        "Lesernummer": [f"L{i:06d}" for i in range(1, rows + 1)],
        "Geburtsjahr": born.astype(str),
        "Abo seit": [f"{day:%d.%m.%Y}" for day in subscribed],
        "Letzter Besuch": [f"{day:%d.%m.%Y}" for day in visited],
        "Umsatz": [write_euros(x) for x in revenue],
        "Umsatz im Shop": [write_euros(x) for x in shop],
        "Artikel pro Monat": features["articles"].astype(int).astype(str),
        "Lesezeit": features["reading_minutes"].astype(int).astype(str),
        "Newsletter": newsletters.astype(str),
        "Rabatt": [f"{x:.1f} %".replace(".", ",") for x in discount],
        "Zufriedenheit": ["" if answered[i] < 0.2 else str(x) for i, x in enumerate(ratings)],
        "Haushaltseinkommen": ["unbekannt" if answered[i] > 0.9 else band for i, band in enumerate(income)],
        "Ausgabe": pick_by_group(_PAPERS, groups, rng),
        "Ressort": pick_by_group(_SECTIONS, groups, rng),
        "Bundesland": pick_by_group([_LANDS] * len(SIZES), groups, rng),
        "Zahlungsart": pick_by_group([_PAYMENTS] * len(SIZES), groups, rng),
        "Gerät": pick_by_group(_DEVICES, groups, rng),
        "App": np.where(rng.random(rows) < np.array([0.1, 0.9, 0.7, 0.5])[groups], "ja", "nein"),
        "Gekündigt": np.where(rng.random(rows) < np.array([0.03, 0.06, 0.3, 0.01])[groups], "ja", "nein"),
        "Mandant": "001",
    }).drop(columns=list(features))  # fmt: skip
    return GalleryService("publisher", frame, features, groups, delimiter=";")


def write_euros(amount: float) -> str:
    """Return "1.234,50 €" for 1234.5."""
    return f"{amount:,.2f} €".translate(str.maketrans(",.", ".,"))
