import re

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_law import passage
from strategies import words

from haechi.params.generate_qa import GenerateQaParams
from haechi.params.retrieval import RetrievalParams
from haechi.questions.generate import generate
from haechi.questions.offline import HELD_OUT, STYLES, TRAINING, particles, write_questions
from haechi.records.passage import Passage

PARAMS = GenerateQaParams(7, "offline", 3, 5, 200, 40, 20)
RETRIEVAL = RetrievalParams(1.2, 0.75)


def corpus(number: int = 8) -> list[Passage]:
    """Articles with a title, nouns and sentences long enough to be tangled."""
    things = ("나무", "우물", "다리", "담장", "시장", "창고", "들판", "물레")
    return [
        passage(
            f"LAW_{i}",
            f"마을법 제{i}조({thing}의 관리)\n{thing}을 쓰는 사람은 마을 회의에 미리 알리고 그 비용을 이웃과 나누어 내야 한다. "
            f"{thing}을 망가뜨린 사람은 스스로 고치거나 고치는 값을 마을 금고에 내야 한다.",
            title=f"{thing}의 관리",
        )
        for i, thing in enumerate(things[:number])
    ]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("물건이(가)", "물건이"),
        ("나무이(가)", "나무가"),
        ("물이(가) 나무이(가)", "물이 나무가"),
        ("LPG이(가)", "LPG가"),
        ("제3조이(가) 그", "제3조가 그"),
        ("이(가)", "이(가)"),
        ("가(이)", "가(이)"),
    ],
)
def test_the_particle_follows_the_letter_before(text: str, wanted: str) -> None:
    assert particles(text) == wanted


@given(st.characters(min_codepoint=ord("가"), max_codepoint=ord("힣")))
def test_every_syllable_gets_one_particle_by_its_final_consonant(syllable: str) -> None:
    import unicodedata

    closed = len(unicodedata.normalize("NFD", syllable)) == 3

    assert particles(f"{syllable}이(가)") == syllable + ("이" if closed else "가")


def test_held_out_templates_and_training_templates_share_none() -> None:
    assert TRAINING.keys() == HELD_OUT.keys() == set(STYLES)
    assert not {t for ts in TRAINING.values() for t in ts} & {t for ts in HELD_OUT.values() for t in ts}


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    first, again = (write_questions(corpus(), 3, 7, TRAINING, "offline") for _ in range(2))

    assert orjson.dumps(first) == orjson.dumps(again)
    assert first != write_questions(corpus(), 3, 8, TRAINING, "offline")


@settings(max_examples=15)
@given(st.randoms(use_true_random=False), st.integers(1, 7))
def test_the_questions_of_a_passage_do_not_depend_on_its_neighbours(random, number: int) -> None:
    whole = write_questions(corpus(), 3, 7, TRAINING, "offline")
    some = random.sample(corpus(), number)
    ids = {p.id for p in some}
    found = write_questions(some, 3, 7, TRAINING, "offline")

    assert sorted(found, key=lambda q: q.question_id) == sorted(
        (q for q in whole if q.passage_id in ids), key=lambda q: q.question_id
    )


def test_a_passage_gets_no_more_questions_than_asked_and_each_of_another_style() -> None:
    for per_passage in (1, 2, 3):
        for p in corpus():
            styles = [q.style for q in write_questions([p], per_passage, 7, TRAINING, "offline")]
            assert len(styles) == len(set(styles)) <= per_passage


@settings(max_examples=20)
@given(st.lists(words(0, 12), min_size=1, max_size=4))
def test_a_passage_of_any_words_gives_filled_questions_or_none(bodies: list[list[str]]) -> None:
    passages = [passage(f"p{i}", "머리\n" + " ".join(body)) for i, body in enumerate(bodies)]

    for q in write_questions(passages, 3, 7, TRAINING, "offline"):
        assert "{" not in q.question
        assert "(가)" not in q.question
        assert q.question.strip()
        assert re.fullmatch(r"Q_[0-9a-f]{16}", q.question_id)


def test_nothing_is_asked_about_a_held_out_article_or_a_precedent() -> None:
    passages = corpus()
    passages.append(passage("PREC_1_1", "판결\n우물을 고친 사람은 그 비용을 이웃에게 청구할 수 있다고 본다.", type="prec"))
    held = frozenset({passages[1].article_key, passages[4].article_key})
    made = generate(passages, held, frozenset(), PARAMS, RETRIEVAL)

    assert made.questions
    assert not {q.article_key for q in made.questions} & held
    assert not [q for q in made.questions if q.passage_id.startswith("PREC")]
    assert made.counts["passages"] == {"in": 9, "held_out": 3}


def test_held_out_articles_change_no_question_about_the_others() -> None:
    passages = corpus()
    held = frozenset({passages[0].article_key})
    params = GenerateQaParams(7, "offline", 3, 5, 200, 40, 0)
    whole = generate(passages, frozenset(), frozenset(), params, RETRIEVAL).questions
    part = generate(passages, held, frozenset(), params, RETRIEVAL).questions

    assert part == tuple(q for q in whole if q.article_key not in held)


def test_a_test_query_is_never_a_training_question_and_every_question_is_counted() -> None:
    made = generate(corpus(), frozenset(), frozenset(), PARAMS, RETRIEVAL)
    from haechi.law.text import fold

    forbidden = made.questions[0]
    again = generate(corpus(), frozenset(), frozenset({fold(forbidden.question)}), PARAMS, RETRIEVAL)
    counts = again.counts["questions"]

    assert forbidden.question_id not in {q.question_id for q in again.questions}
    assert counts["dropped"]["test_query"] >= 1  # type: ignore[index]
    assert counts["written"] == counts["kept"] + sum(counts["dropped"].values())  # type: ignore[index]
    assert [q.question_id for q in again.questions] == sorted(q.question_id for q in again.questions)


def test_a_question_that_finds_other_passages_first_is_dropped() -> None:
    """Round trip at depth 1: nine passages of the same words can't all come first, twins may stand for each other."""
    same = [passage(f"LAW_{i}", f"머리\n우물 나무 다리 담장 {'비용 ' * i}", title="우물의 비용") for i in range(1, 6)]
    params = GenerateQaParams(7, "offline", 1, 2, 200, 40, 1)
    counts = generate(same, frozenset(), frozenset(), params, RETRIEVAL).counts["questions"]

    assert counts["dropped"]["round_trip"] > 0  # type: ignore[index]
