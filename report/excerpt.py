"""A segment's pages, cut out of the executives' PDF with the tags that screen readers need."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name, Pdf

from report.errors import RenderError


def cut_pages(executive: Path, anchor: str, out: Path, *, title: str) -> int:
    """Write the pages that begin at a segment's heading and end before the next one's; give their number.

    Parameters
    ----------
    executive : Path
        The PDF, with a bookmark and an anchor at every heading that begins a page.
    anchor : str
        The heading's, such as "s1".
    out : Path
        Where the pages go. The same PDF gives the same bytes.
    title : str
        What the new PDF is called.

    Raises
    ------
    RenderError
        If the PDF has no such anchor.
    """
    with Pdf.open(executive) as pdf:
        names = pdf.Root.get("/Names", Dictionary()).get("/Dests", Dictionary()).get("/Names", Array())
        anchors: dict[str, Any] = {str(names[n]): names[n + 1] for n in range(0, len(names), 2)}
        if anchor not in anchors:
            raise RenderError(
                f"{executive.name}: has no bookmark {anchor!r}, so the brief has no page to carry. Make the month again."
            )
        pages: list[Any] = list(pdf.pages)
        numbers = {page.objgen: number for number, page in enumerate(pages)}
        first = numbers[anchors[anchor][0].objgen]
        with pdf.open_outline() as outline:
            begins: list[Any] = [item.destination for item in outline.root if item.destination]
        starts = {numbers[begin[0].objgen] for begin in begins}
        last = min((start for start in starts if start > first), default=len(pages))
        kept = {page.objgen for page in pages[first:last]}
        _keep_tags(pdf, kept)
        for number in reversed(range(len(pages))):
            if not first <= number < last:
                del pdf.pages[number]
        for key in ("/Outlines", "/Names", "/AF"):  # the rest of the report, and every number of it
            if key in pdf.Root:
                del pdf.Root[key]
        with pdf.open_metadata(set_pikepdf_as_editor=False) as metadata:
            metadata["dc:title"] = title
        pdf.docinfo["/Title"] = title
        pdf.remove_unreferenced_resources()
        pdf.save(
            out, deterministic_id=True, object_stream_mode=pikepdf.ObjectStreamMode.generate, linearize=False
        )
        return last - first


def _keep_tags(pdf: Pdf, kept: set[tuple[int, int]]) -> None:
    """Take out of the structure tree what belongs to other pages, and of its parents' list their pages."""
    root = pdf.Root.get("/StructTreeRoot")
    if root is None:
        return
    root.K = _pruned(root.K, kept) or Array()
    numbers = {int(page.get("/StructParents", -1)) for page in pdf.pages if page.objgen in kept}
    nums = root.ParentTree.Nums
    pairs = [(nums[n], nums[n + 1]) for n in range(0, len(nums), 2) if int(nums[n]) in numbers]
    root.ParentTree.Nums = Array([part for pair in pairs for part in pair])
    if "/IDTree" in root:
        named = sorted(_named(root.K), key=lambda pair: bytes(pair[0]))
        root.IDTree = Dictionary(Names=Array([part for pair in named for part in pair]))
        if not named:
            del root["/IDTree"]


def _named(item: Any) -> Iterator[tuple[Any, Any]]:
    """Give every element that has an id, with it."""
    if isinstance(item, Array):
        for one in item:
            yield from _named(one)
    elif isinstance(item, Dictionary):
        if "/ID" in item:
            yield item.ID, item
        yield from _named(item.get("/K"))


def _pruned(item: Any, kept: set[tuple[int, int]], page: tuple[int, int] | None = None) -> Any:
    """Give an item of the structure tree without what lies on other pages; None where nothing is left."""
    if isinstance(item, Array):
        left = [found for one in item if (found := _pruned(one, kept, page)) is not None]
        return Array(left) if left else None
    if not isinstance(item, Dictionary):  # a number: marked content on the page of the element above
        return item if page in kept else None
    page = item.Pg.objgen if "/Pg" in item else page
    if item.get("/Type") in (Name.MCR, Name.OBJR):
        return item if page in kept else None
    if "/K" not in item:
        return item if page in kept else None
    children = _pruned(item.K, kept, page)
    if children is None:
        return None
    item.K = children
    if "/Pg" in item and page not in kept:
        del item["/Pg"]
    return item
