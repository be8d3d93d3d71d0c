"""`haechi deps`: whether dvc.yaml names the code that each stage runs, and what it names beyond that."""

from pathlib import Path

import click

from haechi.cli import options
from haechi.cli.project import Command
from haechi.pipeline.deps import check, outdated, room_of
from haechi.pipeline.dvc_yaml import load_stages
from haechi.runtime.errors import HaechiError, UsageError
from haechi.runtime.progress import say, show_table


@click.command(cls=Command)
@click.option("--check", "check", is_flag=True, help="Fail if dvc.yaml or the code named in dvc.lock is stale.")
@click.option("--report", "report", is_flag=True, help="Show what each stage names, and what of it doesn't run.")
@options.root
def deps(check: bool, report: bool, root: Path) -> None:
    """Compare the code that each stage names in dvc.yaml with what it imports."""
    if check == report:
        raise UsageError("haechi deps: say either --check or --report")
    check_deps(root.resolve()) if check else report_deps(root.resolve())


def check_deps(root: Path) -> None:
    """Fail on the first thing that is wrong, with what to do."""
    check(root, load_stages(root))
    if stale := outdated(root):
        stage, dep = stale[0]
        remedy = "`haechi testset refresh`" if stage == "testset" else "`dvc repro`"
        raise HaechiError(f"dvc.lock: {stage} was made with another {dep} ({len(stale)} such entries); run {remedy}, then commit")


def report_deps(root: Path) -> None:
    """A line a stage: what it names, and which modules of its rooms it doesn't run."""
    stages = load_stages(root)
    found = check(root, stages)
    rows = []
    for one in found:
        by_room: dict[str, list[str]] = {}
        for file in one.needless:
            by_room.setdefault(room_of(file), []).append(Path(file).stem)
        needless = "; ".join(f"{room}: {', '.join(names)}" for room, names in by_room.items())
        rows.append((one.stage, str(len(stages[one.stage].code)), str(len(one.needless)), needless or "-"))
    show_table("code in dvc.yaml", ("stage", "deps", "not run", "modules that make it rerun for nothing"), rows, figures=False)
    pairs = sum(len(one.needless) for one in found)
    say(f"{pairs} pairs of a stage and a module that it names and doesn't run; a frozen stage never reruns by itself")
