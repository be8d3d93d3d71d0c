"""Cut a long text at sentence ends.

`cut` makes pieces that together are the text; `windows` makes pieces that overlap. A sentence longer than the limit
is cut at a comma or a space, and where it has none, in the middle of a word. Does not know abbreviations: `제1. 2.`
may count as an end.
"""

import re

_SENTENCE = re.compile(r"[^\n]*?(?:[.?!。][\"'”’)\]]*(?=\s)|\n|$)\s*", re.DOTALL)
_CLAUSE = re.compile(r".*[,;ㆍ、]\s|.*\s", re.DOTALL)


def cut(text: str, max_chars: int) -> list[str]:
    """Pieces of at most `max_chars` characters, in order, without loss but for spaces at the seams."""
    if len(text) <= max_chars:
        return [text] if text.strip() else []
    pieces, piece = [], ""
    for sentence in _sentences(text, max_chars):
        if piece and len((piece + sentence).rstrip()) > max_chars:
            pieces.append(piece)
            piece = ""
        piece += sentence
    pieces.append(piece)
    return [stripped for piece in pieces if (stripped := piece.strip())]


def windows(text: str, max_chars: int) -> list[str]:
    """Pieces like those of `cut`, each beginning with the last sentences of the one before: up to a quarter of it."""
    if len(text) <= max_chars:
        return [text] if text.strip() else []
    pieces: list[str] = []
    window: list[str] = []
    for sentence in _sentences(text, max_chars):
        if window and _length([*window, sentence]) > max_chars:
            pieces.append("".join(window).strip())
            window = _tail(window, max_chars // 4)
            while window and _length([*window, sentence]) > max_chars:
                window = window[1:]
        window.append(sentence)
    pieces.append("".join(window).strip())
    return [piece for piece in pieces if piece]


def _sentences(text: str, max_chars: int) -> list[str]:
    return [part for found in _SENTENCE.finditer(text) if found[0] for part in _clauses(found[0], max_chars)]


def _clauses(sentence: str, max_chars: int) -> list[str]:
    parts = []
    while len(sentence.rstrip()) > max_chars:
        found = _CLAUSE.match(sentence, 0, max_chars)
        end = found.end() if found else max_chars
        parts.append(sentence[:end])
        sentence = sentence[end:]
    return [*parts, sentence]


def _length(parts: list[str]) -> int:
    return len("".join(parts).rstrip())


def _tail(parts: list[str], max_chars: int) -> list[str]:
    kept: list[str] = []
    while len(kept) < len(parts) - 1 and _length([parts[-len(kept) - 1], *kept]) <= max_chars:
        kept = [parts[-len(kept) - 1], *kept]
    return kept
