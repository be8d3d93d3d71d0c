"""From Kiwi's analysis of texts to the pieces of a vocabulary, and what each piece means.

A piece is the surface of a morpheme in small letters (with a mark where it begins a word) or a phrase: two content words or
three and the endings between them, such as `▁손해배상의▁범위`. It means its content words, Korean as the dictionary has them
and English by their stem, and, for a phrase, that each two neighbours stand together. So the forms of a word, and the ways to
write a phrase, share their meanings; rare endings have none. A text is cut into pieces that don't overlap, so of three words
in a row only a phrase of three shows both pairs.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from haechi.text.morphemes import CONTENT, Morpheme, kiwi, plain

WORD_START = "▁"
BETWEEN = 3
"""Most endings and particles between two words of a phrase."""
LONGEST = 12
"""Characters of a phrase for each of its words."""
OWN = 50
"""Uses from which a piece has a feature of its own besides, be it only an ending."""


class GoldRanks(Morpheme, Protocol):
    """A morpheme that knows its place in the text."""

    @property
    def start(self) -> int:
        """Its first character."""

    @property
    def len(self) -> int:
        """Its characters; none for what is only understood."""


class Unit(NamedTuple):
    """A stretch of text that is not divided further: one morpheme, or several in one syllable."""

    surface: str
    begins: bool
    """A word, that is."""
    start: int
    end: int
    means: tuple[str, ...]
    mark: bool
    """Punctuation: no phrase goes across it."""


class Piece(NamedTuple):
    """A vocabulary entry: its text, how often it occurs, and its meanings."""

    text: str
    uses: int
    means: tuple[str, ...]


@dataclass
class Counts:
    """What was seen in some texts."""

    uses: Counter[str] = field(default_factory=Counter)
    means: dict[str, Counter[tuple[str, ...]]] = field(default_factory=dict)
    phrases: Counter[str] = field(default_factory=Counter)
    of_phrase: dict[str, tuple[str, ...]] = field(default_factory=dict)
    alphabet: set[str] = field(default_factory=set)


def units(text: str, morphemes: Iterable[GoldRanks]) -> list[Unit]:
    """Morphemes that share a syllable (하 and 였 in 했) are one unit."""
    found: list[Unit] = []
    for morpheme in morphemes:
        start, end = morpheme.start, morpheme.start + morpheme.len
        tag = morpheme.tag.partition("-")[0]
        means: tuple[str, ...] = (plain(morpheme),) if tag in CONTENT else ()
        if found and start < found[-1].end:
            before = found.pop()
            start, end, means = before.start, max(before.end, end), before.means + means
        elif start == end:
            continue
        begins = start == 0 or text[start - 1].isspace()
        found.append(Unit(text[start:end], begins, start, end, means, tag[0] == "S" and not means))
    return found


def phrases(text: str, found: Sequence[Unit], words: int) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each content word with the next ones, two to `words` of them, as pieces and their meanings; spaces become marks."""
    for i, first in enumerate(found):
        if not first.means:
            continue
        last, means = i, first.means
        pairs: tuple[str, ...] = ()
        for number in range(2, words + 1):
            following = _next_word(found, last)
            if following is None:
                break
            surface = text[first.start : found[following].end]
            if len(surface) > number * LONGEST or "\n" in surface:
                break
            means = (*means, *found[following].means)
            pairs = (*pairs, f"{found[last].means[-1]} {found[following].means[0]}")
            yield piece(re.sub(r"\s+", WORD_START, surface), first.begins), (*means, *pairs)
            last = following


def _next_word(found: Sequence[Unit], place: int) -> int | None:
    """Where the content word after this one stands, if little is between them and no punctuation."""
    for i in range(place + 1, min(place + 2 + BETWEEN, len(found))):
        if found[i].mark:
            return None
        if found[i].means:
            return i
    return None


def piece(surface: str, begins: bool) -> str:
    """As the tokenizer sees it, which folds case."""
    return (WORD_START if begins else "") + surface.lower()


def count(texts: Sequence[str], phrase_words: int) -> Counts:
    """Analyse texts by Kiwi and count units, and phrases of up to so many words."""
    counts = Counts()
    for text, morphemes in zip(texts, kiwi().tokenize(list(texts)), strict=True):
        found = units(text, morphemes)
        for unit in found:
            if not re.search(r"\s", unit.surface):
                name = piece(unit.surface, unit.begins)
                counts.uses[name] += 1
                counts.means.setdefault(name, Counter())[unit.means] += 1
        for name, means in phrases(text, found, phrase_words):
            counts.phrases[name] += 1
            counts.of_phrase.setdefault(name, means)
        counts.alphabet.update(c for character in set(text) for c in character.lower() if not c.isspace())
    return counts


def vocabulary(counts: Counts, size: int, phrase_uses: int) -> list[Piece]:
    """The most frequent pieces, and all single characters: without one of them a word could become unknown as a whole.

    Phrases count from `phrase_uses` uses on; 0 takes none.
    """
    of: dict[str, Piece] = {}
    for name, uses in counts.uses.items():
        most = max(counts.means[name].items(), key=lambda found: (found[1], found[0]))[0]
        of[name] = Piece(name, uses, _meanings(name, uses, most))
    for name, uses in counts.phrases.items():
        if phrase_uses and uses >= phrase_uses and name not in of:
            of[name] = Piece(name, uses, _meanings(name, uses, counts.of_phrase[name]))
    must = counts.alphabet | {WORD_START}
    for name in must - of.keys():
        of[name] = Piece(name, 1, () if name == WORD_START else (name,))
    ranked = sorted(of.values(), key=lambda one: (one.text not in must, -one.uses, one.text))
    return ranked[: max(size, len(must))]


def _meanings(name: str, uses: int, words: Sequence[str]) -> tuple[str, ...]:
    own = (f"={name}",) if uses >= OWN else ()
    return (*dict.fromkeys(words), *own)
