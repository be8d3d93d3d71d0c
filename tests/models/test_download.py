"""A hub with faults: the download goes on, or ends with one sentence that says what to do and holds no key."""

import json
import logging
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import hub_models
import pytest
from fake_hub import Hub, serving

from haechi.models.hub import cached, download
from haechi.models.load import load_base
from haechi.models.registry import ALIASES, HEADS
from haechi.runtime.errors import HaechiError

NAME = ALIASES["bge-m3"].id
KEY = "hf_thisIsAKeyOfNobody"
SHARDS = [f"model-0000{i}-of-00004.safetensors" for i in (1, 2, 3, 4)]
INDEX = {"weight_map": {f"layer.{i}": shard for i, shard in enumerate(SHARDS)}}
FILES = {
    "config.json": b'{"model_type": "xlm-roberta"}',
    "tokenizer.json": b"{}",
    "modules.json": json.dumps([{"path": "", "type": "sentence_transformers.models.Transformer"}]).encode(),
    "model.safetensors.index.json": json.dumps(INDEX).encode(),
    **{shard: shard.encode() * 5000 for shard in SHARDS},
    **{name: name.encode() for name in HEADS},
    "README.md": b"a card",
    "pytorch_model.bin": b"a pickle",
    "onnx/model.onnx": b"a graph",
    "onnx/config.json": b"{}",
}
"""Nothing that a library could load: nobody loads it here."""
PICKLED = {name: content for name, content in FILES.items() if "safetensors" not in name}
Fetch = Callable[[Hub], Path]


