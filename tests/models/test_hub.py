"""A hub that can't be reached costs seconds, not minutes, and is never asked for what can't be a model's name."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from proofs.project import ROOT

from haechi.doctor.model import check_model
from haechi.models.hub import TIMEOUT, answers
from haechi.models.load import load_base
from haechi.models.registry import ALIASES
from haechi.runtime.errors import HaechiError
from haechi.runtime.params import meant

LOAD = """
from haechi.runtime.errors import ModelUnreachable
from haechi.models.load import load_base
try:
    load_base("nobody/no-such-model", 32)
except ModelUnreachable as error:
    print(error)
import sys
print("torch" in sys.modules)
"""


@pytest.fixture(params=["refuses", "hangs"])
def endpoint(request: pytest.FixtureRequest) -> Iterator[str]:
    """An address at which nobody listens, or one that takes a connection and never says a word."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        if request.param == "hangs":
            server.listen(50)
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_a_hub_that_does_not_answer_is_asked_once_and_briefly(endpoint: str) -> None:
    began = time.monotonic()
    assert not answers("nobody/no-such-model", {"HF_ENDPOINT": endpoint})
    assert time.monotonic() - began < TIMEOUT + 2


def test_a_model_is_given_up_in_seconds_where_the_hub_does_not_answer(endpoint: str, tmp_path: os.PathLike[str]) -> None:
    """The hub's own client tries for 90 seconds at least."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "TRANSFORMERS_"))}
    told = {**kept, "HF_ENDPOINT": endpoint, "HF_HOME": str(tmp_path), "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run([sys.executable, "-c", LOAD], env=told, capture_output=True, text=True, timeout=85, check=False)
    assert "the hub, which doesn't answer" in done.stdout
    assert "static" in done.stdout
    assert "Retry" not in done.stderr
    assert done.stdout.splitlines()[-1] == "False", "torch takes longer to import than the hub to be asked"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("/no/such/folder", "looked for it in folder /no/such/folder, and there is no such folder; either"),
        ("../x", "looked for it in folder ../x, and there is no such folder; either"),
        ("bge-m33", "model 'bge-m33': neither a registered name nor a folder (did you mean bge-m3?)"),
        ("statik", "model 'statik': neither a registered name nor a folder (did you mean static?)"),
    ],
)
def test_a_missing_folder_and_a_misspelt_name_are_told_without_asking_the_hub(
    name: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setattr("haechi.models.hub.http_status", lambda address: pytest.fail(f"asked {address}"))
    with pytest.raises(HaechiError) as caught:
        load_base(name, 32)
    assert said in str(caught.value)
    doctor = check_model(name, ROOT, {}, lambda address: pytest.fail(f"asked {address}"))
    assert doctor.level == "fail"
    assert said[-20:] in f"{name}': {doctor.said}" or "no such folder" in doctor.said


def test_old_names_of_the_hub_without_an_owner_are_not_taken_for_misspelt_ones() -> None:
    names = ("bert-base-uncased", "xlm-roberta-base", "distilbert-base-multilingual-cased", "gpt2")
    assert not any(meant(name, ALIASES) for name in names)


@pytest.mark.parametrize(
    ("name", "environment"),
    [("/home/me/models/secret", {}), ("../models/x", {}), ("a/b/c", {}), ("a/b", {"HF_HUB_OFFLINE": "1"})],
)
def test_what_is_no_name_of_the_hub_is_not_asked_for(
    name: str, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(address: str) -> int:
        raise AssertionError(f"asked {address}")

    monkeypatch.setattr("haechi.models.hub.http_status", asked)
    assert not answers(name, environment)


@pytest.mark.parametrize(("status", "said"), [(200, True), (404, True), (401, True), (503, False), (None, False)])
def test_a_hub_that_says_no_has_answered(status: int | None, said: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("haechi.models.hub.http_status", lambda address: status)
    assert answers("a/b", {}) is said
