"""Ctrl-C while the stage trains: it is called interrupted, ends with 130, and the next run goes on where it was."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from small_law import PASSAGES, pair
from training.made import MODEL, examples

from haechi.models.load import save_encoder
from haechi.runtime.files import read_json, write_jsonl
from haechi.static_model.build import build

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SMALL = {"epochs": 40, "batch_size": 4, "evaluations": 20, "max_samples": 0, "lr": 0.005}
ENOUGH = 120
"""Seconds after which what should have happened never will, on a busy machine too."""
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Start the stage on ten examples, in a process group of its own as a shell would."""
    params = YAML(typ="safe").load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params["train"] |= SMALL
    YAML().dump(params, tmp_path / "params.yaml")
    write_jsonl(tmp_path / "examples.jsonl", examples())
    write_jsonl(tmp_path / "held.jsonl", examples()[:2])
    write_jsonl(tmp_path / "pairs.jsonl", [pair(f"v{i}", e.query, article_keys=e.pos_ids) for i, e in enumerate(examples())])
    write_jsonl(tmp_path / "corpus.jsonl", PASSAGES)
    save_encoder(build([p.text for p in PASSAGES], MODEL), tmp_path / "base")
    paths = {"examples": "examples.jsonl", "held-out": "held.jsonl", "valid-pairs": "pairs.jsonl", "corpus": "corpus.jsonl"}
    paths |= {
        "base": "base",
        "out": "run",
        "plots": "plots",
        "metrics": "train.json",
        "details": "details.json",
        "params": "params.yaml",
    }
    command = [sys.executable, str(ROOT / "stages" / "train.py"), *(f"--{name}={path}" for name, path in paths.items())]
    environment = {**os.environ, "DVC_ROOT": str(tmp_path), "HAECHI_STATE_SECONDS": "0"}

    def started(**more: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            command,
            cwd=tmp_path,
            env=environment | more,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    return started


def interrupted(process: "subprocess.Popen[str]", when: Callable[[], bool]) -> tuple[str, str]:
    """Send SIGINT to the whole group as soon as it is time; what it said."""
    deadline = time.monotonic() + ENOUGH
    while not when():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    return process.communicate(timeout=ENOUGH)


def test_ctrl_c_interrupts_and_the_next_run_goes_on(start: Start, tmp_path: Path) -> None:
    state = tmp_path / ".haechi" / "state" / "resume" / "train"
    process = start()
    out, err = interrupted(process, lambda: any(state.glob("*/state.json")))

    assert process.returncode == 130
    assert err.split() == ["interrupted"]
    said = re.search(r"train: interrupted; the same run again goes on at step (\d+)\n", out)
    assert said, out
    facts = read_json(tmp_path / "details.json")
    assert (facts["state"], facts["next"], facts.get("verdict")) == ("interrupted", ["dvc repro"], None)
    assert "failed" not in out + err + str(facts)

    again = start()
    out, err = again.communicate(timeout=ENOUGH)
    assert again.returncode == 0, err
    assert f"train: goes on at step {said[1]} of {read_json(tmp_path / 'details.json')['steps']}\n" in out
    assert read_json(tmp_path / "details.json")["state"] == "finished"


def test_ctrl_c_before_a_state_was_due_saves_one_where_the_run_is(start: Start, tmp_path: Path) -> None:
    details = tmp_path / "details.json"
    process = start(HAECHI_STATE_SECONDS="3600")
    out, _ = interrupted(process, lambda: details.is_file() and b'"step":' in details.read_bytes().replace(b'"step": 0', b""))

    assert process.returncode == 130
    said = re.search(r"train: interrupted; the same run again (goes on at step \d+)\n", out)
    assert said, out
    assert read_json(details)["reason"].endswith(f"; the same run again {said[1]}")


def test_ctrl_c_while_libraries_are_imported_is_no_traceback(start: Start, tmp_path: Path) -> None:
    process = start()
    _, err = interrupted(process, lambda: "torch" in Path(f"/proc/{process.pid}/maps").read_text(encoding="utf-8"))

    assert process.returncode in (130, -signal.SIGINT)  # a shell calls both 130
    assert err.split() == ["interrupted"]
