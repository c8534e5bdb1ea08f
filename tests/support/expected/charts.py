"""What the charts of the month of distinct numbers must say."""

from tests.support.facts.distinct import NAMES, RANKED

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


BY_INDEX = "Index: 100 is the average of all users, grey is within 20 of it; a line is the 95 % interval"
TITLES = {
    "fig-sizes": "Five segments of 6 to 40 % of users each | Share and number of users; on the right, points of share since "
    "December 2026",
    "fig-differences": "Usage separates the segments most, then age; income does not | Means of the segments against the "
    "average of all users",
    "fig-flow": "68 % of the 7,003 users in both months stayed in their segment | A bar is a segment, a band its users; groups "
    "under 12 aren't drawn, nor what would give them away",
    "fig-trend": "Night owls grew by 11.5 points since October 2026 | Share of all users, by month",
    "fig-numbers": "The middle user is 37 years old, earns $28,700 and listens 34 hours a month | Users by value; red, where "
    "rows were left out; no bar under 12 users",
    "fig-categories": "Pop is the most popular genre (36 %); most common employment: retired (32 %) | Share of users kept",
    "fig-elbow": "The curve bends at 5 segments | The less spread, the more alike the users within a segment; grey: the same "
    "users without structure",
    "fig-silhouette": "Users are separated better in 3 segments than in the 5 used | 1 is far apart, 0 is on the border "
    "between two segments",
    **{f"fig-indices-{id_.lower()}": f"{NAMES[id_]}: {STANDS_OUT[id_][0]} | {BY_INDEX}" for id_ in RANKED},
    "fig-components": "The map shows 73 % of all differences between users | A larger dot is more users; its colour is the "
    "segment of most of them",
}
WORDS = {  # of each chart, for those who don't see it; whole sentences of 250 characters at most
    "fig-sizes": "Night owls are the largest segment, 40 % of users, 4,018 of them. Radio classics: 23 %, 2,307. Commuters: "
    "17 %, 1,712. Weekend dancers: 11 %, 1,109. Evening families: 6 %, 604.",
    "fig-differences": "Usage separates the segments most, then age; income does not. Night owls: less listening. Radio "
    "classics: more listening, older, more active days. Commuters: younger. Weekend dancers: fewer active days. Evening "
    "families: more active days.",
    "fig-flow": "68 % of the 7,003 users in both months stayed in their segment. The largest groups that may be shown: 401 "
    "users moved from night owls to weekend dancers, 339 of the weekend dancers are new and 244 of the jazz lovers are gone.",
    "fig-trend": "Night owls grew by 11.5 points since October 2026. Commuters: 17 %. Night owls: 40 %. Radio classics: 23 %. "
    "Weekend dancers: 11 %. Evening families: 6 %.",
    "fig-numbers": "The middle user is 37 years old, earns $28,700 and listens 34 hours a month.",
    "fig-categories": "Pop is the most popular genre (36 %); most common employment: retired (32 %).",
    "fig-elbow": "The curve bends at 5 segments. Spread falls from 42,368 at 1 to 10,809 at 10 segments. It falls faster than "
    "it would if the same users had no structure, whose range is drawn in grey.",
    "fig-silhouette": "Users are separated better in 3 segments than in the 5 used. Mean silhouette: 0.31 for 2, 0.41 for 3, "
    "0.33 for 4, 0.29 for 5, 0.27 for 6, 0.25 for 7, 0.24 for 8, 0.23 for 9, 0.22 for 10.",
    **{f"fig-indices-{id_.lower()}": f"{NAMES[id_]} against 100 for all users. {STANDS_OUT[id_][1]}" for id_ in RANKED},
    "fig-components": "The map shows 73 % of all differences between users. To the right: more listening, more active days; "
    "upwards: higher income, older. Commuters at −1.3, 0.4. Night owls at 0.2, −0.9. Radio classics at 1.7, 1.1. "
    "Weekend dancers at −0.6, −1.6.",
}
