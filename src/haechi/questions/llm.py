"""Questions written by a language model: one call a passage and style, every answer a row, the questions read from rows."""

import hashlib
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

import numpy as np

from haechi.llm.endpoint import limits_from
from haechi.llm.failure_log import Ledger, ledger_path, refuse_failures
from haechi.llm.params import LlmParams
from haechi.llm.parse_answers import Read, read_questions
from haechi.llm.prompts import spoken
from haechi.llm.requests import Call, Task, answered, is_done, keys_of, prompt_tokens, shape
from haechi.llm.run_calls import fill
from haechi.llm.types import Answer, Model
from haechi.questions.prompts.writing import versions, writing
from haechi.questions.writer import Drafts, Writer
from haechi.records.passage import Passage
from haechi.records.question import Question
from haechi.rowstore.namespaces import QUESTIONS
from haechi.rowstore.store import Store
from haechi.runtime.errors import ParamsError
from haechi.text.language import language

if TYPE_CHECKING:
    from haechi.questions.words import Words

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


S = TypeVar("S", bound=str)


def drawn(shares: Mapping[S, float], count: int, rng: np.random.Generator) -> dict[S, int]:
    """How many of `count` questions each style gets: over many passages the shares, for each passage as even as can be.

    Systematic sampling: the shares lie end to end on a line of length `count`, and a comb with a random offset picks.
    """
    names = [name for name in sorted(shares) if shares[name] > 0]
    names = [names[place] for place in rng.permutation(len(names))]
    whole, offset = sum(shares[name] for name in names), float(rng.random())
    counts: dict[S, int] = {}
    before, position = 0, 0.0
    for place, name in enumerate(names, start=1):
        position += shares[name]
        upto = count if place == len(names) else math.floor(position / whole * count + offset)
        if upto > before:
            counts[name] = upto - before
        before = max(before, upto)
    return dict(sorted(counts.items()))


SAMPLES = 10


def sample_rows(questions: Sequence[Question], count: int = SAMPLES) -> list[tuple[str, str]]:
    """(style, question): `count` of each style, the same ones in every run, spread over the corpus."""
    rows = []
    for style in sorted({q.style for q in questions}):
        drawn = sorted((q for q in questions if q.style == style), key=_mixed)[:count]
        rows += [(style, q.question) for q in drawn]
    return rows


def _mixed(question: Question) -> str:
    return hashlib.sha256(question.question_id.encode()).hexdigest()


GENERATOR = "openai"

_USUAL = 90  # tokens of a question and its answer with their JSON


class Amounts(Protocol):
    """How many questions, and which of them by lot."""

    @property
    def seed(self) -> int: ...  # noqa: D102
    @property
    def questions_per_passage(self) -> int: ...  # noqa: D102


@dataclass(frozen=True)
class LlmSetup:
    """All but the passages that decides what a model is asked; it is asked for the answers that the store lacks."""

    params: Amounts
    llm: LlmParams
    store: Store
    examples: Sequence[str]
    """Queries of users, none of them in the test set."""
    environ: Mapping[str, str]
    """Address, key and limits."""


@dataclass(frozen=True, slots=True)
class Written:
    """What came of one call."""

    asked: int
    """Questions asked for."""
    questions: tuple[Question, ...]
    unusable: str = ""
    """Why there is no question in the answer: `empty`, `refusal`, `cut` or `no_question`."""
    failure: str = ""
    """Why there is no answer."""


@dataclass(frozen=True)
class LlmWritten:
    """What a model wrote on all passages; it follows from the rows alone, so it may stand in metrics."""

    questions: tuple[Question, ...]
    calls: int
    asked: int
    """Questions asked for."""
    unusable: dict[str, int]
    """Answers without a question, by reason."""
    failures: dict[str, int]
    """Calls without an answer, by reason; more than max_failed_share of them is an error instead."""


@dataclass(frozen=True)
class Estimate:
    """What a run would ask for, and about what that would cost at the prices in the environment."""

    passages: int
    calls: int
    stored: int
    """Calls whose answer is in the store."""
    tokens_in: int
    tokens_out: int
    cost: float
    most_cost: float
    """If every answer were as long as allowed."""
    priced: bool
    """Whether the environment names prices."""

    def rows(self) -> list[tuple[str, object]]:
        """For a table."""
        return [
            ("passages", self.passages),
            ("calls", self.calls),
            ("answered already", self.stored),
            ("to ask", self.calls - self.stored),
            ("tokens of prompts, about", self.tokens_in),
            ("tokens of answers, about", self.tokens_out),
            ("cost, about", f"{self.cost:.2f}" if self.priced else "HAECHI_LLM_PRICE_IN and _OUT are not set"),
            ("cost at most", f"{self.most_cost:.2f}" if self.priced else "-"),
        ]


def write_with_llm(passages: Iterable[Passage], setup: LlmSetup) -> LlmWritten:
    """Questions on all passages, in their order; `passages` is gone through more than once."""
    questions: list[Question] = []
    unusable: Counter[str] = Counter()
    failures: Counter[str] = Counter()
    calls = asked = 0
    for written in stream_questions(passages, setup):
        calls, asked = calls + 1, asked + written.asked
        questions += written.questions
        unusable.update(filter(None, [written.unusable]))
        failures.update(filter(None, [written.failure]))
    return LlmWritten(tuple(questions), calls, asked, dict(sorted(unusable.items())), dict(sorted(failures.items())))


def llm_writer(setup: LlmSetup) -> Writer:
    """The writer that asks a model."""

    def write(passages: Sequence[Passage], words: "Words") -> Drafts:
        written = write_with_llm(passages, setup)
        counts = {"calls": written.calls, "asked": written.asked, "unusable": written.unusable, "failures": written.failures}
        return Drafts(written.questions, counts)

    return write


