"""Administrative rules of the national law service (`{"AdmRulService": …}`) as the same `Statute`s as laws.

Articles come as a list of strings, or as one long string; paragraphs (①) and items (1.) stand inline. A mark counts
as one only where it is the next in its sequence, so that a date or a reference does not cut a text. Gives up the
split into 목: it stays inside its item.
"""

import re
from collections.abc import Iterator
from typing import Any

from haechi.parsing.json_fields import Malformed, date_at, filled_text, id_at, optional_text, rows, table_at
from haechi.parsing.raw import RawDocument
from haechi.parsing.statute_types import Addendum, Article, Item, Paragraph, Parsed, Statute
from haechi.parsing.statutes import ChapterPath, read_addendum, read_annexes, split_title
from haechi.records.dropped import Dropped
from haechi.text.normalize import CIRCLED, clean, is_deleted, one_line, strip_amendments

_ARTICLE = re.compile(r"제\s*(\d+)(?:-(\d+))?\s*조(?:\s*의\s*(\d+))?")
_ARTICLE_START = re.compile(r"(?:^|(?<=\s))제(\d+)(?:-(\d+))?조(?:의(\d+))?\s*(?=\(|삭\s*제|<\s*삭)")
_UNTIL = re.compile(r"\s*(?:부터|내지|~)\s*제\s*\d+(?:-\d+)?\s*조(?:\s*의\s*\d+)?(?:\s*까지)?")
_HEADING = re.compile(r"제\s*\d+\s*(?:편|장|절|관)(?:\s*의\s*\d+)?(?=\s|$|\()")
_TAIL_HEADINGS = re.compile(r"(?:^|\s)(제\d+(?:편|장|절|관)(?:의\d+)?\s[^.①-⑳]{1,60})$")
_CIRCLED_MARK = re.compile(r"[" + "".join(CIRCLED) + r"]")
_ITEM_MARK = re.compile(r"(?:^|(?<=\s))(?<!\d\.\s)(\d{1,3})(?:의(\d{1,2}))?\.(?=\s|[가-힣\"「<(])")


def parse_rule(raw: RawDocument) -> Parsed[Statute]:
    """The rule, and a `Dropped` for each of its units (article, annex, addendum) that is not kept."""
    try:
        body = table_at(raw.value, "AdmRulService")
        facts = table_at(body, "행정규칙기본정보")
        # The ID stays through amendments, the serial number (일련번호) does not.
        rule_id, name = id_at(facts, "행정규칙ID"), one_line(filled_text(facts, "행정규칙명"))
        kind, date = optional_text(facts, "행정규칙종류"), date_at(facts, "시행일자")
        strings = list(_strings(body.get("조문내용")))
        annex_rows = rows(table_at(body, "별표"), "별표단위") if body.get("별표") else []
        addendum_rows = _parallel(body.get("부칙"))
    except Malformed as bad:
        return Parsed(None, 1, (Dropped(raw.source, raw.position, bad.reason, bad.detail),))

    dropped: list[Dropped] = []
    articles = tuple(_articles(raw.source, strings, dropped))
    annexes = tuple(read_annexes(raw.source, annex_rows, dropped))
    addenda = tuple(_addenda(raw.source, addendum_rows, dropped))
    first_date = min((addendum.date for addendum in addenda if addendum.date), default="")
    rule = Statute("admin", rule_id, name, "", kind, date, first_date, articles, annexes, addenda, raw.source)
    headings = sum(_is_heading(text) for text in strings)
    return Parsed(rule, len(strings) - headings + len(annex_rows) + len(addendum_rows), tuple(dropped))


def split_articles(text: str) -> list[str]:
    """One long string as a list of headings and articles."""
    starts = _rising(
        [((int(found[1]), int(found[2] or 0), int(found[3] or 0)), found.start()) for found in _ARTICLE_START.finditer(text)]
    )
    pieces = [text[a:b].strip() for a, b in zip([0, *starts], [*starts, len(text)], strict=True)]
    return [part for piece in pieces for part in _split_headings(piece) if part]


def _rising(labels: list[tuple[tuple[int, int, int], int]]) -> list[int]:
    """The places of the longest rising run of labels: a reference to 제4-4조(제목) inside 제3-13조 falls out of it."""
    length, previous = [1] * len(labels), [-1] * len(labels)
    for at, (label, _) in enumerate(labels):
        for before in range(at):
            if labels[before][0] < label and length[before] >= length[at]:
                length[at], previous[at] = length[before] + 1, before
    places: list[int] = []
    at = max(range(len(labels)), key=length.__getitem__, default=-1)
    while at >= 0:
        places.append(labels[at][1])
        at = previous[at]
    return places[::-1]


def split_paragraphs(text: str) -> tuple[str, list[tuple[int, str]]]:
    """The lead, then (number, text) of each ① ② …"""
    lead, parts = _cut_at(text, _paragraph_marks(text))
    return lead, [(number, part) for (number, _), part in parts]


def split_items(text: str) -> tuple[str, list[tuple[tuple[int, int], str]]]:
    """The lead, then ((number, branch), text) of each 1. 2. …; a single mark is no list."""
    marks = list(_item_marks(text))
    return _cut_at(text, marks if len(marks) > 1 else [])


Mark = tuple[tuple[int, int], int, int]  # (number, branch), start, end


