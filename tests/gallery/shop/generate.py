"""A shop: 200 customers, three features, one category."""

import numpy as np

from tests.gallery.service import GalleryService, draw_groups, pick_by_group

GROUPS = ("regulars", "big baskets", "small baskets", "lapsed")
SIZES = [50, 40, 70, 40]
_CENTRES = {
    "orders": [22.0, 5.0, 8.0, 2.5],
    "spend": [900.0, 1100.0, 220.0, 90.0],
    "days_since_order": [12.0, 40.0, 35.0, 240.0],
}
_SPREADS = {
    "orders": [2.5, 1.2, 1.8, 0.8],
    "spend": [90.0, 110.0, 50.0, 30.0],
    "days_since_order": [5.0, 11.0, 11.0, 30.0],
}
_DEPARTMENTS = [
    {"Kitchen": 0.6, "Garden": 0.2, "Books": 0.2},
    {"Kitchen": 0.1, "Garden": 0.8, "Books": 0.1},
    {"Kitchen": 0.2, "Garden": 0.1, "Books": 0.7},
    {"Kitchen": 0.3, "Garden": 0.3, "Books": 0.4},
]


def make_shop(seed: int = 1) -> GalleryService:
    """Return the shop's month."""
    rng = np.random.default_rng(seed)
    features, groups = draw_groups(SIZES, _CENTRES, _SPREADS, rng)
    features["orders"] = features["orders"].round().clip(1)
    features["spend"] = features["spend"].round(2).clip(5)
    features["days_since_order"] = features["days_since_order"].round().clip(0)
    frame = features.assign(
        customer=[f"C{1000 + i}" for i in range(groups.size)],
        orders=features["orders"].astype(int).astype(str),
        spend=[f"{x:.2f}" for x in features["spend"]],
        days_since_order=features["days_since_order"].astype(int).astype(str),
        department=pick_by_group(_DEPARTMENTS, groups, rng),
    )[["customer", "orders", "spend", "days_since_order", "department"]]
    headers = ["Customer ID", "Orders", "Spend ($)", "Days since last order", "Department"]
    return GalleryService("shop", frame.set_axis(headers, axis=1), features, groups)
