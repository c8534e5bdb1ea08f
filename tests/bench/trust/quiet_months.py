"""How often a quiet month is held for nothing: pairs of months of one population, of many sizes."""

import sys

from segmentation.tracking.anomalies import detect_anomalies
from tests.support.facts.random_months import TODAY, compared_facts, continue_crowd, crowd, facts_of, related_crowd

SIZES = (30, 100, 300, 1000, 3000, 10_000)


def main(rounds: int) -> int:
    """Draw so many pairs of each size, shrinking by a tenth to growing by one; give how many were held.

    And as many histories of three months whose users have ids, and columns that go together.
    """
    held = 0
    for n in SIZES:
        alarms = []
        for number in range(rounds):
            last = facts_of(crowd(n, 2 * number), "2026-09", "b")
            now = facts_of(crowd(int(n * (0.9 + 0.2 * number / rounds)), 2 * number + 1))
            alarms += [one.kind for one in detect_anomalies(now, last, current_month=TODAY)]
        print(f"{n:>7,} users a month: {len(alarms)} alarms in {rounds} quiet months {' '.join(alarms)}", flush=True)
        held += len(alarms)
        alarms = []
        for number in range(rounds):
            first = related_crowd(n, 3 * number)
            months, made = [first], [facts_of(first, "2026-08", "b")]
            for month, seed in (("2026-09", 3 * number + 1), ("2026-10", 3 * number + 2)):
                months.append(continue_crowd(months[-1], int(n * (0.9 + 0.2 * number / rounds)), seed))
                made.append(compared_facts(months[-1], months[-2], made[-1], facts_of(months[-1], month, month[-1])))
                alarms += [one.kind for one in detect_anomalies(made[-1], made[-2], current_month=TODAY)]
        print(f"{'':7} … whom one can follow: {len(alarms)} alarms in {2 * rounds} {' '.join(alarms)}", flush=True)
        held += len(alarms)
    return held


if __name__ == "__main__":
    sys.exit(bool(main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)))
