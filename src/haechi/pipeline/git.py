"""git, run in one way: what it prints, or one sentence."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from haechi.runtime.errors import HaechiError

PARTS = ("name", "email")
REMEDY = 'git config --global user.name "Your Name"` and `git config --global user.email you@example.com'
"""Two commands, without the outer quotes."""


PLACES = ("ALTERNATE_OBJECT_DIRECTORIES", "COMMON_DIR", "DIR", "INDEX_FILE", "OBJECT_DIRECTORY", "PREFIX", "WORK_TREE")
"""Variables GIT_... by which git, in a hook for instance, says where the repository is; others, such as a name, stay."""


def environment_elsewhere(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What a program in another checkout is given: our variables, less those that say that the work is here."""
    here = {"PYTHONPATH", *(f"GIT_{place}" for place in PLACES)}
    return {name: value for name, value in environment.items() if name not in here and not name.startswith("DVC_")}


def lacks_identity(root: Path, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether a name or an address is missing, as DVC looks for them: in the variables of git, then in its configuration."""
    known = identity(root)
    needed = [(f"GIT_{who}_{part.upper()}", part) for who in ("AUTHOR", "COMMITTER") for part in PARTS]
    return not all(environment.get(variable) or known[part] for variable, part in needed)


def identity(root: Path) -> dict[str, str]:
    """Name and address of git's configuration for this repository; empty where there is none."""
    return {part: (git_or_none(root, "config", f"user.{part}") or "").strip() for part in PARTS}


def git(folder: Path, *arguments: str, given: bytes | None = None) -> str:
    """What git prints; a failure is one sentence."""
    done = _run(folder, arguments, given)
    if done.returncode:
        reason = done.stderr.decode(errors="replace").strip().splitlines()
        raise HaechiError(f"git {arguments[0]} in {folder}: {reason[-1] if reason else f'exit code {done.returncode}'}")
    return done.stdout.decode(errors="replace")


def git_or_none(folder: Path, *arguments: str) -> str | None:
    """The same where a failure is an answer."""
    done = _run(folder, arguments, None)
    return None if done.returncode else done.stdout.decode(errors="replace")


def git_bytes(folder: Path, *arguments: str, given: bytes | None = None) -> bytes:
    """Output that is no text."""
    done = _run(folder, arguments, given)
    if done.returncode:
        raise HaechiError(f"git {arguments[0]} in {folder}: exit code {done.returncode}")
    return done.stdout


def _run(folder: Path, arguments: Sequence[str], given: bytes | None) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(["git", *arguments], cwd=folder, input=given, capture_output=True, check=False)  # noqa: S607
    except FileNotFoundError as error:
        raise HaechiError("git: not found; revisions and experiments need it") from error
