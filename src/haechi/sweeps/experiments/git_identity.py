"""Whether git knows whose name goes on a commit: a DVC experiment is one, and fails at its end without."""

import os
from collections.abc import Mapping
from pathlib import Path

from haechi.pipeline.git import git_or_none

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
    return {part: (git_or_none(root, "config", f"user.{part}") or "").strip() for part in PARTS}
