"""A language model as judge: can the passage answer the question? Its scores are rows, as its questions are."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from haechi.llm.failure_log import Ledger, ledger_path, refuse_failures
from haechi.llm.params import LlmParams
from haechi.llm.parse_answers import read_score
from haechi.llm.prompts import judging, judging_versions
from haechi.llm.requests import Call, Task, answered, keys_of, shape
from haechi.llm.run_calls import fill
from haechi.llm.types import Answer, Model
from haechi.records.passage import Passage
from haechi.records.question import Question
from haechi.rowstore.namespaces import JUDGEMENTS
from haechi.rowstore.store import Store

_MAX_TOKENS = 256


@dataclass(frozen=True, slots=True)
class Judgeable:
    """Whether a text answers a question."""

    id: str
    about: str
    """What it is about, for people."""
    question: str
    text: str


def judged(
    questions: Iterable[Question],
    passages: Mapping[str, Passage],
    llm: LlmParams,
    store: Store,
    environ: Mapping[str, str],
) -> dict[str, float | None]:
    """question_id -> score from 0 to 10, None where the judge's answer has none or there is no answer.

    `questions` is gone through more than once; no question in means nothing is asked.
    """

    def to_judge() -> Iterator[Judgeable]:
        for one in questions:
            yield Judgeable(one.question_id, f"{one.passage_id} {one.question_id}", one.question, passages[one.passage_id].text)

    return rated(to_judge, llm, store, environ)


def rated(
    to_judge: Callable[[], Iterable[Judgeable]], llm: LlmParams, store: Store, environ: Mapping[str, str]
) -> dict[str, float | None]:
    """Ids -> scores from 0 to 10, as `judged` gives it; `asked` is called more than once."""
    # A judgement should not depend on luck: temperature 0, whatever the writer's is.
    model = Model(llm.judge_model or llm.model, 0.0, 1.0, _MAX_TOKENS)
    task = Task(JUDGEMENTS, model, llm.attempts, lambda answer: _score(answer) is not None)
    schema = shape(score={"type": "integer"}) if llm.json_schema else None

    def calls() -> Iterator[_Judging]:
        for one in to_judge():
            messages = judging(one.question, one.text)
            yield _Judging(one.about, messages, schema, keys_of(task, messages, schema, judging_versions(one.text)), one.id)

    fill(task, store, calls, environ)
    scores: dict[str, float | None] = {}
    ledger, number, failed, detail = Ledger(ledger_path(JUDGEMENTS.name)), 0, Counter[str](), ""
    for one, answers in answered(task, store, calls()):
        number += 1
        scores[one.judged_id] = _score(answers[-1]) if answers else None
        if not answers:
            failure = ledger.why(one.keys[0])
            failed[failure.reason] += 1
            detail = failure.detail or detail
    refuse_failures(failed, detail, number, task, llm.max_failed_share)
    return scores


@dataclass(frozen=True, slots=True)
class _Judging(Call):
    """A call with the id of what it judges."""

    judged_id: str


def _score(answer: Answer) -> float | None:
    return read_score(answer.text)
