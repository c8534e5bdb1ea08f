"""A telephone company: 7,000 customers, numbers on different scales, yes/no columns."""

import numpy as np

from tests.gallery.service import GalleryService, draw_groups, pick_by_group

GROUPS = ("talkers", "streamers", "basic", "newcomers")
SIZES = [1800, 2100, 1900, 1200]
_CENTRES = {
    "tenure": [48.0, 20.0, 50.0, 4.0],
    "monthly_charge": [35.0, 62.0, 15.0, 38.0],
    "call_minutes": [900.0, 150.0, 120.0, 300.0],
    "data_gb": [1.5, 41.0, 2.4, 15.0],
}
_SPREADS = {
    "tenure": [9.0, 6.0, 9.0, 2.0],
    "monthly_charge": [4.0, 6.0, 2.5, 4.5],
    "call_minutes": [110.0, 45.0, 35.0, 70.0],
    "data_gb": [0.4, 5.5, 0.7, 2.8],
}
_CONTRACTS = [
    {"month to month": 0.2, "one year": 0.3, "two years": 0.5},
    {"month to month": 0.3, "one year": 0.4, "two years": 0.3},
    {"month to month": 0.1, "one year": 0.2, "two years": 0.7},
    {"month to month": 0.8, "one year": 0.15, "two years": 0.05},
]
_PAYMENTS = ({"bank transfer": 0.5, "card": 0.4, "cheque": 0.1}, {"bank transfer": 0.3, "card": 0.68, "cheque": 0.02})
_YES = {"senior": (0.4, 0.05, 0.5, 0.1), "paperless": (0.4, 0.9, 0.3, 0.8), "international": (0.3, 0.2, 0.05, 0.25)}
_YES |= {"streaming": (0.1, 0.95, 0.05, 0.5), "left": (0.05, 0.12, 0.04, 0.35)}
_SPELLINGS = {
    "senior": "01",
    "paperless": ("No", "Yes"),
    "international": ("FALSE", "TRUE"),
    "streaming": "NY",
    "left": "01",
}


def make_telephone(seed: int = 2) -> GalleryService:
    """Return the telephone company's month."""
    rng = np.random.default_rng(seed)
    features, groups = draw_groups(SIZES, _CENTRES, _SPREADS, rng)
    features["tenure"] = features["tenure"].round().clip(0)
    features["monthly_charge"] = features["monthly_charge"].round(2).clip(5)
    features["call_minutes"] = features["call_minutes"].round().clip(0)
    megabytes = (1024 * features["data_gb"]).round().clip(0)
    features["data_gb"] = megabytes / 1024
    answers = {
        name: (rng.random(groups.size) < np.asarray(shares)[groups]).astype(int) for name, shares in _YES.items()
    }
    calls = rng.poisson(np.array([1.0, 0.6, 0.4, 2.2])[groups])
    known = rng.random(groups.size) > 0.03
    frame = features.assign(
        **{
            "Customer number": [f"{70_000_001 + 3 * i}" for i in range(groups.size)],
            "Tenure (months)": features["tenure"].astype(int).astype(str),
            "MonthlyCharge": [f"{x:.2f}" for x in features["monthly_charge"]],
            "CallMinutes": features["call_minutes"].astype(int).astype(str),
            "DataMB": megabytes.astype(int).astype(str),
            "SupportCalls": calls.astype(str),
            **{name.capitalize(): [_SPELLINGS[name][one] for one in column] for name, column in answers.items()},
            "Contract": pick_by_group(_CONTRACTS, groups, rng),
            "PaymentMethod": np.where(
                known, pick_by_group([_PAYMENTS[i] for i in (0, 1, 0, 1)], groups, rng), "unknown"
            ),
        }
    ).drop(columns=list(features))
    return GalleryService("telephone", frame, features, groups)
