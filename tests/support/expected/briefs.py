"""What briefs and profiles of the month of distinct numbers must say."""

from tests.support.facts import distinct as month

# worked out: part of all listening is the share times the segment's mean over the average, 32 h 7 min over 36 h 7 min
INSIGHT = {
    "S2": "They are 17 % of users and have 15 % of all listening. What else sets them apart: age at 13 % of the average "
    "(index 13).",
    "S3": "Their usage is about that of all users; what sets them apart is Retired users 71 % above the average (index 171).",
    "S5": "They are 23 % of users and have 49 % of all listening. What else sets them apart: income at 40 % of the average "
    "(index 40).",
    "S7": "What sets them apart is Jazz users 2.3 times the average (index 231).",
    "S8": "They are 6 % of users and have 7 % of all listening. What else sets them apart: Pop users 2.5 times the average "
    "(index 253).",
}


MEASURE = {
    "S2": ("Average usage: 32 hours today, 35 hours wanted.", "That is 10 % more."),
    "S3": ("Average days active: 173 days today, 182 days wanted.", "That is 5 % more."),
    "S5": ("Average income: $47,200 today, $56,600 wanted.", "That is 20 % more."),
    "S7": ("Average usage: 23 hours today, 20 hours wanted.", "That is 15 % less."),
    "S8": ("Average days active: 243 days today, 304 days wanted.", "That is 25 % more."),
}
CERTAINTY = "Weak structure: the segments shade into each other; only night owls and radio classics stand apart (silhouette 0.29)."


def portrait(id_: str) -> str:
    """Describe a segment's average listener."""
    age, income, hours, days = month.MEANS[id_]
    return (
        f"On average {age} years old, ${income:,} a year, {hours} hours of listening a month, active on {days} days of the "
        "last 365."
    )


SYNTHETIC = "Synthetic sample data: these users are made up."
