"""`haechi doctor`: a line a check, with the remedy where something is wrong."""

import os
from dataclasses import asdict
from pathlib import Path

import click
import orjson

from haechi.doctor.examine import examine
from haechi.runtime.errors import HaechiError


def examine_project(root: Path, as_json: bool) -> None:
    """Print what every check finds; fail only where a run would."""
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
