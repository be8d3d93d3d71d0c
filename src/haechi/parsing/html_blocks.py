"""What a reader of an HTML page sees, as blocks: scripts, styles and navigation are left out, nothing is loaded or run.

Also reads the chapters of EPUB books. Gives up what CSS hides and how deep lists are nested.
"""

import re
from html.parser import HTMLParser

from haechi.parsing.content import Block, Content, content, heading, paragraph, table
from haechi.parsing.decode import decode

_SKIPPED = frozenset({"script", "style", "noscript", "template", "svg", "math", "iframe", "object", "nav", "select", "button"})
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_INLINE = frozenset(
    {"a", "abbr", "b", "bdi", "bdo", "cite", "code", "data", "dfn", "em", "font", "i", "kbd", "label", "mark"}
    | {"q", "ruby", "s", "samp", "small", "span", "strike", "strong", "sub", "sup", "time", "tt", "u", "var", "wbr"}
)
_CHARSET = re.compile(rb"<meta[^>]+charset\s*=\s*[\"']?\s*([\w-]+)", re.IGNORECASE)


def read_html(data: bytes) -> Content:
    """The page; its title is its only widest heading, else what stands in `<title>`."""
    named = found[1].decode("ascii") if (found := _CHARSET.search(data[:4096])) else ""
    text, _ = decode(data, named)
    title, blocks = html_blocks(text)
    read = content("", blocks)
    return read if read.title else content(title, blocks)


def html_blocks(text: str) -> tuple[str, list[Block]]:
    """The page's `<title>` and its blocks."""
    reader = _Reader()
    reader.feed(text)
    reader.close()
    reader.end_block()
    return " ".join(reader.title.split()), reader.blocks


class _Reader(HTMLParser):
    """Collects text until a tag of a block ends it."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.title, self.blocks = "", list[Block]()
        self._words: list[str] = []
        self._level = 0  # of the open heading
        self._skipped = ""  # the tag whose end is waited for,
        self._depth = 0  # and how many of the same are open inside it
        self._in_title = self._pre = False
        self._tables: list[list[list[str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._skipped:
            self._depth += tag == self._skipped
        elif tag in _SKIPPED:
            self._skipped, self._depth = tag, 1
        elif tag == "title":
            self._in_title = True
        elif tag == "br":
            self._words.append("\n")
        elif tag == "table":
            self.end_block()
            self._tables.append([])
        elif tag == "tr" and self._tables:
            self._end_cell()
            self._tables[-1].append([])
        elif tag in ("td", "th") and self._tables:
            self._end_cell()
            if not self._tables[-1]:
                self._tables[-1].append([])
            self._tables[-1][-1].append("")
        elif tag not in _INLINE:
            self._break()
            self._level = _HEADINGS.get(tag, self._level)
            self._pre = self._pre or tag == "pre"

    def handle_endtag(self, tag: str) -> None:
        if self._skipped:
            self._depth -= tag == self._skipped
            if not self._depth:
                self._skipped = ""
        elif tag == "title":
            self._in_title = False
        elif tag == "table" and self._tables:
            self._end_cell()
            self.blocks.append(table(self._tables.pop()))
        elif tag in ("td", "th", "tr") and self._tables:
            self._end_cell()
        elif tag not in _INLINE:
            self._break()
            self._level = 0 if tag in _HEADINGS else self._level
            self._pre = self._pre and tag != "pre"

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title += data
        elif not self._skipped:
            self._words.append(data if self._pre else re.sub(r"\s+", " ", data))

    def end_block(self) -> None:
        """Whatever text is open becomes a block."""
        text = "".join(self._words)
        self._words = []
        if text.strip():
            self.blocks.append(heading(text, self._level) if self._level else paragraph(text))

    def _break(self) -> None:
        """In a cell of a table a new paragraph is only a new line."""
        if self._tables:
            self._words.append("\n")
        else:
            self.end_block()

    def _end_cell(self) -> None:
        rows = self._tables[-1]
        text = "".join(self._words).strip()
        self._words = []
        if not text:
            return
        if rows and rows[-1]:
            rows[-1][-1] = f"{rows[-1][-1]} {text}".strip()
        else:  # a caption
            self.blocks.append(paragraph(text))
