"""The text layer of a PDF as blocks: lines joined to paragraphs, larger print as headings, running headers left out.

Read by pdfium, the reader of Chromium. Gives up tables (their cells stand in lines), text in pictures (a scan without
text is named) and the order of columns where pdfium's own differs from a reader's.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from haechi.parsing.content import LONGEST_HEADING, Block, Content, content, heading, in_contents, paragraph
from haechi.parsing.json_fields import Malformed
from haechi.parsing.pdf_lines import Line, page_lines

_LARGER = 1.15  # times the size of most of the text: a heading
_GAP = 0.75  # times the height of a line between two lines: another paragraph
_FULL = 0.8  # of the width of the widest line: a line that the paragraph goes on after
_RUNNING = 0.5  # of all pages have a line at their edge that only its numbers tell from the others; of a long document
_OFTEN = 5  # more than so many, since each chapter may have its own
_FEWEST_PAGES = 4  # of a document that has running headers
_SENTENCE = re.compile(r"[.?!。]$|다\.?$")
_NUMBER = re.compile(r"\d+")
_ENUMERATED = re.compile(r"(?:[-•·○●□■◦▪*]|\d{1,3}[.)]|[①-⑳])\s")
_AFTER_SENTENCE = re.compile(r"(?:[가-하][.)]\s|제\s*\d+\s*[조장절편관])")  # inside a sentence `다.` and `제3조` stand elsewhere
_HANGUL = re.compile("[가-힣]")
_MARKS = ".,;:!?)]}'\"”’」』"


def read_pdf(data: bytes) -> Content:
    """The document, or why there is none: a password, damage, or no text in it."""
    import pypdfium2
    import pypdfium2.raw as raw

    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if error.err_code == raw.FPDF_ERR_PASSWORD:
            raise Malformed("password", "asks for a password: save it without one") from error
        raise Malformed("damaged_file", f"is no PDF that can be read ({error}): save it again") from error
    try:
        lines = [line for number in range(len(document)) for line in page_lines(document, number)]
        pages = len(document)
    except pypdfium2.PdfiumError as error:
        raise Malformed("damaged_file", f"has a page that can't be read ({error}): save it again") from error
    finally:
        document.close()
    if not lines:
        raise Malformed("no_text_layer", f"has no text, only pictures (pages: {pages:,}): recognise its text (OCR) first")
    kept = [line for line in without_running(lines, pages) if not in_contents(line.text)]
    return content("", blocks_of(kept))


def blocks_of(lines: Sequence[Line]) -> Iterator[Block]:
    """Lines in reading order as headings and paragraphs; a paragraph may go on on the next page."""
    if not lines:
        return
    words = _inner_words(lines)
    body = _usual(lines)
    larger = sorted({line.size for line in lines if _is_heading(line, body)}, reverse=True)
    widest = {line.page: max(other.right for other in group) for group in _by_page(lines) for line in group}
    parts = [lines[0]]
    for before, line in pairwise(lines):
        if _goes_on(before, line, body, widest[before.page]):
            parts.append(line)
        else:
            yield _block(parts, _joined(parts, words), body, larger)
            parts = [line]
    yield _block(parts, _joined(parts, words), body, larger)


def _block(parts: Sequence[Line], text: str, body: float, larger: Sequence[float]) -> Block:
    first = parts[0]
    if _is_heading(first, body):
        return heading(text, min(larger.index(first.size) + 1, 6), first.page)
    return paragraph(text, first.page)


def _is_heading(line: Line, body: float) -> bool:
    return line.size >= _LARGER * body and len(line.text) <= LONGEST_HEADING and any(map(str.isalpha, line.text))


def _goes_on(before: Line, line: Line, body: float, widest: float) -> bool:
    """Whether the line belongs to the paragraph (or heading) of the one before."""
    ended = _SENTENCE.search(before.text)
    if before.size != line.size or _ENUMERATED.match(line.text) or (ended and _AFTER_SENTENCE.match(line.text)):
        return False
    if _is_heading(line, body):
        return before.page == line.page and before.bottom - line.top < _GAP * line.size
    if before.right < _FULL * widest:
        return False
    if before.page != line.page:
        return not ended
    return before.top - line.top >= 0 and before.bottom - line.top < _GAP * line.size


def _joined(parts: Sequence[Line], words: Counter[str]) -> str:
    """Lines with a space between, but where a line ends inside a word."""
    text = parts[0].text
    for line in parts[1:]:
        if _is_hyphened(text, line.text):
            text = text[:-1] + line.text
        else:
            text += line.text if _is_cut(text, line.text, words) else f" {line.text}"
    return text


def _is_hyphened(before: str, after: str) -> bool:
    """A hyphen at the end of a line of Latin letters."""
    return len(before) > 2 and before[-1] == "-" and before[-2].isascii() and before[-2].isalpha() and after[:1].islower()


def _is_cut(before: str, after: str, words: Counter[str]) -> bool:
    """Korean lines may end after any syllable: then the document has both halves as one word elsewhere, and rarely apart."""
    if not (_HANGUL.match(before[-1]) and _HANGUL.match(after)):
        return False
    left, right = before.split()[-1], after.split(maxsplit=1)[0].rstrip(_MARKS)
    return words[left + right] > min(words[left], words[right])


def _inner_words(lines: Iterable[Line]) -> Counter[str]:
    """How often the words occur that stand at neither end of a line, and so are whole."""
    return Counter(word.rstrip(_MARKS) for line in lines for word in line.text.split()[1:-1])


def _usual(lines: Iterable[Line]) -> float:
    """The size of most characters; of two that are used alike the smaller."""
    sizes: Counter[float] = Counter()
    for line in lines:
        sizes[line.size] += len(line.text)
    return min(sizes, key=lambda size: (-sizes[size], size))


def _by_page(lines: Sequence[Line]) -> Iterator[list[Line]]:
    pages: dict[int, list[Line]] = {}
    for line in lines:
        pages.setdefault(line.page, []).append(line)
    return iter(pages.values())


def without_running(lines: Sequence[Line], pages: int) -> list[Line]:
    """Less the first and last lines that most pages share, page numbers among them."""
    if pages < _FEWEST_PAGES:
        return [line for line in lines if not _is_page_number(line)]
    body = _usual(lines) if lines else 0.0
    edges = {id(line): line for group in _by_page(lines) for line in (*group[:2], *group[-2:]) if not _is_heading(line, body)}
    uses = Counter(map(_likeness, edges.values()))
    most = min(_RUNNING * pages, _OFTEN)
    return [line for line in lines if id(line) not in edges or uses[_likeness(line)] <= most]


def _likeness(line: Line) -> tuple[str, int]:
    """What a running line shares with those of other pages: its words and its height on the page."""
    return _NUMBER.sub("#", line.text), round(line.top / 4)


def _is_page_number(line: Line) -> bool:
    return re.fullmatch(rf"[-–\s]*{line.page}\s*(?:/\s*\d+)?[-–\s]*", line.text) is not None
