"""The Matterhorn Protocol's conditions of an accessible PDF, and small PDFs that break them."""

import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pikepdf
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from pikepdf import Array, Dictionary, Name, String

from report.style.fonts import find_font_file

PDFUA, DC = "{http://www.aiim.org/pdfua/ns/id/}", "{http://purl.org/dc/elements/1.1/}"
STANDARD = set(
    re.findall(
        r"\w+",
        "Document Part Art Sect Div BlockQuote Caption TOC TOCI Index NonStruct Private H H1 H2 H3 H4 H5 H6 P L LI Lbl LBody "
        "Table TR TH TD THead TBody TFoot Span Quote Note Reference BibEntry Code Link Annot Ruby RB RT RP Warichu WT WP "
        "Figure Formula Form",
    )
)


PAINTING = {"S", "s", "f", "F", "f*", "B", "B*", "b", "b*", "Tj", "TJ", "'", '"', "sh", "Do", "INLINE IMAGE"}
CMAPS = {"Identity-H", "Identity-V"}  # of those in ISO 32000-1's Table 118, what is written here
ANNOTATIONS = set(
    re.findall(
        r"\w+",
        "Text Link FreeText Line Square Circle Polygon PolyLine Highlight Underline Squiggly StrikeOut Stamp Caret Ink Popup "
        "FileAttachment Sound Movie Widget Screen PrinterMark TrapNet Watermark 3D Redact",
    )
)


@dataclass
class Painted:
    """One operator that paints, and the marked contents that it stands in, the outermost first."""

    page: int
    marks: list[tuple[str, int | None]]


