"""The title of a Markdown file and its blocks without the marks: what a reader of the page sees.

The cells of a table stand side by side (`이름 | 값`), a link or a picture leaves its words.
Gives up footnotes and how deep lists are nested.
"""

import re

from markdown_it import MarkdownIt
from markdown_it.token import Token

from haechi.parsing.content import Block, Content
from haechi.text.normalize import clean

_READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
_FRONT_MATTER = re.compile(r"---[ \t]*\n(?=[\w-]+[ \t]*:)(.*?\n)(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_TITLE = re.compile(r"^title[ \t]*:[ \t]*[\"']?(.*?)[\"']?[ \t]*$", re.MULTILINE)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_BREAK = re.compile(r"<\s*br\b[^<>]*>", re.IGNORECASE)
# Markdown closes **용어(term)** before a space alone, so before a particle (**용어(term)**는) the marks are still there.
_LEFT_OVER = re.compile(r"\*\*|\*(?=\S)([^*\n]*[^*\s])\*")


def read_markdown(text: str) -> Content:
    """The title (of the front matter, else the first heading; empty where there is neither) and the blocks without it."""
    text = text.replace("\r\n", "\n")
    title = ""
    if front := _FRONT_MATTER.match(text):
        title = found[1] if (found := _TITLE.search(front[1])) else ""
        text = text[front.end() :]
    blocks: list[Block] = []
    rows: list[list[str]] = []
    number = before = ""
    level = 0
    for token in _READER.parse(text):
        words = _words(token)
        match token.type:
            case "inline" if before == "heading_open" and words == (title or words) and "\n" not in words:
                title = words
            case "inline" if before == "heading_open":
                blocks.append(Block("heading", clean(words).replace("\n", " "), level))
            case "inline" if before in ("th_open", "td_open"):
                rows[-1].append(words)
            case "inline" | "fence" | "code_block" | "html_block":
                blocks.append(Block("text", clean(number + words)))
                number = ""
            case "tr_open":
                rows.append([])
            case "table_close":
                blocks.append(Block("table", clean("\n".join(" | ".join(row).replace("\n", " ") for row in rows))))
                rows = []
            case "list_item_open":
                number = f"{token.info}{token.markup} " if token.info else ""
            case "heading_open":
                level = int(token.tag[1:])
        before = token.type
    return Content(title, tuple(block for block in blocks if block.text))


def _words(token: Token) -> str:
    if token.type == "inline":
        return "".join(_words(child) for child in token.children or ())
    if token.type in ("softbreak", "hardbreak"):
        return "\n"
    if token.type == "text":
        return _LEFT_OVER.sub(r"\1", token.content)
    if token.type.startswith("html_"):
        return _BREAK.sub(" ", _COMMENT.sub("", token.content))
    return token.content  # code, and what is said in place of a picture
