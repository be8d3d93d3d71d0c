"""The words of the corpus: each text is analysed once, for whoever reads its sentences and for BM25."""

from collections.abc import Iterator, Sequence

from haechi.inference.cached_tokens import MADE, Tokens
from haechi.question_writer.sentences import Token, analyse
from haechi.records.passage import Passage
from haechi.rowstore.store import Store
from haechi.text.morphemes import content


class Words:
    """Content words through the row store; an analysis that is made for its sentences leaves its words there."""

    def __init__(self, store: Store) -> None:
        self._tokens = Tokens(store)

    def analysed(self, passages: Sequence[Passage]) -> Iterator[tuple[Passage, list[Token]]]:
        """Each passage with its analysis, a few thousand in memory at a time."""
        for start in range(0, len(passages), MADE):
            slab = passages[start : start + MADE]
            texts = [passage.text for passage in slab]
            found = list(analyse(texts))
            self._tokens.keep(texts, [content(tokens) for tokens in found])
            yield from zip(slab, found, strict=True)

    def of(self, texts: Sequence[str]) -> list[list[str]]:
        """The content words of each text; what was analysed before is not analysed again."""
        return self._tokens.of(texts)
