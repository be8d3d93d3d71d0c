"""Citations of articles in 참조조문 strings and in running text.

A stateful reader: a law name, an article and a paragraph hold until the next of their rank (`민법 제2조 제1항, 제3항,
제5조`). Knows old law (구 …, … 개정되기 전의 것), references to present law (현행 …), supplementary provisions,
annexes, ranges and repetitions (같은 법, 시행령). In running text only names that stand in `names` are found, and at
word boundaries: a name glued to the word before (`반드시민법 제70조`) is given up, and so is a bare 제N조 that no
connector joins to a citation.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from haechi.citations.law_index import LawIndex
from haechi.text.normalize import clean

CitationKind = Literal["main", "addenda", "annex"]
Form = Literal["current", "old", "present"]
Reason = Literal[
    "unknown_law",
    "no_article",
    "no_such_article",
    "deleted_article",
    "addenda",
    "annex",
    "before_first_addendum",
    "renumbered",
]


@dataclass(frozen=True, slots=True)
class Citation:
    """One cited place, with the labels of passages: 제28조의2, 제1항, 제3호의2, 가; an annex is the article 별표2."""

    law: str
    article: str
    paragraph: str
    item: str
    subitem: str
    kind: CitationKind
    form: Form
    """`old` for 구 … and … 개정되기 전의 것, `present` for what stands after 현행."""
    raw: str
    version: str = ""
    """YYYYMMDD of the amendment before which an old law is meant; empty where the text does not say."""
    replaced: bool = False
    """A (현행 …) follows: the number itself means something else today, or nothing."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """A citation that means a live article of the index."""

    article_key: str
    tier: Form


@dataclass(frozen=True, slots=True)
class Unresolved:
    """A citation that means none, with the reason."""

    reason: Reason


def resolve(citation: Citation, index: LawIndex, date: str) -> Resolved | Unresolved:
    """The present article that a decision of that date means; a number that has moved since resolves to nothing."""
    if citation.kind != "main":
        return Unresolved("addenda" if citation.kind == "addenda" else "annex")
    law_key = index.resolve(citation.law)
    if law_key is None:
        return Unresolved("unknown_law")
    if not citation.article:
        return Unresolved("no_article")
    if citation.replaced:
        return Unresolved("renumbered")
    first_date = index.first_date(law_key)
    # Numbered otherwise: a law rewritten after the decision, or by the amendment that an old citation names.
    if (date and date < first_date) or (citation.version and citation.version <= first_date):
        return Unresolved("before_first_addendum")
    article_key = index.live_article(law_key, citation.article)
    if article_key is None:
        return Unresolved("deleted_article" if index.is_deleted(law_key, citation.article) else "no_such_article")
    return Resolved(article_key, citation.form)


def parse_citations(text: str, names: Collection[str] = ()) -> list[Citation]:
    """The citations of a 참조조문 string, or, with the law `names` to look for, of running text."""
    text = clean(text).replace("\n", " ")
    if not names:
        return _Reader(text).read()
    found: list[Citation] = []
    for start, end in _spans(text, tuple(names)):
        found += _Reader(text[start:end]).read()
    return found


# ---- the reader

_ARTICLE = r"제\s*(?P<article>\d+(?:\s*-\s*\d+)?)\s*조(?:\s*의\s*(?P<branch>\d+))?"
_TOKEN = re.compile(
    rf"""
      {_ARTICLE}
    | 제\s*(?P<paragraph>\d+)\s*항(?:\s*의\s*(?P<paragraph_branch>\d+))?
    | 제\s*(?P<item>\d+)\s*호(?:\s*의\s*(?P<item_branch>\d+))?(?!\s*(?:서식|로))
    | \(\s*(?P<subitem>[가-힣])\s*\)\s*목
    | (?<![가-힣])(?P<bare_subitem>[가나다라마바사아자차카타파하])목(?![가-힣])
    | (?P<addenda>부\s*칙)(?:\s*[(〔\[][^()〔〕\[\]]*[)〕\]])?
    | [\[〔(<]?\s*(?P<form>별지)\s*(?:제\s*)?(?:[\d\s호의-]*)(?:서식)?(?:\([^()]*\))?\s*[\]〕)>]?
    | [\[〔(<]?\s*(?P<annex>별표)\s*(?:제\s*)?(?P<annex_number>\d*)\s*호?
      (?:\s*의\s*(?P<annex_branch>\d+))?\s*[\]〕)>]?
    | (?P<range>내지|부터|~|∼|～)
    | (?P<same>(?:같은|위|동)\s*(?:조문|조|항|호)(?![가-힣]))
    """,
    re.VERBOSE,
)
_BRACKETS = {"(": ")", "〔": "〕", "[": "]"}
_PRESENT = re.compile(r"\s*현행\s*")
_BEFORE = re.compile(r"전의\s*(?:것|법)|폐지(?:된\s*것|\s*$)")
_DATED = re.compile(r"\s*\d{4}\s*[.년]")
_VERSION = re.compile(r"(\d{4})\s*[.년]\s*(\d{1,2})\s*[.월]\s*(\d{1,2})\s*[.일]?")
_OLD = re.compile(r"구\s+")
_NAME = re.compile(r"(?!제\d+의?$)(?=.*[가-힣])..|^[법영]$")
_SEPARATOR = re.compile(r"[,;/]|^\s*(?:및|또는|와|과|그리고|혹은)\s")
# At the start of a gap only: 및 and 의 also stand inside names (도시 및 주거환경정비법).
_QUALIFIERS = re.compile(
    r"(?:(?:단서|본문|전문|후문|전단|후단|각\s*(?:호|목|항|조)|외의\s*부분|소정|등|참조|까지|의|및|또는|와|과|그리고|혹은|부분)(?:\s+|$))+"
)
_QUOTES = re.compile(r"[‘’“”'\"「」『』]")
_SAME_LAW = re.compile(r"(?:같은|동|위)\s*(?:법률|법(?![가-힣])|(?=시행|규칙|영$))")
_DECREES = ("시행령", "시행규칙")
_NUMBERED = re.compile(r"제(\d+)([조항호])(의\d+)?")
_LONGEST_RANGE = 200  # articles; a longer one is a slip of the pen


class _Reader:
    """Reads tokens from left to right; whatever lies between two tokens may hold a law name."""

    def __init__(self, text: str, state: "Citation | None" = None) -> None:
        self._text = text
        self._state = state or Citation("", "", "", "", "", "main", "current", "")
        self._base = self._state.law
        self._pending: tuple[int, int, int] | None = None  # rank of the last part, start, end
        self._range_from: tuple[int, Citation] | None = None
        self._found: list[Citation] = []

    def read(self) -> list[Citation]:
        at, gap = 0, ""
        while at < len(self._text):
            token = _TOKEN.match(self._text, at)
            if token:
                self._gap(gap, names=not (token["paragraph"] or token["range"]))
                self._token(token)
                at, gap = token.end(), ""
            elif end := _bracket_end(self._text, at):
                inside = self._text[at + 1 : end]
                if _PRESENT.match(inside) or _DATED.match(inside):
                    self._gap(gap, names=True)
                    gap = ""
                self._bracket(inside)
                at = end + 1
            else:
                gap += self._text[at]
                at += 1
        self._flush()
        return self._found

    # What stands between two tokens: separators, a law name, words that mean nothing here.

    def _gap(self, gap: str, *, names: bool) -> None:
        if _SEPARATOR.search(gap):
            self._flush()
        if names and gap.strip():
            self._name(gap)

    def _name(self, gap: str) -> None:
        name = _QUOTES.sub("", _SEPARATOR.split(gap)[-1]).strip(" .·:")
        name = name[found.end() :] if (found := _QUALIFIERS.match(name)) else name
        name = found.string[found.end() :] if (found := _PRESENT.match(name)) else name
        old = bool(_OLD.match(name))
        name = _OLD.sub("", name).strip()
        if not _NAME.match(name) or name.startswith("이하"):
            return
        self._flush()
        same = _SAME_LAW.match(name)
        if same or name in ("법", *_DECREES, "영", "규칙"):
            law = self._repeated(name[same.end() :].strip() if same else name)
            state = replace(self._state, law=law)
        else:
            state = replace(self._state, law=name, form="current", version="")
            self._base = name
        self._state = replace(state, article="", paragraph="", item="", subitem="", kind="main")
        if old:
            self._state = replace(self._state, form="old")

    def _repeated(self, rest: str) -> str:
        base = self._base
        for decree in _DECREES:
            base = base.removesuffix(decree).strip()
        rest = {"법": "", "영": "시행령", "규칙": "시행규칙"}.get(rest, rest)
        return f"{base} {rest}".strip() if base else ""

    # Tokens.

    def _token(self, token: re.Match[str]) -> None:
        if token["range"]:
            if self._pending:
                rank = self._pending[0]
                self._flush()
                self._range_from = (rank, self._found[-1]) if self._found else None
        elif token["addenda"]:
            self._flush()
            self._state = replace(self._state, article="", paragraph="", item="", subitem="", kind="addenda")
            self._open(0, token)
        elif token["annex"]:
            self._flush()
            number, branch = token["annex_number"], token["annex_branch"]
            label = f"별표{number}의{branch}" if branch else f"별표{number}"
            self._state = replace(self._state, article=label, paragraph="", item="", subitem="", kind="annex")
            self._open(0, token)
        elif token["form"]:
            self._flush()
        elif not token["same"]:
            self._part(token)

    def _part(self, token: re.Match[str]) -> None:
        rank, label = _part_of(token)
        if rank == 0 and self._state.kind == "annex":
            self._state = replace(self._state, kind="main")
        # 부칙 제2조: the article continues the citation that 부칙 opened.
        continues = self._state.kind == "addenda" and not self._state.article
        if self._pending and not (rank > self._pending[0] or continues):
            self._flush()
        if rank and not self._state.article and self._state.kind == "main":
            return  # a 항 without an article means nothing
        self._state = _at(self._state, rank, label)
        if self._range_from and self._range_from[0] == rank:
            self._found += _between(self._range_from[1], self._state, rank)
        self._range_from = None
        self._open(rank, token)

    def _open(self, rank: int, token: re.Match[str]) -> None:
        start = self._pending[1] if self._pending else token.start()
        self._pending = (rank, start, token.end())

    def _flush(self) -> None:
        if self._pending and self._state.law:
            _, start, end = self._pending
            self._found.append(replace(self._state, raw=self._text[start:end].strip()))
        self._pending = None

    def _bracket(self, inside: str) -> None:
        if found := _PRESENT.match(inside):
            self._flush()
            if self._found and self._found[-1].form != "present":
                self._found[-1] = replace(self._found[-1], replaced=True)
            present = replace(self._state, form="present", version="", kind="main")
            rest = inside[found.end() :]
            # The paragraph after 현행 belongs to the article after 현행, or to the one before where it names none.
            self._found += _Reader(rest, present).read_present()
        elif _BEFORE.search(inside):
            date = _VERSION.search(inside)
            version = f"{date[1]}{int(date[2]):02}{int(date[3]):02}" if date else ""
            self._state = replace(self._state, form="old", version=version)

    def read_present(self) -> list[Citation]:
        """Like `read`, for the inside of (현행 …): everything found is present law."""
        return [replace(citation, form="present", version="", replaced=False) for citation in self.read()]


def _part_of(token: re.Match[str]) -> tuple[int, str]:
    if token["article"]:
        number, branch = re.sub(r"\s", "", token["article"]), token["branch"]
        return 0, f"제{number}조의{branch}" if branch else f"제{number}조"
    if token["paragraph"]:
        branch = token["paragraph_branch"]
        return 1, f"제{token['paragraph']}항의{branch}" if branch else f"제{token['paragraph']}항"
    if token["item"]:
        branch = token["item_branch"]
        return 2, f"제{token['item']}호의{branch}" if branch else f"제{token['item']}호"
    return 3, token["subitem"] or token["bare_subitem"]


def _at(citation: Citation, rank: int, label: str) -> Citation:
    """The citation with another part at that rank, and none below it."""
    if rank == 0:
        return replace(citation, article=label, paragraph="", item="", subitem="")
    if rank == 1:
        return replace(citation, paragraph=label, item="", subitem="")
    return replace(citation, item=label, subitem="") if rank == 2 else replace(citation, subitem=label)


def _between(first: Citation, last: Citation, rank: int) -> Iterator[Citation]:
    """The numbers strictly between two ends; branches between them are not known and not guessed."""
    low, high = (_NUMBERED.fullmatch(_part(citation, rank)) for citation in (first, last))
    if low and high and first.law == last.law:
        # 제3조 내지 제5조의2 includes 제5조 itself.
        stop = int(high[1]) + (high[3] is not None)
        for number in range(int(low[1]) + 1, min(stop, int(low[1]) + _LONGEST_RANGE)):
            yield replace(_at(last, rank, f"제{number}{high[2]}"), raw=first.raw)


def _part(citation: Citation, rank: int) -> str:
    return (citation.article, citation.paragraph, citation.item, citation.subitem)[rank]


def _bracket_end(text: str, start: int) -> int | None:
    """The place where the bracket at `start` closes. An unclosed one ends before the next comma if it says 현행."""
    opening = text[start]
    if opening not in _BRACKETS:
        return None
    closing, depth = _BRACKETS[opening], 0
    for at in range(start, len(text)):
        depth += (text[at] == opening) - (text[at] == closing)
        if depth == 0:
            return at
    if _PRESENT.match(text, start + 1):
        comma = text.find(",", start)
        return comma if comma > 0 else len(text)
    return None


# ---- running text

_FOLLOWS = r"(?=[\s」』’”'\"]*(?:\(|제\s*\d|부칙|\[별표))"
# 독일 민법 is not 민법.
_ABROAD = "".join(f"(?<!{land} )" for land in ("독일", "일본", "미국", "중국", "대만", "영국", "프랑스", "스위스", "네덜란드"))
_BOUNDARY = rf"(?:^|(?<=[\s「『‘“'\"(,/·])){_ABROAD}"
_UNKNOWN = r"[가-힣]+(?:법|법률|헌법|령|규칙|규정|조례|협약|시행령|시행규칙)"
_CONTINUES = re.compile(
    r"(?:[\s」』’”'\",·~]|및|또는|와|과|이나|내지|부터|까지|단서|본문|전문|후문|전단|후단|각\s*호"
    r"|(?:같은|동)\s*(?:법률|법)(?:\s*시행(?:령|규칙))?|같은\s*(?:조|항|호))*"
)


@lru_cache(maxsize=4)
def _name_pattern(names: tuple[str, ...]) -> re.Pattern[str]:
    spaced = [re.escape(name).replace(r"\ ", r"\s*") for name in sorted(names, key=lambda name: (-len(name), name))]
    known = "|".join(re.sub("[·ㆍ]", "[·ㆍ\u30fb]", name) for name in spaced)
    return re.compile(rf"{_BOUNDARY}(?:구\s+)?(?:(?:{known})(?:\s*시행(?:령|규칙))?|{_UNKNOWN}){_FOLLOWS}")


def _spans(text: str, names: tuple[str, ...]) -> Iterator[tuple[int, int]]:
    """Stretches of running text that begin with a law name and go on as long as its citations do."""
    pattern, at = _name_pattern(names), 0
    while found := pattern.search(text, at):
        end = _citation_end(text, found.end())
        yield found.start(), end
        at = max(end, found.end())


def _citation_end(text: str, at: int) -> int:
    end = at
    while True:
        gap = _CONTINUES.match(text, at)
        start = at = gap.end() if gap else at  # it always matches, be it nothing
        token = _TOKEN.match(text, at)
        if token:
            at = end = token.end()
        elif at < len(text) and (closing := _bracket_end(text, at)):
            at = closing + 1
            end = at if _PRESENT.match(text, start + 1) else end
        else:
            return end
