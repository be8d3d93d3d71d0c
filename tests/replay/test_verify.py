"""`haechi verify` says of every file whether the committed pipeline writes it again, and never agrees to what it didn't see."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pipeline.checkout import ROOT

from haechi.pipeline.dvc_lock import Out, inputs, md5_of, outputs, read_lock
from haechi.replay.compare import Compared, compare
from haechi.replay.run import Replay, replay
from haechi.rowstore.encoding import Keys
from haechi.rowstore.export import export_rows
from haechi.rowstore.namespaces import QUESTIONS
from haechi.rowstore.store import Row, open_store
from haechi.runtime.errors import HaechiError
from haechi.runtime.files import write_json, write_text

DVC_YAML = """
stages:
  first:
    cmd: python first.py
    deps: [first.py, raw]
    params: [first]
    outs: [made]
    metrics: [{metrics.json: {cache: false}}]
  paid:
    cmd: python paid.py
    deps: [paid.py, made]
    outs: [answers.txt]
  plain:
    cmd: python plain.py
    deps: [plain.py]
    outs: [{plain.txt: {cache: false}}]
  kept:
    frozen: true
    cmd: echo kept > kept.txt
    outs: [kept.txt]
"""
FIRST = """
import json
from pathlib import Path
made = Path("made")
(made / "deep").mkdir(parents=True)
text = Path("raw/a.txt").read_text()
(made / "b.txt").write_text(text)
(made / "deep" / "한글.txt").write_text(text.upper())
Path("metrics.json").write_text(json.dumps({"n": len(text)}))
"""
PLAIN = "from pathlib import Path\nPath('plain.txt').write_text('text')\n"
PAID = f"""
import sys
from pathlib import Path
sys.path.insert(0, {str(ROOT / "src")!r})
from haechi.rowstore.encoding import Keys
from haechi.rowstore.namespaces import QUESTIONS
from haechi.rowstore.store import offline, open_store
key = Keys({{"prompt": 1}}).of(text=Path("made/b.txt").read_text())
with open_store() as store:
    found = store.get(QUESTIONS, [key])
if not found and offline():
    sys.exit("error: no row, and HAECHI_OFFLINE is set")
Path("answers.txt").write_text(found.get(key, "paid again"))
"""
KEY = Keys({"prompt": 1}).of(text="raw text")


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("DVC_", "GIT_", "HAECHI_STORE"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny pipeline that ran and was committed: a folder, a metric in git, an answer that was paid for, a frozen stage."""
    root = tmp_path_factory.mktemp("tiny") / "project"
    write_text(root / "dvc.yaml", DVC_YAML)
    write_text(root / "first.py", FIRST)
    write_text(root / "paid.py", PAID)
    write_text(root / "plain.py", PLAIN)
    write_text(root / "params.yaml", "first: 1\n")
    write_text(root / "raw" / "a.txt", "raw text")
    write_text(root / ".gitignore", ".haechi/\n")
    call(root, "git", "init", "-q")
    call(root, "dvc", "init", "-q")
    call(root, "dvc", "add", "-q", "raw")
    with open_store(root / ".haechi" / "rows.sqlite") as store:
        store.put(QUESTIONS, [Row(KEY, "the answer", 1.0)])
        export_rows(store, [QUESTIONS], root / ".haechi" / "export")
    yaml = root / "dvc.yaml"
    yaml.write_text(DVC_YAML.replace("frozen: true", "frozen: false"))
    call(root, "dvc", "repro", "-q")
    yaml.write_text(DVC_YAML)
    commit(root)
    return root


@pytest.fixture
def project(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "project", symlinks=True))


