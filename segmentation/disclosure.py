"""Nobody can be picked out: small counts are left out, and so is what would give them away by subtraction."""

import heapq
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

MIN_CELL = 10  # users below which a count isn't shown
MAX_LABELS = 15  # values of a category that a page has room for

CellIndex = tuple[int, int]
CountTable = list[list[int]]


@dataclass(frozen=True, slots=True)
class SuppressedTable:
    """A table of counts with its sums, fit to be shown; None is a count that is left out."""

    cells: tuple[tuple[int | None, ...], ...]
    """Counts, row by row."""
    rows: tuple[int | None, ...]
    """Sum of each row."""
    columns: tuple[int | None, ...]
    """Sum of each column."""
    total: int | None
    """Sum of all."""


def suppress_table(
    counts: Sequence[Sequence[int]], *, min_cell: int = MIN_CELL, known_cells: Collection[CellIndex] = ()
) -> SuppressedTable:
    """Leave out counts from 1 to below `min_cell`, and as few others as keep them from being worked out.

    A cell left out can be worked out from the sums unless it lies on a cycle of cells left out: then users may be
    thought from one to the next, up and down in turn, and no sum changes. For each small count the cycle that hides
    the fewest users is found as a shortest path from its row to its column, over cells that can give `min_cell`
    users where they go down. So a reader can't tell whether a small count is its true value or `min_cell` more, and
    no row or column is left with hidden counts that are few together. Sums are left out only where cells don't
    suffice, or where they are small themselves. Where not even that suffices, nothing is shown.

    Parameters
    ----------
    counts : sequence of sequence of int
        A rectangular table, 0 or more. A count of 0 is nobody, and left out only to hide others.
    min_cell : int
        Users from which a count may be shown.
    known_cells : collection of (int, int)
        Row and column of what a reader knows whatever is shown: cells that can't hold anybody, or sums that stand on
        another page. Sums are the last row and the last column.

    References
    ----------
    .. [1] Gusfield (1988), "A graph theoretic approach to statistical data security", SIAM J. Comput. 17(3).
       What is shown of a table with sums as a graph of rows and columns; safe is what lies on a cycle.
    .. [2] Kelly, Golden, Assad (1992), "Cell suppression: disclosure protection for sensitive tabular data",
       Networks 22(4). The shortest path as heuristic; the fewest users hidden in all is not promised.
    """
    table = [list(map(int, row)) for row in counts]
    table = [[*row, sum(row)] for row in table]
    table.append([sum(column) for column in zip(*table, strict=True)])
    places = [(i, j) for i, row in enumerate(table) for j in range(len(row))]
    fixed = set(known_cells)
    small = [(i, j) for i, j in places if 0 < table[i][j] < min_cell and (i, j) not in fixed]
    hidden = set(small)
    for place in small:
        path = _find_hiding_cycle(table, place, hidden, fixed, min_cell)
        if path is None:
            hidden = set(places)
            break
        hidden.update(path)
    else:
        _restore_redundant_cells(table, small, hidden, fixed, min_cell)
    shown = [
        [None if (i, j) in hidden else count for j, count in enumerate(row)] for i, row in enumerate(table)
    ]
    return SuppressedTable(
        cells=tuple(tuple(row[:-1]) for row in shown[:-1]),
        rows=tuple(row[-1] for row in shown[:-1]),
        columns=tuple(shown[-1][:-1]),
        total=shown[-1][-1],
    )


def _restore_redundant_cells(
    table: CountTable, small: list[CellIndex], hidden: set[CellIndex], fixed: set[CellIndex], min_cell: int
) -> None:
    """Show, in place, what the cycles found later have made needless, the largest count first."""
    height, width = len(table), len(table[0])
    everywhere = {(i, j) for i in range(height) for j in range(width)}
    for place in sorted(hidden - set(small), key=lambda place: (-table[place[0]][place[1]], place)):
        left = hidden - {place}
        if all(
            _find_hiding_cycle(table, start, left, fixed | (everywhere - left), min_cell) for start in small
        ):
            hidden.discard(place)


