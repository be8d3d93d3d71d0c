"""Scores the model of another revision on today's test set, corpus and rules, so that it can be compared with today's.

The model comes from DVC's cache or remote. Where neither has it, that revision is checked out beside the project and its
pipeline runs up to `select`. Results lie under `.haechi/reeval`, by test set, evaluator and commit; `haechi compare` finds them.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from haechi.comparison.revisions import ENCODER, LOCK, METRICS, PER_QUERY, QUERIES, WORKSPACE, Revision, parse, resolve
from haechi.pipeline.dvc_yaml import stage_command
from haechi.pipeline.git import git, git_or_none
from haechi.runtime.errors import HaechiError, UsageError
from haechi.runtime.files import read_json
from haechi.runtime.progress import say
from haechi.scoring.names import EVALUATOR_VERSION

MANIFEST = "data/testset/manifest.json"


def reeval(root: Path, name: str) -> Revision:
    """The revision as today's evaluator sees it."""
    commit = resolve(root, name)
    if not commit:
        raise UsageError(f"{name}: the workspace is scored by `dvc repro evaluate`")
    out = _place(root, commit)
    with _model(root, name, commit) as encoder:
        command = stage_command(root, "evaluate", out, {"--encoder": encoder})
        _run(command, root, f"{name}: today's evaluation of its model failed")
    revision = stored(root, name, commit)
    if revision is None:
        raise HaechiError(f"{name}: evaluation ended without results in {out}")
    return revision


def stored(root: Path, name: str, commit: str) -> Revision | None:
    """Results of an earlier `reeval` on today's test set, if there are any."""
    out = _place(root, commit)
    files = {METRICS: out / METRICS, PER_QUERY: out / PER_QUERY, QUERIES: root / QUERIES}
    if not (out / METRICS).is_file():
        return None
    contents: dict[str, bytes | None] = {file: path.read_bytes() if path.is_file() else None for file, path in files.items()}
    return parse(f"{name} (re-evaluated)", commit, {**contents, LOCK: None})


def test_version(root: Path) -> str:
    """Today's test set and rules, as one name."""
    return f"{read_json(root / MANIFEST)['fingerprint']}-{EVALUATOR_VERSION}"


def _place(root: Path, commit: str) -> Path:
    return root / ".haechi" / "reeval" / test_version(root) / commit[:12]


@contextmanager
def _model(root: Path, name: str, commit: str) -> Iterator[Path]:
    """A folder with that revision's model, for as long as it is needed."""
    work = Path(tempfile.mkdtemp(prefix="haechi-reeval-"))
    try:
        get = [sys.executable, "-m", "dvc", "get", "--quiet", str(root), ENCODER, "--rev", commit, "--out", str(work / "encoder")]
        if subprocess.run(get, cwd=root, check=False, capture_output=True).returncode == 0:
            yield work / "encoder"
            return
        say(f"{name}: neither cache nor remote has its {ENCODER}; making it again")
        yield _rebuilt(root, name, commit, work / "checkout")
    finally:
        if (work / "checkout").exists():
            git_or_none(root, "worktree", "remove", "--force", str(work / "checkout"))
        shutil.rmtree(work, ignore_errors=True)


def _rebuilt(root: Path, name: str, commit: str, checkout: Path) -> Path:
    git(root, "worktree", "add", "--detach", "--quiet", str(checkout), commit)
    inside = checkout / git(root, "rev-parse", "--show-prefix").strip()
    cache = cache_folder(root)
    _run([sys.executable, "-m", "dvc", "cache", "dir", "--local", cache], inside, f"{name}: can't share the cache")
    checkout_data = [sys.executable, "-m", "dvc", "checkout", "--quiet"]
    subprocess.run(checkout_data, cwd=inside, check=False, capture_output=True)  # raw data in DVC; what is missing is made
    _run([sys.executable, "-m", "dvc", "repro", "select"], inside, f"{name}: its pipeline doesn't run any more")
    return inside / ENCODER


def cache_folder(root: Path) -> str:
    """Where the project's DVC cache lies, absolute."""
    ask = [sys.executable, "-m", "dvc", "cache", "dir"]
    folder = subprocess.run(ask, cwd=root, check=True, capture_output=True, text=True).stdout.strip()
    return str((root / folder).resolve())


def _run(command: Sequence[str], folder: Path, problem: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "DVC_ROOT", "DVC_STAGE")}
    done = subprocess.run(list(command), cwd=folder, env=environment, check=False)
    if done.returncode:
        raise HaechiError(f"{problem} (exit code {done.returncode})")


def with_reevaluated(root: Path, revisions: Sequence[Revision]) -> list[Revision]:
    """The same revisions; those of another test set or evaluator give way to their re-evaluation, if there is one."""
    if not (root / MANIFEST).is_file():
        return list(revisions)
    today = test_version(root)
    return [
        revision
        if revision.name == WORKSPACE or f"{revision.test_version[0]}-{revision.test_version[1]}" == today
        else stored(root, revision.name, revision.commit) or revision
        for revision in revisions
    ]
