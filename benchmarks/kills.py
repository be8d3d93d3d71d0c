"""Kills `dvc repro` at random moments, restarts it until it is done, and compares every byte with an undisturbed run.

    python benchmarks/kills.py [--project mini|sample] [--kills 50] [--seed 1] [--keep FOLDER]

Half of the kills hit the whole process group, as a machine that goes down; half hit `dvc` alone, which leaves its script
running, and the next run meets it. SIGKILL each time, so nobody can tidy up. Where a pipeline is done before all kills are
spent, the next one begins from nothing. Compared are all files of the project but those of git, DVC and .haechi: so dvc.lock,
metrics, every file in every output folder, and nothing left lying about.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from proofs import project  # noqa: E402  (only now is the path right)

GROUP, ALONE = "the process group", "dvc alone"
NOT_COMPARED = {".git", ".dvc", ".haechi", "__pycache__"}
REPRO = (sys.executable, "-m", "dvc", "repro")


@dataclass
class Outcome:
    """What a series of kills led to."""

    kills: Counter[str] = field(default_factory=Counter)
    hit: Counter[str] = field(default_factory=Counter)
    """Stage that was running -> kills."""
    waited: int = 0
    """Runs that met a script of a killed run and waited for it."""
    pipelines: int = 0
    differing: list[str] = field(default_factory=list)
    """Files that came out otherwise than undisturbed."""
    left_running: int = 0
    """Scripts that outlived the pipeline's end."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--project", choices=["mini", "sample"], default="mini")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="work here and leave it")
    arguments = parser.parse_args()
    work = arguments.keep or Path(tempfile.mkdtemp(prefix="haechi-kills-"))
    began = time.monotonic()

    start = make_start(work / "start", arguments.project)
    calm = project.copy_of(start, work / "calm")
    seconds = undisturbed(calm)
    print(f"undisturbed: {seconds:.0f} s", flush=True)
    chance = random.Random(arguments.seed)  # noqa: S311  # moments, no secrets
    outcome = disturb(start, work / "killed", files_of(calm), arguments.kills, seconds / 2, chance)

    print(f"{sum(outcome.kills.values())} kills ({', '.join(f'{n} of {what}' for what, n in sorted(outcome.kills.items()))})")
    print(f"while these ran: {', '.join(f'{stage} {n}' for stage, n in outcome.hit.most_common())}")
    print(f"{outcome.waited} runs waited for a script that a killed dvc had left")
    print(f"{outcome.pipelines} pipelines finished, {outcome.left_running} scripts left running")
    print(f"{len(outcome.differing)} files differ from the undisturbed run")
    print(f"{(time.monotonic() - began) / 60:.0f} minutes in all")
    for name in outcome.differing[:20]:
        print(f"  {name}")
    if not arguments.keep:
        shutil.rmtree(work)
    sys.exit(bool(outcome.differing or outcome.left_running))


def make_start(folder: Path, kind: str) -> Path:
    """A project of this checkout's code, ready for its first `dvc repro`: the tests' miniature, or the whole bundled sample."""
    project.make_project(folder)
    if kind == "mini":
        project.refresh_testset(folder)
    else:
        shutil.copy(ROOT / "params.yaml", folder / "params.yaml")
        for name in ("raw", "guard", "testset"):
            shutil.rmtree(folder / "data" / name, ignore_errors=True)
            shutil.copytree(ROOT / "data" / name, folder / "data" / name)
        (folder / "metrics").mkdir(exist_ok=True)
        shutil.copy(ROOT / "metrics" / "testset.json", folder / "metrics")
    project.commit(folder, "ready")
    return folder


def undisturbed(folder: Path) -> float:
    """Run the pipeline; wall seconds."""
    began = time.monotonic()
    project.dvc(folder, "repro")
    return time.monotonic() - began


def disturb(start: Path, folder: Path, wanted: Mapping[str, str], kills: int, longest: float, chance: random.Random) -> Outcome:
    """Kill and restart until all kills are spent and the last pipeline is done; each pipeline is held against `wanted`."""
    outcome = Outcome()
    while sum(outcome.kills.values()) < kills:
        shutil.rmtree(folder, ignore_errors=True)
        project.copy_of(start, folder)
        done = False
        while not done:
            spent = sum(outcome.kills.values()) >= kills
            done = attempt(folder, None if spent else chance.uniform(0, longest), chance.choice([GROUP, ALONE]), outcome)
        outcome.pipelines += 1
        outcome.left_running += len(scripts_in(folder))
        outcome.differing += differences(wanted, files_of(folder))
        print(f"pipeline {outcome.pipelines}: {sum(outcome.kills.values())} kills so far", flush=True)
    return outcome


def attempt(folder: Path, after: float | None, what: str, outcome: Outcome) -> bool:
    """One `dvc repro`, killed after so many seconds if it isn't done by then; whether it was."""
    log = folder.with_suffix(".log")
    with log.open("w") as stream:
        run = subprocess.Popen(
            REPRO, cwd=folder, env=project.environment(), stdout=stream, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            code = run.wait(after)
        except subprocess.TimeoutExpired:
            code = None
            (os.killpg if what == GROUP else os.kill)(run.pid, signal.SIGKILL)
            run.wait()
    said = log.read_text(encoding="utf-8")
    outcome.waited += "waiting up to" in said
    if code is None:
        outcome.kills[what] += 1
        outcome.hit[(project.stages_run(said) or ["(none yet)"])[-1]] += 1
    elif code:
        sys.exit(f"`dvc repro` ended with {code} although nobody killed it:\n{said[-3000:]}")
    return code == 0


def scripts_in(folder: Path) -> list[int]:
    """Processes that still work in a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").resolve() == folder.resolve():
                found.append(int(process.name))
        except OSError:  # ended in between
            continue
    return found


def files_of(folder: Path) -> dict[str, str]:
    """Every file of a project that isn't git's, DVC's or ours alone, with the hash of its bytes."""
    return {
        path.relative_to(folder).as_posix(): sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not NOT_COMPARED & set(path.relative_to(folder).parts)
    }


def differences(wanted: Mapping[str, str], found: Mapping[str, str]) -> list[str]:
    """Files that are missing, too many, or hold other bytes."""
    return sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))


if __name__ == "__main__":
    main()
