"""The steps of a language model: each call a row, asked for once, and the plain step where there is no answer.

Conversations, questions and passages go into prompts as data between marks. Nothing in an answer is acted on: a question is
searched for, and an answer is shown, with the citations that exist.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import json_repair

from haechi.answering.answerer import Answerer
from haechi.answering.conversations import Cited, Conversation, Reply
from haechi.llm.endpoint import limits_from
from haechi.llm.params import LlmParams
from haechi.llm.parse_answers import read_questions
from haechi.llm.prompts import MARKS, prompt, quoted, said
from haechi.llm.requests import Call, Task, answered, is_done, keys_of, prompt_tokens, shape
from haechi.llm.run_calls import fill
from haechi.llm.types import Answer, Model
from haechi.rowstore.namespaces import QUESTIONS
from haechi.rowstore.store import Store
from haechi.serving.engine import LONGEST
from haechi.serving.engine import Answer as Found
from haechi.text.normalize import one_line

PASSAGE = 200
"""Characters of an imagined passage."""
TOLD = 2_000
"""Characters that a prompt shows of a conversation's turn, and of a passage."""
TEXT: Mapping[str, object] = shape(text={"type": "string"})
LIST: Mapping[str, object] = shape(
    questions={"type": "array", "items": shape(question={"type": "string"}, answer={"type": "string"})}
)
_CITATION = re.compile(r"\[(\d+)\]")
_M = MARKS["ko"]


@dataclass(frozen=True)
class Asked:
    """One step for several conversations: id -> the parts of its prompt."""

    step: str
    parts: Mapping[str, Sequence[str]]
    schema: Mapping[str, object]
    count: int = 0


@dataclass(frozen=True)
class Cost:
    """What steps would ask for now, and about what that costs."""

    calls: int = 0
    stored: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float = 0.0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(
            self.calls + other.calls,
            self.stored + other.stored,
            self.tokens_in + other.tokens_in,
            self.tokens_out + other.tokens_out,
            self.cost + other.cost,
        )


class LanguageModel:
    """Asks an endpoint, or only counts what it would ask."""

    def __init__(self, llm: LlmParams, store: Store, environ: Mapping[str, str], *, only_count: bool = False) -> None:
        self._llm, self._store, self._environ, self._only_count = llm, store, environ, only_count
        self.cost = Cost()

    def texts(self, asked: Asked) -> dict[str, str]:
        """Id -> the text that was answered; an id without one is left out."""
        return {id: text for id, answer in self._answers(asked, _text).items() if (text := _text(answer))}

    def lists(self, asked: Asked) -> dict[str, list[str]]:
        """Id -> the queries that were answered."""
        found = self._answers(asked, lambda answer: [read.question for read in read_questions(answer.text)])
        return {id: [read.question[:LONGEST] for read in read_questions(answer.text)] for id, answer in found.items()}

    def _answers(self, asked: Asked, read: Callable[[Answer], object]) -> dict[str, Answer]:
        model = Model(self._llm.model, self._llm.temperature, self._llm.top_p, self._llm.max_tokens)
        task = Task(QUESTIONS, model, self._llm.attempts, lambda answer: bool(read(answer)))
        if self._only_count:
            self.cost += self._counted(task, asked)
        else:
            fill(task, self._store, lambda: self._calls(task, asked), self._environ)
        return {one.id: found[-1] for one, found in answered(task, self._store, self._calls(task, asked)) if found}

    def _calls(self, task: Task, asked: Asked) -> Iterator[Call]:
        own, system = (prompt(name, f"{__package__}.prompts") for name in (asked.step, "system"))
        schema = asked.schema if self._llm.json_schema else None
        for id, parts in asked.parts.items():
            text = "\n\n".join([*parts, own.filled(count=asked.count) if asked.count else own.text])
            messages = [said("system", system.text), said("user", text)]
            versions = {f"answer.{one.name}": one.version for one in (own, system)}
            yield Call(id, messages, schema, keys_of(task, messages, schema, versions))

    def _counted(self, task: Task, asked: Asked) -> Cost:
        limits, total = limits_from(self._environ), Cost()
        for one, found in answered(task, self._store, self._calls(task, asked)):
            if is_done(task, one, found):
                total += Cost(1, 1)
            else:
                tokens, most = prompt_tokens(one), self._llm.max_tokens
                total += Cost(1, 0, tokens, most, limits.cost(tokens, most))
        return total


