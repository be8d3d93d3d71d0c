"""What a sentence of a law says: who, what, when."""

import pytest

from haechi.question_writer.clauses import Clause, Phrase, read
from haechi.question_writer.inflection import conjugated
from haechi.question_writer.sentences import Sentence, analyse, sentences


def sentences_of(text: str) -> list[Sentence]:
    return sentences(text, next(iter(analyse([text]))), 0)


def words(phrase: Phrase | None) -> str:
    if phrase is None:
        return ""
    if not phrase.stem:
        return " ".join(word.surface for word in phrase.words)
    return " ".join([*(word.surface for word in phrase.words[:-1]), conjugated(phrase.stem[-2:]).replace(" ", "")])


def clause(text: str) -> Clause:
    found = read(sentences_of(text)[0].words)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("text", "mood"),
    [
        ("마을 회의는 우물을 고쳐야 한다.", "duty"),
        ("마을 회의는 우물을 수리하여야 한다.", "duty"),
        ("이용자는 열쇠를 반납해야 합니다.", "duty"),
        ("누구든지 우물을 더럽히지 못한다.", "forbidden"),
        ("누구든지 우물에 오물을 투기하여서는 아니 된다.", "forbidden"),
        ("누구든지 우물에 오물을 투기해서는 안 된다.", "forbidden"),
        ("이웃은 우물을 폐쇄할 수 없다.", "forbidden"),
        ("이웃은 우물의 물을 사용할 수 있다.", "power"),
        ("마을 회의는 우물의 비용을 청구하지 아니한다.", "not"),
        ("통지가 도달한 때에 우물을 인도한 것으로 본다.", "deemed"),
        ("우물을 훼손한 자는 3년 이하의 징역에 처한다.", "penalty"),
        ("우물을 더럽힌 자에게는 100만원 이하의 과태료를 부과한다.", "penalty"),
        ("마을 회의는 우물의 수선비를 부담한다.", "plain"),
    ],
)
def test_the_mood_of_a_sentence_is_read_from_its_end(text: str, mood: str) -> None:
    found = read(sentences_of(text)[0].words)

    assert (found.mood if found else "penalty") == mood
    assert found is not None or mood == "penalty"


def test_who_does_what_when() -> None:
    found = clause("마을 회의는 우물이 마른 경우에는 이웃에게 그 사실을 통지하여야 한다.")

    assert words(found.who) == "마을 회의는"
    assert words(found.case).startswith("우물이")
    assert {words(act) for act in found.acts} >= {"사실을 통지하", "이웃에게 사실을 통지하"}


def test_what_people_do_not_type_is_left_out() -> None:
    """Citations, parentheses, delegations and pointing words."""
    found = clause(
        "제3조제1항에 따른 이용자는 「마을법」 제5조에도 불구하고 대통령령으로 정하는 바에 따라 그 우물(샘을 포함한다. 이하 같다)의 사용료를 납부하여야 한다."
    )

    assert words(found.who) == "이용자는"
    assert words(found.acts[0]) == "우물의 사용료를 납부하"


def test_no_act_begins_with_a_verb_that_lost_its_object() -> None:
    found = clause("마을 회의는 이웃에게 물을 제공하는 우물을 수리하여야 한다.")

    assert "제공하는 우물을 수리하" not in {words(act) for act in found.acts}
    assert {words(act) for act in found.acts} >= {"우물을 수리하", "이웃에게 물을 제공하는 우물을 수리하"}


def test_a_main_clause_is_not_mixed_with_the_one_before() -> None:
    found = clause("이웃은 우물을 청소하며, 마을 회의는 비용을 부담하여야 한다.")

    assert words(found.who) == "마을 회의는"
    assert {words(act) for act in found.acts} == {"비용을 부담하"}


def test_labels_and_items_are_told_from_sentences() -> None:
    found = sentences_of(
        "제1항 마을 회의는 다음 각 호의 어느 하나에 해당하는 경우에는 우물을 폐쇄할 수 있다.\n1. 물이 마른 경우\n2. 담장이 무너진 경우"
    )

    assert [(s.item, s.lists) for s in found] == [(False, True), (True, False), (True, False)]
    assert [s.text for s in found][1:] == ["물이 마른 경우", "담장이 무너진 경우"]
    assert found[0].words[0].surface == "마을"


def test_an_exception_is_known_by_its_first_word() -> None:
    assert clause("다만, 물이 마른 경우에는 사용료를 반환하여야 한다.").exception
    assert not clause("물이 마른 경우에는 사용료를 반환하여야 한다.").exception


@pytest.mark.parametrize("text", ["", "제1항", "①", "우물", "다음 각 호와 같다.", "()", "1. ", "가. 나. 다.", "ㆍㆍㆍ", "“”"])
def test_scraps_say_nothing_and_break_nothing(text: str) -> None:
    for sentence in sentences_of(text):
        read(sentence.words)
