"""Laws of the national law service (`{"법령": …}`) as `Statute`s.

Headings become the chapter path of the articles after them, and never articles: a heading row carries the number of
the next article. An article whose shape is broken is dropped whole, never kept by halves. Gives up 개정문 and
제개정이유.
"""

import re
from collections.abc import Iterator
from typing import Any

from haechi.parsing.json_fields import (
    Malformed,
    as_date,
    date_at,
    filled_text,
    id_at,
    lines,
    optional_text,
    rows,
    short_id,
    table_at,
    text_at,
)
from haechi.parsing.raw import RawDocument
from haechi.parsing.statute_types import Addendum, Annex, Article, Item, Paragraph, Parsed, Statute, Subitem
from haechi.records.dropped import Dropped
from haechi.text.normalize import CIRCLED, clean, fold, is_deleted, one_line, strip_amendments

_HEADING = re.compile(r"제\s*\d+\s*(편|장|절|관|항)(?:\s*의\s*\d+)?")
_NEXT_HEADING = re.compile(r"\n|\s+(?=제\s*\d+\s*(?:편|장|절|관)(?:\s*의\s*\d+)?\s)")
_LEVELS = {"편": 0, "장": 1, "절": 2, "관": 3, "항": 4}
_ARTICLE_LABEL = re.compile(r"\s*제\s*\d+(?:-\d+)?\s*조(?:\s*의\s*\d+)?")
_NUMBERED = re.compile(r"(\d+)(?:의(\d+))?")
_ITEM_LABEL = re.compile(r"\s*\d+(?:의\d+)?\s*\.\s*")
_SUBITEM_LABEL = re.compile(r"\s*[가-힣]{1,2}\s*\.\s*")
_BOX = re.compile(r"[\u2500-\u257f]+")
_MOVED = re.compile(r"이동")
_FORMS = ("서식", "별지")


def parse_statute(raw: RawDocument) -> Parsed[Statute]:
    """The statute, and a `Dropped` for each of its units (article, annex, addendum) that is not kept."""
    try:
        body = table_at(raw.value, "법령")
        facts = table_at(body, "기본정보")
        law_id, name = id_at(facts, "법령ID"), one_line(filled_text(facts, "법령명_한글"))
        abbr, kind = one_line(optional_text(facts, "법령명약칭")), _kind(facts)
        date = date_at(facts, "시행일자")
        article_rows = rows(table_at(body, "조문"), "조문단위")
        annex_rows = rows(table_at(body, "별표"), "별표단위") if body.get("별표") else []
        addendum_rows = rows(table_at(body, "부칙"), "부칙단위") if body.get("부칙") else []
    except Malformed as bad:
        return Parsed(None, 1, (Dropped(raw.source, raw.position, bad.reason, bad.detail),))

    dropped: list[Dropped] = []
    articles = tuple(_articles(raw.source, article_rows, dropped))
    annexes = tuple(read_annexes(raw.source, annex_rows, dropped))
    addenda = tuple(_addenda(raw.source, addendum_rows, dropped))
    headings = sum(_heading(row) is not None for row in article_rows)
    first_date = min((addendum.date for addendum in addenda if addendum.date), default="")
    statute = Statute("law", law_id, name, abbr, kind, date, first_date, articles, annexes, addenda, raw.source)
    return Parsed(statute, len(article_rows) - headings + len(annex_rows) + len(addendum_rows), tuple(dropped))


class ChapterPath:
    """The headings that an article stands under; a new heading closes those of its level and below."""

    def __init__(self) -> None:
        self._open: dict[int, str] = {}

    def read(self, text: str) -> None:
        """Take in a heading, or several on lines of their own."""
        for line in _NEXT_HEADING.split(strip_amendments(text)):
            if line:
                found = _HEADING.match(line)
                level = _LEVELS[found[1]] if found else len(_LEVELS)
                self._open = {at: name for at, name in self._open.items() if at < level} | {level: line}

    @property
    def names(self) -> tuple[str, ...]:
        """The open headings, from the widest to the narrowest."""
        return tuple(self._open[level] for level in sorted(self._open))


def read_annexes(source: str, annex_rows: list[dict[str, Any]], dropped: list[Dropped]) -> Iterator[Annex]:
    """The annexes among the rows of 별표단위; forms, deleted and empty ones are dropped by name."""
    for row in annex_rows:
        try:
            kind, label = optional_text(row, "별표구분") or "별표", _annex_label(row)
            title = one_line(optional_text(row, "별표제목문자열") or optional_text(row, "별표제목"))
            text = strip_amendments(_BOX.sub(" ", lines(row, "별표내용")))
        except Malformed as bad:
            dropped.append(Dropped(source, "별표", bad.reason, bad.detail))
            continue
        if any(form in kind for form in _FORMS):
            dropped.append(Dropped(source, label, "form", title))
        elif is_deleted(title) or is_deleted(re.sub(r"^.*?\[별[^\]]*\]\s*", "", text, count=1)):
            dropped.append(Dropped(source, label, "deleted_annex", title))
        elif not text:
            dropped.append(Dropped(source, label, "empty_annex", title))
        else:
            yield Annex(label, title, text, live=True)


def article_label(number: str, branch: str = "") -> str:
    """`제28조`, `제28조의2`."""
    return f"제{number}조의{branch}" if branch else f"제{number}조"


def body_of(text: str, title: str) -> str:
    """The text of an article without its label and its bracketed title."""
    body = text[found.end() :] if (found := _ARTICLE_LABEL.match(text)) else text
    bracketed, rest = split_title(body)
    # Folded, because title and text may write the middle dot differently.
    return rest if fold(bracketed) == fold(title) else body.strip()


