"""The words of the corpus: each text is analysed once, for whoever reads its sentences and for BM25."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from haechi.questions.analysis import Token, analyse
from haechi.records.passage import Passage
from haechi.tokens import content


class Kept(Protocol):
    """A store of words: `haechi.retrieval.tokens.Tokens`."""

    def of(self, texts: Sequence[str]) -> list[list[str]]:
        """The content words of each text."""

    def keep(self, texts: Sequence[str], tokens: Sequence[list[str]]) -> None:
        """Remember what was found elsewhere."""


class Words:
    """Content words by passage; an analysis is made when first asked for and only its words are kept."""

    def __init__(self, kept: Kept | None = None) -> None:
        self._known: dict[str, list[str]] = {}
        self._kept = kept

    def analysed(self, passages: Sequence[Passage]) -> Iterator[tuple[Passage, list[Token]]]:
        """Each passage with its analysis, streamed."""
        for passage, tokens in zip(passages, analyse([p.text for p in passages]), strict=True):
            self._known[passage.id] = content(tokens)
            yield passage, tokens

    def of(self, passages: Sequence[Passage]) -> list[list[str]]:
        """The content words of each passage, those that `analysed` has seen without another analysis."""
        known, missing = [p for p in passages if p.id in self._known], [p for p in passages if p.id not in self._known]
        if self._kept:
            self._kept.keep([p.text for p in known], [self._known[p.id] for p in known])
            self._known.update(zip((p.id for p in missing), self._kept.of([p.text for p in missing]), strict=True))
        else:
            for _ in self.analysed(missing):
                pass
        return [self._known[p.id] for p in passages]