def _find_hiding_cycle(
    table: CountTable, start: CellIndex, hidden: set[CellIndex], fixed: set[CellIndex], min_cell: int
) -> list[CellIndex] | None:
    """Find the cells that let the one at `start` be `min_cell` more than it is, hiding the fewest users.

    Dijkstra from the row of `start` to its column. From a row to a column the cell between them goes down and has to
    have the users, from a column to a row it goes up. In the last row and column stand the sums: they count the
    other way round, and cost more than all cells.
    """
    height, width = len(table), len(table[0])
    dear = 1 + sum(map(sum, table))
    upwards = (start[0] == height - 1) == (start[1] == width - 1)  # whether the cell counts as it stands
    source, target = ((0, start[0]), (1, start[1])) if upwards else ((1, start[1]), (0, start[0]))
    best: dict[CellIndex, int] = {source: 0}
    before: dict[CellIndex, CellIndex] = {}
    queue = [(0, source)]
    while queue:
        cost, node = heapq.heappop(queue)
        if node == target:
            break
        if cost > best[node]:
            continue
        side, here = node
        for there in range(height if side else width):
            place = (there, here) if side else (here, there)
            if place == start or place in fixed:
                continue
            is_sum = (place[0] == height - 1) != (place[1] == width - 1)
            goes_down = (side == 0) != is_sum
            if goes_down and table[place[0]][place[1]] < min_cell:
                continue
            edge = place[0] == height - 1 or place[1] == width - 1
            price = 0 if place in hidden else 1 + table[place[0]][place[1]] + (dear if edge else 0)
            other = (1 - side, there)
            if cost + price < best.get(other, dear * dear):
                best[other], before[other] = cost + price, node
                heapq.heappush(queue, (cost + price, other))
    if target not in before:
        return None
    path, node = [], target
    while node != source:
        side, here = node
        origin = before[node]
        path.append((here, origin[1]) if side == 0 else (origin[1], here))
        node = origin
    return path


def suppress_small_counts(counts: Sequence[int], *, min_cell: int = MIN_CELL) -> tuple[int | None, ...]:
    """Leave out the small counts of one row whose sum is known, and the next smallest with them where they are few.

    Parameters
    ----------
    counts : sequence of int
        Users by bin. A count of 0 is shown: it is nobody.
    min_cell : int
        Users from which a count may be shown, and that each of those left out may have for all that is known: each has
        one at least, since nobody is shown, and their sum.
    """
    rising = sorted((place for place, count in enumerate(counts) if count), key=lambda place: counts[place])
    hidden = {place for place in rising if counts[place] < min_cell}
    for place in rising[len(hidden) :]:
        if not hidden or (len(hidden) > 1 and sum(counts[n] for n in hidden) - len(hidden) + 1 >= min_cell):
            break
        hidden.add(place)
    return tuple(None if place in hidden else count for place, count in enumerate(counts))


def merge_small_categories(
    counts: Mapping[str, int], *, min_cell: int = MIN_CELL, max_labels: int = MAX_LABELS
) -> dict[str, str]:
    """Say under which label each category is shown: its own, or "Other (n)" for the n that are too small, or too many.

    Where a category is called like that itself, the label says more: "Other (n), put together".

    Together they have at least `min_cell` users: else the next smallest joins them, so that a category is not found
    by subtraction either. A single small one therefore takes another with it.

    Parameters
    ----------
    counts : mapping of str to int
        Users by category. One of nobody keeps its label.
    min_cell : int
        Users from which a category may stand alone.
    max_labels : int
        Labels at most; the smallest categories share one.

    Returns
    -------
    dict of str to str
        In the order of `counts`.
    """
    by_size = sorted((name for name in counts if counts[name]), key=lambda name: (counts[name], name))
    joined: list[str] = []
    for name in by_size:
        fits = len(by_size) - len(joined) + bool(joined) <= max_labels
        if fits and counts[name] >= min_cell and (not joined or sum(counts[n] for n in joined) >= min_cell):
            break
        joined.append(name)
    label = f"Other ({len(joined)})"
    while label in counts:
        label += ", put together"
    return {name: label if name in joined else name for name in counts}


def sum_by_label(counts: Mapping[str, int], labels: Mapping[str, str]) -> dict[str, int]:
    """Add up counts under the labels of `merge_small_categories`; "Other (n)" stands last."""
    sums: dict[str, int] = {}
    for name in sorted(counts, key=lambda name: labels[name] != name):
        sums[labels[name]] = sums.get(labels[name], 0) + counts[name]
    return sums
