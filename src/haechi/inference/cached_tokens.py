"""Tokens through the row store: each text is analysed once, by whoever meets it first, for all that come later."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence

from haechi.rowstore.encoding import Keys
from haechi.rowstore.namespaces import TOKENS
from haechi.rowstore.store import Row, Store
from haechi.text.morphemes import tokenize, versions

SLAB = 16_384  # texts looked up at once
MADE = 2_048  # texts analysed and written at once


class Tokens:
    """Content morphemes from the row store; only texts that nobody has met yet go through Kiwi."""

    def __init__(self, store: Store, words: Iterable[str] = ()) -> None:
        self._store, self._words = store, tuple(sorted(set(words)))
        dictionary = hashlib.sha256("\0".join(self._words).encode()).hexdigest() if self._words else ""
        self._origin = {**versions(), "words": dictionary}
        self._keys = Keys(self._origin)

    def of(self, texts: Sequence[str]) -> list[list[str]]:
        """What `tokenize` gives."""
        return list(self.each(texts))

    def each(self, texts: Sequence[str]) -> Iterator[list[str]]:
        """The same, a few thousand texts in memory at a time."""
        for start in range(0, len(texts), SLAB):
            yield from self._slab(texts[start : start + SLAB])

    def keep(self, texts: Sequence[str], tokens: Sequence[list[str]]) -> None:
        """Write down what an analysis for another purpose found, so that nobody analyses these texts again."""
        rows = (Row(self._keys.of(text=text), found) for text, found in zip(texts, tokens, strict=True))
        self._store.put(TOKENS, rows, self._origin)

    def _slab(self, texts: Sequence[str]) -> list[list[str]]:
        def made(missing: list[int]) -> list[list[str]]:
            return tokenize([texts[place] for place in missing], self._words)

        return self._store.through(TOKENS, [self._keys.of(text=text) for text in texts], made, MADE, self._origin)