def stream_questions(passages: Iterable[Passage], setup: LlmSetup) -> Iterator[Written]:
    """What came of each call, in the order of passages and styles, with a batch of them in memory.

    Raises at the end if more calls than allowed got no answer.
    """
    task, asking = _task(setup.llm), _Asking(passages, setup)
    fill(task, setup.store, lambda: asking.calls(task), setup.environ)
    ledger = Ledger(ledger_path(QUESTIONS.name))
    calls, failed, detail = 0, Counter[str](), ""
    for one, answers in answered(task, setup.store, asking.calls(task)):
        calls += 1
        if not answers:
            failure = ledger.why(one.keys[0])
            failed[failure.reason] += 1
            detail = failure.detail or detail
            yield Written(one.count, (), failure=failure.reason)
            continue
        found = _read(answers[-1])[: one.count]
        yield Written(
            one.count,
            tuple(_question(one.passage, one.style, read) for read in found),
            unusable="" if found else _why_none(answers[-1]),
        )
    refuse_failures(failed, detail, calls, task, setup.llm.max_failed_share)


def estimate(passages: Iterable[Passage], setup: LlmSetup) -> Estimate:
    """What `write_with_llm` would ask for now; nothing is sent, and neither address nor key is needed."""
    limits, most_tokens = limits_from(setup.environ), setup.llm.max_tokens
    task, asking = _task(setup.llm), _Asking(passages, setup)
    calls = stored = tokens_in = tokens_out = 0
    for one, answers in answered(task, setup.store, asking.calls(task)):
        calls += 1
        if is_done(task, one, answers):
            stored += 1
        else:
            tokens_in += prompt_tokens(one)
            tokens_out += min(most_tokens, one.count * _USUAL)
    most = limits.cost(tokens_in, (calls - stored) * most_tokens)
    cost, priced = limits.cost(tokens_in, tokens_out), bool(limits.price_in or limits.price_out)
    return Estimate(asking.passages_seen, calls, stored, tokens_in, tokens_out, cost, most, priced)


def chosen_examples(queries: Iterable[str], count: int, seed: int) -> list[str]:
    """So many of the queries, whatever their order; one query more or less seldom changes the choice."""
    return sorted(set(queries), key=lambda query: (_hash(str(seed), query), query))[:count]


@dataclass(frozen=True, slots=True)
class _Asked(Call):
    """A call with what it asks for."""

    passage: Passage
    style: str
    count: int


class _Asking:
    """The calls for a corpus, made anew each time that they are gone through."""

    def __init__(self, passages: Iterable[Passage], setup: LlmSetup) -> None:
        if not any(share > 0 for share in setup.llm.styles.values()):
            raise ParamsError("llm.styles: every share is 0, so there is nothing to ask for")
        self._passages, self._params, self._llm = passages, setup.params, setup.llm
        # A Korean prompt shows what it always showed, so its answers stay paid for; an English one shows English queries only.
        shown = {"ko": setup.examples, "en": [query for query in setup.examples if language(query) == "en"]}
        self._examples = {of: chosen_examples(shown[of], setup.llm.examples, setup.params.seed) for of in shown}
        self.passages_seen = 0

    def calls(self, task: Task) -> Iterator[_Asked]:
        """One call a passage and style; styles and windows of a passage depend on it and the seed alone."""
        self.passages_seen = 0
        for passage in self._passages:
            self.passages_seen += 1
            rng = np.random.default_rng(int.from_bytes(_hash(str(self._params.seed), passage.id, passage.text)[:8]))
            pieces, of = windows(passage, self._llm.window_chars), language(passage.text)
            for style, count in drawn(self._llm.styles, self._params.questions_per_passage, rng).items():
                place = int(rng.integers(len(pieces)))
                window = pieces[0 if style == "whole" else place]
                messages = writing(style, window, of, count, self._examples["en" if of == "en" else "ko"])
                schema = _schema(style) if self._llm.json_schema else None
                keys = keys_of(task, messages, schema, versions(style, of))
                yield _Asked(f"{passage.id} {style}", messages, schema, keys, passage, style, count)


def _task(llm: LlmParams) -> Task:
    model = Model(llm.model, llm.temperature, llm.top_p, llm.max_tokens)
    return Task(QUESTIONS, model, llm.attempts, lambda answer: bool(_read(answer)))


def _schema(style: str) -> dict[str, object]:
    """The shape of an answer: a rewritten question comes with the conversation that it was taken from."""
    text = {"type": "string"}
    item = shape(conversation=text, question=text, answer=text) if style == "multi_turn" else shape(question=text, answer=text)
    return shape(questions={"type": "array", "items": item})


def _read(answer: Answer) -> list[Read]:
    return read_questions(answer.text, cut=answer.finish == "length")


def _why_none(answer: Answer) -> str:
    if answer.finish in ("refusal", "content_filter"):
        return "refusal"
    if not answer.text.strip():
        return "empty"
    return "cut" if answer.finish == "length" else "no_question"


def _question(passage: Passage, style: str, read: Read) -> Question:
    id = "Q_" + _hash(passage.id, read.question).hex()[:16]
    of = language(passage.text)
    prompt = spoken(style, of)
    kind = f"{prompt}@{versions(style, of)[prompt]}"
    return Question(id, passage.id, passage.article_key, read.question, style, GENERATOR, kind, read.answer)


def _hash(*parts: str) -> bytes:
    return hashlib.sha256("\0".join(parts).encode()).digest()
