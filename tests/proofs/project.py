"""A small copy of this project that a test may run, break and throw away."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
MINI_PARAMS = ROOT / "tests" / "mini" / "params.yaml"
FIELD = "5"  # the mini sample: two laws and the decisions of one field, with a few documents
TESTSET = ("haechi.cli.main", "testset", "refresh")


def make_project(folder: Path) -> Path:
    """Copy code, parameters and a slice of the bundled sample into a git and DVC repository of their own."""
    for name in ("dvc.yaml", ".dvcignore", ".gitignore", "pyproject.toml"):
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in ("src", "stages"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignore)
    shutil.copy(MINI_PARAMS, folder / "params.yaml")
    _copy_sample(folder)
    (folder / ".dvc").mkdir()
    for name in ("config", ".gitignore", "offline_plots.html"):
        shutil.copy(ROOT / ".dvc" / name, folder / ".dvc" / name)
    shutil.copytree(ROOT / ".dvc" / "plots", folder / ".dvc" / "plots")
    for command in (["init", "-q"], ["config", "user.email", "t@example.invalid"], ["config", "user.name", "t"]):
        git(folder, *command)
    commit(folder, "start")
    return folder


def _copy_sample(folder: Path) -> None:
    raw, sample = folder / "data" / "raw", ROOT / "data" / "raw"
    for name, pattern in (("laws", f"990{FIELD}*.json"), ("precedents", f"99{FIELD}*.json")):
        (raw / name).mkdir(parents=True)
        for file in sorted((sample / name).glob(pattern)):
            shutil.copy(file, raw / name / file.name)
    for name in ("docs", "queries"):
        (raw / name).mkdir()
        lines = (sample / name / f"{name}.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
        (raw / name / f"{name}.jsonl").write_text("".join(lines[-12:]), encoding="utf-8")
    probes = folder / "data" / "probes"
    probes.mkdir()
    for name in ("corpus.jsonl", "queries.jsonl"):
        lines = (ROOT / "data" / "probes" / name).read_text(encoding="utf-8").splitlines(keepends=True)
        (probes / name).write_text("".join(lines[:20]), encoding="utf-8")


def environment(**more: str) -> dict[str, str]:
    """What a user's shell would hold: no leftovers of this test run, this interpreter first."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("HAECHI_", "DVC_", "GIT_")) and k != "PYTHONPATH"}
    kept["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), kept["PATH"]])
    return {**kept, "HF_HUB_OFFLINE": "1", "PYTHONUNBUFFERED": "1", "DVC_NO_ANALYTICS": "1", **more}


def run(folder: Path, *command: str, check: bool = True, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a project with its output in one stream; a failure shows that output."""
    done = subprocess.run(
        list(command),
        cwd=folder,
        env=environment(**more),
        text=True,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert not (check and done.returncode), f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout[-6000:]}"
    return done


def git(folder: Path, *arguments: str) -> str:
    return run(folder, "git", *arguments).stdout


def dvc(folder: Path, *arguments: str, check: bool = True, **more: str) -> subprocess.CompletedProcess[str]:
    return run(folder, sys.executable, "-m", "dvc", *arguments, check=check, **more)


def refresh_testset(folder: Path, **more: str) -> str:
    code = "from haechi.cli.main import entry; import sys; sys.argv = ['haechi', 'testset', 'refresh']; entry()"
    return run(folder, sys.executable, "-c", code, PYTHONPATH=str(folder / "src"), **more).stdout


def commit(folder: Path, message: str) -> None:
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", message, "--allow-empty")


def stages_run(log: str) -> list[str]:
    return re.findall(r"^Running stage '(\w+)'", log, re.MULTILINE)


def copy_of(project: Path, folder: Path) -> Path:
    shutil.copytree(project, folder, symlinks=True)
    return folder
