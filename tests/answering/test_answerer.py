"""Whole answers over the village's law book, and `haechi answer` as people type it."""

import json
from pathlib import Path

import pytest
from answering.settings import GATE, SETTINGS, answer_params
from serving.village import SCRIPT, opened, settle

from haechi.answering.answerer import NO_SEARCH, NOTHING, Answerer
from haechi.answering.conversations import SENTENCES, Conversation, Turn, question
from haechi.answering.gate import Gate, Logistic
from haechi.cli.main import main
from haechi.runtime.errors import HaechiError
from haechi.runtime.files import write_json, write_jsonl
from haechi.serving.engine import Engine

SURE, NEVER = Logistic(20.0, {}, {}), Logistic(-20.0, {}, {})


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("village")
        patch.setenv("DVC_ROOT", str(folder))
        return opened(folder)


def answerer(engine: Engine, gate: Gate | None = None, **changes: object) -> Answerer:
    return Answerer(engine, answer_params(**changes), GATE, gate)


def talk(*turns: str) -> Conversation:
    return Conversation(1, tuple(Turn(("user", "assistant")[n % 2], text) for n, text in enumerate(turns)))


def test_an_answer_is_a_sentence_of_the_passage_that_it_cites(engine: Engine) -> None:
    reply = answerer(engine).reply(question("담의 높이는 얼마까지인가요?"))
    (quoted,) = [one for one in reply.passages if one.end]
    assert reply.outcome == "found"
    assert reply.answer == f"{quoted.text[quoted.begin : quoted.end].strip()} [{quoted.number}]"
    assert "두 걸음을 넘지 못한다" in reply.answer
    assert [one.number for one in reply.passages] == list(range(1, len(reply.passages) + 1))
    assert len({one.id for one in reply.passages}) == len(reply.passages) <= 5


@pytest.mark.parametrize("fuse", ["learned", "rrf", "weights", "votes"])
@pytest.mark.parametrize("queries", [1, 2])
def test_every_way_to_fuse_finds_it(engine: Engine, fuse: str, queries: int) -> None:
    reply = answerer(engine, fuse=fuse, queries=queries).reply(question("담의 높이"))
    assert {"LAW_000003_제2조", "ADM_000004_제2조"} & {one.id for one in reply.passages[:2]}
    assert len(reply.queries) <= queries


def test_one_query_fused_by_the_hybrid_is_what_search_shows(engine: Engine) -> None:
    reply = answerer(engine, fuse="learned", queries=1).reply(question("물길을 막은 사람"))
    hits = engine.ask("물길을 막은 사람", 5).lists["hybrid"]
    assert [one.passage for one in reply.passages] == [hit.id for hit in hits]
    assert [dict(one.signals) for one in reply.passages] == [dict(hit.signals) for hit in hits]


def test_talk_is_not_searched_and_a_question_without_answer_finds_nothing(engine: Engine) -> None:
    silent = answerer(engine, Gate(SURE, NEVER)).reply(question("담의 높이"))
    assert (silent.outcome, silent.answer, silent.passages) == ("talk", NO_SEARCH, ())
    nothing = answerer(engine, Gate(NEVER, SURE)).reply(question("담의 높이"))
    assert (nothing.outcome, nothing.answer, nothing.passages) == ("nothing", NOTHING, ())
    assert answerer(engine, Gate(NEVER, NEVER)).reply(question("담의 높이")).outcome == "found"


def test_a_later_turn_is_searched_with_what_was_said_before(engine: Engine) -> None:
    turns = talk("물길이 자주 막혀요", "그렇군요.", "그건 누가 치워요?")
    assert "물길" in answerer(engine).reply(turns).standalone_query
    assert answerer(engine).reply(turns).passages[0].id == "LAW_000003_제1조"
    assert answerer(engine, rewrite=False).reply(turns).standalone_query == "그건 누가 치워요?"


def test_what_can_not_be_read_is_answered_with_a_sentence_and_searched_by_nobody(engine: Engine) -> None:
    reply = answerer(engine).reply(talk("우물은?", "네"))
    assert (reply.outcome, reply.reason, reply.passages) == ("unreadable", "ends_with_assistant", ())
    assert reply.answer == SENTENCES["ends_with_assistant"]


def test_a_document_is_named_by_its_own_id_and_its_text_is_quoted_as_it_stands(engine: Engine) -> None:
    """Passages are untrusted: markup and orders in one are text like any other."""
    reply = answerer(engine).reply(question("우물은 아침에 여나요?"))
    (document,) = [one for one in reply.passages if one.passage == "DOC_a_1"]
    assert document.id == "a"
    assert SCRIPT in document.text


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    paths = {**settle(tmp_path), "settings": SETTINGS, "gate": tmp_path / "gate.json"}
    return [part for name, path in paths.items() for part in (f"--{name}", str(path))]


def haechi(*arguments: str) -> None:
    main(list(arguments), standalone_mode=False)


def test_a_file_of_conversations_comes_back_in_its_order(place: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    rows = [talk("담의 높이"), talk(""), talk("나무", "네"), talk("다리 수선")]
    write_jsonl(Path("c.jsonl"), [{"eval_id": f"c{n}", "msg": row.msg} for n, row in enumerate(rows)])
    haechi("answer", "c.jsonl", "--out", "s.jsonl", "--record", "r.jsonl", "--no-gate", *place)

    lines = [json.loads(line) for line in Path("s.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line["eval_id"] for line in lines] == ["c0", "c1", "c2", "c3"]
    assert [bool(line["topk"]) for line in lines] == [True, False, False, True]
    records = [json.loads(line) for line in Path("r.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [[one["id"] for one in record["passages"]] for record in records] == [line["topk"] for line in lines]
    assert "4 conversations: found 2, blank 1, ends with assistant 1" in capsys.readouterr().err

    first = Path("s.jsonl").read_bytes()
    haechi("answer", "c.jsonl", "--out", "s.jsonl", "--no-gate", *place)
    assert Path("s.jsonl").read_bytes() == first


def test_a_question_is_answered_on_the_screen_with_its_passages(place: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    write_json(Path("gate.json"), Gate(NEVER, NEVER, {"model": "another"}))
    with pytest.raises(HaechiError, match="fitted with another"):
        haechi("answer", "담의 높이", *place)
    capsys.readouterr()
    haechi("answer", "담의 높이", "--no-gate", *place)
    first, *rest = capsys.readouterr().out.splitlines()
    assert first.endswith("[1]")
    assert rest[0].startswith("[1] ")
