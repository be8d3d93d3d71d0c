"""The sections of a document, and each cut to length: at paragraphs, then at sentences; a table whole or by rows.

Every word of a document stands in a section, its headings in the paths of those below them. Does not join small sections:
each answers for itself.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from haechi.parsing.chunks import Piece, cut, pack, sentences
from haechi.parsing.content import Block

_LONGEST_SLUG = 60
_NO_SLUG = re.compile(r"[^\w.()-]+")


@dataclass(slots=True)
class Section:
    """What stands below a heading up to the next: the headings above it, its name among the others, its blocks."""

    path: tuple[str, ...]
    slug: str
    """Empty for what stands before the first heading."""
    blocks: list[Block] = field(default_factory=list)


def sections(blocks: Iterable[Block]) -> list[Section]:
    """All that hold text, in order; a heading with nothing below it is text of the section above it."""
    made: list[Section] = [Section((), "")]
    uses: Counter[str] = Counter()
    above: list[Block] = []  # the open headings
    bare = False  # nothing stands below the last of them yet
    for block in blocks:
        if block.kind != "heading":
            if bare:
                made.append(Section(tuple(one.text for one in above), _slug(above[-1].text, uses)))
                bare = False
            made[-1].blocks.append(block)
            continue
        if bare and block.level <= above[-1].level:
            _demote(made, above, uses)
        while above and above[-1].level >= block.level:
            above.pop()
        above.append(block)
        bare = True
    if bare:
        _demote(made, above, uses)
    return [section for section in made if section.blocks]


def pieces(blocks: Iterable[Block], max_chars: int, overlap: int) -> list[Piece]:
    """The blocks of a section as texts of at most `max_chars` characters, each with the page that it begins on."""
    return pack([unit for block in blocks for unit in _units(block, max_chars)], max_chars, overlap)


def _demote(made: list[Section], above: list[Block], uses: Counter[str]) -> None:
    """The last open heading becomes a paragraph below those above it."""
    block = above.pop()
    path = tuple(one.text for one in above)
    if made[-1].path != path:
        made.append(Section(path, _slug(path[-1], uses) if path else ""))
    made[-1].blocks.append(Block("text", block.text, 0, block.page))


def _slug(text: str, uses: Counter[str]) -> str:
    """The heading as part of a key; a second one of the same words gets a number."""
    slug = _NO_SLUG.sub("_", text).strip("_")[:_LONGEST_SLUG] or "_"
    uses[slug] += 1
    return slug if uses[slug] == 1 else f"{slug}~{uses[slug]}"


def _units(block: Block, max_chars: int) -> Iterator[Piece]:
    if len(block.text) <= max_chars:
        yield Piece(f"{block.text}\n", block.page, block.kind == "table")
    elif block.kind == "table":
        yield from (Piece(f"{part}\n", block.page, whole=True) for part in _rows(block.text.split("\n"), max_chars))
    else:
        *most, last = sentences(block.text, max_chars)
        yield from (Piece(sentence, block.page) for sentence in most)
        yield Piece(f"{last}\n", block.page)


def _rows(lines: list[str], max_chars: int) -> Iterator[str]:
    """Parts of a table, each below its first row; without it where that takes more than half of the room."""
    header = lines[0] if 2 * len(lines[0]) < max_chars else ""
    room = max_chars - len(header) - 1 if header else max_chars
    part: list[str] = []
    for line in (short for row in lines[bool(header) :] for short in cut(row, room)):
        if part and len("\n".join([*part, line])) > room:
            yield "\n".join([header, *part] if header else part)
            part = []
        part.append(line)
    if part:
        yield "\n".join([header, *part] if header else part)
