"""`haechi fetch`: raw documents from the law service, one file a record."""

import os
from contextlib import closing
from pathlib import Path
from random import Random

import click

from haechi.cli.project import Anywhere
from haechi.fetch.client import Client, Pace, service_from
from haechi.fetch.download import LEDGER, download
from haechi.fetch.replies import TARGETS
from haechi.runtime.options import FOLDER
from haechi.runtime.progress import say, show_table


@click.command(cls=Anywhere, epilog="Example: haechi fetch laws --out data/raw/laws --query 도로교통 --max 10")
@click.argument("what", type=click.Choice(["laws", "admin-rules", "precedents"]))
@click.option("--out", type=FOLDER, required=True, help="Folder of the files, one a record.")
@click.option("--query", default="*", show_default=True, help="Only what the service finds for these words.")
@click.option("--max", "most", type=click.IntRange(min=1), help="Only the first so many of the list.")
@click.option("--delay", type=click.FloatRange(min=0), default=1.0, show_default=True, help="Seconds between two requests.")
def fetch(what: str, out: Path, query: str, most: int | None, delay: float) -> None:
    """Download raw documents from the national law information service.

    The key of the service is in HAECHI_LAW_OC. Files that are there already are not asked for again.
    """
    with closing(Client(service_from(os.environ), Pace(delay), Random())) as client:  # noqa: S311  # jitter, no secret
        done = download(client, TARGETS[what], out, query, most)
    rows = [("listed", done.listed), ("already there", done.present), ("fetched", done.fetched)]
    if done.from_ledger:
        rows.insert(1, (f"only in {LEDGER}", done.from_ledger))
    rows += [(f"failed: {reason}", count) for reason, count in done.failed.items()]
    show_table(f"fetch {what}", ("what", "records"), rows)
    if done.listed < done.announced:
        say(f"the service announces {done.announced} and lists {done.listed} different ones; run again for the rest")
    if done.failed:
        say(f"what failed is in {out / LEDGER}; the same command tries it again")
