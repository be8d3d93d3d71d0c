"""Against a server that nobody here wrote, with a random model: gibberish is counted, nothing crashes."""

import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from questions.asking import PARAMS, corpus, llm

from haechi.llm.failure_log import Ledger, ledger_path
from haechi.llm.judge import judged
from haechi.questions import filters
from haechi.questions.llm import LlmSetup, write_with_llm
from haechi.records.question import Question
from haechi.rowstore.namespaces import QUESTIONS
from haechi.rowstore.store import open_store

NEEDED = [name for name in ("fastapi", "uvicorn", "openai", "pydantic") if find_spec(name) is None]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(NEEDED), reason=f"transformers serve needs {', '.join(NEEDED)} (haechi[test])"),
]

TEMPLATE = "{% for message in messages %}{{ message['role'] }}: {{ message['content'] }}\n{% endfor %}assistant:"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Address and model of `transformers serve` with random weights and an alphabet of bytes."""
    folder = tmp_path_factory.mktemp("model")
    make_model(folder)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "transformers.cli.transformers",
        "serve",
        str(folder),
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    with (folder / "log.txt").open("wb") as log:
        process = subprocess.Popen([*command, "--device", "cpu", "--dtype", "float32"], stdout=log, stderr=log)
        try:
            wait_for(f"http://127.0.0.1:{port}/health", process, folder / "log.txt")
            yield f"http://127.0.0.1:{port}/v1", str(folder)
        finally:
            process.terminate()
            process.wait(20)


def make_model(folder: Path) -> None:
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={"<end>": 0, **{char: n for n, char in enumerate(alphabet, start=1)}}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<end>", pad_token="<end>")
    fast.chat_template = TEMPLATE
    fast.save_pretrained(folder)
    torch.manual_seed(7)
    config = LlamaConfig(
        vocab_size=len(fast), hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2,
        max_position_embeddings=8192, bos_token_id=0, eos_token_id=0, pad_token_id=0,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)


def wait_for(address: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    for _ in range(900):
        try:
            with urllib.request.urlopen(address, timeout=5) as reply:  # noqa: S310
                if reply.status == 200:
                    return
        except OSError:
            assert process.poll() is None, log.read_text(encoding="utf-8", errors="replace")[-3000:]
            time.sleep(0.1)
    raise AssertionError(log.read_text(encoding="utf-8", errors="replace")[-3000:])


def test_gibberish_is_counted_and_nothing_crashes(
    served: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, name = served
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    passages = corpus(4)
    environ = {"HAECHI_LLM_URL": url, "HAECHI_LLM_KEY": "none", "HAECHI_LLM_CONCURRENCY": "2", "HAECHI_LLM_PRICE_OUT": "1"}
    model = llm(model=name, max_tokens=24, attempts=2)
    with open_store(tmp_path / "rows.sqlite") as store:
        written = write_with_llm(passages, LlmSetup(PARAMS, model, store, (), environ))
        again = write_with_llm(passages, LlmSetup(PARAMS, model, store, (), {}))
        rows = store.count(QUESTIONS)
        costs = [cost for (cost,) in store.rows("SELECT cost FROM questions")]
        asked = [
            Question(f"Q_{n}", one.id, one.article_key, "언제까지 신고하나요?", "fact", "openai")
            for n, one in enumerate(passages)
        ]
        scores = judged(asked, {one.id: one for one in passages}, model, store, environ)

    assert written.calls == 4
    assert written.failures == {}
    assert again == written
    assert len({question.passage_id for question in written.questions}) + sum(written.unusable.values()) == 4
    assert 4 <= rows <= 8
    assert all(0 < cost <= 24 / 1e6 for cost in costs), "the server counts tokens, and keeps to the longest answer"
    assert list(Ledger(ledger_path("questions"))) == []
    kept, dropped = filters.apply(
        written.questions, [filters.length_between(5, 200), filters.in_language({one.id: "ko" for one in passages})]
    )
    assert kept == [], "whatever looks like a question is dropped with a reason"
    assert len(dropped) == len(written.questions)
    assert set(written.unusable) <= {"empty", "cut", "no_question"}
    assert list(scores) == ["Q_0", "Q_1", "Q_2", "Q_3"]
    assert set(scores.values()) == {None}, "a judge that says no score is none"
