"""How every command ends: a HaechiError is one sentence and its exit code, Ctrl-C one word and 130; a bug keeps its traceback."""

import os
import sys
import warnings
from collections.abc import Callable
from typing import Any

import click

from haechi.runtime.errors import HaechiError
from haechi.runtime.stage_log import timed


def run(command: Callable[..., Any]) -> None:
    """Run a click command as a program; HAECHI_DEBUG=1 shows the traceback of a one-sentence error too."""
    warnings.filterwarnings("ignore", category=FutureWarning)  # libraries' notes to their own developers
    try:
        with timed():
            command(standalone_mode=False)
    except HaechiError as error:
        if os.environ.get("HAECHI_DEBUG") == "1":
            raise
        click.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        click.echo("interrupted", err=True)
        sys.exit(130)
