"""`haechi search`, `haechi serve` and `haechi embed` as people type them."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from io import StringIO
from pathlib import Path

import httpx
import pytest
from rich.console import Console
from serving.village import CORPUS, settle

from haechi.cli.main import main
from haechi.runtime.errors import HaechiError, UsageError
from haechi.serving.engine import SYSTEMS, open_engine
from haechi.serving.terminal import show


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return settle(tmp_path)


def options(place: dict[str, Path]) -> list[str]:
    return [part for name, path in place.items() for part in (f"--{name}", str(path))]


def haechi(*arguments: str) -> None:
    main(list(arguments), standalone_mode=False)


def test_search_prints_json_alone(place: dict[str, Path], capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """Also when it makes the index first, and says so: that goes to the other stream."""
    for first in (True, False):
        haechi("search", "우물의 이용", "--k", "3", "--type", "law", "--json", *options(place))
        out, error = capsysbinary.readouterr()
        lists = json.loads(out)["lists"]
        assert set(lists) == set(SYSTEMS)
        assert {hit["type"] for hits in lists.values() for hit in hits} == {"law"}
        assert max(map(len, lists.values())) == 3
        assert (b"making the index" in error) == first


@pytest.mark.parametrize(("width", "side_by_side"), [(120, True), (80, True), (60, False)])
def test_lists_stand_side_by_side_where_there_is_room(place: dict[str, Path], width: int, side_by_side: bool) -> None:
    answer = open_engine(**place).ask("우물의 이용", 3)
    console = Console(file=StringIO(), width=width)
    show(answer, console)
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    heads = [line for line in lines if "BM25 (Kiwi)" in line and not any(sign in line for sign in "+-")]
    assert len(heads) == 1
    assert ("tuned" in heads[0] and "hybrid" in heads[0]) == side_by_side
    assert any("BM25 (Kiwi) -" in line or "BM25 (Kiwi) +" in line for line in lines), "what carried a hit of the hybrid"
    text = "".join(lines).replace(" ", "")
    for part in ("마을법제4조(우물의이용)", f"{answer.lists['bm25'][0].score:.3f}"):
        assert part.replace("(", "") in text.replace("(", "").replace("│", "") or width == 80


def test_a_page_is_shown_where_there_is_one(place: dict[str, Path]) -> None:
    console = Console(file=StringIO(), width=60)
    show(open_engine(**place).ask("다리 위의 등", 5), console)
    assert "축제 준비 > 등 달기, p. 3" in console.file.getvalue()  # type: ignore[attr-defined]


def test_nothing_found_and_doubt_are_said(place: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    haechi("search", "ψψψ", *options(place))
    assert "nothing found" in capsys.readouterr().out
    haechi("search", "우물", *options(place | {"details": place["model"] / "none.json"}))
    assert "the hybrid weighs BM25 and the model equally" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([""], "the query is empty"),
        (["가" * 3000], "the query has 3000 characters"),
        (["우물", "--law", "마을볍"], "no passage has the law '마을볍'; there are 마을법"),
    ],
)
def test_what_can_not_be_searched_is_one_sentence(place: dict[str, Path], arguments: list[str], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        haechi("search", *arguments, *options(place))


@pytest.mark.slow
def test_the_page_starts_answers_and_ends(place: dict[str, Path], tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    code = "from haechi.cli.main import entry; entry()"
    command = [sys.executable, "-c", code, "serve", "--port", str(port), *options(place)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=os.environ | {"DVC_ROOT": str(tmp_path)}
    ) as page:
        deadline = time.monotonic() + 60
        while True:
            try:
                health = httpx.get(f"http://127.0.0.1:{port}/health", timeout=60).json()
                break
            except httpx.ConnectError:
                assert time.monotonic() < deadline
                assert page.poll() is None
                time.sleep(0.02)
        second = subprocess.run(command, capture_output=True, text=True, check=False)
        page.send_signal(signal.SIGINT)
        said, _ = page.communicate(timeout=20)
    assert health["passages"] == len(CORPUS)
    assert (second.returncode, second.stdout) == (1, "")
    assert (
        second.stderr == f"error: port {port} can't be had (Address already in use); choose another with --port, or 0 for any\n"
    )
    assert f"searching {len(CORPUS)} passages at http://127.0.0.1:{port}/" in said
    assert "Traceback" not in said


def test_embed_writes_what_it_says(place: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    haechi("embed", str(place["corpus"]), "--out", str(tmp_path / "v"), "--model", str(place["model"]))
    assert sorted(p.name for p in (tmp_path / "v").iterdir()) == ["embed.json", "ids.txt", "index.faiss", "vectors.npy"]
    assert str(len(CORPUS)) in capsys.readouterr().out
    haechi("search", "우물", "--vectors", str(tmp_path / "v"), *options(place))
    with pytest.raises(HaechiError, match="model 'no/where' can't be loaded"):
        haechi("embed", str(place["corpus"]), "--out", str(tmp_path / "w"), "--model", "no/where")


def test_embed_without_its_input_leaves_no_folder(place: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(HaechiError, match="can't be read"):
        haechi("embed", str(tmp_path / "texts.jsonl"), "--out", str(tmp_path / "new" / "v"), "--model", str(place["model"]))
    assert not (tmp_path / "new").exists()


def test_a_text_without_a_citation_is_told_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.txt").write_text("우물", encoding="utf-8")
    haechi("citations", "민법", "--raw", str(tmp_path))
    said = capsys.readouterr().out
    assert said == "민법: no citation is read in it; write a law with an article of it, such as `민법 제1조`\n"


def test_search_and_serve_are_quick_to_explain_themselves() -> None:
    """`--help` loads nothing of what they need."""
    code = """
import sys
from haechi.cli.main import main
for name in ("search", "serve", "embed"):
    main([name, "--help"], standalone_mode=False)
assert not {"numpy", "uvicorn", "starlette", "torch", "kiwipiepy"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
