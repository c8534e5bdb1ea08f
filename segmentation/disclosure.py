"""Disclosure control: suppression of small counts."""

import heapq
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

MIN_CELL = 10  # users below which a count isn't shown
MAX_LABELS = 15  # values of a category on a page

CellIndex = tuple[int, int]
CountTable = list[list[int]]


@dataclass(frozen=True, slots=True)
class SuppressedTable:
    """Counts with their sums; None where suppressed."""

    cells: tuple[tuple[int | None, ...], ...]
    rows: tuple[int | None, ...]
    columns: tuple[int | None, ...]
    total: int | None


def suppress_table(
    counts: Sequence[Sequence[int]], *, min_cell: int = MIN_CELL, known_cells: Collection[CellIndex] = ()
) -> SuppressedTable:
    """Suppress small counts, and what would reveal them.

    A suppressed cell can be calculated from the sums unless it lies on a cycle of suppressed cells: then users may move
    along the cycle, up and down in turn, and no sum changes. For each small count, the cycle that hides the fewest
    users is found as a shortest path from its row to its column, over cells that have `min_cell` users to give where
    they go down. So a reader can't tell whether a small count is its true value or `min_cell` more, and no row or
    column is left with hidden counts that are few together. Sums are suppressed only where cells don't suffice, or
    where they are small themselves. Where even that doesn't suffice, nothing is shown.

    Parameters
    ----------
    counts : sequence of sequence of int
        A rectangular table, 0 or more. A count of 0 is suppressed only to hide others.
    min_cell : int
        Users from which a count may be shown.
    known_cells : collection of (int, int)
        Row and column of what a reader knows anyway: cells that can't hold anybody, or sums shown on another page.
        Sums are the last row and the last column.

    References
    ----------
    .. [1] Gusfield (1988), "A graph theoretic approach to statistical data security", SIAM J. Comput. 17(3).
       A table with sums as a graph of rows and columns; a cell on a cycle is safe.
    .. [2] Kelly, Golden, Assad (1992), "Cell suppression: disclosure protection for sensitive tabular data",
       Networks 22(4). The shortest path as heuristic: not always the fewest users hidden in all.
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
    shown = [[None if (i, j) in hidden else count for j, count in enumerate(row)] for i, row in enumerate(table)]
    return SuppressedTable(
        cells=tuple(tuple(row[:-1]) for row in shown[:-1]),
        rows=tuple(row[-1] for row in shown[:-1]),
        columns=tuple(shown[-1][:-1]),
        total=shown[-1][-1],
    )


def _restore_redundant_cells(
    table: CountTable, small: list[CellIndex], hidden: set[CellIndex], fixed: set[CellIndex], min_cell: int
) -> None:
    """Show redundantly hidden cells again, in place, largest first."""
    height, width = len(table), len(table[0])
    everywhere = {(i, j) for i in range(height) for j in range(width)}
    for place in sorted(hidden - set(small), key=lambda place: (-table[place[0]][place[1]], place)):
        left = hidden - {place}
        if all(_find_hiding_cycle(table, start, left, fixed | (everywhere - left), min_cell) for start in small):
            hidden.discard(place)


def _find_hiding_cycle(
    table: CountTable, start: CellIndex, hidden: set[CellIndex], fixed: set[CellIndex], min_cell: int
) -> list[CellIndex] | None:
    """Return the cheapest cycle of cells through `start`.

    None if there is none. Along the cycle, the count at `start` may be `min_cell` more than it is; cheapest is what hides the fewest users.
    Dijkstra from the row of `start` to its column. From a row to a column the cell between them goes down and needs
    the users; from a column to a row it goes up. The sums, in the last row and column, count the other way round, and
    cost more than all cells.
    """
    height, width = len(table), len(table[0])
    sum_cost = 1 + sum(map(sum, table))
    upwards = (start[0] == height - 1) == (start[1] == width - 1)  # sums go the other way
    source, target = ((0, start[0]), (1, start[1])) if upwards else ((1, start[1]), (0, start[0]))
    best: dict[CellIndex, int] = {source: 0}
    previous: dict[CellIndex, CellIndex] = {}
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
            price = 0 if place in hidden else 1 + table[place[0]][place[1]] + (sum_cost if edge else 0)
            other = (1 - side, there)
            if cost + price < best.get(other, sum_cost * sum_cost):
                best[other], previous[other] = cost + price, node
                heapq.heappush(queue, (cost + price, other))
    if target not in previous:
        return None
    path, node = [], target
    while node != source:
        side, here = node
        origin = previous[node]
        path.append((here, origin[1]) if side == 0 else (origin[1], here))
        node = origin
    return path


def suppress_small_counts(counts: Sequence[int], *, min_cell: int = MIN_CELL) -> tuple[int | None, ...]:
    """Suppress small counts of a row with known sum.

    Where the hidden counts are few, the next smallest is hidden with them, so that each may be `min_cell` for all that
    a reader knows: their sum, and that each is at least 1. A count of 0 is shown.
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
    """Return the label under which each category is shown.

    The label is the category's own name, or "Other (n)" for the n that have fewer than `min_cell` users or exceed
    `max_labels`. Together they have at least `min_cell` users: else the next smallest joins them, so that no category
    is found by subtraction. Where a category has that name itself, the label is "Other (n), put together".
    Categories of nobody keep their label; the order is that of `counts`.
    """
    by_size = sorted((name for name in counts if counts[name]), key=lambda name: (counts[name], name))
    merged: list[str] = []
    for name in by_size:
        fits = len(by_size) - len(merged) + bool(merged) <= max_labels
        if fits and counts[name] >= min_cell and (not merged or sum(counts[n] for n in merged) >= min_cell):
            break
        merged.append(name)
    label = f"Other ({len(merged)})"
    while label in counts:
        label += ", put together"
    return {name: label if name in merged else name for name in counts}


def sum_by_label(counts: Mapping[str, int], labels: Mapping[str, str]) -> dict[str, int]:
    """Return counts summed by label, "Other (n)" last."""
    sums: dict[str, int] = {}
    for name in sorted(counts, key=lambda name: labels[name] != name):
        sums[labels[name]] = sums.get(labels[name], 0) + counts[name]
    return sums
