"""A hub that can't be reached costs seconds, not minutes, and is never asked for what can't be a model's name."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from proofs.project import ROOT

from haechi.models.hub import TIMEOUT, answers

LOAD = """
from haechi.runtime.errors import ModelUnreachable
from haechi.models.load import load_base
try:
    load_base("nobody/no-such-model", 32)
except ModelUnreachable as error:
    print(error)
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
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", LOAD], env=told, capture_output=True, text=True, timeout=85, check=False)
    assert "the hub, which doesn't answer" in done.stdout
    assert "static" in done.stdout
    assert "Retry" not in done.stderr
    assert time.monotonic() - began < 80, "most of it is the import of torch"


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
