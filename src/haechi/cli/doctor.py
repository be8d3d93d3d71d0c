"""`haechi doctor`: a line a check, with the remedy where something is wrong."""

import os
from dataclasses import asdict

import click
import orjson

from haechi.cli import options
from haechi.cli.project import FILES, Anywhere
from haechi.doctor.examine import examine
from haechi.runtime.environment import project_root
from haechi.runtime.errors import HaechiError


@click.command(cls=Anywhere)  # a project that lacks one of its files is one of its findings
@options.as_json
def doctor(as_json: bool) -> None:
    """Look for what would stop a run or spoil an experiment; each line has its remedy.

    It fails only where a run would.
    """
    root = project_root()
    if not any((root / name).exists() for name in FILES):
        raise HaechiError(f"doctor: {root} is no project (it has neither {' nor '.join(FILES)}); go to one")
    findings = []
    for finding in examine(root, os.environ):
        findings.append(finding)
        if not as_json:
            click.echo(f"{finding.level:5} {finding.check:15} {finding.said}")
            if finding.remedy:
                click.echo(f"{'':21} -> {finding.remedy}")
    if as_json:
        click.echo(orjson.dumps([asdict(finding) for finding in findings], option=orjson.OPT_INDENT_2).decode())
    if failed := [finding.check for finding in findings if finding.level == "fail"]:
        raise HaechiError(f"doctor: {', '.join(dict.fromkeys(failed))} would stop a run")
