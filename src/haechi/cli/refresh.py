"""Rebuilds the frozen test set: melts the one `frozen` line, runs the stage, freezes it again whatever happens."""

import subprocess
import sys
from pathlib import Path

from haechi.errors import HaechiError
from haechi.files import write_text

FROZEN, MELTED = "    frozen: true\n", "    frozen: false\n"


def refresh_testset(root: Path) -> None:
    """`dvc repro -f` does nothing on a frozen stage, so the line is flipped as text (comments stay) and restored."""
    file = root / "dvc.yaml"
    before = file.read_text(encoding="utf-8")
    if before.count(FROZEN) != 1:
        raise HaechiError(f"{file}: expected exactly one `frozen: true` line, found {before.count(FROZEN)}")
    write_text(file, before.replace(FROZEN, MELTED))
    try:
        done = subprocess.run([sys.executable, "-m", "dvc", "repro", "-s", "-f", "testset"], cwd=root, check=False)
    finally:
        write_text(file, before)
    if done.returncode:
        raise HaechiError(f"testset: `dvc repro -s -f testset` ended with {done.returncode}; the old set may be gone, see git")
    subprocess.run([sys.executable, "-m", "dvc", "commit", "-f", "testset"], cwd=root, check=True)
