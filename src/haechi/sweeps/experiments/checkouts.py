"""A checkout of an agent's own, in which its trials run as DVC experiments.

`dvc exp run`, with --temp too, stashes the workspace, resets it, and takes the first experiment that it finds stashed:
two at once may take each other's, and one that is killed leaves the workspace reset. So an agent never runs one in the user's
workspace. Its checkout is a clone of the commit with the uncommitted changes to tracked files on top; DVC's cache and `.haechi`
(rows, locks, resume state) are the project's own, so nothing is computed twice. What an experiment leaves is fetched by name.
"""

import fcntl
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from haechi.pipeline.dvc_yaml import load_stages, rerun_after
from haechi.pipeline.git import environment_elsewhere, git, git_bytes, identity
from haechi.runtime.errors import HaechiError

LAST = "select"
"""The stage at which a trial ends."""


@dataclass(frozen=True)
class Checkout:
    """A clone, and the project's folder in it."""

    clone: Path
    folder: Path
    head: str
    patch: bytes

    def ready(self) -> None:
        """As the project was when the checkout was made, whatever the last trial left; without results of stages after select.

        Those would belong to another model, and `dvc exp show` would show them as the trial's.
        """
        git(self.clone, "reset", "-q", "--hard", self.head)
        if self.patch:
            git(self.clone, "apply", "--whitespace=nowarn", "-", given=self.patch)
        for name in beyond(self.folder):
            (self.folder / name).unlink(missing_ok=True)


@contextmanager
def checkout(root: Path, shared: Path, place: Path) -> Iterator[Checkout]:
    """The first free checkout below `place`, brought up to date; `shared` becomes its `.haechi`."""
    place.mkdir(parents=True, exist_ok=True)
    number = 0
    while True:
        lock = (place / f"{number}.lock").open("ab")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            lock.close()
            number += 1
    try:
        yield _prepared(root, shared, place / str(number))
    finally:
        lock.close()


def remove(place: Path) -> None:
    """Remove the checkouts that nobody uses."""
    for file in sorted(place.glob("*.lock")):
        with file.open("ab") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            shutil.rmtree(place / file.stem, ignore_errors=True)


def beyond(folder: Path) -> list[str]:
    """Outputs in git of the stages that come after select."""
    stages = load_stages(folder)
    after = rerun_after(stages, stages[LAST].outs)
    return sorted(path for name in after if name != LAST for path in stages[name].in_git)


def dvc(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run DVC's command line, without what an outer DVC told its own stage."""
    return subprocess.run(
        [sys.executable, "-m", "dvc", *arguments],
        cwd=folder,
        env=environment_elsewhere(),
        capture_output=True,
        text=True,
        check=False,
    )


def _prepared(root: Path, shared: Path, clone: Path) -> Checkout:
    inside = git(root, "rev-parse", "--show-prefix").strip()
    top = Path(git(root, "rev-parse", "--show-toplevel").strip())
    head = git(root, "rev-parse", "HEAD").strip()
    patch = git_bytes(top, "diff", "--binary", "HEAD")
    folder = clone / inside
    fresh = not (clone / "whole").is_file()
    if fresh:
        shutil.rmtree(clone, ignore_errors=True)
        git(top, "clone", "-q", "--shared", "--no-checkout", str(top), str(clone))
    for lock in (clone / ".git" / "index.lock", clone / ".git" / "HEAD.lock"):
        lock.unlink(missing_ok=True)  # of an agent that was killed; the checkout is ours alone
    git(clone, "fetch", "-q", str(top), "HEAD")
    git(clone, "checkout", "-q", "--force", "--detach", head)
    checkout = Checkout(clone, folder, head, patch)
    checkout.ready()
    (clone / ".git" / "info" / "exclude").write_text(".haechi\n/whole\n", encoding="utf-8")
    for part, value in identity(root).items():
        if value:  # one that the project has for itself isn't cloned
            git(clone, "config", f"user.{part}", value)
    if not (folder / ".haechi").is_symlink():
        shutil.rmtree(folder / ".haechi", ignore_errors=True)
        (folder / ".haechi").symlink_to(shared.resolve(), target_is_directory=True)
    for stale in (folder / ".dvc" / "tmp" / "rwlock", folder / ".dvc" / "tmp" / "lock"):
        stale.unlink(missing_ok=True)
    if fresh:
        local = root / ".dvc" / "config.local"
        if local.is_file():
            shutil.copy(local, folder / ".dvc" / "config.local")
        cache = dvc(root, "cache", "dir").stdout.strip()
        shared_cache = dvc(folder, "cache", "dir", "--local", str((root / cache).resolve()))
        if shared_cache.returncode:
            raise HaechiError(f"{folder}: can't share DVC's cache ({shared_cache.stderr.strip()[-200:]})")
    dvc(folder, "checkout", "-q", "--force")  # what the cache lacks is made by the first trial
    if fresh:
        (clone / "whole").touch()
    return checkout
