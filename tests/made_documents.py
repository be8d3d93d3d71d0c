"""Documents of every format that `data/raw` may hold, made from one outline, and files that are broken in ways with a name."""

import csv
import io
import random
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import haechi

FONT = Path(haechi.__file__).parent / "report/fonts/HaechiSans-Regular.otf"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


@dataclass(frozen=True)
class Part:
    """A heading of level 1 or 2, paragraphs, and rows of a table."""

    heading: str
    paragraphs: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...] = ()
    level: int = 1


@dataclass(frozen=True)
class Outline:
    title: str
    parts: tuple[Part, ...]


MANUAL = Outline(
    "공기청정기 사용 설명서",
    (
        Part("설치", ("전원을 켠다. 벽에서 30cm 떨어진 곳에 둔다.", "아이의 손이 닿지 않게 한다.")),
        Part("청소", ("필터를 씻는다. 그늘에서 말린다.",), (("부품", "주기"), ("필터", "매월"), ("겉면", "매주"))),
        Part("필터 교체", ("뚜껑을 열고 필터를 바꾼다.",), level=2),
    ),
)


def made_up(seed: int, parts: int = 4, sentences: int = 12) -> Outline:
    """Another manual for every seed, always the same for one."""
    rng = random.Random(seed)  # noqa: S311
    nouns, verbs = ("전원", "필터", "물통", "덮개", "단추", "전선"), ("켠다", "끈다", "씻는다", "바꾼다", "닫는다", "뽑는다")
    text = [f"{rng.choice(nouns)}을 {rng.randint(1, 90)}분 뒤에 {rng.choice(verbs)}." for _ in range(parts * sentences)]
    groups = [text[at * sentences : (at + 1) * sentences] for at in range(parts)]
    rows = (("부품", "주기"), *((noun, f"{rng.randint(2, 60)}일") for noun in nouns[:3]))
    return Outline(
        f"제품 {seed} 설명서",
        tuple(
            Part(f"{n}. {nouns[n % 6]} 다루기", (" ".join(group),), rows if n == 2 else ()) for n, group in enumerate(groups, 1)
        ),
    )


def text(outline: Outline) -> str:
    lines = [line for part in outline.parts for line in (part.heading, *part.paragraphs, *(" | ".join(r) for r in part.rows))]
    return "\n".join(lines)


def markdown(outline: Outline) -> str:
    lines = [f"# {outline.title}"]
    for part in outline.parts:
        lines += [f"#{'#' * part.level} {part.heading}", *part.paragraphs]
        if part.rows:
            head, *rows = (f"| {' | '.join(row)} |" for row in part.rows)
            lines.append("\n".join([head, "|" + "---|" * len(part.rows[0]), *rows]))
    return "\n\n".join(lines) + "\n"