def split_title(text: str) -> tuple[str, str]:
    """`(정의(용어)) 본문` is `정의(용어)` and `본문`; a text that does not begin with a bracket has no title."""
    text = text.strip()
    depth = 0
    for at, character in enumerate(text if text.startswith("(") else ""):
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return text[1:at].strip(), text[at + 1 :].strip()
    return "", text


def _kind(facts: dict[str, Any]) -> str:
    kind = facts.get("법종구분")
    return optional_text(kind, "content") if isinstance(kind, dict) else ""


def _articles(source: str, article_rows: list[dict[str, Any]], dropped: list[Dropped]) -> Iterator[Article]:
    path = ChapterPath()
    for row in article_rows:
        if (heading := _heading(row)) is not None:
            path.read(heading)
            continue
        label = ""
        try:
            label = _label(row)
            article = _article(row, label, path.names)
            if not article.live:
                dropped.append(Dropped(source, label, *_why_not_live(row)))
        except Malformed as bad:
            dropped.append(Dropped(source, label, bad.reason, bad.detail))
            continue
        yield article


def _heading(row: dict[str, Any]) -> str | None:
    """The text of a heading; None for an article, and for a heading that can't be read: it is dropped like one."""
    try:
        return lines(row, "조문내용") if row.get("조문여부") == "전문" else None
    except Malformed:
        return None


def _label(row: dict[str, Any]) -> str:
    number, branch = id_at(row, "조문번호"), short_id(optional_text(row, "조문가지번호").strip(), "조문가지번호")
    if not number.isdigit() or not (branch.isdigit() or not branch):
        raise Malformed("wrong_type", f"조문번호 {number!r} 의 {branch!r} is no number")
    return article_label(str(int(number)), str(int(branch)) if branch and int(branch) else "")


def _article(row: dict[str, Any], label: str, chapters: tuple[str, ...]) -> Article:
    title = one_line(optional_text(row, "조문제목"))
    content = lines(row, "조문내용")
    body = body_of(clean(content), title)
    paragraphs = tuple(_paragraph(paragraph) for paragraph in rows(row, "항"))
    lead = strip_amendments(body)
    if body and is_deleted(body) and not paragraphs:
        return Article(label, title, chapters, "", (), live=False)
    live = bool(lead or any(paragraph.live for paragraph in paragraphs))
    return Article(label, title, chapters, lead, paragraphs, live)


def _why_not_live(row: dict[str, Any]) -> tuple[str, str]:
    note, content = one_line(lines(row, "조문참고자료")), one_line(lines(row, "조문내용"))
    if is_deleted(body_of(content, one_line(optional_text(row, "조문제목")))) or rows(row, "항"):
        return "deleted_article", content
    if _MOVED.search(note):
        return "moved_article", note
    return "empty_article", content


def _paragraph(row: dict[str, Any]) -> Paragraph:
    number, text = optional_text(row, "항번호").strip(), clean(lines(row, "항내용"))
    if text and text[0] in CIRCLED:
        number, text = number or text[0], text[1:].strip()
    label = f"제{_ordinal(number)}항" if number else ""
    items = tuple(_item(item) for item in rows(row, "호"))
    live = (bool(text) and not is_deleted(text)) or any(item.live for item in items)
    return Paragraph(label, strip_amendments(text), items, live)


def _ordinal(number: str) -> str:
    """`①` is 1, `①의2` is 1의2."""
    head, _, branch = number.partition("의")
    head = head.strip().strip(".")
    if head in CIRCLED:
        head = str(CIRCLED[head])
    if not head.isdigit():
        raise Malformed("wrong_type", f"항번호 {number!r} is no number")
    return f"{head}의{branch.strip()}" if branch else head


def _item(row: dict[str, Any]) -> Item:
    number = filled_text(row, "호번호")
    found = _NUMBERED.match(number)
    if not found:
        raise Malformed("wrong_type", f"호번호 {number!r} is no number")
    text = _ITEM_LABEL.sub("", clean(lines(row, "호내용")), count=1)
    subitems = tuple(_subitem(subitem) for subitem in rows(row, "목"))
    label = f"제{found[1]}호의{found[2]}" if found[2] else f"제{found[1]}호"
    live = (bool(text) and not is_deleted(text)) or any(subitem.live for subitem in subitems)
    return Item(label, strip_amendments(text), subitems, live)


def _subitem(row: dict[str, Any]) -> Subitem:
    label = filled_text(row, "목번호").rstrip(". ")
    text = _SUBITEM_LABEL.sub("", clean(lines(row, "목내용")), count=1)
    return Subitem(label, strip_amendments(text), bool(text) and not is_deleted(text))


def _annex_label(row: dict[str, Any]) -> str:
    kind = one_line(optional_text(row, "별표구분")) or "별표"
    number, branch = (optional_text(row, key).strip().lstrip("0") for key in ("별표번호", "별표가지번호"))
    return f"{kind}{number}의{branch}" if branch else f"{kind}{number}"


def _addenda(source: str, addendum_rows: list[dict[str, Any]], dropped: list[Dropped]) -> Iterator[Addendum]:
    for row in addendum_rows:
        try:
            date, number = text_at(row, "부칙공포일자"), optional_text(row, "부칙공포번호")
            text = lines(row, "부칙내용")
        except Malformed as bad:
            dropped.append(Dropped(source, "부칙", bad.reason, bad.detail))
            continue
        addendum = read_addendum(date, number, text)
        if addendum.text:
            yield addendum
        else:
            dropped.append(Dropped(source, addendum.label, "empty_addendum"))


def read_addendum(date: str, number: str, text: str) -> Addendum:
    """The supplementary provisions of the amendment of that date and number."""
    label = f"부칙_{date.strip()}_제{number.strip().lstrip('0')}호"
    return Addendum(label, as_date(date), strip_amendments(text))