def _paragraph_marks(text: str) -> Iterator[Mark]:
    expected = 1
    for found in _CIRCLED_MARK.finditer(text):
        if CIRCLED[found[0]] == expected:
            yield (expected, 0), found.start(), found.end()
            expected += 1


def _item_marks(text: str) -> Iterator[Mark]:
    last = (0, 0)
    for found in _ITEM_MARK.finditer(text):
        number = (int(found[1]), int(found[2] or 0))
        if number == (last[0] + 1, 0) or (last[0] and number == (last[0], max(last[1] + 1, 2))):
            yield number, found.start(), found.end()
            last = number


def _cut_at(text: str, marks: Iterator[Mark] | list[Mark]) -> tuple[str, list[tuple[tuple[int, int], str]]]:
    found = list(marks)
    if not found:
        return text.strip(), []
    ends = [start for _, start, _ in found[1:]] + [len(text)]
    parts = [(number, text[start:end].strip()) for (number, _, start), end in zip(found, ends, strict=True)]
    return text[: found[0][1]].strip(), parts


def _strings(value: Any) -> Iterator[str]:
    if value is None:
        raise Malformed("missing_key", "조문내용 is missing")
    if isinstance(value, str):
        yield from split_articles(clean(value))
        return
    if not isinstance(value, list):
        raise Malformed("wrong_type", f"조문내용 is a {type(value).__name__}, expected texts")
    for inner in value:
        if isinstance(inner, list):
            yield from _strings(inner)
        elif isinstance(inner, str):
            if text := clean(inner):
                yield text
        else:
            raise Malformed("wrong_type", f"조문내용 holds a {type(inner).__name__}, expected texts")


def _split_headings(piece: str) -> list[str]:
    headings: list[str] = []
    while found := _TAIL_HEADINGS.search(piece):
        headings.insert(0, found[1].strip())
        piece = piece[: found.start()].strip()
    return [piece, *headings]


def _is_heading(text: str) -> bool:
    return _HEADING.match(text) is not None


def _articles(source: str, strings: list[str], dropped: list[Dropped]) -> Iterator[Article]:
    path = ChapterPath()
    for text in strings:
        if _is_heading(text):
            path.read(text)
            continue
        found = _ARTICLE.match(text)
        if not found:
            dropped.append(Dropped(source, "", "no_article_label", text))
            continue
        article = _article(found, text, path.names)
        if not article.live:
            reason = "deleted_article" if "삭" in text else "empty_article"
            dropped.append(Dropped(source, article.label, reason, text))
        yield article


def _article(found: re.Match[str], text: str, chapters: tuple[str, ...]) -> Article:
    number = f"{found[1]}-{found[2]}" if found[2] else found[1]
    label = f"제{number}조의{found[3]}" if found[3] else f"제{number}조"
    rest = text[found.end() :].strip()
    if many := _UNTIL.match(text, found.end()):  # 제5조 내지 제7조 삭제: one row for several
        rest = text[many.end() :].strip()
    title, body = split_title(rest)
    if is_deleted(body) or (not body and is_deleted(title)):
        return Article(label, title, chapters, "", (), live=False)
    lead, parts = split_paragraphs(strip_amendments(body))
    paragraphs = [_paragraph(f"제{number}항", part) for number, part in parts]
    if not parts:
        lead, items = split_items(lead)
        paragraphs = [Paragraph("", "", tuple(_item(*item) for item in items), live=True)] if items else []
    live = bool(lead or any(paragraph.live for paragraph in paragraphs))
    return Article(label, title, chapters, lead, tuple(paragraphs), live)


def _paragraph(label: str, text: str) -> Paragraph:
    lead, items = split_items(text)
    return Paragraph(label, lead, tuple(_item(*item) for item in items), live=bool(text) and not is_deleted(text))


def _item(number: tuple[int, int], text: str) -> Item:
    label = f"제{number[0]}호의{number[1]}" if number[1] else f"제{number[0]}호"
    return Item(label, text, (), live=bool(text) and not is_deleted(text))


def _parallel(value: Any) -> list[tuple[Any, Any, Any]]:
    """부칙 as (date, number, text): three lists of one length, or three strings."""
    if not value:
        return []
    if not isinstance(value, dict):
        raise Malformed("wrong_type", f"부칙 is a {type(value).__name__}, expected an object")
    columns = [value.get(key, []) for key in ("부칙공포일자", "부칙공포번호", "부칙내용")]
    dates, numbers, texts = (column if isinstance(column, list) else [column] for column in columns)
    if not len(dates) == len(numbers) == len(texts):
        raise Malformed("wrong_type", f"부칙 has {len(dates)} dates, {len(numbers)} numbers and {len(texts)} texts")
    return list(zip(dates, numbers, texts, strict=True))


def _addenda(source: str, addendum_rows: list[tuple[Any, Any, Any]], dropped: list[Dropped]) -> Iterator[Addendum]:
    for date, number, text in addendum_rows:
        if not (isinstance(date, str) and isinstance(number, str) and isinstance(text, str)):
            dropped.append(Dropped(source, "부칙", "wrong_type", "부칙 holds something else than texts"))
            continue
        addendum = read_addendum(date, number, text)
        if addendum.text:
            yield addendum
        else:
            dropped.append(Dropped(source, addendum.label, "empty_addendum"))
