"""A refresh of the test set that can't build one leaves the old one, dvc.yaml and dvc.lock as they were."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pipeline.checkout import ROOT

from haechi.pipeline import refresh_testset as refresh
from haechi.runtime.errors import HaechiError
from haechi.runtime.files import write_json, write_text

pytestmark = pytest.mark.slow

DVC_YAML = """
stages:
  testset:
    frozen: true
    cmd: python build.py --raw raw --out data/testset --metrics metrics/testset.json
    deps: [build.py, raw]
    outs: [{data/testset/queries.jsonl: {cache: false}}, {data/testset/qrels.jsonl: {cache: false}},
           {data/testset/qrels.trec: {cache: false}}, {data/testset/manifest.json: {cache: false}}]
    metrics: [{metrics/testset.json: {cache: false}}]
"""
BUILD = """
import json, sys, time
from pathlib import Path
out, metrics = (Path(sys.argv[sys.argv.index(name) + 1]) for name in ("--out", "--metrics"))
text = Path("raw/a.txt").read_text()
out.mkdir(parents=True, exist_ok=True)
for name in ("queries.jsonl", "qrels.jsonl"):
    (out / name).write_text(text)
if text == "no decision":
    sys.exit("error: no decision cites an article")
while text == "endless":
    time.sleep(0.1)
(out / "qrels.trec").write_text(text)
(out / "manifest.json").write_text(json.dumps({"fingerprint": text}))
metrics.parent.mkdir(exist_ok=True)
metrics.write_text("{}")
"""


def dvc(root: Path, *words: str) -> str:
    done = subprocess.run([sys.executable, "-m", "dvc", *words], cwd=root, check=True, capture_output=True, text=True)
    return done.stdout


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose test set was built by a refresh."""
    root = tmp_path_factory.mktemp("refresh")
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    dvc(root, "init", "-q")
    for name, text in (("dvc.yaml", DVC_YAML), ("build.py", BUILD), ("raw/a.txt", "old"), ("params.yaml", "")):
        write_text(root / name, text)
    refresh.refresh_testset(root)
    return root


@pytest.fixture
def project(first: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    import shutil

    root = shutil.copytree(first, tmp_path / "project")
    monkeypatch.chdir(root)
    return root


def state(root: Path) -> dict[str, bytes]:
    """Everything that git and DVC would see."""
    files = [file for file in root.rglob("*") if file.is_file() and not {".git", ".dvc"} & set(file.relative_to(root).parts)]
    return {file.relative_to(root).as_posix(): file.read_bytes() for file in files if "locks" not in file.parts}


def texts_of(root: Path) -> set[str]:
    return {(root / name).read_text() for name in refresh.FILES[:3]}


def test_a_first_set_is_built_and_recorded(first: Path) -> None:
    assert texts_of(first) == {"old"}
    assert "up to date" in dvc(first, "status")
    assert "frozen: true" in (first / "dvc.yaml").read_text()
    assert not (first / refresh.BESIDE).exists()


def test_new_documents_give_a_new_set(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_text(project / "raw/a.txt", "new")
    refresh.refresh_testset(project)

    assert texts_of(project) == {"new"}
    assert "up to date" in dvc(project, "status")
    assert "new instead of old: figures of the two can not be compared; next: dvc repro" in capsys.readouterr().out


def test_a_refresh_that_changes_nothing_says_so_and_records_todays_code(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_text(project / "build.py", BUILD + "# another line\n")
    before = (project / "dvc.lock").read_text()
    refresh.refresh_testset(project)

    assert "the same set as before, old" in capsys.readouterr().out
    assert (project / "dvc.lock").read_text() != before
    assert texts_of(project) == {"old"}


def test_a_refusal_leaves_everything_as_it_was(project: Path) -> None:
    write_text(project / "raw/a.txt", "no decision")
    before, told = state(project), dvc(project, "status")
    with pytest.raises(HaechiError, match="no new set could be built, see above; the old one is as it was"):
        refresh.refresh_testset(project)

    assert state(project) == before
    assert dvc(project, "status") == told


def test_a_refresh_killed_while_it_builds_leaves_the_old_set_and_the_next_one_works(project: Path) -> None:
    write_text(project / "raw/a.txt", "endless")
    before = state(project)
    code = "from haechi.cli.main import entry; entry()"
    command = [sys.executable, "-c", code, "testset", "refresh"]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    with subprocess.Popen(command, cwd=project, env=environment, start_new_session=True) as running:
        deadline = time.monotonic() + 60
        while not (project / refresh.BESIDE / refresh.FILES[1]).exists():
            assert time.monotonic() < deadline
            assert running.poll() is None
            time.sleep(0.02)
        os.killpg(running.pid, signal.SIGKILL)
    left = {name: content for name, content in state(project).items() if not name.startswith(refresh.BESIDE)}

    assert left == before
    write_text(project / "raw/a.txt", "new")
    refresh.refresh_testset(project)
    assert texts_of(project) == {"new"}
    assert not (project / refresh.BESIDE).exists()


def test_a_set_that_can_not_be_recorded_gives_way_to_the_old_one(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_text(project / "raw/a.txt", "new")
    before = state(project)
    seen = []

    def recorded(root: Path) -> None:
        seen.append(texts_of(root))
        write_json(root / "dvc.lock", {})
        raise HaechiError("testset: DVC could not record the new set")

    monkeypatch.setattr(refresh, "_record", recorded)
    with pytest.raises(HaechiError, match="could not record"):
        refresh.refresh_testset(project)

    assert seen == [{"new"}]
    assert state(project) == before
