"""Git and DVC: is everything there, is nothing half done, and will an experiment see the files that you see?"""

import os
from pathlib import Path

import orjson
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from haechi.doctor.finding import Finding, some
from haechi.pipeline.git import REMEDY, git_or_none, lacks_identity
from haechi.runtime.errors import HaechiError
from haechi.runtime.locks import holder_of

SEEN = ("stages", "src", "data/raw")
"""Where a file that git doesn't track would be missing from a temp or queued experiment."""
YAMLS = ("dvc.yaml", "dvc.lock", "params.yaml")
MARKS = ("<<<<<<< ", ">>>>>>> ")
RUBBISH = ("__pycache__/", ".pyc", ".egg-info/", ".gitignore")


def check_git(root: Path) -> Finding:
    """A repository with a commit, no lock that a killed git or dvc left, and a name for commits."""
    try:
        inside = git_or_none(root, "rev-parse", "--git-dir")
    except HaechiError:
        return Finding("git", "fail", "git is not installed", "install git; DVC keeps versions and experiments in it")
    if inside is None:
        return Finding("git", "fail", f"{root.resolve()} is no git repository", "run `git init` and commit, or go to the project")
    lock = root / inside.strip() / "index.lock"
    if lock.exists():
        return Finding("git", "warn", f"{lock} is there", "if no git command is running, a killed one left it: remove it")
    if git_or_none(root, "rev-parse", "--verify", "HEAD") is None:
        return Finding("git", "warn", "no commit yet", "commit: experiments start from a commit")
    if lacks_identity(root):
        said = "no name or no address for commits is configured, and every DVC experiment ends in a commit"
        return Finding("git", "warn", said, f"`{REMEDY}`")
    return Finding("git", "ok", f"at {(git_or_none(root, 'rev-parse', '--short', 'HEAD') or '').strip()}")


def check_dvc(root: Path) -> Finding:
    """An initialised project whose files DVC can read."""
    if not (root / ".dvc").is_dir():
        return Finding("dvc", "fail", f"{root.resolve()} is no DVC project", "run `dvc init`, or go to the project")
    for name in YAMLS:
        file = root / name
        if not file.exists():
            if name == "dvc.lock":
                continue  # nothing ran yet
            return Finding("dvc", "fail", f"{name} is missing", f"restore it: `git checkout {name}`")
        text = file.read_text(encoding="utf-8", errors="replace")
        if name == "dvc.lock" and not text.endswith("\n"):
            remedy = "`git checkout dvc.lock`, or remove it where git has none; what ran comes back from DVC's run cache"
            return Finding("dvc", "fail", "dvc.lock is cut short: a dvc was killed while it wrote it", remedy)
        if any(line.startswith(MARKS) for line in text.splitlines()):
            remedy = f"resolve it (for dvc.lock: take either side, then `dvc repro`): `git checkout --ours {name}`"
            return Finding("dvc", "fail", f"{name} holds the marks of a merge conflict", remedy)
        try:
            YAML(typ="safe").load(text)
        except YAMLError as error:
            where = getattr(getattr(error, "problem_mark", None), "line", None)
            place = "" if where is None else f" (line {where + 1})"
            return Finding("dvc", "fail", f"{name} is no YAML{place}", f"mend it, or restore it: `git checkout {name}`")
    return Finding("dvc", "ok", "initialised; dvc.yaml, dvc.lock and params.yaml can be read")


def check_running(root: Path, home: Path) -> Finding:
    """Who is at work in this project, and what a killed dvc left."""
    rwlock = root / ".dvc" / "tmp" / "rwlock"
    owners = _owners(rwlock)
    remove = f"if no dvc is running, remove it: `rm {rwlock.relative_to(root)}`"
    if owners is None:  # DVC doesn't write it in one piece, and refuses to start with half of it
        return Finding("at work", "fail", ".dvc/tmp/rwlock can't be read: a dvc was killed while it wrote it", remove)
    alive = sorted({pid for pid in owners if _alive(pid)})
    if strangers := [pid for pid in alive if not _is_dvc(pid)]:
        said = f".dvc/tmp/rwlock names process {some(list(map(str, strangers)))}, which is no dvc (any more)"
        return Finding("at work", "fail", said, remove)
    if alive:
        return Finding("at work", "ok", f"dvc is running as process {some(list(map(str, alive)))}")
    holders = {str(held["pid"]): held for lock in sorted((home / "state" / "locks").glob("*.lock")) if (held := holder_of(lock))}
    if holders:
        said = some([f"process {pid} writes {held['output']} since {held['since']}" for pid, held in holders.items()])
        remedy = f"its dvc is gone, or it was started by hand; a run waits for it, or end it: `kill {' '.join(holders)}`"
        return Finding("at work", "warn", said, remedy)
    if owners:
        said = f".dvc/tmp/rwlock names process {some(sorted({str(pid) for pid in owners}))}, which is gone"
        return Finding("at work", "warn", said, "nothing to do: a dvc was killed, and the next one tidies up")
    return Finding("at work", "ok", "nobody")


def check_documents(root: Path) -> Finding:
    """Raw documents that can be read; DVC stops at a link that leads nowhere, and a run without any document stops."""
    paths = sorted((root / "data" / "raw").rglob("*"))
    unreadable = [path.relative_to(root).as_posix() for path in paths if not os.access(path, os.R_OK)]
    if unreadable:
        remedy = "remove a link that leads nowhere; give yourself the right to read: `chmod -R u+rX data/raw`"
        return Finding("documents", "fail", f"{len(unreadable)} under data/raw can't be read: {some(unreadable)}", remedy)
    count = sum(path.is_file() for path in paths)
    if not count:
        remedy = "put documents there, or bring them back: `git restore data/raw`, or `dvc checkout` where DVC tracks them"
        return Finding("documents", "fail", "no file under data/raw", remedy)
    return Finding("documents", "ok", f"{count:,} files under data/raw")


def check_untracked(root: Path) -> Finding:
    """Files that the workspace has and an experiment in another folder wouldn't."""
    new = git_or_none(root, "ls-files", "-z", "--others", "--exclude-standard", "--", *SEEN)
    ignored = git_or_none(root, "ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--", *SEEN)
    if new is None or ignored is None:
        return Finding("untracked", "warn", "can't tell without git", "see git above")
    tracked_by_dvc = [str(file.relative_to(root).with_suffix("")) for place in SEEN for file in (root / place).rglob("*.dvc")]
    names = [
        name
        for name in sorted(filter(None, (new + ignored).split("\0")))
        if not any(part in name for part in RUBBISH)
        and not any(name == known or name.startswith(f"{known}/") for known in tracked_by_dvc)
    ]
    if names:
        remedy = "`git add` them (or `dvc add` large data): queued and temp experiments see only what git or DVC tracks"
        return Finding("untracked", "warn", f"{len(names)} files that neither git nor DVC tracks: {some(names)}", remedy)
    return Finding("untracked", "ok", f"none under {', '.join(SEEN)}")


def _owners(rwlock: Path) -> list[int] | None:
    """Processes that DVC's own lock file names; None if it can't be read."""
    try:
        held = orjson.loads(rwlock.read_bytes())
        readers = [owner for owners in held.get("read", {}).values() for owner in owners]
        return [int(owner["pid"]) for owner in [*readers, *held.get("write", {}).values()]]
    except FileNotFoundError:
        return []
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError, ValueError):
        return None


def _is_dvc(pid: int) -> bool:
    """Whether a process is a dvc, as far as can be told; numbers are given out anew."""
    try:
        line = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return True
    return not line or b"dvc" in line  # empty while the process is just being started


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
