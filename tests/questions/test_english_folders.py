"""Folders of English documents, of both languages, and of neither, through the whole of generate_qa."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from question_writer.test_write import corpus as korean_corpus
from questions.test_generate import NO_ONE, made, writes
from small_law import passage
from small_params import small

from haechi.questions.generate import Away, Models, Sources, askable, generate, offline_writer
from haechi.questions.params import GenerateQaParams
from haechi.records.passage import Passage
from haechi.retrieval.params import RetrievalParams
from haechi.rowstore.store import Store, open_store
from haechi.runtime.errors import HaechiError
from haechi.text.language import language

TEXTS = {
    "Renting a boat": "A rowing boat is a small boat that is moved with oars. To rent a rowing boat, show your library card at the pier. "
    "If the wind is strong, the pier master closes the lake. The rental fee is 5 coins an hour.",
    "Opening hours of the library": "The town library is closed on Mondays because the heating is repaired. "
    "Readers may borrow ten books at a time. Every reader must return books within 30 days.",
    "Growing tomatoes": "Tomato seeds are sown in March. Young plants are protected by covering the glass house with straw. "
    "Water the plants every morning. The difference between a cherry tomato and a beef tomato is the size.",
    "The swimming hall": "The swimming hall was opened in 1974. Children under six may not enter the deep pool. "
    "If you lose your locker key, the front desk keeps your deposit. The water temperature is 27 degrees.",
    "Waste collection": "Glass bottles are collected at the harbour gate. Garden waste is used to make compost. "
    "You can order a larger bin by calling the town office. Do not put batteries into the bin.",
    "Street lamps": "A street lamp is a lamp on a post that lights a road at night. The lamp keeper replaces broken bulbs. "
    "Street lamps are switched off at midnight because power is expensive in winter.",
}
GERMAN = "Der Brunnen im Dorf wird jedes Jahr im Frühling geprüft, weil das Wasser sonst nicht sauber bleibt. Kinder dürfen nicht hinein."


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path / "rows.sqlite") as opened:
        yield opened


def document(number: int, title: str, body: str) -> Passage:
    return passage(f"DOC_{number}_1", f"{title}\n{body}", title=title, type="doc", law_name="", article="")


def english() -> list[Passage]:
    return [document(number, title, body) for number, (title, body) in enumerate(TEXTS.items())]


def test_an_english_folder_gets_english_questions_that_find_their_document_again(store: Store) -> None:
    result = made(store, english(), questions_per_passage=3, round_trip_k=1)

    assert {language(question.question) for question in result.questions} == {"en"}
    assert {question.passage_id for question in result.questions} == {p.id for p in english()}
    assert len(result.questions) >= 12
    assert result.counts["passages"]["languages"] == {"en": len(TEXTS)}
    assert "other_language" not in result.counts["questions"]["dropped"]


def test_in_a_mixed_folder_each_passage_is_asked_in_its_language_and_as_if_the_others_were_not_there(store: Store) -> None:
    mixed = made(store, [*korean_corpus(), *english(), document(99, "Der Brunnen", GERMAN)], round_trip_k=0)
    alone = {q.question_id for folder in (korean_corpus(), english()) for q in made(store, folder, round_trip_k=0).questions}

    for question in mixed.questions:
        assert language(question.question) == ("en" if question.passage_id.startswith("DOC") else "ko")
    assert {question.question_id for question in mixed.questions} == alone
    assert mixed.counts["passages"]["languages"] == {"en": len(TEXTS), "ko": len(korean_corpus()), "unknown": 1}


def test_a_question_in_another_language_than_its_passage_is_dropped_and_counted(store: Store) -> None:
    folder = [korean_corpus()[0], english()[0]]
    result = made(store, folder, writer=writes("who keeps the boats here", "열쇠는 누가 보관하나요"), round_trip_k=0)

    assert {(q.passage_id, language(q.question)) for q in result.questions} == {(folder[0].id, "ko"), (folder[1].id, "en")}
    assert result.counts["questions"]["dropped"] == {"other_language": 2}


def test_a_folder_in_neither_language_is_one_sentence_unless_there_are_labelled_queries(store: Store) -> None:
    folder = [document(1, "Der Brunnen", GERMAN), document(2, "井戸", "井戸の水は毎年検査されます。")]
    params = small(GenerateQaParams)
    models, retrieval = Models(offline_writer(params)), RetrievalParams(1.2, 0.75)

    with pytest.raises(HaechiError, match=r"no passage is in Korean or English.*labelled queries") as told:
        generate(Sources(folder, NO_ONE, []), models, params, retrieval, store)
    assert "\n" not in str(told.value)

    assert askable(folder, NO_ONE) == []
    assert made(store, folder).counts["passages"]["languages"] == {"unknown": 2}, "pairs are there to train on"


def test_a_folder_that_is_held_out_as_a_whole_is_not_taken_for_one_in_an_unknown_language(store: Store) -> None:
    folder = english()
    sources = Sources(folder, Away(frozenset(p.article_key for p in folder)), [])
    params = small(GenerateQaParams)

    result = generate(sources, Models(offline_writer(params)), params, RetrievalParams(1.2, 0.75), store)
    assert result.questions == ()
    assert result.counts["passages"]["languages"] == {}
