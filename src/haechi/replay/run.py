"""Runs a committed pipeline again in a clean clone, with rows from an export where they were paid for, and compares the bytes."""

import os
import subprocess
import sys
from collections import Counter, deque
from dataclasses import dataclass
from pathlib import Path

from haechi.pipeline.dvc_lock import LOCK, inputs, md5_of, outputs, read_lock
from haechi.pipeline.dvc_yaml import load_stages
from haechi.pipeline.git import environment_elsewhere
from haechi.replay.compare import Compared, compare
from haechi.runtime.errors import HaechiError
from haechi.runtime.files import write_text
from haechi.runtime.progress import say

DVC = (sys.executable, "-m", "dvc")
ORIGIN = "haechi-verify"
"""Name of the remote that stands for the cache of the project."""
STARTS = "Running stage "
TAIL = 30
"""Lines of a failed run that are shown."""


@dataclass(frozen=True)
class Replay:
    """What a replay showed."""

    revision: str
    files: list[Compared]
    changed_inputs: list[str]
    """What the commit holds otherwise than dvc.lock was made from."""
    failed: bool
    """Whether `dvc repro` stopped before its end."""

    @property
    def counts(self) -> Counter[str]:
        """Files by verdict."""
        return Counter(file.verdict for file in self.files)


def replay(root: Path, folder: Path, revision: str = "HEAD", rows: Path | None = None) -> Replay:
    """Clone a revision into an empty folder, fetch what only DVC tracks, run every stage, compare every file.

    Nothing is paid: rows come from the export, and what is missing there fails (HAECHI_OFFLINE).
    """
    commit = _clone(root, folder, revision)
    caches = [Path(_run(root, *DVC, "cache", "dir").strip())]
    lock = read_lock(folder)
    locked = md5_of(folder / LOCK)
    outs = outputs(lock)
    committed = {out.path: md5_of(folder / out.path) for out in outs if (folder / out.path).exists()}
    frozen = frozenset(name for name, stage in load_stages(folder).items() if stage.frozen)
    _fetch(
        folder, caches[0], [stage for stage in frozen if any(out.stage == stage and out.path not in committed for out in outs)]
    )
    if rows:
        _fill(folder, rows)
    say(f"verify: replaying {commit[:12]} in {folder}")
    finished = _repro(folder)
    now = read_lock(folder)
    then = inputs(lock)
    changed = sorted({f"{what} ({stage})" for (stage, what), value in inputs(now).items() if then.get((stage, what)) != value})
    same = md5_of(folder / LOCK) == locked
    files = compare(outs, folder, committed, caches, frozen)
    files.append(Compared(LOCK, "", "agrees") if same else Compared(LOCK, "", "differs", "the replay wrote another one"))
    return Replay(commit, files, changed, failed=not finished)


def environment() -> dict[str, str]:
    """That of another checkout with a row store of its own: this interpreter first, and no calls out."""
    kept = environment_elsewhere()
    kept.pop("HAECHI_STORE", None)
    return kept | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', '')}", "HAECHI_OFFLINE": "1"}


def _repro(folder: Path) -> bool:
    """Whether every stage ran; its name is shown when it starts, and the end of what was said where one fails."""
    command = [*DVC, "repro", "--force", "--no-run-cache"]
    last: deque[str] = deque(maxlen=TAIL)
    with subprocess.Popen(
        command, cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as running:
        for line in running.stdout or ():
            last.append(line.rstrip())
            if line.startswith(STARTS):
                say(line.strip().rstrip(":"))
    if running.returncode:
        say("\n".join(last))
    return not running.returncode


def _clone(root: Path, folder: Path, revision: str) -> str:
    if folder.exists() and any(folder.iterdir()):
        raise HaechiError(f"{folder}: not empty; a replay wants a folder of its own")
    commit = _run(root, "git", "rev-parse", "--verify", f"{revision}^{{commit}}").strip()
    _run(root, "git", "clone", "--quiet", "--no-checkout", ".", str(folder.resolve()))
    _run(folder, "git", "checkout", "--quiet", "--detach", commit)
    if not (folder / LOCK).exists():
        raise HaechiError(f"{revision}: holds no {LOCK}; run `dvc repro` and commit what it wrote")
    return commit


def _fetch(folder: Path, cache: Path, frozen: list[str]) -> None:
    """Inputs that DVC tracks and outputs of frozen stages, out of the project's cache; what is made stays in the clone's own."""
    own = (folder / ".dvc" / "cache").resolve()
    settings = f'[cache]\n    dir = "{own}"\n[\'remote "{ORIGIN}"\']\n    url = "{cache.resolve()}"\n'
    write_text(folder / ".dvc" / "config.local", settings)
    tracked = _run(folder, "git", "ls-files", "*.dvc").split("\n")
    if targets := [name for name in tracked if name] + frozen:
        try:
            _run(folder, *DVC, "pull", "--quiet", "--remote", ORIGIN, *targets)
        except HaechiError as error:
            raise HaechiError(
                f"{', '.join(targets)}: not whole in the local cache {cache}; `dvc pull` first ({error})"
            ) from error


def _fill(folder: Path, rows: Path) -> None:
    """A row store of the clone's own, with what the export holds."""
    from haechi.rowstore.export import import_rows
    from haechi.rowstore.store import open_store

    with open_store(folder / ".haechi" / "rows.sqlite") as store:
        taken = import_rows(store, rows)
    say(f"verify: {sum(each.new for each in taken.values())} rows from {rows}")


def _run(folder: Path, *command: str) -> str:
    try:
        done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise HaechiError(f"{command[0]}: not installed") from error
    if done.returncode:
        lines = [line for line in (done.stderr or done.stdout).strip().splitlines() if line.strip()]
        raise HaechiError(f"{folder}: `{' '.join(command)}` failed: {lines[-1] if lines else done.returncode}")
    return done.stdout
