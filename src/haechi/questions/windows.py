"""Pieces of a passage that fit into a prompt: cut at lines and sentences, each under the passage's header line."""

import re

from haechi.records.passage import Passage

_END = re.compile(r"(?<=[.?!。다요])\s+|\n+")


def windows(passage: Passage, chars: int) -> list[str]:
    """The passage whole if it fits, else in pieces of about that length; no character of the body is lost but spaces."""
    if len(passage.text) <= chars:
        return [passage.text]
    header = passage.text.removesuffix(passage.body).strip()[: chars // 2]
    room = chars - len(header) - 1
    pieces, piece = [], ""
    for part in _short(passage.body, room):
        if piece and len(piece) + 1 + len(part) > room:
            pieces.append(piece)
            piece = part
        else:
            piece = f"{piece}\n{part}" if piece else part
    return [f"{header}\n{text}" if header else text for text in (*pieces, piece)]


def _short(body: str, room: int) -> list[str]:
    """Sentences and lines, those that are too long cut by length."""
    parts = [part for part in _END.split(body) if part.strip()]
    return [part[start : start + room] for part in parts for start in range(0, len(part), room)]
