"""What a step is worth: planted worth is found, none is called none."""

import pytest
from answering.settings import GATE, answer_params
from serving.village import opened
from small_law import pair

from haechi.answering.answerer import Answerer
from haechi.answering.conversations import Turn
from haechi.answering.fitting import Labelled
from haechi.answering.gate import TALK, Gate, Logistic
from haechi.answering.judging import Judge, ablation, items, report, support, supported

SURE, NEVER = Logistic(20.0, {}, {}), Logistic(-20.0, {}, {})
ASKED = {
    "담의 높이는 얼마인가요?": "ADM_000004_제2조",
    "물길을 막은 사람은 무엇을 하나요?": "LAW_000003_제1조",
    "나무의 보호는 누가 정하나요?": "LAW_000001_제3조",
}
PAIRS = [pair(f"q{n}", text, article_keys=(key,), type="synthetic") for n, (text, key) in enumerate(ASKED.items())]
ROWS = [Labelled(f"t{n}", "chatter", TALK, (Turn("user", text),)) for n, text in enumerate(("안녕", "고마워", "심심해"))]


@pytest.fixture(scope="module")
def answerer(tmp_path_factory: pytest.TempPathFactory) -> Answerer:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("village")
        patch.setenv("DVC_ROOT", str(folder))
        return Answerer(opened(folder), answer_params(), GATE, None)


def test_what_is_judged_are_questions_conversations_made_of_them_and_what_needs_no_answer(answerer: Answerer) -> None:
    found = items(answerer, PAIRS, ROWS, {"p": "김치찌개는 어떻게 끓이나요?"}, GATE)
    kinds = [item.kind for item in found]
    assert kinds.count("questions") == 3
    assert kinds.count("talk") == 3
    assert kinds[-1] == "everyday"
    asked = {item.conversation.last: item.gold for item in found if item.kind == "questions"}
    for item in found:
        if item.kind == "conversations":
            first, _, last = (turn.content for turn in item.conversation.msg)
            assert last in asked or ("그것" in last and first.endswith("궁금한 것이 있어요."))
            assert item.gold in asked.values()
        assert bool(item.gold) == (item.kind in ("questions", "conversations"))


def test_a_gate_that_is_right_helps_and_one_that_is_wrong_hurts(answerer: Answerer) -> None:
    """Planted: a gate that takes everything for talk is right of talk alone."""
    found = items(answerer, PAIRS, ROWS, {}, GATE)
    for kinds, verdict in ((("talk",), "helps"), (("questions", "conversations"), "hurts")):
        some = [item for item in found if item.kind in kinds]
        judge = Judge(answerer, [Gate(SURE, NEVER)] * 5, GATE)
        outcomes = judge.run(some, answer_params())
        assert all(not outcome.found for outcome in outcomes)
        assert judge.run(some, answer_params(gate=False)) != outcomes, verdict


def test_the_report_is_one_screen_and_says_what_each_step_is_worth(answerer: Answerer) -> None:
    found = items(answerer, PAIRS, ROWS, {}, GATE)
    by_kind, worth = ablation(Judge(answerer, [Gate(NEVER, NEVER)] * 5, GATE), found, answer_params())
    steps = [(one.step, one.other) for one in worth]
    assert steps[:3] == [("gate", "False"), ("rewrite", "False"), ("queries", "2")]
    assert {other for step, other in steps if step == "fuse"} == {"rrf", "weights", "votes"}
    gate = worth[0]
    assert gate.difference.value == 0.0, "a gate that stops nothing is worth nothing"
    assert gate.verdict == "less than one query"
    assert by_kind["talk"][0].value == 0.0
    text = report(by_kind, dict.fromkeys(by_kind, 3), worth, support(answerer, found[:3]))
    assert len(text.splitlines()) < 40
    assert "| gate | True | False |" in text


def test_an_answer_is_supported_by_a_passage_with_its_nouns_and_numbers(answerer: Answerer) -> None:
    assert supported("담은 2 걸음이다. [1]", "담은 2 걸음을 넘지 못한다.", answerer)
    assert not supported("담은 3 걸음이다. [1]", "담은 2 걸음을 넘지 못한다.", answerer)
    assert not supported("우물은 2 걸음이다. [1]", "담은 2 걸음을 넘지 못한다.", answerer)


def test_an_answer_out_of_a_passage_is_always_supported(answerer: Answerer) -> None:
    told = support(answerer, [item for item in items(answerer, PAIRS, [], {}, GATE) if item.kind == "questions"])
    assert told["supported"] == 1.0
    assert told["answers"] == 3