def call(folder: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def commit(root: Path) -> None:
    call(root, "git", "add", "-A")
    call(root, "git", "-c", "user.name=t", "-c", "user.email=t@example.invalid", "commit", "-qm", "x", "--allow-empty")


def again(project: Path, tmp_path: Path, rows: bool = True) -> Replay:
    return replay(project, tmp_path / "clone", rows=project / ".haechi" / "export" if rows else None)


def verdicts(done: Replay) -> dict[str, str]:
    return {file.path: file.verdict for file in done.files}


ALL = {"answers.txt", "dvc.lock", "kept.txt", "made/b.txt", "made/deep/한글.txt", "metrics.json", "plain.txt"}


@pytest.mark.slow
def test_a_faithful_commit_agrees_file_by_file(project: Path, tmp_path: Path) -> None:
    """What is not committed plays no part, and nothing is copied from the project: its outputs are gone."""
    write_text(project / "first.py", FIRST.replace("text.upper()", "'other'"))
    shutil.rmtree(project / "made")
    done = again(project, tmp_path)
    assert verdicts(done) == dict.fromkeys(ALL, "agrees")
    assert (done.changed_inputs, done.failed) == ([], False)
    assert (tmp_path / "clone" / "answers.txt").read_text() == "the answer"
    assert {file.path for file in done.files if file.note == "frozen: not replayed"} == {"kept.txt"}


@pytest.mark.slow
def test_planted_differences_are_named_and_nothing_else(project: Path, tmp_path: Path) -> None:
    """Code that dvc.lock wasn't made from, with other bytes in a file and a file too many; an edited figure; an edited lock."""
    write_text(project / "first.py", FIRST.replace("text.upper()", "text.title()") + "(made / 'more.txt').touch()\n")
    write_text(project / "metrics.json", '{"n": 9}')
    lock = (project / "dvc.lock").read_text()
    (md5,) = [out.md5 for out in outputs(read_lock(project)) if out.path == "answers.txt"]
    write_text(project / "dvc.lock", lock.replace(md5, "f" * 32))
    commit(project)
    done = again(project, tmp_path)
    differing = {"made/deep/한글.txt", "made/more.txt", "metrics.json", "answers.txt", "dvc.lock"}
    assert verdicts(done) == dict.fromkeys(ALL, "agrees") | dict.fromkeys(differing, "differs")
    assert done.changed_inputs == ["first.py (first)"]


@pytest.mark.slow
def test_what_depends_on_its_place_differs(project: Path, tmp_path: Path) -> None:
    """Also in a stage whose only output lies in git, so that a clone has it before the replay."""
    write_text(project / "first.py", FIRST.replace("text.upper()", "str(Path.cwd())"))
    write_text(project / "plain.py", PLAIN.replace("'text'", "str(Path.cwd())"))
    call(project, "dvc", "repro", "-q", "first", "plain")
    commit(project)
    done = again(project, tmp_path)
    assert verdicts(done) == dict.fromkeys(ALL, "agrees") | dict.fromkeys(
        {"made/deep/한글.txt", "plain.txt", "dvc.lock"}, "differs"
    )
    assert done.changed_inputs == []


@pytest.mark.slow
def test_a_file_that_the_replay_does_not_write_is_missing(project: Path, tmp_path: Path) -> None:
    gone = FIRST.replace('(made / "b.txt").write_text(text)', "")
    assert gone != FIRST
    write_text(project / "first.py", gone)
    commit(project)
    done = again(project, tmp_path)
    assert verdicts(done)["made/b.txt"] == "missing"
    assert done.failed, "the next stage reads it"
    assert verdicts(done)["answers.txt"] == "missing", "a stage that didn't run wrote nothing, whatever lies in the project"


@pytest.mark.slow
def test_without_the_rows_that_were_paid_for_it_stops_instead_of_paying(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row that lies in the caller's store but not in the export doesn't help: it would hide that a clone can't replay."""
    monkeypatch.setenv("HAECHI_STORE", str(project / ".haechi" / "rows.sqlite"))
    monkeypatch.setenv("DVC_ROOT", str(project))
    done = again(project, tmp_path, rows=False)
    assert done.failed
    assert verdicts(done)["answers.txt"] == "missing"
    assert "paid again" not in [path.read_text() for path in (tmp_path / "clone").glob("*.txt")]


@pytest.mark.slow
def test_the_stages_really_run(project: Path, tmp_path: Path) -> None:
    """Even where the committed config shares a cache that holds all outputs and the run cache."""
    call(project, "dvc", "config", "cache.dir", str(project / ".dvc" / "cache"))
    write_text(project / "first.py", FIRST + "import os\nwith open(os.environ['SEEN'], 'a') as f: f.write('x')\n")
    os.environ["SEEN"] = str(tmp_path / "seen")
    try:
        call(project, "dvc", "repro", "-q")
        commit(project)
        done = again(project, tmp_path)
    finally:
        del os.environ["SEEN"]
    assert (tmp_path / "seen").read_text() == "xx"
    assert set(verdicts(done).values()) == {"agrees"}


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda root: call(root, "git", "rm", "-qf", "dvc.lock"), "HEAD: holds no dvc.lock"),
        (lambda root: write_text(root / "dvc.lock", "stages:\n<<<<<<< ours\n  a: {}\n=======\n"), "dvc.lock: not YAML"),
        (lambda root: write_text(root / "dvc.lock", "a: 1\n"), "dvc.lock: should hold stages"),
        (lambda root: shutil.rmtree(root / ".dvc" / "cache"), "raw.dvc, kept: not whole in the local cache"),
    ],
)
def test_what_can_not_be_replayed_is_one_sentence(
    spoil: Callable[[Path], object], said: str, project: Path, tmp_path: Path
) -> None:
    spoil(project)
    commit(project)
    with pytest.raises(HaechiError, match=said) as caught:
        again(project, tmp_path)
    assert "\n" not in str(caught.value)


