"""Whether git knows whose name goes on a commit: a DVC experiment is one, and fails at its end without."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

PARTS = ("name", "email")
REMEDY = 'git config --global user.name "Your Name"` and `git config --global user.email you@example.com'
"""Two commands, without the outer quotes."""


def lacks_identity(root: Path, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether a name or an address is missing, as DVC looks for them: in the variables of git, then in its configuration."""
    known = identity(root)
    needed = [(f"GIT_{who}_{part.upper()}", part) for who in ("AUTHOR", "COMMITTER") for part in PARTS]
    return not all(environment.get(variable) or known[part] for variable, part in needed)


def identity(root: Path) -> dict[str, str]:
    """Name and address of git's configuration for this repository; empty where there is none."""
    found = {
        part: subprocess.run(["git", "config", f"user.{part}"], cwd=root, capture_output=True, text=True, check=False)  # noqa: S607
        for part in PARTS
    }
    return {part: done.stdout.strip() for part, done in found.items()}
