"""The whole of generate_qa: writer, filters, round trip, portrait."""

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson
import pytest
from question_writer.test_write import corpus, rich
from small_law import pair, passage
from small_params import small

from haechi.models.continued import NOTHING, text_hash
from haechi.questions.generate import Away, Drafts, Generated, Models, Sources, Writer, generate, offline_writer
from haechi.questions.length_histogram import write_lengths
from haechi.questions.llm import sample_rows
from haechi.questions.on_new import questions_on_new
from haechi.questions.params import GenerateQaParams
from haechi.questions.report import Portrait, overlap, portray
from haechi.questions.words import Words
from haechi.records.passage import Passage
from haechi.records.question import Question
from haechi.retrieval.params import RetrievalParams
from haechi.rowstore.store import Store, open_store
from haechi.runtime.errors import HaechiError
from haechi.text.morphemes import tokenize

NO_ONE = Away(frozenset())


def params(**changes: object) -> GenerateQaParams:
    styles = {"keyword": 1.0, "plain": 1.0, "situation": 1.0, "issue": 1.0}
    return small(GenerateQaParams, **{"styles": styles} | changes)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path / "rows.sqlite") as opened:
        yield opened


def made(
    store: Store, passages: list[Passage], away: Away = NO_ONE, writer: Writer | None = None, **changes: object
) -> Generated:
    settings = params(**changes)
    sources, models = Sources(passages, away, [pair("PREC_1")]), Models(writer or offline_writer(settings))
    return generate(sources, models, settings, RetrievalParams(1.2, 0.75), store)


def writes(*texts: str) -> Writer:
    """Asks these questions of each passage."""

    def write(passages: list[Passage], words: Words) -> Drafts:
        return Drafts(
            [
                Question(f"Q_{p.id}_{i}", p.id, p.article_key, text, "fact", "stub")
                for p in passages
                for i, text in enumerate(texts)
            ],
            {"calls": len(passages)},
        )

    return write  # type: ignore[return-value]


def test_nothing_is_asked_about_a_held_out_article_its_twin_or_a_precedent(store: Store) -> None:
    passages = corpus()
    passages[2] = passage("LAW_2", passages[2].text, twins=("LAW_5",))
    passages[5] = passage("LAW_5", passages[5].text, twins=("LAW_2",))
    passages.append(passage("PREC_1_1", "판결\n우물을 고친 사람은 그 비용을 이웃에게 청구할 수 있다고 본다.", type="prec"))
    found = made(store, passages, Away(frozenset({"LAW_1", "LAW_2"})))

    assert found.questions
    assert not {q.passage_id for q in found.questions} & {"LAW_1", "LAW_2", "LAW_5", "PREC_1_1"}
    assert found.counts["passages"]["held_out"] == 3  # type: ignore[index]
    assert found.counts["passages"]["decisions"] == 1  # type: ignore[index]


def test_after_an_earlier_training_new_and_changed_passages_alone_are_asked_about(store: Store) -> None:
    passages = corpus()
    whole = made(store, passages, round_trip_k=0)
    earlier = replace(NOTHING, passages=frozenset(map(text_hash, passages[2:])))
    settings = params(round_trip_k=0)
    sources = Sources(passages, NO_ONE, [pair("PREC_1")], earlier)
    part = generate(sources, Models(offline_writer(settings)), settings, RetrievalParams(1.2, 0.75), store)

    assert part.questions == tuple(q for q in whole.questions if q.passage_id in {p.id for p in passages[:2]})
    assert part.counts["passages"]["old"] == len(passages) - 2
    assert "old" not in whole.counts["passages"]
    assert whole.on_new == ()
    assert {q.passage_id for q in part.on_new} == {p.id for p in passages[:2]}
    assert not {q.question for q in part.on_new} & {q.question for q in part.questions}


def test_test_questions_on_new_documents_are_none_that_training_asks_and_depend_on_no_order(store: Store) -> None:
    passages, words = corpus(), Words(store)
    whole = questions_on_new(passages, (), words, 7)

    assert questions_on_new(passages[::-1], (), words, 7) == whole
    assert questions_on_new(passages, [f"  {whole[0].question} "], words, 7) == whole[1:]
    assert questions_on_new([*passages, replace(passages[0], article_key="twin", id="twin")], (), words, 7)
    assert questions_on_new(passages, [q.question for q in whole], words, 7) == ()


