"""Questions on prose: each kind on a sentence of ours, and laws that hold for whatever text comes."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_law import passage
from strategies import words

from haechi.question_writer.everyday import PROSE
from haechi.question_writer.facts import Fact
from haechi.question_writer.inflection import PAIRS, particle
from haechi.question_writer.prose import prose_facts
from haechi.question_writer.sentences import Word, analyse, sentences
from haechi.question_writer.statements import as_subject, statements
from haechi.question_writer.templates import HELD_OUT, TRAINING, Frames
from haechi.question_writer.write import Wording, write_questions
from haechi.records.passage import Passage
from haechi.records.question import Question

SHARES = {"keyword": 1.0, "plain": 1.0, "situation": 1.0}
WORDINGS = (Wording(TRAINING, SHARES, 0.5, "offline"), Wording(HELD_OUT, SHARES, 0.5, "held_out", voice=1))
LEAFLET = (
    "물레방아는 흐르는 물의 힘으로 곡식을 찧는 기구입니다. 물레방아는 바퀴와 공이로 구성되어 있습니다. "
    "개울이 얼면 물레방아는 멈춥니다. 봄에는 눈이 녹기 때문에 물레방아의 바퀴가 빠르게 돕니다. "
    "바퀴를 오래 쓰기 위해서는 축에 기름을 발라야 합니다. 물레방아는 마을의 살림에 큰 영향을 미칩니다. "
    "방앗간 주인은 1900년에 새 물레방아를 세웠습니다. 큰 물레방아는 하루에 쌀 12가마를 찧습니다."
)


def document(text: str, **changes: object) -> Passage:
    return passage("DOC_1", text, type="doc", law_name="", **changes)


def asked(text: str, wording: Wording = WORDINGS[0], number: int = 3, seeds: int = 1) -> list[Question]:
    p = document(text)
    tokens = next(iter(analyse([p.text])))
    return [q for seed in range(seeds) for q in write_questions([(p, tokens)], number, seed, wording)]


def facts_of(text: str) -> list[Fact]:
    return prose_facts(document(text), next(iter(analyse([text]))))


def plain(kind: str, text: str) -> set[str]:
    """What training asks of this kind in plain words, nothing said otherwise."""
    wording = Wording({"plain": {kind: TRAINING["plain"][kind]}}, {"plain": 1.0}, 0.0, "offline")
    return {q.question for q in asked(text, wording, seeds=12)}


@pytest.mark.parametrize(
    ("kind", "text", "question"),
    [
        ("meaning", "물레방아는 흐르는 물의 힘으로 곡식을 찧는 기구입니다.", "물레방아란 무엇인가요?"),
        ("naming", "썰물은 바닷물이 먼바다로 빠지는 현상을 말합니다.", "바닷물이 먼바다로 빠지는 현상을 뭐라고 해?"),
        ("which", "마을에서 물이 가장 맑은 우물은 뒷산 우물입니다.", "마을에서 물이 가장 맑은 우물은?"),
        ("which", "단풍나무의 잎이 붉어지는 이유는 엽록소가 사라지기 때문입니다.", "단풍나무의 잎이 붉어지는 이유는?"),
        ("reason", "염분이 높기 때문에 바닷물은 겨울에도 출렁입니다.", "왜 바닷물이 겨울에도 출렁이나요?"),
        ("reason", "가뭄으로 인해 저수지의 수위가 낮아졌습니다.", "저수지의 수위가 낮아진 이유는?"),
        ("way", "나그네는 돋보기를 이용하여 낙엽에 불을 붙입니다.", "나그네가 낙엽에 불을 붙이는 방법은?"),
        ("goal", "물레방아의 바퀴를 돌리기 위해서는 기름을 발라야 합니다.", "물레방아의 바퀴를 돌리려면 어떻게 해야 하나요?"),
        ("condition", "개울물이 줄어들면 물레방아는 멈춥니다.", "개울물이 줄어들면 물레방아는 어떻게 되나요?"),
        ("agent", "밀물의 높이는 달의 인력에 의해 결정됩니다.", "밀물의 높이는 무엇에 의해 결정되나요?"),
        ("effect", "갯벌의 넓이는 철새의 번식에 영향을 미칩니다.", "갯벌의 넓이가 철새의 번식에 미치는 영향은?"),
        ("role", "뿌리털은 물을 빨아들이는 역할을 합니다.", "뿌리털은 어떤 역할을 하나요?"),
        ("quantity", "가마솥의 물은 100도로 가열됩니다.", "가마솥의 물은 몇 도로 가열되나요?"),
        ("time", "이 장인은 돌다리를 놓았습니다. 돌다리는 1770년에 강가에 세워졌습니다.", "돌다리는 언제 강가에 세워졌나요?"),
        ("subject", "두더지는 앞발로 땅속에 굴을 팝니다.", "앞발로 땅속에 굴을 파는 것은?"),
        ("comparison", "소나무는 참나무보다 빨리 자랍니다.", "소나무와 참나무 중 어느 쪽이 더 빨리 자라나요?"),
        ("difference", "꽃게는 옆으로 걷지만, 가재는 뒤로 걷습니다.", "꽃게와 가재의 차이는?"),
        ("parts", "물레방아는 바퀴와 공이로 구성되어 있습니다.", "물레방아는 무엇으로 이루어져 있나요?"),
        ("examples", "장터는 짚신, 멍석, 바구니 등의 짚 공예품을 팝니다.", "장터는 어떤 짚 공예품을 파나요?"),
        ("about", "할머니는 된장의 종류를 가르칩니다. 된장의 색은 검붉습니다.", "된장의 종류는?"),
        ("whether", "두더지는 앞발로 땅속에 굴을 팝니다.", "두더지가 앞발로 땅속에 굴을 파나요?"),
    ],
)
def test_each_kind_of_statement_is_turned_into_its_question(kind: str, text: str, question: str) -> None:
    assert question in plain(kind, text)


def test_a_question_about_who_does_something_does_not_name_them() -> None:
    for q in asked(LEAFLET, Wording({"plain": {"subject": TRAINING["plain"]["subject"]}}, {"plain": 1.0}, 0.5, "x"), 3, 5):
        assert not q.answer.startswith("물레방아") or "물레방아" not in q.question


@pytest.mark.parametrize(
    "text",
    [
        "이러한 현상은 갯벌의 생물에게 나쁜 영향을 미칩니다.",
        "그들은 강가에서 그물로 물고기를 잡습니다.",
        "이는 밀물이 느리게 들어오기 때문입니다.",
        "이것은 곡식을 찧는 기구입니다.",
    ],
)
def test_nothing_is_asked_of_a_sentence_that_leans_on_another(text: str) -> None:
    assert [f.kind for f in facts_of(text)] == []


def test_what_happened_is_asked_for_its_reason_where_the_next_sentence_gives_it() -> None:
    text = "저수지의 수위가 낮아졌습니다. 이는 가뭄이 길었기 때문입니다."

    assert "저수지의 수위가 낮아진 이유는?" in plain("reason", text)


@pytest.mark.parametrize("text", ["신고센터는 손해배상액을 정하는 기관이 아닙니다.", "물레방아는 곡식을 찧는 마을의 기구입니다."])
def test_what_a_thing_is_or_is_not_is_no_act(text: str) -> None:
    assert not plain("subject", text)


def test_an_act_without_an_object_is_not_put_down_to_what_it_acts_upon() -> None:
    """기와는 …을 확인할 수 있다: somebody else looks."""
    assert not plain("whether", "청자 조각은 가마터에서 무늬를 확인할 수 있습니다.")


def test_a_topic_becomes_the_subject_in_the_form_that_fits() -> None:
    for noun in ("두더지", "물레방아", "바닷물", "DNA"):
        text = f"{noun}는 굴을 팝니다." if particle(noun, "은") == "는" else f"{noun}은 굴을 팝니다."
        read = statements(_sentences(text)[0])
        assert [w.surface for w in as_subject(read[0].who)] == [noun + particle(noun, "이")]


def _sentences(text: str) -> list[tuple[Word, ...]]:
    return [sentence.words for sentence in sentences(text, next(iter(analyse([text]))), 0)]


@pytest.mark.parametrize("wording", WORDINGS)
def test_questions_end_as_questions_wishes_or_key_words_do(wording: Wording) -> None:
    ends = re.compile(r"(?:[?.]|[가-힣A-Za-z0-9])$")
    spoilt = re.compile(r"[{}\0]|  |(?:을|를|은|는|이|가) ?[?.]$|(?:은는|는은|을를|에에|의의|와과)(?![가-힣])")
    written = asked(LEAFLET, wording, 6, seeds=12)

    assert len({q.kind for q in written}) >= 6
    for q in written:
        assert ends.search(q.question), q.question
        assert not spoilt.search(re.sub(r"(?:은|는)\?$", "", q.question)), q.question
        assert q.answer in LEAFLET


@pytest.mark.parametrize("wording", WORDINGS)
@settings(max_examples=25)
@given(st.lists(st.lists(st.sampled_from(("물은", "나무가", "때문에", "얼면,", "위해서는", "등의", "돌과", "쌓아야", "합니다.", "입니다.", "것은", "보다", "3도로", "1900년에", "이러한", "의해", "영향을", "미칩니다.", "역할을", "예를 들어,", "β", "a = b", "?", "통해", "라고 합니다.")) | words(1, 1).map("".join), max_size=12), min_size=1, max_size=4))  # fmt: skip
def test_any_prose_gives_whole_questions_or_none(wording: Wording, bodies: list[list[str]]) -> None:
    text = ". ".join(" ".join(body) for body in bodies) or "물"

    for q in asked(text, wording):
        assert not re.search(r"[{}\0\n]|  ", q.question)
        assert q.question == q.question.strip() != ""


def test_the_same_passage_gives_the_same_questions_whatever_its_neighbours_are() -> None:
    alone = asked(LEAFLET)
    other = passage("DOC_2", "두더지는 앞발로 땅속에 굴을 팝니다.", type="doc", law_name="")
    pairs = [(p, next(iter(analyse([p.text])))) for p in (other, document(LEAFLET))]

    assert [q for q in write_questions(pairs, 3, 0, WORDINGS[0]) if q.passage_id == "DOC_1"] == alone


def test_a_leaflet_is_asked_three_times_in_other_ways() -> None:
    for wording in WORDINGS:
        written = asked(LEAFLET, wording)
        assert len(written) == 3
        assert len({q.question for q in written}) == len({q.style for q in written}) == 3


def test_the_test_says_other_everyday_words_than_training() -> None:
    training, held_out = PROSE
    both = set(training.verbs) & set(held_out.verbs)

    assert sum(training.verbs[word] != held_out.verbs[word] for word in both) > len(both) / 2


def test_words_are_said_otherwise_as_often_as_told() -> None:
    text = "저수지의 물은 지하수의 양이 감소하기 때문에 천천히 증가합니다."

    def said(share: float, frames: Frames = TRAINING) -> str:
        return " ".join(q.question for q in asked(text, Wording(frames, SHARES, share, "x"), 3, 12))

    assert "증가" in said(0.0)
    assert "증가" not in said(1.0)
    assert "늘어나" in said(1.0)


def test_particles_of_everyday_words_fit_them() -> None:
    for lexicon in PROSE:
        for noun, everyday in lexicon.nouns.items():
            assert noun != everyday
            assert all(particle(everyday, name) in PAIRS[name] for name in PAIRS)
