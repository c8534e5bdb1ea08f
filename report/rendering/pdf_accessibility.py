"""What makes WeasyPrint's PDF both PDF/UA-1 and PDF/A-3u.

WeasyPrint prints PDF/A-3u with tags; here the file also says that it is PDF/UA-1, in the same metadata and with the
extension schema without which PDF/A knows no such property. Running heads become artifacts, links are described by
their words, and figures are boxed in the page's own coordinates. Everything works on the file's objects as they
stand in memory (pydyf's), so that no other program has to write them again and one input stays one sequence of bytes.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

_PDF_UA_METADATA = """<rdf:Description xmlns:pdfuaid="http://www.aiim.org/pdfua/ns/id/" rdf:about="" pdfuaid:part="1" />
<rdf:Description xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/" xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#" xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#" rdf:about="">
<pdfaExtension:schemas><rdf:Bag><rdf:li rdf:parseType="Resource">
<pdfaSchema:schema>PDF/UA identification schema</pdfaSchema:schema>
<pdfaSchema:namespaceURI>http://www.aiim.org/pdfua/ns/id/</pdfaSchema:namespaceURI>
<pdfaSchema:prefix>pdfuaid</pdfaSchema:prefix>
<pdfaSchema:property><rdf:Seq><rdf:li rdf:parseType="Resource">
<pdfaProperty:name>part</pdfaProperty:name>
<pdfaProperty:valueType>Integer</pdfaProperty:valueType>
<pdfaProperty:category>internal</pdfaProperty:category>
<pdfaProperty:description>Part of ISO 14289 that the file conforms to</pdfaProperty:description>
</rdf:li></rdf:Seq></pdfaSchema:property>
</rdf:li></rdf:Bag></pdfaExtension:schemas>
</rdf:Description>
"""
_PDF_A_CLAIM = re.compile(r'<rdf:Description(?: [\w:]+="[^"]*")* pdfaid:part="3"[^>]*/>')


def make_pdf_conformant(document: Any, pdf: Any, *, may_claim: Callable[[], bool]) -> None:
    """Make a tagged PDF/A-3u conform, as WeasyPrint's `finisher`.

    `may_claim` says whether the file may call itself by the two standards: one with letters that no font has may not.
    """
    objects = {obj.reference: obj for obj in pdf.objects if obj.number}
    _mark_running_heads_as_artifacts(pdf, objects)
    _describe_links(document)
    for element in _list_structure_elements(objects):
        if element["S"] == "/Figure":
            _convert_bounding_box(element, objects[element["Pg"]])
    _write_id_tree(pdf, objects)
    if "AF" in pdf.catalog:  # where WeasyPrint lists every file twice
        pdf.catalog["AF"][:] = dict.fromkeys(pdf.catalog["AF"])
    metadata = objects[pdf.catalog["Metadata"]]
    xmp = b"".join(metadata.stream).decode()
    xmp = xmp.replace("</rdf:RDF>", f"{_PDF_UA_METADATA}</rdf:RDF>") if may_claim() else _PDF_A_CLAIM.sub("", xmp)
    metadata.stream[:] = [xmp.encode()]
    metadata.compress = False  # archives read it without opening the file


def _list_structure_elements(objects: dict[bytes, Any]) -> Iterator[Any]:
    return (obj for obj in objects.values() if isinstance(obj, dict) and obj.get("Type") == "/StructElem")


def _mark_running_heads_as_artifacts(pdf: Any, objects: dict[bytes, Any]) -> None:
    """Mark what is tagged outside the tree as pagination."""
    root = objects[pdf.catalog["StructTreeRoot"]]
    linked = set(_list_descendants(root["K"], objects))
    nums = objects[root["ParentTree"]]["Nums"]
    pages = {reference: place for place, reference in enumerate(pdf.page_references)}
    for element in list(_list_structure_elements(objects)):
        if element.reference in linked:
            continue
        for mcid in (kid for kid in element["K"] if isinstance(kid, int)):
            page = objects[element["Pg"]]
            _make_artifact(objects[page["Contents"]].stream, mcid)
            nums[2 * pages[element["Pg"]] + 1][mcid] = "null"
        element.clear()


def _list_descendants(kids: Any, objects: dict[bytes, Any]) -> Iterator[bytes]:
    """Return the references of all elements below these."""
    for kid in kids:
        if isinstance(kid, bytes) and objects[kid].get("Type") == "/StructElem":
            yield kid
            yield from _list_descendants(objects[kid]["K"], objects)


def _make_artifact(stream: list[Any], mcid: int) -> None:
    """Turn one marked content of a page into an artifact."""
    for place, item in enumerate(stream):
        if isinstance(item, dict) and item.get("MCID") == mcid and stream[place + 1] == b"BDC":
            stream[place - 1] = "/Artifact"
            item.clear()
            item["Type"] = "/Pagination"
            return


def _write_id_tree(pdf: Any, objects: dict[bytes, Any]) -> None:
    """List the table heads by id."""
    # Cells name them by id, and a reader looks that up in the root
    named = sorted(
        (element["ID"].data, element.reference) for element in _list_structure_elements(objects) if "ID" in element
    )
    if named:
        names = b" ".join(part for entry in named for part in entry)
        objects[pdf.catalog["StructTreeRoot"]]["IDTree"] = b"<</Names [" + names + b"]>>"


def _describe_links(document: Any) -> None:
    """Describe each link by its words, not its address."""
    for page in document.pages:
        for box in page._page_box.descendants():  # noqa: SLF001 - where WeasyPrint keeps them
            if box.link_annotation and box.element is not None:
                words = " ".join("".join(box.element.itertext()).split())
                if words:
                    address = box.link_annotation["Contents"]
                    box.link_annotation["Contents"] = type(address)(words)


def _convert_bounding_box(figure: Any, page: Any) -> None:
    """Convert a figure's bounding box to PDF coordinates."""
    # Points from the lower left; WeasyPrint has pixels from the upper left
    box = figure["A"]["BBox"]
    left, top, right, bottom = (value * 0.75 for value in box)
    height = page["MediaBox"][3]
    box[:] = [left, height - bottom, right, height - top]
