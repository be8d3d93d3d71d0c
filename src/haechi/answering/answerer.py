"""One conversation, step by step: stands alone, is let through, searched for, fused, answered with citations."""

import threading
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from haechi.answering import steps
from haechi.answering.conversations import SENTENCES, Cited, Conversation, Reply, unreadable
from haechi.answering.gate import Gate, Seen, is_absent, is_talk, marks, rarity, read_gate, signals
from haechi.answering.params import AnswerParams, GateParams
from haechi.retrieval.run import Scored
from haechi.runtime.params import load_section
from haechi.scoring.names import BM25, HYBRID, TUNED
from haechi.serving.engine import Answer, Engine, Hit, open_engine
from haechi.text.morphemes import analyse, content

NOTHING = "찾은 문서에는 이 질문의 답이 없습니다."
NO_SEARCH = "문서를 찾지 않아도 되는 말로 보았습니다. 궁금한 것이 있으면 물어 주세요."
DOC = "DOC_"
"""Before the id that a document was given by its owner."""


@dataclass(frozen=True)
class Begun:
    """A conversation on its way to an answer."""

    conversation: Conversation
    text: str
    """The question as it stands alone."""
    said: Sequence[steps.Word]
    """The words of the last turn."""
    gate: Mapping[str, float] = field(default_factory=dict)
    first: Answer | None = None
    """What the question itself finds, where the gate has asked."""
    reply: Reply | None = None
    """Where there is no more to do."""