def test_held_out_articles_change_no_question_about_the_others(store: Store) -> None:
    whole = made(store, corpus(), round_trip_k=0).questions
    part = made(store, corpus(), Away(frozenset({"LAW_0"})), round_trip_k=0).questions

    assert part == tuple(q for q in whole if q.article_key != "LAW_0")


def test_the_order_of_the_corpus_and_what_the_store_holds_change_no_byte(tmp_path: Path) -> None:
    passages = [rich("LAW_99"), *corpus()]
    results = []
    for name in ("one", "one", "two"):
        shuffled = random.Random(len(results)).sample(passages, len(passages))  # noqa: S311
        with open_store(tmp_path / f"{name}.sqlite") as store:
            found = made(store, shuffled)
        results.append(orjson.dumps([found.questions, found.dropped, found.counts]))

    assert results[0] == results[1] == results[2]


def test_every_question_is_kept_or_dropped_with_a_reason(store: Store) -> None:
    found = made(store, corpus(), round_trip_k=1)
    counts = found.counts["questions"]

    assert counts["written"] == counts["kept"] + sum(counts["dropped"].values())  # type: ignore[index,operator]
    assert counts["kept"] == len(found.questions)  # type: ignore[index]
    assert sum(counts["dropped"].values()) == len(found.dropped)  # type: ignore[index]
    assert not {q.question_id for q in found.questions} & {q.question_id for q in found.dropped}
    assert [q.question_id for q in found.questions] == sorted(q.question_id for q in found.questions)


def test_a_test_query_is_never_a_training_question(store: Store) -> None:
    forbidden = made(store, corpus()).questions[0]
    again = made(store, corpus(), Away(frozenset(), (forbidden.question + "?",)))

    assert forbidden.question_id not in {q.question_id for q in again.questions}
    assert "test_query" in {q.reason for q in again.dropped if q.question_id == forbidden.question_id}


def test_a_question_that_finds_other_passages_first_is_dropped(store: Store) -> None:
    """All ask for the same word; at depth 1 only the best passage for it keeps its question."""
    same = [passage(f"LAW_{i}", f"머리\n우물 나무 다리 담장 {'비용 ' * i}") for i in range(1, 6)]
    found = made(store, same, writer=writes("비용은 누가 내나요"), round_trip_k=1, near_duplicate=1.0)

    assert [q.passage_id for q in found.questions] == ["LAW_5"]
    assert {q.reason for q in found.dropped} == {"round_trip"}


def test_a_twin_stands_for_a_passage_on_the_round_trip(store: Store) -> None:
    twins = [passage("LAW_1", "머리\n우물의 비용", twins=("LAW_2",)), passage("LAW_2", "머리\n우물의 비용", twins=("LAW_1",))]
    found = made(store, twins, writer=writes("우물의 비용은 얼마인가요"), round_trip_k=1)

    assert [q.reason for q in found.dropped] == ["duplicate"], "both come back, and say the same"


class Compass:
    """A model whose vectors are given."""