def replies(answerer: Answerer, given: Sequence[Conversation], model: LanguageModel) -> list[Reply]:
    """The answers, in the order of the conversations; a step that got no answer is done plainly, and the record says so."""
    params = answerer.params
    plain = {str(one.eval_id): answerer.prepared(one) for one in given}
    open_ones = {id: one for id, one in plain.items() if one.reply is None}
    turned = {id: one for id, one in open_ones.items() if params.rewrite and one.conversation.before}
    told = {id: (_history(one.conversation), quoted(_M.question, one.conversation.last)) for id, one in turned.items()}
    rewritten = model.texts(Asked("rewrite", told, TEXT))
    texts = {id: rewritten.get(id, one.text)[:LONGEST] for id, one in open_ones.items()}
    gated = {id: answerer.gated(replace(one, text=texts[id])) for id, one in open_ones.items()}
    searching = {id: (quoted(_M.question, texts[id]),) for id, one in gated.items() if one.reply is None}
    more = params.queries - 1
    queries = model.lists(Asked("queries", searching, LIST, more)) if more else {}
    imagined = model.texts(Asked("hyde", searching, TEXT)) if params.hyde else {}
    found: dict[str, tuple[list[Found], tuple[Cited, ...]]] = {}
    for id in searching:
        passage = imagined.get(id, "")[:PASSAGE]
        wanted = tuple(dict.fromkeys(filter(None, (texts[id], *queries.get(id, ())[:more], passage))))
        asked = answerer.searched(wanted, gated[id].first)
        found[id] = (asked, answerer.cited(asked))
    shown = {id: (*_passages(cited[: params.read]), *searching[id]) for id, (_, cited) in found.items() if cited}
    answers = model.texts(Asked("answer", shown, TEXT))
    lacking: dict[str, list[str]] = {id: [] for id in open_ones}
    for step, due, got in (
        ("rewrite", told, rewritten),
        ("queries", searching if more else {}, queries),
        ("answer", shown, answers),
    ):
        for id in due:
            if id not in got:
                lacking[id].append(step)
    made: list[Reply] = []
    for id, one in plain.items():
        stopped = one.reply or gated[id].reply
        if stopped:
            made.append(stopped)
            continue
        asked, cited = found[id]
        reply = answerer.finished(gated[id], asked, cited)
        text = _cited(answers.get(id, ""), len(cited[: params.read]))
        if cited and text:
            reply = replace(reply, answer=text)
        made.append(replace(reply, reason=", ".join(f"no answer to {step}" for step in lacking[id])))
    return made


def _cited(text: str, most: int) -> str:
    """An answer without citations of passages that it wasn't shown; one without any citation is none."""
    kept = _CITATION.sub(lambda match: match[0] if 1 <= int(match[1]) <= most else "", text).strip()
    return kept if _CITATION.search(kept) else ""


def _history(one: Conversation) -> str:
    return quoted(_M.examples, "\n".join(f"{turn.role}: {one_line(turn.content)[-TOLD:]}" for turn in one.msg[:-1]))


def _passages(cited: Sequence[Cited]) -> list[str]:
    return [quoted(_M.passage, f"[{one.number}]\n{one.text[:TOLD]}") for one in cited]


def _text(answer: Answer) -> str:
    value = json_repair.loads(answer.text) if "{" in answer.text else answer.text
    text = value.get("text", "") if isinstance(value, dict) else value
    return one_line(text) if isinstance(text, str) else ""
