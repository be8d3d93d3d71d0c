"""Where a command works: in the folder of its project, from whichever folder of it the command is given.

Paths that the user gives are meant from where the user stands, defaults and everything else from the project's folder.
"""

import os
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from haechi.pipeline.dvc_yaml import load_stages
from haechi.runtime.errors import HaechiError, MissingFile

FILES = ("dvc.yaml", "params.yaml")
"""A folder with both is a project."""


class FolderOrName(click.types.StringParamType):
    """A folder, or else the name of something that is no file, such as a revision or a model of the hub."""

    name = "folder or name"


class Command(click.Command):
    """Reads its arguments where the user stands, then works in the project's folder."""

    needs_project = True

    def invoke(self, ctx: click.Context) -> Any:
        """A group with a subcommand still to come moves its own paths alone: the subcommand reads its arguments here too."""
        if not _given(ctx, "root"):
            _enter(ctx, needed=self.needs_project)
        try:
            return super().invoke(ctx)
        except MissingFile as error:
            stage = stage_that_makes(error.path)
            raise HaechiError(f"{error}; make it with `dvc repro {stage}`" if stage else str(error)) from error


class Anywhere(Command):
    """Needs a project only if one of its paths is left to its default."""

    needs_project = False


class Commands(click.Group, Command):
    """A group whose help shows the whole first sentence of each command, where click would cut it."""

    command_class = Command
    group_class = type

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands, wrapped."""
        found = {name: self.get_command(ctx, name) for name in self.list_commands(ctx)}
        with formatter.section("Commands"):
            formatter.write_dl([(name, one.get_short_help_str(limit=300)) for name, one in found.items() if one])


def project_of(here: Path) -> Path | None:
    """The nearest folder upwards that is a project."""
    return next((folder for folder in (here, *here.parents) if all((folder / name).is_file() for name in FILES)), None)


def stage_that_makes(path: Path) -> str:
    """Whose output the file is in the project of this folder; empty where no stage makes it on a run."""
    stages = load_stages(Path()).values() if Path(FILES[0]).is_file() else ()
    place = Path(os.path.relpath(path))
    return next((s.name for s in stages if not s.frozen and any(place.is_relative_to(out) for out in s.outs)), "")


def _enter(ctx: click.Context, *, needed: bool) -> None:
    here = Path.cwd()
    root = project_of(here)
    paths = [p.name for p in ctx.command.params if p.name and isinstance(p.type, click.Path | FolderOrName)]
    if root and root != here:
        for name in paths:
            if _given(ctx, name):
                ctx.params[name] = _moved(ctx.params[name], here, root)
    if ctx.invoked_subcommand:
        return
    defaulted = any(ctx.params[name] and not _given(ctx, name) for name in paths)
    if root:
        os.chdir(root)
    elif needed or defaulted:
        raise HaechiError(f"{here}: belongs to no project (no folder from here upwards has {' and '.join(FILES)}); go to one")


def _given(ctx: click.Context, name: str) -> bool:
    return ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE


def _moved(value: Any, here: Path, root: Path) -> Any:
    """The same file or folder as seen from the project; a name that is none stays a name."""
    if isinstance(value, tuple):
        return tuple(_moved(one, here, root) for one in value)
    if isinstance(value, Path):
        return value if value.is_absolute() else Path(os.path.relpath(here / value, root))
    return os.path.relpath(here / value, root) if (here / value).exists() and not Path(value).is_absolute() else value