def test_the_round_trip_asks_the_base_where_told(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    class Encoder:
        def __init__(self, model: object, store: object) -> None:
            assert isinstance(model, Compass)

        def passages(self, texts: list[str]) -> np.ndarray:
            return np.eye(len(texts), dtype=np.float32)

        def queries(self, texts: list[str]) -> np.ndarray:
            return np.repeat(np.eye(4, dtype=np.float32)[2:3], len(texts), axis=0)  # all point at the third passage

    monkeypatch.setattr("haechi.questions.round_trip.Encoder", Encoder)
    settings = params(round_trip="dense", round_trip_k=1)
    sources, writer = Sources(corpus(4), NO_ONE, []), writes("누가 통지해야 하나요")
    rest = (settings, RetrievalParams(1.2, 0.75), store)

    with_base = Models(writer, base=Compass())  # type: ignore[arg-type]
    assert [q.passage_id for q in generate(sources, with_base, *rest).questions] == ["LAW_2"]
    with pytest.raises(HaechiError, match="base"):
        generate(sources, Models(writer), *rest)


def test_a_judge_is_asked_about_what_the_filters_left_and_its_scores_decide(store: Store) -> None:
    asked = []

    def judge(questions: list[Question], passages: dict[str, Passage]) -> dict[str, float | None]:
        asked.extend(q.question for q in questions)
        return {q.question_id: 2.0 if q.passage_id == "LAW_1" else None for q in questions}

    settings = params(round_trip_k=0)
    models = Models(writes("열쇠는 누가 보관하나요", "short"), judge=judge, judge_threshold=5.0)
    found = generate(Sources(corpus(3), NO_ONE, []), models, settings, RetrievalParams(1.2, 0.75), store)

    assert set(asked) == {"열쇠는 누가 보관하나요"}
    assert [q.passage_id for q in found.dropped if q.reason == "unanswerable"] == ["LAW_1"]


def test_what_a_writer_counts_stands_in_the_metrics(store: Store) -> None:
    assert made(store, corpus(2), writer=writes("우물은 누가 고치나요")).counts["writer"] == {"calls": 2}
    assert "writer" not in made(store, corpus(2)).counts


def test_no_passage_and_no_question_are_no_error(store: Store) -> None:
    everything = Away(frozenset(f"LAW_{i}" for i in range(8)))

    assert made(store, corpus(), everything).questions == ()
    assert made(store, corpus(), writer=writes()).questions == ()


def test_bm25_is_given_the_words_that_everybody_else_gets(tmp_path: Path) -> None:
    """The analysis made for sentences leaves in the store what `tokenize` gives, so nobody makes another."""
    passages = [*corpus(), passage("LAW_X", "머리\nＤＮＡ 검사와 LPG 충전소를 金庫에 보관하여야 한다.")]
    with open_store(tmp_path / "rows.sqlite") as store:
        words = Words(store)
        for _ in words.analysed(passages):
            pass
        found = words.of([p.text for p in passages])
        assert store.tally["tokens"].computed == 0

    assert found == tokenize([p.text for p in passages])


# The portrait


def asked(id: str, text: str, style: str = "plain") -> Question:
    return Question(id, "p", "p", text, style, "offline", "duty")


def test_the_portrait_counts_words_ranks_lengths_and_styles() -> None:
    questions = [asked("1", "우물 비용"), asked("2", "담장은 누가 고치나요", "keyword")]
    tokens = {"1": ["우물", "비용"], "2": ["담장", "고치"]}
    found = portray(
        questions, tokens, {"p": frozenset({"우물", "비용", "담장"})}, {"1": 1, "2": 4}, {"precedent": ["가" * 50] * 3}
    )

    assert found.summary["overlap"] == {"all": 0.75, "plain": 1.0, "keyword": 0.5}
    assert found.summary["bm25_rank"] == {"first_1": 0.5, "first_3": 0.5, "first_10": 1.0, "first_20": 1.0}
    assert found.summary["share"] == {"keyword": 0.5, "plain": 0.5}
    assert found.summary["chars"]["precedent"]["p50"] == 50  # type: ignore[index]
    assert found.summary["distinct_2"] == 1.0


def test_a_question_not_found_counts_in_no_band() -> None:
    found = portray([asked("1", "우물 비용")], {"1": ["우물"]}, {"p": frozenset()}, {}, {})

    assert found.summary["bm25_rank"] == {"first_1": 0.0, "first_3": 0.0, "first_10": 0.0, "first_20": 0.0}
    assert found.summary["overlap"] == {"all": 0.0, "plain": 0.0}
    assert overlap([], frozenset({"우물"})) == 0.0


def test_samples_are_ten_of_each_style_whatever_the_order() -> None:
    questions = [asked(str(i), f"우물 {i}", style) for i in range(40) for style in ("plain", "keyword")]
    rows = sample_rows(questions)

    assert [style for style, _ in rows] == ["keyword"] * 10 + ["plain"] * 10
    assert sample_rows(questions[::-1]) == rows


def test_the_table_of_lengths_holds_every_question_and_is_the_same_bytes_twice(store: Store, tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_lengths(made(store, corpus()).portrait, tmp_path / name)

    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    first, *rows = (line.split(",") for line in (tmp_path / "one").read_text().splitlines())
    assert first == ["chars", "questions", "precedent"]
    assert [sum(map(float, column)) for column in list(zip(*rows, strict=True))[1:]] == [pytest.approx(1, abs=0.01)] * 2


def test_a_length_beyond_the_table_counts_in_its_last_row(tmp_path: Path) -> None:
    write_lengths(Portrait((5, 500), {}, {}), tmp_path / "lengths.csv")
    rows = (tmp_path / "lengths.csv").read_text().splitlines()

    assert (rows[1], rows[-1]) == ("0,0.5000", "190,0.5000")
