"""Cut a long text at sentence ends.

`cut` makes pieces that together are the text; `windows` makes pieces that overlap; `pack` does both with units. A sentence
longer than the limit is cut at a comma or a space, and where it has none, in the middle of a word. Does not know
abbreviations: `제1. 2.` may count as an end.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_SENTENCE = re.compile(r"[^\n]*?(?:[.?!。][\"'”’)\]]*(?=\s)|\n|$)\s*", re.DOTALL)
_CLAUSE = re.compile(r".*[,;ㆍ、]\s|.*\s", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Piece:
    """A text and the page that it begins on; a whole one is never repeated by halves in the next piece."""

    text: str
    page: int = 0
    whole: bool = False


def cut(text: str, max_chars: int) -> list[str]:
    """Pieces of at most `max_chars` characters, in order, without loss but for spaces at the seams."""
    return _packed(text, max_chars, 0)


def windows(text: str, max_chars: int) -> list[str]:
    """Pieces like those of `cut`, each beginning with the last sentences of the one before: up to a quarter of it."""
    return _packed(text, max_chars, max_chars // 4)


def pack(units: Iterable[Piece], max_chars: int, overlap: int) -> list[Piece]:
    """Units joined to pieces as long as may be; each repeats the last sentences of the one before, up to `overlap` characters."""
    packed: list[Piece] = []
    window: list[Piece] = []
    repeated = 0  # units at the beginning of the window that stand in the piece before
    for unit in units:
        if window and _length([*window, unit]) > max_chars:
            packed.append(_joined(window, repeated))
            window = _tail(window, overlap, max_chars) if overlap else []
            while window and _length([*window, unit]) > max_chars:
                window = window[1:]
            repeated = len(window)
        window.append(unit)
    packed.append(_joined(window, repeated))
    return [piece for piece in packed if piece.text]


def sentences(text: str, max_chars: int) -> list[str]:
    """The sentences of a text, one that is longer than the limit in parts; together they are the text."""
    return [part for found in _SENTENCE.finditer(text) if found[0] for part in _clauses(found[0], max_chars)]


def _packed(text: str, max_chars: int, overlap: int) -> list[str]:
    if len(text) <= max_chars:
        return [text] if text.strip() else []
    return [piece.text for piece in pack(map(Piece, sentences(text, max_chars)), max_chars, overlap)]


def _clauses(sentence: str, max_chars: int) -> list[str]:
    parts = []
    while len(sentence.rstrip()) > max_chars:
        found = _CLAUSE.match(sentence, 0, max_chars)
        end = found.end() if found else max_chars
        parts.append(sentence[:end])
        sentence = sentence[end:]
    return [*parts, sentence]


def _length(units: Sequence[Piece]) -> int:
    return len("".join(unit.text for unit in units).rstrip())


def _joined(window: Sequence[Piece], repeated: int) -> Piece:
    """On the page of what is new in it."""
    page = window[min(repeated, len(window) - 1)].page if window else 0
    return Piece("".join(unit.text for unit in window).strip(), page)


def _tail(window: Sequence[Piece], longest: int, max_chars: int) -> list[Piece]:
    """The last sentences, but never all of them."""
    kept: list[Piece] = []
    parts = [part for unit in window for part in _parts(unit, max_chars)]
    for part in reversed(parts[1:]):
        if part.whole or _length([part, *kept]) > longest:
            break
        kept.insert(0, part)
    return kept


def _parts(unit: Piece, max_chars: int) -> list[Piece]:
    return [unit] if unit.whole else [Piece(text, unit.page) for text in sentences(unit.text, max_chars)]