class File:
    """A PDF with its structure and its contents read once."""

    def __init__(self, pdf: pikepdf.Pdf) -> None:
        self.pdf, self.root = pdf, pdf.Root
        self.tree = self.root.get("/StructTreeRoot", Dictionary())
        self.elements = list(self._below(self.tree))
        self.roles = {str(key): str(value) for key, value in self.tree.get("/RoleMap", Dictionary()).items()}
        self.painted: list[Painted] = []
        self.marks: list[list[tuple[str, int | None]]] = []
        self.codes: dict[tuple[int, int], set[int]] = {}  # by font, those that are shown
        self.fonts: dict[tuple[int, int], Any] = {}
        self.forms: dict[tuple[int, int], int] = {}  # forms with marked contents of their own, and how often they stand
        for number, page in enumerate(pdf.pages):
            self._read(page.obj, page.obj.get("/Resources", Dictionary()), number, [])

    def _below(self, element: Any) -> Iterator[Any]:
        for kid in _kids(element):
            if isinstance(kid, Dictionary) and "/S" in kid:
                yield kid
                yield from self._below(kid)

    def _read(self, content: Any, resources: Any, page: int, marks: list[tuple[str, int | None]]) -> None:
        marks, font, depth = list(marks), None, len(marks)
        for instruction in pikepdf.parse_content_stream(content):
            operator, operands = str(instruction.operator), instruction.operands
            if operator in ("BMC", "BDC"):
                marks.append(self._mark(operands, resources))
                self.marks.append(list(marks))
                if marks[-1][1] is not None and content.get("/Subtype") == Name.Form:
                    self.forms[content.objgen] = self.forms.get(content.objgen, 0) + 1
            elif operator == "EMC" and len(marks) > depth:
                marks.pop()
            elif operator == "Tf":
                font = resources["/Font"][operands[0]]
                self.fonts[font.objgen] = font
            elif operator == "Do" and resources["/XObject"][operands[0]].get("/Subtype") == Name.Form:
                form = resources["/XObject"][operands[0]]
                self._read(form, form.get("/Resources", resources), page, marks)
            elif operator in PAINTING:
                self.painted.append(Painted(page, list(marks)))
            if operator in ("Tj", "TJ", "'", '"') and font is not None:
                self._show(font, operands[-1] if operator == "TJ" else [operands[-1]])

    @staticmethod
    def _mark(operands: Any, resources: Any) -> tuple[str, int | None]:
        properties = operands[1] if len(operands) > 1 else {}
        if isinstance(properties, Name):
            properties = resources["/Properties"][properties]
        mcid = properties.get("/MCID")
        return str(operands[0]), None if mcid is None else int(mcid)

    def _show(self, font: Any, parts: Any) -> None:
        raw = b"".join(bytes(part) for part in parts if isinstance(part, String))
        wide = 2 if font.get("/Subtype") == Name.Type0 else 1
        shown = {int.from_bytes(raw[at : at + wide]) for at in range(0, len(raw), wide)}
        self.codes.setdefault(font.objgen, set()).update(shown)

    def kind(self, element: Any) -> str:
        """Give an element's standard type."""
        said, seen = str(element.S), set()
        while said in self.roles and said not in seen:
            seen.add(said)
            said = self.roles[said]
        return said.removeprefix("/")

    def of(self, *kinds: str) -> Iterator[Any]:
        """Give the elements of these types, in reading order."""
        return (element for element in self.elements if self.kind(element) in kinds)

    def parent(self, element: Any) -> str:
        """Give the type of the element above, past those that only group."""
        above = element.get("/P", Dictionary())
        while "/S" in above and self.kind(above) == "NonStruct":
            above = above.get("/P", Dictionary())
        return self.kind(above) if "/S" in above else ""

    def tagged(self) -> set[tuple[int, int]]:
        """Give page and number of every marked content that hangs in the tree."""
        pages = {page.obj.objgen: number for number, page in enumerate(self.pdf.pages)}
        return {
            (pages[element.Pg.objgen], int(kid))
            for element in self.elements
            for kid in _kids(element)
            if isinstance(kid, int)
        }

    def annotations(self) -> Iterator[tuple[Any, Any]]:
        """Give every annotation with its page."""
        for page in self.pdf.pages:
            for annotation in page.obj.get("/Annots", Array()):
                yield page.obj, annotation

    def holder(self, annotation: Any) -> Any:
        """Give the element that an annotation hangs in; an empty one where none does."""
        for element in self.elements:
            for kid in _kids(element):
                if isinstance(kid, Dictionary) and kid.get("/Obj", Dictionary()).objgen == annotation.objgen:
                    return element
        return Dictionary()

    def fields(self) -> Iterator[Any]:
        """Give every form field."""
        return iter(self.root.get("/AcroForm", Dictionary()).get("/Fields", Array()))

    def outlines(self) -> Iterator[Any]:
        """Give every bookmark."""
        item = self.root.get("/Outlines", Dictionary()).get("/First")
        while item is not None:
            yield item
            item = item.get("/Next")

    @property
    def metadata(self) -> str:
        """The XMP packet; empty where there is none."""
        return self.root.Metadata.read_bytes().decode() if "/Metadata" in self.root else ""

    @property
    def speaks(self) -> bool:
        """Whether the file names the language of all its text."""
        return bool(re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", str(self.root.get("/Lang", ""))))

    def composite(self) -> Iterator[tuple[Any, Any, Any]]:
        """Give every Type 0 font with its CID font and its descriptor."""
        for font in self.fonts.values():
            if font.Subtype == Name.Type0:
                yield (font, font.DescendantFonts[0], font.DescendantFonts[0].get("/FontDescriptor", Dictionary()))

    def encodings(self) -> Iterator[tuple[Any, Any, str]]:
        """Give the CMap streams of Type 0 fonts, each with its CID font and its text."""
        for font, cid, _ in self.composite():
            if isinstance(font.Encoding, pikepdf.Stream):
                yield font.Encoding, cid, font.Encoding.read_bytes().decode("latin-1")


def _kids(element: Any) -> list[Any]:
    kids = element.get("/K", Array())
    return list(kids) if isinstance(kids, Array) else [kids]


def _program(descriptor: Any) -> TTFont | None:
    stream = descriptor.get("/FontFile2", descriptor.get("/FontFile3"))
    return None if stream is None else TTFont(io.BytesIO(stream.read_bytes()), lazy=True)


def _unicode(font: Any) -> dict[int, str]:
    """Read a ToUnicode map: what each code says."""
    if "/ToUnicode" not in font:
        return {}
    text = font.ToUnicode.read_bytes().decode("latin-1")
    pairs = re.findall(r"<([0-9a-fA-F]+)>\s*<([0-9a-fA-F]*)>\s*(?=<|endbfchar)", text)
    return {int(code, 16): bytes.fromhex(said).decode("utf-16-be", "surrogatepass") for code, said in pairs}


def _widths(cid: Any) -> dict[int, float]:
    """Read a CID font's widths."""
    found: dict[int, float] = {}
    parts = list(cid.get("/W", Array()))
    while parts:
        first, second = int(parts.pop(0)), parts.pop(0)
        if isinstance(second, Array):
            found |= {first + number: float(width) for number, width in enumerate(second)}
        else:
            width = float(parts.pop(0))
            found |= dict.fromkeys(range(first, int(second) + 1), width)
    return found


@cache
def _letters() -> tuple[bytes, dict[str, int], dict[int, float]]:
    """Give a font of two letters, their glyphs and the glyphs' widths."""
    font = TTFont(find_font_file("SourceSansPro-Regular.ttf"))
    options = Options()
    options.layout_features = []
    subsetter = Subsetter(options)
    subsetter.populate(text="Aa")
    subsetter.subset(font)
    buffer = io.BytesIO()
    font.save(buffer)
    glyphs = {letter: font.getGlyphID(font.getBestCmap()[ord(letter)]) for letter in "Aa"}
    upem = font["head"].unitsPerEm
    order = font.getGlyphOrder()
    return buffer.getvalue(), glyphs, {g: font["hmtx"][order[g]][0] * 1000 / upem for g in glyphs.values()}


CONTENT = """/H1 <</MCID 0>> BDC BT /F0 12 Tf 72 700 Td <{A}> Tj ET EMC
/Figure <</MCID 1>> BDC 72 600 10 10 re f EMC
/Span <</MCID 2>> BDC BT /F0 12 Tf 72 500 Td <{a}> Tj ET EMC
/TH <</MCID 3>> BDC BT /F0 12 Tf 72 400 Td <{A}> Tj ET EMC
/TD <</MCID 4>> BDC BT /F0 12 Tf 72 300 Td <{a}> Tj ET EMC
/LBody <</MCID 5>> BDC BT /F0 12 Tf 72 200 Td <{a}> Tj ET EMC
/Artifact <</Type /Pagination>> BDC BT /F0 12 Tf 72 20 Td <{A}> Tj ET EMC
"""
XMP = """<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:dc="http://purl.org/dc/elements/1.1/">
<rdf:Description xmlns:pdfuaid="http://www.aiim.org/pdfua/ns/id/" rdf:about="" pdfuaid:part="1"/>
<rdf:Description rdf:about=""><dc:title><rdf:Alt><rdf:li xml:lang="x-default">A</rdf:li></rdf:Alt></dc:title></rdf:Description>
</rdf:RDF></x:xmpmeta><?xpacket end="r"?>"""


@dataclass
class Small:
    """A small PDF/UA-1 file with one of everything, its parts in reach of whoever breaks it."""

    pdf: pikepdf.Pdf
    page: Any
    root: Any
    tree: Any
    document: Any
    link: Any
    parts: dict[str, Any] = field(default_factory=dict)

    def add(self, above: Any, kind: str, *kids: Any, **more: Any) -> Any:
        """Hang a new element under another one."""
        element = self.pdf.make_indirect(
            Dictionary(Type=Name.StructElem, S=Name(f"/{kind}"), P=above, Pg=self.page, K=Array(list(kids)), **more)
        )
        above.K.append(element)
        return self.parts.setdefault(kind, element)

    def content(self, find: str, replace: str) -> None:
        """Change the page's content."""
        text = self.page.Contents.read_bytes().decode()
        assert find in text
        self.page.Contents.write(text.replace(find, replace).encode())

    def xmp(self, find: str, replace: str) -> None:
        """Change the metadata."""
        text = self.root.Metadata.read_bytes().decode()
        assert find in text
        self.root.Metadata.write(text.replace(find, replace).encode())

    def annotate(self, subtype: str, **more: Any) -> Any:
        """Put an annotation on the page."""
        annotation = self.pdf.make_indirect(
            Dictionary(Type=Name.Annot, Subtype=Name(f"/{subtype}"), Rect=[0, 0, 9, 9], **more)
        )
        self.page.Annots.append(annotation)
        return annotation

    def optional(self, **configuration: Any) -> None:
        """Give the file optional content."""
        parts = {"OCGs": Array(), "D": Dictionary(Name="a"), "Configs": Array()} | configuration
        self.root.OCProperties = Dictionary(**parts)


def small() -> Small:
    """Make the small file."""
    program, glyphs, widths = _letters()
    pdf = pikepdf.new()
    page = pdf.add_blank_page(page_size=(595, 842)).obj
    hexes = {letter: f"{glyph:04x}" for letter, glyph in glyphs.items()}
    maps = "\n".join(f"<{hexes[letter]}> <{ord(letter):04x}>" for letter in "Aa")
    descriptor = Dictionary(Type=Name.FontDescriptor, FontName=Name("/A"), Flags=4, FontFile2=pdf.make_stream(program))
    info = Dictionary(Registry=String("Adobe"), Ordering=String("Identity"), Supplement=0)
    cid = Dictionary(
        Type=Name.Font,
        Subtype=Name.CIDFontType2,
        BaseFont=Name("/A"),
        CIDSystemInfo=info,
        CIDToGIDMap=Name.Identity,
        W=Array([part for glyph, width in widths.items() for part in (glyph, Array([width]))]),
        FontDescriptor=pdf.make_indirect(descriptor),
    )
    font = Dictionary(
        Type=Name.Font,
        Subtype=Name.Type0,
        BaseFont=Name("/A"),
        Encoding=Name("/Identity-H"),
        DescendantFonts=Array([pdf.make_indirect(cid)]),
        ToUnicode=pdf.make_stream(f"2 beginbfchar\n{maps}\nendbfchar".encode()),
    )
    page.Resources = Dictionary(Font=Dictionary(F0=pdf.make_indirect(font)), XObject=Dictionary())
    page.Contents = pdf.make_stream(CONTENT.format(**hexes).encode())
    page.Tabs, page.StructParents = Name.S, 0
    link = pdf.make_indirect(
        Dictionary(Type=Name.Annot, Subtype=Name.Link, Rect=[72, 500, 90, 510], Contents=String("To a"), StructParent=1)
    )
    page.Annots = Array([link])
    tree = pdf.make_indirect(Dictionary(Type=Name.StructTreeRoot, K=Array(), RoleMap=Dictionary()))
    root = pdf.Root
    root.StructTreeRoot, root.Lang, root.MarkInfo = tree, String("en"), Dictionary(Marked=True)
    root.ViewerPreferences = Dictionary(DisplayDocTitle=True)
    root.Metadata = pdf.make_stream(XMP.encode())
    root.Metadata.Type, root.Metadata.Subtype = Name.Metadata, Name.XML
    item = pdf.make_indirect(Dictionary(Title=String("A"), Dest=Array([page, Name.Fit])))
    root.Outlines = Dictionary(First=item, Last=item, Count=1)
    pdf.attachments["a.json"] = pikepdf.AttachedFileSpec(pdf, b"{}", filename="a.json")
    made = Small(pdf, page, root, tree, tree, link)
    made.document = made.add(tree, "Document")
    made.add(made.document, "H1", 0)
    made.add(made.document, "Figure", 1, Alt=String("A square"))
    reference = Dictionary(Type=Name.OBJR, Obj=link, Pg=page)
    made.add(made.add(made.document, "P"), "Link", 2, reference)
    row = made.add(made.add(made.document, "Table"), "TR")
    made.add(row, "TH", 3, ID=String("a"), A=Dictionary(O=Name.Table))
    made.add(row, "TD", 4, A=Dictionary(O=Name.Table, Headers=Array([String("a")])))
    made.add(made.add(made.add(made.document, "L"), "LI"), "LBody", 5)
    return made


def cmap(made: Small, *, text: str = "", **more: Any) -> None:
    """Give the font a CMap of its own instead of one that is listed."""
    said = Dictionary(Registry=String("Adobe"), Ordering=String("Identity"), Supplement=0)
    stream = made.pdf.make_stream(text.encode(), Type=Name.CMap, CMapName=Name("/A"), CIDSystemInfo=said, **more)
    made.page.Resources.Font.F0.Encoding = stream


def a_form(made: Small, stream: bytes, **more: Any) -> Any:
    """Give the page a form XObject."""
    form = made.pdf.make_stream(stream, Type=Name.XObject, Subtype=Name.Form, BBox=[0, 0, 9, 9], **more)
    made.page.Resources.XObject.X0 = form
    return form


@dataclass(frozen=True)
class Condition:
    """One condition of the protocol.

    Attributes
    ----------
    number : str
        Its number.
    text : str
        What fails it, in short.
    how : str
        How it is looked for.
    finds : callable
        Lists what fails it in a file.
    breaks : callable
        Makes the small file fail it.
    """

    number: str
    text: str
    how: str
    finds: Callable[[File], list[str]]
    breaks: Callable[[Small], Any]


def listed(kinds: str, above: str) -> Callable[[File], list[str]]:
    """List elements of these types that don't stand where they belong: "TR in Table THead"."""
    allowed = {kind: set(above.split()) for kind in kinds.split()}
    return lambda file: [
        f"{file.kind(e)} in {file.parent(e)}"
        for kind, parents in allowed.items()
        for e in file.of(kind)
        if file.parent(e) not in parents
    ]


def every(*parts: Callable[[File], list[str]]) -> Callable[[File], list[str]]:
    """List what any of these finds."""
    return lambda file: [found for part in parts for found in part(file)]


def without_language(has: Callable[[File], bool]) -> Callable[[File], list[str]]:
    """List a text whose language isn't known."""
    return lambda file: ["no language"] if has(file) and not file.speaks else []


def silent(made: Small) -> None:
    """Take the language away."""
    del made.root.Lang


def levels(file: File) -> list[int]:
    """Give the levels of the headings, in reading order; one that goes on on the next page counts once."""
    return [int(file.kind(element)[1]) for element in file.of("H1", "H2", "H3", "H4", "H5", "H6")]


def heads(file: File) -> list[str]:
    """List tables whose heads can't be told: without ids that cells name, each head needs a scope."""
    found = []
    for table in file.of("Table"):
        inside = list(file._below(table))
        ids = {bytes(cell.ID) for cell in inside if "/ID" in cell}
        cells = [cell for cell in inside if file.kind(cell) == "TD"]
        named = [[bytes(n) for n in cell.get("/A", Dictionary()).get("/Headers", Array())] for cell in cells]
        if all(names and set(names) <= ids for names in named) and ids:
            continue
        found += [
            "a head without scope"
            for cell in inside
            if file.kind(cell) == "TH" and "/Scope" not in cell.get("/A", Dictionary())
        ]
    return found


def notes(file: File) -> list[bytes]:
    """Give the ids of all notes."""
    return [bytes(note.ID) for note in file.of("Note") if "/ID" in note]


def configurations(file: File) -> Iterator[Any]:
    """Give the configurations of optional content."""
    properties = file.root.get("/OCProperties", Dictionary())
    yield from properties.get("/Configs", Array())
    if "/D" in properties:
        yield properties.D


def nameless(configuration: Any) -> list[str]:
    """List a configuration without a name."""
    return [] if str(configuration.get("/Name", "")) else ["a configuration without a name"]


def media(file: File) -> Iterator[Any]:
    """Give the media clips."""
    for _, annotation in file.annotations():
        clip = annotation.get("/A", Dictionary()).get("/R", Dictionary()).get("/C")
        if clip is not None:
            yield clip


def widths_differ(file: File) -> list[str]:
    """List glyphs whose width in the font differs from what the file says, by more than a thousandth."""
    found = []
    for font, cid, descriptor in file.composite():
        program = _program(descriptor)
        if program is None:
            continue
        order, upem, said = program.getGlyphOrder(), program["head"].unitsPerEm, _widths(cid)
        for code in file.codes.get(font.objgen, set()):
            width = program["hmtx"][order[code]][0] * 1000 / upem if code < len(order) else 0
            if abs(said.get(code, float(cid.get("/DW", 1000))) - width) > 1:
                found.append(f"{font.BaseFont}: glyph {code}")
    return found


def attribute(element: Any, name: str) -> bool:
    """Tell whether an element has a text."""
    return bool(str(element.get(name, "")))


def is_listed(font: Any) -> bool:
    """Tell whether a font's codes are mapped by a CMap that is listed or embedded."""
    return isinstance(font.Encoding, pikepdf.Stream) or str(font.Encoding).removeprefix("/") in CMAPS


C = Condition
CONDITIONS = (
    C("01-003", "an artifact stands inside tagged content", "stack of marked contents of each page and form",
      lambda f: [str(m) for m in f.marks if m[-1][0] == "/Artifact" and any(mcid is not None for _, mcid in m[:-1])],
      lambda s: s.content("72 600 10 10 re f", "/Artifact BMC 72 600 10 10 re f EMC")),
    C("01-004", "tagged content stands inside an artifact", "stack of marked contents of each page and form",
      lambda f: [str(m) for m in f.marks if m[-1][1] is not None and any(tag == "/Artifact" for tag, _ in m[:-1])],
      lambda s: s.content("<</Type /Pagination>> BDC", "<</Type /Pagination>> BDC /P <</MCID 9>> BDC EMC")),
    C("01-005", "content is neither an artifact nor tagged", "every painting operator; its number must hang in the tree",
      lambda f: [
          str(p) for tagged in [f.tagged()] for p in f.painted
          if not any(tag == "/Artifact" or (mcid is not None and (p.page, mcid) in tagged) for tag, mcid in p.marks)
      ],
      lambda s: s.content("/LBody <</MCID 5>>", "/LBody <</MCID 55>>")),
    C("01-007", "Suspects is true", "MarkInfo",
      lambda f: ["suspects"] if f.root.get("/MarkInfo", Dictionary()).get("/Suspects", False) else [],
      lambda s: s.root.MarkInfo.update({"/Suspects": True})),
    C("02-001", "a type of its own doesn't end in a standard one", "every element's type through RoleMap",
      lambda f: [str(e.S) for e in f.elements if f.kind(e) not in STANDARD],
      lambda s: s.add(s.document, "Mine")),
    C("02-003", "types are mapped in a circle", "RoleMap",
      lambda f: [a for a in f.roles if f.roles.get(f.roles[a]) == a],
      lambda s: s.tree.RoleMap.update({"/Mine": Name("/Yours"), "/Yours": Name("/Mine")})),
    C("02-004", "a standard type is mapped", "RoleMap",
      lambda f: [a for a in f.roles if a.removeprefix("/") in STANDARD],
      lambda s: s.tree.RoleMap.update({"/P": Name("/Span")})),
    C("06-001", "no XMP metadata", "Catalog",
      lambda f: [] if f.metadata and f.root.Metadata.get("/Subtype") == Name.XML else ["none"],
      lambda s: s.root.__delitem__("/Metadata")),
    C("06-002", "the metadata doesn't say PDF/UA-1", "pdfuaid:part",
      lambda f: [] if f.pdf.open_metadata().get(f"{PDFUA}part") == "1" else ["no part"],
      lambda s: s.xmp('pdfuaid:part="1"', "")),
    C("06-003", "the metadata has no title", "dc:title",
      lambda f: [] if f.pdf.open_metadata().get(f"{DC}title") else ["no title"],
      lambda s: s.xmp("dc:title", "dc:subject")),
    C("07-001", "no DisplayDocTitle", "ViewerPreferences",
      lambda f: [] if "/DisplayDocTitle" in f.root.get("/ViewerPreferences", Dictionary()) else ["none"],
      lambda s: s.root.__delitem__("/ViewerPreferences")),
    C("07-002", "DisplayDocTitle is false", "ViewerPreferences",
      lambda f: [] if f.root.get("/ViewerPreferences", Dictionary()).get("/DisplayDocTitle", True) else ["false"],
      lambda s: s.root.ViewerPreferences.update({"/DisplayDocTitle": False})),
    C("09-004", "a part of a table stands elsewhere", "what each TR, TH, TD, THead, TBody and TFoot hangs in",
      every(listed("TR", "Table THead TBody TFoot"), listed("TH TD", "TR"), listed("THead TBody TFoot", "Table")),
      lambda s: s.add(s.document, "TR")),
    C("09-005", "a part of a list stands elsewhere", "what each LI, Lbl and LBody hangs in",
      every(listed("LI", "L"), listed("LBody", "LI"), listed("Lbl", "LI Note TOCI BibEntry")),
      lambda s: s.add(s.document, "LBody")),
    C("09-006", "a part of a table of contents stands elsewhere", "what each TOCI hangs in", listed("TOCI", "TOC"),
      lambda s: s.add(s.document, "TOCI")),
    C("09-007", "a part of a Ruby stands elsewhere", "what each RB, RT and RP hangs in", listed("RB RT RP", "Ruby"),
      lambda s: s.add(s.document, "RB")),
    C("09-008", "a part of a Warichu stands elsewhere", "what each WT and WP hangs in", listed("WT WP", "Warichu"),
      lambda s: s.add(s.document, "WT")),
    C("10-001", "a code can't be mapped to Unicode", "every code shown is in its font's ToUnicode",
      lambda f: [f"{f.fonts[font].BaseFont} {c}" for font, codes in f.codes.items() for c in codes - _unicode(f.fonts[font]).keys()],
      lambda s: s.page.Resources.Font.F0.ToUnicode.write(b"")),
    C("11-001", "the language of text isn't known", "Lang of the Catalog", without_language(lambda f: bool(f.codes)), silent),
    C("11-002", "the language of an alternative text isn't known", "Lang of the Catalog",
      without_language(lambda f: any(attribute(e, "/Alt") for e in f.elements)), silent),
    C("11-003", "the language of bookmarks isn't known", "Lang of the Catalog",
      without_language(lambda f: any(True for _ in f.outlines())), silent),
    C("11-004", "the language of annotations isn't known", "Lang of the Catalog",
      without_language(lambda f: any(attribute(a, "/Contents") for _, a in f.annotations())), silent),
    C("11-005", "the language of form fields isn't known", "Lang of the Catalog",
      without_language(lambda f: any(attribute(a, "/TU") for a in f.fields())),
      lambda s: (silent(s), s.root.__setitem__("/AcroForm", Dictionary(Fields=[Dictionary(TU=String("A"))])))),
    C("11-006", "the language of the metadata isn't known", "Lang of the Catalog, or of the title itself",
      lambda f: [] if f.speaks or re.search(r'<rdf:li xml:lang="(?!x-default)', f.metadata) else ["no language"], silent),
    C("13-004", "a figure has no alternative text", "Alt or ActualText of each Figure",
      lambda f: ["none" for e in f.of("Figure") if not attribute(e, "/Alt") and not attribute(e, "/ActualText")],
      lambda s: s.parts["Figure"].__delitem__("/Alt")),
    C("14-002", "the first heading isn't H1", "levels in reading order",
      lambda f: [f"H{n}" for n in levels(f)[:1] if n != 1],
      lambda s: s.parts["H1"].__setitem__("/S", Name.H2)),
    C("14-003", "a level of headings is skipped", "levels in reading order",
      lambda f: [f"H{b} after H{a}" for a, b in zip(levels(f), levels(f)[1:], strict=False) if b > a + 1],
      lambda s: s.add(s.document, "H3")),
    C("14-006", "a node has more than one H", "the kids of every element",
      lambda f: ["two" for e in f.elements if sum(isinstance(k, Dictionary) and k.get("/S") == Name.H for k in _kids(e)) > 1],
      lambda s: (s.add(s.document, "H"), s.add(s.document, "H"))),
    C("14-007", "both H and H1 to H6", "types of all elements",
      lambda f: ["both"] if levels(f) and any(f.of("H")) else [],
      lambda s: s.add(s.document, "H")),
    C("15-003", "a table head has no scope, where cells name no heads", "Headers of each TD, ID or Scope of each TH",
      heads, lambda s: s.parts["TD"].A.__delitem__("/Headers")),
    C("17-002", "a formula has no alternative text", "Alt of each Formula",
      lambda f: ["none" for e in f.of("Formula") if not attribute(e, "/Alt")],
      lambda s: s.add(s.document, "Formula")),
    C("19-003", "a note has no id", "ID of each Note",
      lambda f: ["none" for e in f.of("Note") if "/ID" not in e],
      lambda s: s.add(s.document, "Note")),
    C("19-004", "two notes have one id", "ID of each Note",
      lambda f: [str(n) for n in set(notes(f)) if notes(f).count(n) > 1],
      lambda s: [s.add(s.document, "Note", ID=String("n")) for _ in "ab"]),
    C("20-001", "a configuration of optional content has no name", "OCProperties, Configs",
      lambda f: [n for c in f.root.get("/OCProperties", Dictionary()).get("/Configs", Array()) for n in nameless(c)],
      lambda s: s.optional(Configs=Array([Dictionary()]))),
    C("20-002", "the default configuration of optional content has no name", "OCProperties, D",
      lambda f: nameless(f.root.OCProperties.D) if "/OCProperties" in f.root else [],
      lambda s: s.optional(D=Dictionary())),
    C("20-003", "optional content has an AS entry", "all configurations",
      lambda f: ["AS" for c in configurations(f) if "/AS" in c],
      lambda s: s.optional(D=Dictionary(Name="a", AS=Array()))),
    C("21-001", "an attached file lacks F or UF", "file specifications",
      lambda f: [n for n, spec in f.pdf.attachments.items() if not {"/F", "/UF"} <= set(spec.obj.keys())],
      lambda s: s.pdf.attachments["a.json"].obj.__delitem__("/F")),
    C("25-001", "an XFA form must be rendered dynamically", "AcroForm, XFA",
      lambda f: ["XFA"] if b"required" in b"".join(
          x.read_bytes() for x in f.root.get("/AcroForm", Dictionary()).get("/XFA", Array()) if isinstance(x, pikepdf.Stream)) else [],
      lambda s: s.root.__setitem__("/AcroForm", Dictionary(
          XFA=Array([String("config"), s.pdf.make_stream(b"<dynamicRender>required</dynamicRender>")])))),
    C("26-001", "encrypted without permissions", "encryption dictionary of the trailer",
      lambda f: ["no P"] if "/Encrypt" in f.pdf.trailer and "/P" not in f.pdf.trailer.Encrypt else [],
      lambda s: s.pdf.trailer.__setitem__("/Encrypt", Dictionary())),
    C("26-002", "encrypted against screen readers", "bit 10 of P in the encryption dictionary",
      lambda f: ["P"] if "/Encrypt" in f.pdf.trailer and not int(f.pdf.trailer.Encrypt.get("/P", -1)) & 512 else [],
      lambda s: s.pdf.trailer.__setitem__("/Encrypt", Dictionary(P=0))),
    C("28-002", "an annotation isn't in an Annot", "what each hangs in, but for widgets, links and printer's marks",
      lambda f: [str(a.Subtype) for _, a in f.annotations()
                 if a.Subtype not in ("/Widget", "/Link", "/PrinterMark", "/Popup") and f.holder(a).get("/S") != "/Annot"],
      lambda s: s.annotate("Text", Contents=String("A"))),
    C("28-004", "an annotation says nothing", "Contents, or Alt of what it hangs in",
      lambda f: [str(a.Subtype) for _, a in f.annotations()
                 if a.Subtype not in ("/Widget", "/Popup") and not attribute(a, "/Contents") and not attribute(f.holder(a), "/Alt")],
      lambda s: s.annotate("Text")),
    C("28-005", "a form field has no name for people", "TU of each field",
      lambda f: ["none" for a in f.fields() if not attribute(a, "/TU")],
      lambda s: s.root.__setitem__("/AcroForm", Dictionary(Fields=[Dictionary(T=String("a"))]))),
    C("28-006", "an annotation of an unknown kind says nothing", "Subtype and Contents",
      lambda f: [str(a.Subtype) for _, a in f.annotations()
                 if str(a.Subtype).removeprefix("/") not in ANNOTATIONS and not attribute(a, "/Contents")],
      lambda s: s.annotate("Mine")),
    C("28-007", "a trap network", "Subtype of each annotation",
      lambda f: ["TrapNet" for _, a in f.annotations() if a.Subtype == "/TrapNet"], lambda s: s.annotate("TrapNet")),
    C("28-008", "a page with annotations has no Tabs", "pages",
      lambda f: ["none" for p, _ in f.annotations() if "/Tabs" not in p], lambda s: s.page.__delitem__("/Tabs")),
    C("28-009", "Tabs doesn't follow the structure", "pages",
      lambda f: [str(p.Tabs) for p, _ in f.annotations() if p.get("/Tabs", Name.S) != Name.S],
      lambda s: s.page.__setitem__("/Tabs", Name.R)),
    C("28-010", "a widget isn't in a Form", "what each hangs in",
      lambda f: ["widget" for _, a in f.annotations() if a.Subtype == "/Widget" and f.holder(a).get("/S") != "/Form"],
      lambda s: s.root.__setitem__("/AcroForm", Dictionary(Fields=[s.annotate("Widget", T=String("a"), FT=Name.Tx)]))),
    C("28-011", "a link isn't in a Link", "what each hangs in",
      lambda f: ["link" for _, a in f.annotations() if a.Subtype == "/Link" and f.holder(a).get("/S") != "/Link"],
      lambda s: s.parts["Link"].__setitem__("/S", Name.Span)),
    C("28-012", "a link isn't described", "Contents of each link: words, no address",
      lambda f: [str(a.get("/Contents", "")) for _, a in f.annotations()
                 if a.Subtype == "/Link" and not re.match(r"[^#/]*\w", str(a.get("/Contents", "")))],
      lambda s: s.link.__setitem__("/Contents", String("#a"))),
    C("28-014", "a media clip has no CT", "media clip data", lambda f: ["CT" for clip in media(f) if "/CT" not in clip],
      lambda s: s.annotate("Screen", A=Dictionary(R=Dictionary(C=Dictionary(Alt=Array()))))),
    C("28-015", "a media clip has no Alt", "media clip data", lambda f: ["Alt" for clip in media(f) if "/Alt" not in clip],
      lambda s: s.annotate("Screen", A=Dictionary(R=Dictionary(C=Dictionary(CT=String("a")))))),
    C("28-016", "a file attachment lacks F or UF", "file specifications of annotations",
      lambda f: ["FS" for _, a in f.annotations() if a.Subtype == "/FileAttachment" and not {"/F", "/UF"} <= set(a.FS.keys())],
      lambda s: s.annotate("FileAttachment", FS=Dictionary(F=String("a")))),
    C("28-017", "a printer's mark is in the structure", "what each hangs in",
      lambda f: ["mark" for _, a in f.annotations() if a.Subtype == "/PrinterMark" and "/S" in f.holder(a)],
      lambda s: s.add(s.document, "Annot", Dictionary(Type=Name.OBJR, Obj=s.annotate("PrinterMark")))),
    C("30-001", "a reference XObject", "Ref of every form",
      lambda f: ["Ref" for o in f.pdf.objects if isinstance(o, pikepdf.Stream) and o.get("/Subtype") == "/Form" and "/Ref" in o],
      lambda s: a_form(s, b"", Ref=Dictionary())),
    C("30-002", "a form with marked contents stands twice", "every Do",
      lambda f: [str(form) for form, times in f.forms.items() if times > 1],
      lambda s: (a_form(s, b"/P <</MCID 0>> BDC EMC"), s.content("re f EMC", "re f EMC /X0 Do /X0 Do"))),
    C("31-001", "Registry differs between CMap and CID font", "CIDSystemInfo",
      lambda f: ["Registry" for m, c, _ in f.encodings() if m.CIDSystemInfo.Registry != c.CIDSystemInfo.Registry],
      lambda s: (cmap(s), s.page.Resources.Font.F0.Encoding.CIDSystemInfo.__setitem__("/Registry", String("Mine")))),
    C("31-002", "Ordering differs between CMap and CID font", "CIDSystemInfo",
      lambda f: ["Ordering" for m, c, _ in f.encodings() if m.CIDSystemInfo.Ordering != c.CIDSystemInfo.Ordering],
      lambda s: (cmap(s), s.page.Resources.Font.F0.Encoding.CIDSystemInfo.__setitem__("/Ordering", String("Mine")))),
    C("31-003", "Supplement of the CID font is behind the CMap's", "CIDSystemInfo",
      lambda f: ["Supplement" for m, c, _ in f.encodings() if c.CIDSystemInfo.Supplement < m.CIDSystemInfo.Supplement],
      lambda s: (cmap(s), s.page.Resources.Font.F0.Encoding.CIDSystemInfo.__setitem__("/Supplement", 1))),
    C("31-004", "CIDToGIDMap is neither a stream nor Identity", "CID fonts of type 2",
      lambda f: [str(c.CIDToGIDMap) for _, c, _ in f.composite()
                 if c.Subtype == "/CIDFontType2" and not isinstance(m := c.get("/CIDToGIDMap", Name.Identity), pikepdf.Stream) and m != "/Identity"],
      lambda s: s.page.Resources.Font.F0.DescendantFonts[0].__setitem__("/CIDToGIDMap", Name("/Mine"))),
    C("31-005", "no CIDToGIDMap", "CID fonts of type 2",
      lambda f: ["none" for _, c, _ in f.composite() if c.Subtype == "/CIDFontType2" and "/CIDToGIDMap" not in c],
      lambda s: s.page.Resources.Font.F0.DescendantFonts[0].__delitem__("/CIDToGIDMap")),
    C("31-006", "a CMap is neither listed nor embedded", "Encoding of each Type 0 font",
      lambda f: [str(font.Encoding) for font, _, _ in f.composite() if not is_listed(font)],
      lambda s: s.page.Resources.Font.F0.__setitem__("/Encoding", Name("/Mine"))),
    C("31-007", "WMode differs between a CMap and its dictionary", "Encoding streams",
      lambda f: ["WMode" for m, _, text in f.encodings()
                 if int(m.get("/WMode", 0)) != int((re.findall(r"/WMode (\d) def", text) or [0])[-1])],
      lambda s: cmap(s, text="/WMode 1 def")),
    C("31-008", "a CMap uses one that isn't listed", "UseCMap and usecmap of Encoding streams",
      lambda f: [name for m, _, text in f.encodings()
                 for name in [*re.findall(r"/([\w-]+) usecmap", text), str(m.get("/UseCMap", "/Identity-H"))[1:]] if name not in CMAPS],
      lambda s: cmap(s, text="/Mine usecmap")),
    C("31-009", "a font isn't embedded", "font files of all fonts that show text",
      lambda f: [str(font.BaseFont) for font, _, d in f.composite() if not {"/FontFile2", "/FontFile3"} & set(d.keys())]
      + [str(font.get("/BaseFont")) for font in f.fonts.values() if font.Subtype not in ("/Type0", "/Type3")
         and not {"/FontFile", "/FontFile2", "/FontFile3"} & set(font.get("/FontDescriptor", Dictionary()).keys())],
      lambda s: s.page.Resources.Font.F0.DescendantFonts[0].FontDescriptor.__delitem__("/FontFile2")),
    C("31-011", "an embedded font lacks a glyph that is shown", "every code shown against the font's glyphs",
      lambda f: [f"{font.BaseFont} {code}" for font, _, d in f.composite() if (p := _program(d))
                 for code in f.codes.get(font.objgen, ()) if code >= p["maxp"].numGlyphs],
      lambda s: s.content("72 200 Td <", "72 200 Td <00ff")),
    C("31-016", "a width differs from the font's by more than a thousandth", "W against hmtx, every code shown",
      widths_differ, lambda s: s.page.Resources.Font.F0.DescendantFonts[0].__delitem__("/W")),
    C("31-027", "no ToUnicode", "all fonts that show text",
      lambda f: [str(font.get("/BaseFont")) for font in f.fonts.values() if "/ToUnicode" not in font],
      lambda s: s.page.Resources.Font.F0.__delitem__("/ToUnicode")),
    C("31-028", "a code stands for U+0000", "ToUnicode of all fonts",
      lambda f: [str(font.BaseFont) for font in f.fonts.values() if any("\0" in said for said in _unicode(font).values())],
      lambda s: s.page.Resources.Font.F0.ToUnicode.write(b"1 beginbfchar\n<0001> <0000>\nendbfchar")),
    C("31-029", "a code stands for U+FEFF or U+FFFE", "ToUnicode of all fonts",
      lambda f: [str(font.BaseFont) for font in f.fonts.values() if any(set(said) & {"\ufeff", "\ufffe"} for said in _unicode(font).values())],
      lambda s: s.page.Resources.Font.F0.ToUnicode.write(b"1 beginbfchar\n<0001> <feff>\nendbfchar")),
    C("31-030", "text shows .notdef", "every code shown",
      lambda f: [str(f.fonts[font].BaseFont) for font, codes in f.codes.items() if 0 in codes],
      lambda s: s.content("72 200 Td <", "72 200 Td <0000")),
)  # fmt: skip