def html(outline: Outline) -> str:
    body = [f"<h1>{outline.title}</h1>"]
    for part in outline.parts:
        body += [f"<h{part.level + 1}>{part.heading}</h{part.level + 1}>", *(f"<p>{text}</p>" for text in part.paragraphs)]
        rows = ("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in part.rows)
        body += [f"<table>{''.join(rows)}</table>"] * bool(part.rows)
    head = f"<head><meta charset=utf-8><title>{outline.title} - 우리 회사</title><style>p {{ color: red }}</style></head>"
    return f"<!doctype html><html>{head}<body><script>alert('몰래')</script>{''.join(body)}</body></html>"


def table(outlines: Sequence[Outline], delimiter: str) -> str:
    stream = io.StringIO()
    rows = ([f"{at}", outline.title, text(outline)] for at, outline in enumerate(outlines))
    csv.writer(stream, delimiter=delimiter, lineterminator="\n").writerows([["id", "title", "text"], *rows])
    return stream.getvalue()


def docx(outline: Outline) -> bytes:
    from docx import Document

    document = Document()
    document.add_heading(outline.title, 0)
    for part in outline.parts:
        document.add_heading(part.heading, part.level)
        for paragraph in part.paragraphs:
            document.add_paragraph(paragraph)
        if part.rows:
            grid = document.add_table(len(part.rows), len(part.rows[0]))
            for row, cells in zip(grid.rows, part.rows, strict=True):
                for cell, words in zip(row.cells, cells, strict=True):
                    cell.text = words
    return saved(document.save)


def pptx(outline: Outline) -> bytes:
    from pptx import Presentation
    from pptx.util import Inches

    deck = Presentation()
    deck.slides.add_slide(deck.slide_layouts[0]).shapes.title.text = outline.title
    for part in outline.parts:
        slide = deck.slides.add_slide(deck.slide_layouts[1])
        slide.shapes.title.text = part.heading
        slide.placeholders[1].text = "\n".join(part.paragraphs)
        if part.rows:
            size = (len(part.rows), len(part.rows[0]), Inches(1), Inches(5), Inches(6), Inches(2))
            grid = slide.shapes.add_table(*size).table
            for at, row in enumerate(part.rows):
                for column, words in enumerate(row):
                    grid.cell(at, column).text = words
    return saved(deck.save)


def xlsx(outline: Outline) -> bytes:
    from openpyxl import Workbook

    book = Workbook()
    book.remove(book.active)
    for number, part in enumerate(outline.parts, 1):
        sheet = book.create_sheet(f"{number} {part.heading}"[:30])
        for line in (*((text,) for text in part.paragraphs), (), *part.rows):
            sheet.append(line)
    return saved(book.save)


def epub(outline: Outline) -> bytes:
    pages = {
        f"chapter{at}.xhtml": html(Outline(part.heading, (Part(part.heading, part.paragraphs, part.rows, 0),))).replace(
            f"<h1>{part.heading}</h1>", "", 1
        )
        for at, part in enumerate(outline.parts)
    }
    items = "".join(f'<item id="{name}" href="{name}" media-type="application/xhtml+xml"/>' for name in pages)
    spine = "".join(f'<itemref idref="{name}"/>' for name in pages)
    title = f'<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{outline.title}</dc:title></metadata>'
    package = f'<package xmlns="http://www.idpf.org/2007/opf">{title}<manifest>{items}</manifest><spine>{spine}</spine></package>'
    container = '<container><rootfiles><rootfile full-path="OPS/book.opf"/></rootfiles></container>'
    members = {"META-INF/container.xml": container, "OPS/book.opf": package}
    return zipped(members | {f"OPS/{name}": page for name, page in pages.items()})


def pdf(outline: Outline, password: str = "", scan: bool = False) -> bytes:
    """Title, headings and text in print of falling size; a scan shows a picture alone."""
    from fpdf import FPDF

    document = FPDF()
    document.add_font("sans", fname=FONT)
    document.add_page()
    if password:
        document.set_encryption(owner_password=f"{password}!", user_password=password)
    if scan:
        from PIL import Image

        document.image(Image.new("L", (40, 40), 200), w=100)
        return bytes(document.output())
    for words, size in _print(outline):
        document.set_font("sans", size=size)
        document.multi_cell(0, size * 0.55, words, align="L", new_x="LMARGIN", new_y="NEXT")
        document.ln(3)
    return bytes(document.output())


def _print(outline: Outline) -> list[tuple[str, int]]:
    lines = [(outline.title, 24)]
    for part in outline.parts:
        lines += [(part.heading, 20 - 4 * part.level), *((text, 10) for text in part.paragraphs)]
        lines += [(" | ".join(row), 10) for row in part.rows]
    return lines


def hwp(outline: Outline) -> bytes:
    from hwp_converter_ai import HwpWriter

    return written(lambda path: HwpWriter().from_markdown(markdown(outline), path), ".hwp")


def hwpx(outline: Outline) -> bytes:
    from hwp_converter_ai import HwpxGenerator

    return written(lambda path: HwpxGenerator().from_markdown(markdown(outline), output_path=path), ".hwpx")


def saved(save: Callable[[io.BytesIO], object]) -> bytes:
    stream = io.BytesIO()
    save(stream)
    return stream.getvalue()


def written(write: Callable[[Path], object], suffix: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"made{suffix}"
        write(path)
        return path.read_bytes()


def zipped(members: dict[str, str | bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, member in members.items():
            archive.writestr(name, member)
    return stream.getvalue()


MAKERS: dict[str, Callable[[Outline], bytes]] = {
    "pdf": pdf,
    "docx": docx,
    "pptx": pptx,
    "xlsx": xlsx,
    "html": lambda outline: html(outline).encode(),
    "epub": epub,
    "hwp": hwp,
    "hwpx": hwpx,
    "csv": lambda outline: table([outline], ",").encode(),
    "tsv": lambda outline: table([outline], "\t").encode("cp949"),
    "md": lambda outline: markdown(outline).encode(),
    "txt": lambda outline: text(outline).encode("cp949"),
}
"""The twelve formats; two of them in the encoding of older Korean programs."""


def half(data: bytes) -> bytes:
    return data[: len(data) // 2]


def bomb() -> bytes:
    """A ZIP of a few hundred kilobytes that says it holds 256 MB of zeros."""
    return zipped({"[Content_Types].xml": "", "word/document.xml": bytes(256 * 1024 * 1024)})


BROKEN: dict[str, tuple[str, str, Callable[[], bytes]]] = {
    "a PDF cut short": ("pdf", "damaged_file", lambda: pdf(MANUAL)[:300]),
    "a PDF with a password": ("pdf", "password", lambda: pdf(MANUAL, password="비밀".encode().hex())),
    "a scan without a text layer": ("pdf", "no_text_layer", lambda: pdf(MANUAL, scan=True)),
    "a text that is called PDF": ("pdf", "damaged_file", lambda: "민법".encode()),
    "a DOCX cut short": ("docx", "damaged_file", lambda: half(docx(MANUAL))),
    "a ZIP that is called DOCX": ("docx", "wrong_format", lambda: zipped({"a.txt": "민법"})),
    "a DOCX with a password": ("docx", "password", lambda: OLE + bytes(504) + "EncryptedPackage".encode("utf-16-le")),
    "a ZIP bomb": ("docx", "unpacks_too_large", bomb),
    "a DOCX of broken XML": ("docx", "damaged_file", lambda: zipped({"[Content_Types].xml": "<a", "word/document.xml": "<b"})),
    "a PPTX cut short": ("pptx", "damaged_file", lambda: half(pptx(MANUAL))),
    "an XLSX cut short": ("xlsx", "damaged_file", lambda: half(xlsx(MANUAL))),
    "an XLS that is called XLSX": ("xlsx", "wrong_format", lambda: OLE + bytes(504)),
    "an EPUB cut short": ("epub", "damaged_file", lambda: half(epub(MANUAL))),
    "an EPUB without a package": ("epub", "damaged_file", lambda: zipped({"META-INF/container.xml": "<container/>"})),
    "an HWP cut short": ("hwp", "damaged_file", lambda: half(hwp(MANUAL))),
    "an HWP of 1997": ("hwp", "wrong_format", lambda: b"HWP Document File V3.00 \x1a\x01\x02\x03\x04\x05" + bytes(200)),
    "an HWPX cut short": ("hwpx", "damaged_file", lambda: half(hwpx(MANUAL))),
    "an HTML page of scripts alone": ("html", "empty_document", lambda: b"<script>document.write('hidden')</script>"),
    "a CSV without the columns": ("csv", "no_columns", lambda: "이름,값\n가,나\n".encode()),
    "a TSV that is empty": ("tsv", "empty_file", lambda: b" \n"),
    "a text in no encoding": ("txt", "not_utf8", lambda: b"\xff\xfb\x90\x64\x00\xff"),
    "a JSON cut short": ("json", "not_json", lambda: b'{"id": "a", "text": "'),
    "an old Word file": ("doc", "unknown_suffix", lambda: OLE + bytes(504)),
}
"""What is wrong -> the suffix, the reason that must be given, and the bytes."""