@pytest.fixture
def fetch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fetch:
    """Download from a hub into an empty cache, as with a network."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_PROGRESS_BARS", True)
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 1000)  # of 10 MB; what is less is begun again
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))

    def fetched(hub: Hub) -> Path:
        monkeypatch.setenv("HF_ENDPOINT", hub.address)
        return download(hub.name, {"HF_ENDPOINT": hub.address, "HF_HUB_CACHE": str(tmp_path / "cache")})

    return fetched


def refused(fetch: Fetch, hub: Hub, capfd: pytest.CaptureFixture[str]) -> str:
    with serving(hub), pytest.raises(HaechiError) as caught:
        fetch(hub)
    said = str(caught.value)
    shown = "".join(capfd.readouterr())
    assert "\n" not in said
    assert hub.name in said
    assert KEY not in said + shown
    assert str(hub.port) not in said  # addresses may be signed
    return said


def test_what_belongs_to_a_model_is_fetched_and_nothing_else(fetch: Fetch, tmp_path: Path) -> None:
    with serving(Hub(NAME, FILES)) as hub:
        folder = fetch(hub)

    assert hub.fetched() == set(FILES) - {"README.md", "pytorch_model.bin", "onnx/model.onnx", "onnx/config.json"}
    assert {name: (folder / name).read_bytes() for name in hub.fetched()} == {name: FILES[name] for name in hub.fetched()}
    assert cached(NAME, {"HF_HUB_CACHE": str(tmp_path / "cache")}) == folder


def test_the_token_of_the_environment_goes_to_the_hub_and_not_to_its_cdn(
    fetch: Fetch, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("HF_TOKEN", KEY)
    caplog.set_level(logging.DEBUG)
    with serving(Hub(NAME, FILES, token=KEY)) as hub:
        fetch(hub)

    assert {path.startswith("/cdn/"): token for _, path, _, token in hub.asked} == {False: "token", True: ""}
    assert KEY not in "".join(capfd.readouterr()) + caplog.text


@pytest.mark.parametrize(
    ("status", "code", "key", "sentences"),
    [
        (401, "GatedRepo", "", "those alone who were let in (401); ask on its page, and set HF_TOKEN"),
        (403, "GatedRepo", KEY, "those alone who were let in (403); ask on its page, and set HF_TOKEN"),
        (401, "", "", "no such model, or keeps it from strangers (401); mind the name, or set HF_TOKEN"),
        (401, "", KEY, "doesn't let the token in HF_TOKEN have it (401); mind the token"),
        (404, "RepoNotFound", "", "no such model, or keeps it from strangers (404); mind the name"),
        (403, "", KEY, "doesn't let the token in HF_TOKEN have it (403)"),
        (503, "", "", "a fault of its own (503); run again later"),
        (418, "", "", "a fault of its own (418)"),
    ],
)
def test_a_hub_that_says_no_is_one_sentence(
    status: int,
    code: str,
    key: str,
    sentences: str,
    fetch: Fetch,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    if key:
        monkeypatch.setenv("HF_TOKEN", key)
    assert sentences in refused(fetch, Hub(NAME, FILES, status=status, code=code), capfd)


def test_too_many_requests_are_one_sentence_with_the_time_to_wait(fetch: Fetch, capfd: pytest.CaptureFixture[str]) -> None:
    said = refused(fetch, Hub(NAME, FILES, busy=Counter(api=99), retry_after="37"), capfd)
    assert "wants fewer requests from here (429); run again in 37 s, or set HF_TOKEN" in said


@pytest.mark.parametrize("kind", ["resolve", "cdn"])
def test_a_download_that_is_told_to_wait_waits(kind: str, fetch: Fetch) -> None:
    with serving(Hub(NAME, FILES, busy=Counter({kind: 2}))) as hub:
        folder = fetch(hub)

    assert (folder / SHARDS[0]).read_bytes() == FILES[SHARDS[0]]


def test_a_connection_that_is_cut_in_a_shard_is_resumed_where_it_broke(fetch: Fetch) -> None:
    with serving(Hub(NAME, FILES, cuts=3)) as hub:
        folder = fetch(hub)

    assert [(folder / shard).read_bytes() == FILES[shard] for shard in SHARDS] == [True] * 4
    resumed = [byte_range for _, path, byte_range, _ in hub.asked if path.startswith("/cdn/") and byte_range]
    assert len(resumed) == 3
    assert all(int(byte_range.removeprefix("bytes=").rstrip("-")) > 0 for byte_range in resumed)


def test_a_connection_that_is_always_cut_is_one_sentence_and_the_next_run_goes_on(
    fetch: Fetch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """What came whole is kept, and what is there in part is no model."""
    said = refused(fetch, Hub(NAME, FILES, cuts=10**6), capfd)
    assert "the connection to the hub broke (RemoteProtocolError); run again" in said
    assert cached(NAME, {"HF_HUB_CACHE": str(tmp_path / "cache")}) is None

    with serving(Hub(NAME, FILES)) as hub:
        folder = fetch(hub)
    assert (folder / SHARDS[3]).read_bytes() == FILES[SHARDS[3]]
    assert not hub.fetched() & {"config.json", "tokenizer.json"}


def test_a_repository_of_pickles_is_refused_and_nothing_is_fetched(fetch: Fetch, capfd: pytest.CaptureFixture[str]) -> None:
    hub = Hub(NAME, PICKLED)
    said = refused(fetch, hub, capfd)

    assert "holds its weights as pickles alone, which are never loaded" in said
    assert f"SentenceTransformer('{NAME}').save_pretrained(FOLDER)" in said
    assert hub.fetched() == set()


def test_what_the_hubs_own_converter_proposes_is_taken_where_the_model_holds_pickles_alone(fetch: Fetch, tmp_path: Path) -> None:
    with serving(Hub(NAME, PICKLED, conversion=FILES)) as hub:
        folder = fetch(hub)

    assert folder.name == hub_models.COMMIT[::-1]
    assert cached(NAME, {"HF_HUB_CACHE": str(tmp_path / "cache")}) == folder


@pytest.mark.parametrize(
    ("file", "content"),
    [
        pytest.param(
            "config.json", {"model_type": "of_nobody", "auto_map": {"AutoModel": "modeling.Mine"}}, marks=pytest.mark.slow
        ),
        ("modules.json", [{"path": "", "type": "modeling.Mine"}]),
    ],
)
def test_a_repository_with_code_of_its_own_is_refused_before_its_weights_are_fetched(
    file: str, content: object, fetch: Fetch, capfd: pytest.CaptureFixture[str]
) -> None:
    hub = Hub(NAME, FILES | {file: json.dumps(content).encode(), "modeling.py": b"raise SystemExit('run')"})
    assert "needs code of its own (modeling.Mine), and code of others is never run" in refused(fetch, hub, capfd)
    assert not hub.fetched() & {*SHARDS, "modeling.py"}


@pytest.mark.slow
def test_code_beside_an_architecture_that_the_library_knows_is_not_needed(fetch: Fetch) -> None:
    known = {"model_type": "xlm-roberta", "auto_map": {"AutoModel": "modeling.Mine"}}
    with serving(Hub(NAME, FILES | {"config.json": json.dumps(known).encode(), "modeling.py": b""})) as hub:
        assert not (fetch(hub) / "modeling.py").exists()


def test_a_server_that_is_no_hub_is_one_sentence(fetch: Fetch, capfd: pytest.CaptureFixture[str]) -> None:
    assert "mind HF_ENDPOINT and the proxy" in refused(fetch, Hub(NAME, {}, status=200), capfd)


def test_a_full_disk_is_one_sentence(fetch: Fetch, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "cache").write_text("a file, where a folder should be")
    assert "can't be kept in the hub cache" in refused(fetch, Hub(NAME, FILES), capfd)


@pytest.mark.slow
def test_a_model_of_the_hub_loads_once_and_then_without_the_hub(fetch: Fetch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    with serving(Hub(NAME, hub_models.repository("bge-m3"), cuts=1, busy=Counter(cdn=1))) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.address)
        first = load_base("bge-m3", 64).encode_query(["우물"])
        asked = len(hub.asked)
        assert (load_base("bge-m3", 64).encode_query(["우물"]) == first).all()
        assert len(hub.asked) == asked > 0
