"""The words of the corpus: each text is analysed once, for whoever reads its sentences and for BM25."""

from collections.abc import Iterator, Sequence

from haechi.questions.analysis import Token, analyse, content
from haechi.records.passage import Passage


class Words:
    """Content words by passage; an analysis is made when first asked for and only its words are kept."""

    def __init__(self) -> None:
        self._known: dict[str, list[str]] = {}

    def analysed(self, passages: Sequence[Passage]) -> Iterator[tuple[Passage, list[Token]]]:
        """Each passage with its analysis, streamed."""
        for passage, tokens in zip(passages, analyse([p.text for p in passages]), strict=True):
            self._known[passage.id] = content(tokens)
            yield passage, tokens

    def of(self, passages: Sequence[Passage]) -> list[list[str]]:
        """The content words of each passage, those that `analysed` has seen without another analysis."""
        for _ in self.analysed([p for p in passages if p.id not in self._known]):
            pass
        return [self._known[p.id] for p in passages]
