"""`haechi rows`: the row store as people handle it."""

from datetime import UTC, datetime
from pathlib import Path

import click

from haechi.cli.options import EXISTING
from haechi.cli.project import Commands
from haechi.rowstore import maintenance
from haechi.rowstore.export import export_rows, import_rows
from haechi.rowstore.namespaces import ALL, namespace
from haechi.rowstore.store import Store, connect, store_path
from haechi.runtime.errors import HaechiError, UsageError
from haechi.runtime.options import FILE, FOLDER
from haechi.runtime.progress import say, show_table

NAMES = click.Choice([known.name for known in ALL])


@click.group(cls=Commands)
@click.option("--store", "path", type=FILE, help="Another file than the project's.")
@click.pass_context
def rows(context: click.Context, path: Path | None) -> None:
    """Look after the row store: answers, vectors, scores, tokens that were costly."""
    context.obj = path or store_path()


@rows.command()
@click.pass_obj
def stats(path: Path) -> None:
    """What is in the store, from where, and what it cost."""
    store = _existing(path)
    lines = [
        (
            share.namespace,
            " ".join(f"{name}={value}" for name, value in share.origin.items()) or "-",
            f"{share.rows:,}",
            f"{share.bytes / 1e6:,.1f}",
            f"{share.cost:.4f}" if share.cost else "-",
            datetime.fromtimestamp(share.newest, UTC).strftime("%Y-%m-%d"),
        )
        for share in maintenance.shares(store)
    ]
    store.close()
    say(str(path))
    show_table("rows", ("namespace", "made by", "rows", "MB", "cost", "newest"), lines)


@rows.command(epilog="Example: haechi rows export data/rows")
@click.argument("folder", type=FOLDER)
@click.option("--namespace", "names", type=NAMES, multiple=True, help="Only these  [default: those that were paid for].")
@click.option("--all", "everything", is_flag=True, help="All namespaces.")
@click.pass_obj
def export(path: Path, folder: Path, names: tuple[str, ...], everything: bool) -> None:
    """Write rows as sorted files that DVC can track, so that a clone replays without paying."""
    if names and everything:
        raise UsageError("haechi rows export: say either --namespace or --all")
    chosen = [namespace(name) for name in names] or [known for known in ALL if everything or known.paid]
    store = _existing(path)
    counts = export_rows(store, chosen, folder)
    store.close()
    show_table("exported", ("namespace", "rows"), counts.items())
    say(f"written to {folder}")


@rows.command("import", epilog="Example: haechi rows import data/rows")
@click.argument("source", type=EXISTING)
@click.option("--keep", is_flag=True, help="Where a key has another value here, keep it and import the rest.")
@click.pass_obj
def import_(path: Path, source: Path, keep: bool) -> None:
    """Take over the rows of an export or of another store; all or nothing."""
    store = connect(path)
    done = import_rows(store, source, "keep" if keep else "refuse")
    store.close()
    lines = [(name, one.new, one.known, one.conflicts) for name, one in done.items()]
    show_table("imported", ("namespace", "new", "known", "other value kept"), lines)


@rows.command(epilog="Example: haechi rows prune --namespace tokens --older-than 90")
@click.option("--namespace", "name", type=NAMES, required=True, help="Whose rows.")
@click.option("--older-than", "days", type=click.FloatRange(min=0), default=0.0, help="Only rows made so many days ago.")
@click.option("--paid", is_flag=True, help="Also rows that were paid for.")
@click.pass_obj
def prune(path: Path, name: str, days: float, paid: bool) -> None:
    """Delete rows of a namespace; they are made again when needed."""
    store = _existing(path)
    gone = maintenance.prune(store, namespace(name), days, paid)
    store.close()
    say(f"{gone:,} rows of {name} deleted")


@rows.command()
@click.pass_obj
def verify(path: Path) -> None:
    """Check the file and every row in it."""
    store = _existing(path)
    found = 0
    for problem in maintenance.problems(store):
        found += 1
        say(problem)
    counts = [(known.name, store.count(known)) for known in ALL]
    store.close()
    if found:
        raise HaechiError(f"{path}: {found} problems; export what is whole, move the file away, and import")
    show_table("checked", ("namespace", "rows"), counts)
    say(f"{path}: every row is whole")


def _existing(path: Path) -> Store:
    if not path.is_file():
        raise HaechiError(f"{path}: no row store yet; the stages make it")
    return connect(path)
