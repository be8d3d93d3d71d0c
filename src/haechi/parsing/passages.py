"""Cut statutes, decisions and documents into passages with ids built from the source's own keys.

A passage is a header line (law, chapters, title) and a body. At every granularity the same articles have passages, so
gold at article level does not depend on the cut. An item passage shows the sentence that it hangs on; nothing else is
repeated. Gives up 목 as passages of their own: they stay inside their 호.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from haechi.parsing.chunks import cut, windows
from haechi.parsing.documents import Document
from haechi.parsing.params import PreprocessParams
from haechi.parsing.sections import pieces, sections
from haechi.parsing.statute_types import Article, Item, Paragraph, Statute
from haechi.records.decision import Decision
from haechi.records.passage import HEADINGS, Passage

_CONTEXT = 200  # characters of the sentence that an item hangs on


@dataclass(frozen=True, slots=True)
class _Unit:
    """A piece of an article before it is cut to length."""

    id: str
    parent_id: str
    body: str
    context: str = ""


def statute_passages(statute: Statute, params: PreprocessParams) -> Iterator[Passage]:
    """The passages of a law or rule; deleted articles, paragraphs and items have none."""
    for article in statute.articles:
        if article.live:
            key = f"{statute.key}_{article.label}"
            header = f"{' > '.join((statute.name, *article.chapters))} | {_headline(article.label, article.title)}"
            overlap = params.granularity == "window"
            for unit in _units(key, statute.key, article, params):
                yield from _passages(statute, unit, header, article.title, article.label, params.max_chars, overlap)
    if params.annexes:
        for annex in statute.annexes:
            header = f"{statute.name} | {_headline(annex.label, annex.title)}"
            unit = _Unit(f"{statute.key}_{annex.label}", statute.key, annex.text)
            yield from _passages(statute, unit, header, annex.title, annex.label, params.max_chars)
    if params.addenda:
        for addendum in statute.addenda:
            header = f"{statute.name} | {addendum.label.replace('_', ' ')}"
            unit = _Unit(f"{statute.key}_{addendum.label}", statute.key, addendum.text)
            yield from _passages(statute, unit, header, "부칙", addendum.label, params.max_chars)


def decision_passages(decision: Decision, params: PreprocessParams) -> Iterator[Passage]:
    """One passage a section (issue, then holding), cut to length."""
    key = f"PREC_{decision.id}"
    case = decision.case_numbers[0] if decision.case_numbers else ""
    header = f"{' '.join(filter(None, (decision.court, decision.date, case)))} | {decision.name}"
    for section in decision.sections:
        body = "\n".join(filter(None, (section.issue, section.holding)))
        for suffix, piece in _numbered(cut(body, params.max_chars)):
            yield Passage(
                id=f"{key}_{section.number}{suffix}",
                parent_id=key,
                article_key=key,
                type="prec",
                text=f"{header}\n{piece}",
                title=decision.name,
                law_name="",
                article="",
                date=decision.date,
                source=decision.source,
            )


def document_passages(document: Document, params: PreprocessParams) -> Iterator[Passage]:
    """A document cut by sections and to length, each passage below title and headings; they are numbered from 1."""
    key = f"DOC_{document.docid}"
    overlap = params.max_chars // 4 if params.granularity == "window" else params.overlap_chars
    number = 0
    for section in sections(document.blocks):
        header = HEADINGS.join(filter(None, (document.title, *section.path)))
        own_key = f"{key}#{section.slug}" if params.document_gold == "section" and section.slug else key
        for piece in pieces(section.blocks, params.max_chars, overlap):
            number += 1
            yield Passage(
                id=f"{key}_{number}",
                parent_id=key,
                article_key=own_key,
                type="doc",
                text=f"{header}\n{piece.text}" if header else piece.text,
                title=document.title,
                law_name="",
                article="",
                date="",
                source=document.source,
                page=piece.page,
            )


def article_body(article: Article) -> str:
    """The whole article as people read it: lead, then paragraphs with their items."""
    return _joined([article.lead, *(_paragraph_body(paragraph) for paragraph in article.paragraphs if paragraph.live)])


def _units(key: str, law_key: str, article: Article, params: PreprocessParams) -> Iterator[_Unit]:
    if params.granularity in ("article", "window"):
        yield _Unit(key, law_key, article_body(article))
    elif params.granularity == "paragraph":
        yield from _paragraph_units(key, law_key, article)
    else:
        yield from _item_units(key, law_key, article)


def _paragraph_units(key: str, law_key: str, article: Article) -> Iterator[_Unit]:
    bare = [paragraph for paragraph in article.paragraphs if paragraph.live and not paragraph.label]
    body = _joined([article.lead, *(_paragraph_body(paragraph) for paragraph in bare)])
    if body:
        yield _Unit(key, law_key, body)
    for paragraph in article.paragraphs:
        if paragraph.live and paragraph.label:
            yield _Unit(f"{key}_{paragraph.label}", key, _paragraph_body(paragraph))


def _item_units(key: str, law_key: str, article: Article) -> Iterator[_Unit]:
    if article.lead:
        yield _Unit(key, law_key, article.lead)
    for paragraph in article.paragraphs:
        if not paragraph.live:
            continue
        owner = f"{key}_{paragraph.label}" if paragraph.label else key
        if paragraph.label and paragraph.text:
            yield _Unit(owner, key, _marked(paragraph))
        context = paragraph.text or article.lead
        for item in paragraph.items:
            if item.live:
                yield _Unit(f"{owner}_{item.label}", owner, _item_body(item), _shortened(context))


def _passages(
    statute: Statute, unit: _Unit, header: str, title: str, label: str, max_chars: int, overlap: bool = False
) -> Iterator[Passage]:
    top = f"{header}\n{unit.context}" if unit.context else header
    split = windows if overlap else cut
    for suffix, piece in _numbered(split(unit.body, max_chars)):
        yield Passage(
            id=f"{unit.id}{suffix}",
            parent_id=unit.parent_id,
            article_key=f"{statute.key}_{label}",
            type=statute.type,
            text=f"{top}\n{piece}",
            title=title,
            law_name=statute.name,
            article=label,
            date=statute.date,
            source=statute.source,
        )


def _numbered(pieces: Iterable[str]) -> Iterator[tuple[str, str]]:
    """The first piece keeps the id of its unit, the others get _c2, _c3, …"""
    for number, piece in enumerate(pieces, start=1):
        yield (f"_c{number}" if number > 1 else ""), piece


def _headline(label: str, title: str) -> str:
    return f"{label}({title})" if title else label


def _paragraph_body(paragraph: Paragraph) -> str:
    return _joined([_marked(paragraph), *(_item_body(item) for item in paragraph.items if item.live)])


def _marked(paragraph: Paragraph) -> str:
    """`제1항` is written ① in the law, but a model reads words."""
    return f"{paragraph.label} {paragraph.text}".strip()


def _item_body(item: Item) -> str:
    number = item.label.removeprefix("제").replace("호", "", 1)
    subitems = (f"{subitem.label}. {subitem.text}" for subitem in item.subitems if subitem.live)
    return _joined([f"{number}. {item.text}", *subitems])


def _shortened(text: str) -> str:
    return text if len(text) <= _CONTEXT else f"{text[:_CONTEXT].rstrip()}…"


def _joined(parts: Iterable[str]) -> str:
    return "\n".join(part for part in parts if part)