class Answerer:
    """Answers conversations over one corpus; may be asked by several threads."""

    def __init__(self, engine: Engine, params: AnswerParams, costs: GateParams, gate: Gate | None) -> None:
        self.engine, self.params, self._costs = engine, params, costs
        self._gate = gate
        self._rare = rarity(engine.index)
        self._kiwi = threading.Lock()

    def reply(self, one: Conversation) -> Reply:
        """The answer to one conversation, without a language model."""
        begun = self.gated(self.prepared(one))
        if begun.reply:
            return begun.reply
        asked = self.searched(self.queries(begun.text), begun.first)
        return self.finished(begun, asked, self.cited(asked))

    def prepared(self, one: Conversation) -> Begun:
        """The question as it stands alone, or why there is none."""
        if reason := unreadable(one):
            return Begun(one, "", [], reply=Reply(one.eval_id, "unreadable", "", SENTENCES[reason], reason=reason))
        text, said = self.standalone(one)
        return Begun(one, text, said)

    def gated(self, begun: Begun) -> Begun:
        """With what the gate says, and the reply where it says that there is nothing to search for or to find."""
        if begun.reply or not self._gate:
            return begun
        (first,) = self.searched([begun.text])
        id, text = begun.conversation.eval_id, begun.text
        gate = self._gate.chances(self.seen(begun.conversation, begun.said, text, first))
        reply = None
        if is_talk(gate, self._costs):
            reply = Reply(id, "talk", text, NO_SEARCH, gate=gate)
        elif is_absent(gate, self._costs):
            reply = Reply(id, "nothing", text, NOTHING, (), (text,), gate)
        return replace(begun, gate=gate, first=first, reply=reply)

    def finished(self, begun: Begun, asked: Sequence[Answer], found: tuple[Cited, ...]) -> Reply:
        """The reply: a sentence of the first passages, or that nothing was found."""
        id, queries = begun.conversation.eval_id, tuple(answer.query for answer in asked)
        if not found:
            return Reply(id, "nothing", begun.text, NOTHING, (), queries, begun.gate)
        answer, passages = self._extracted(asked[0], found)
        return Reply(id, "found", begun.text, answer, passages, queries, begun.gate)

    def standalone(self, one: Conversation) -> tuple[str, list[steps.Word]]:
        """The question as it can be understood alone, and the words of the last turn."""
        before = one.before if self.params.rewrite else ()
        said, *earlier = self.words([one.last, *(text[-2_000:] for text in before)])
        return steps.rewritten(one.last, said, earlier, self.params.carry), said

    def queries(self, text: str) -> tuple[str, ...]:
        """The ways in which a question is searched for."""
        return steps.queries(text, self.words([text])[0], self.params.queries)

    def like(self, params: AnswerParams) -> "Answerer":
        """The same with other parameters."""
        other = copy(self)
        other.params = params
        return other

    def searched(self, queries: Sequence[str], known: Answer | None = None) -> list[Answer]:
        """What the engine finds for each query; one answer may be known."""
        return [known if known and known.query == one else self.engine.ask(one, self.params.depth) for one in queries]

    def seen(
        self, one: Conversation, said: Sequence[steps.Word], text: str, found: Answer, hidden: frozenset[str] = frozenset()
    ) -> Seen:
        """What the gate looks at: the words of the last turn, and what a search for the whole question says."""
        return Seen(marks(said), signals(found, self._rare, text != one.last, hidden))

    def cited(self, asked: Sequence[Answer]) -> tuple[Cited, ...]:
        """The passages that a submission names, out of the lists of all queries."""
        hits: dict[str, Hit] = {}
        for answer in asked:
            for system in (HYBRID, TUNED, BM25):  # the hybrid's own hits know what carried them
                for hit in answer.lists[system]:
                    hits.setdefault(hit.key, hit)
        ranked = self.fused(asked)[: self.params.passages]
        return tuple(_cited(number, hits[one.id], one.score) for number, one in enumerate(ranked, start=1))

    def fused(self, asked: Sequence[Answer]) -> tuple[Scored, ...]:
        """The articles that the lists of all queries hold, as one list."""
        lists = [
            {system: [Scored(hit.key, hit.score) for hit in found] for system, found in answer.lists.items()} for answer in asked
        ]
        return steps.fused(lists, self.params)

    def _extracted(self, asked: Answer, found: Sequence[Cited]) -> tuple[str, tuple[Cited, ...]]:
        """The sentence of the first passages that says most of the question, with its citation."""
        pieces = [steps.sentences(one.text) for one in found[: self.params.read]]
        with self._kiwi:
            flat = iter([content(said) for said in analyse([piece.text for part in pieces for piece in part])])
        passages = [(part, [next(flat) for _ in part]) for part in pieces]
        best = steps.best_sentence(asked.words, passages, self._rare)
        if best is None:
            first = found[0]
            best = (0, steps.sentences(first.text)[0]) if first.text.strip() else (0, steps.Sentence(first.name, 0, 0))
        place, sentence = best
        quoted = tuple(_quoting(one, sentence) if number == place else one for number, one in enumerate(found))
        return f"{sentence.text.strip()} [{place + 1}]", quoted

    def words(self, texts: Sequence[str]) -> list[list[steps.Word]]:
        """The words of each text."""
        with self._kiwi:
            return [steps.words(said) for said in analyse(texts)]


def open_answerer(settings: Path, gate: Path | None, **searched: Any) -> Answerer:
    """Everything read and ready; `gate` is None where nothing is to be let pass unsearched."""
    params = load_section(settings, "answer", AnswerParams)
    costs = load_section(settings, "gate", GateParams)
    engine = open_engine(**searched)
    wanted = gate if params.gate else None
    return Answerer(engine, params, costs, read_gate(wanted, engine.index.model) if wanted else None)


def public_id(hit: Hit) -> str:
    """The id that a submission names: a document's own, as its owner wrote it; else the article's key."""
    return hit.article_key.removeprefix(DOC) if hit.type == "doc" else hit.article_key


def _cited(number: int, hit: Hit, score: float) -> Cited:
    return Cited(
        number, public_id(hit), hit.id, hit.name, hit.page, round(score, 6), hit.text, dict(hit.ranks), dict(hit.signals)
    )


def _quoting(one: Cited, sentence: steps.Sentence) -> Cited:
    return replace(one, begin=sentence.begin, end=sentence.end)
