"""`haechi citations`: what the parser of citations makes of a text."""

from pathlib import Path

import click

from haechi.citations.law_index import LawIndex
from haechi.citations.resolve import Resolved, parse_citations, resolve
from haechi.cli.project import Anywhere
from haechi.parsing.ingest import read_corpus
from haechi.runtime.options import FOLDER
from haechi.runtime.progress import say, show_table


@click.command(cls=Anywhere, epilog='Example: haechi citations "개인기록보호법 제21조 제1항, 제30조 제1항"')
@click.argument("text")
@click.option("--raw", type=FOLDER, default=Path("data/raw"), show_default=True, help="Where the laws are.")
@click.option("--date", default="", help="Date of the citing decision (YYYYMMDD), for the date rule.")
def citations(text: str, raw: Path, date: str) -> None:
    """Show how a string of citations is read and what each one resolves to."""
    corpus = read_corpus(raw)
    index = LawIndex(corpus.statutes, corpus.rules)
    rows = []
    for citation in parse_citations(text):
        answer = resolve(citation, index, date)
        place = " ".join(filter(None, (citation.article, citation.paragraph, citation.item, citation.subitem)))
        meaning = answer.article_key if isinstance(answer, Resolved) else f"- ({answer.reason})"
        rows.append((citation.law, place, citation.kind, citation.form, meaning))
    if not rows:
        say(f"{text}: no citation is read in it; write a law with an article of it, such as `{text} 제1조`")
        return
    show_table(text, ("law", "place", "kind", "form", "article"), rows)