def test_an_unknown_revision_and_a_folder_in_use_are_refused(project: Path, tmp_path: Path) -> None:
    with pytest.raises(HaechiError, match="nowhere"):
        replay(project, tmp_path / "clone", "nowhere")
    with pytest.raises(HaechiError, match="not empty"):
        replay(project, project)


# The command


@pytest.mark.slow
@pytest.mark.parametrize(("faithful", "more"), [(True, []), (True, ["--all"]), (False, [])])
def test_the_command_names_what_differs_or_with_all_every_file_and_ends_with_1_on_any_difference(
    faithful: bool, more: list[str], project: Path
) -> None:
    if not faithful:
        write_text(project / "metrics.json", '{"n": 9}')
        commit(project)
    program = "from haechi.cli.main import entry; entry()"
    done = subprocess.run(
        [sys.executable, "-c", program, "verify", "--rows", ".haechi/export", *more],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == (0 if faithful else 1), done.stdout + done.stderr
    named = re.findall(r"^(?:agrees|differs|missing) +(\S+)", done.stdout, re.MULTILINE)
    assert sorted(named) == (sorted(ALL) if more else [] if faithful else ["metrics.json"])
    summary = "verify: 7 files agree, 0 differ, 0 are missing" if faithful else "verify: 6 files agree, 1 differ, 0 are missing"
    assert summary in (done.stdout if faithful else done.stderr)


# Parts


def test_our_hashes_are_dvcs(finished: Path) -> None:
    outs = outputs(read_lock(finished))
    assert [out.path for out in outs] == ["answers.txt", "kept.txt", "made", "metrics.json", "plain.txt"]
    assert [out.is_folder for out in outs] == [False, False, True, False, False]
    assert [md5_of(finished / out.path) for out in outs] == [out.md5 for out in outs]


def test_inputs_are_what_no_stage_wrote(finished: Path) -> None:
    assert list(inputs(read_lock(finished))) == [
        ("first", "first.py"), ("first", "raw"), ("first", "params.yaml: first"), ("paid", "paid.py"), ("plain", "plain.py"),
    ]  # fmt: skip


def test_what_lies_in_an_output_is_no_input() -> None:
    """DVC lets a stage depend on one file of the folder that another one made."""
    made = {"first": {"outs": [{"path": "run", "md5": "a.dir"}]}}
    lock = {"stages": made | {"second": {"deps": [{"path": "run/history.jsonl", "md5": "b"}, {"path": "runs.py", "md5": "c"}]}}}

    assert inputs(lock) == {("second", "runs.py"): "c"}


@pytest.mark.slow
def test_a_failed_replay_shows_the_end_of_what_its_stages_said(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_text(project / "first.py", "raise SystemExit('the well is dry')")
    commit(project)

    assert again(project, tmp_path).failed
    assert "the well is dry" in capsys.readouterr().out


def test_a_folder_whose_list_nobody_has_is_compared_as_a_whole(tmp_path: Path) -> None:
    write_json(tmp_path / "made" / "a.json", 1)
    agreeing = compare([Out("s", "made", md5_of(tmp_path / "made"))], tmp_path, {}, [], frozenset())
    differing = compare([Out("s", "made", "0" * 32 + ".dir")], tmp_path, {}, [tmp_path], frozenset())
    assert agreeing == [Compared("made/a.json", "s", "agrees")]
    assert [(file.path, file.verdict) for file in differing] == [("made/", "differs")]
    assert json.loads((tmp_path / "made" / "a.json").read_text()) == 1
