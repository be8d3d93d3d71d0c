"""Cuts a passage into sentences, and sentences into words with their roles: subject, object, modifier, link, end.

Works on one Kiwi analysis of the whole text. What people don't type is masked first: parentheses, citations of articles,
delegations to decrees. Gives up tables.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from haechi.question_writer.inflection import Morpheme
from haechi.text import morphemes


class Token(NamedTuple):
    """A morpheme and where it stands."""

    form: str
    tag: str
    start: int
    len: int


def analyse(texts: Sequence[str]) -> Iterator[list[Token]]:
    """The morphemes of each text, in order, streamed."""
    for found in morphemes.analyse(texts):
        yield [Token(t.form, t.tag, t.start, t.len) for t in found]


Role = Literal["topic", "subject", "object", "adverbial", "genitive", "modifier", "link", "adverb", "bare", "end"]


_GAP = "\0"


_ARTICLE = r"제\d+(?:-\d+)*(?:조|항|호|목|편|장|절|관)(?:의\d+(?:-\d+)?)?"


_LAW = (
    r"(?:「[^」\n]*」|(?:같은|이|동|구)\s?(?:법|영|규정|규칙|조|항|호)(?![가-힣])"
    r"|(?<![가-힣])(?:법|영|규정|규칙|시행령|시행규칙|동법|동조|동항|본조|본항|전조|전항|전2항)(?=\s|제|의|에))"
)


_CITED = rf"(?:{_LAW}\s*)?{_ARTICLE}(?:\s*{_ARTICLE})*(?:\s*[가-하]목)?"


_CITES = rf"(?:{_CITED}|{_LAW})(?:(?:\s*(?:,|ㆍ|·|및|또는|부터|내지|와|과|까지(?:의)?(?:\s*규정)?)\s*)+(?:{_CITED}))*(?:까지)?"


_MASKED = re.compile(
    "|".join(
        (
            r"\([^()\n]*(?:\([^()\n]*\)[^()\n]*)*\)",
            r"\[[^\[\]\n]*\]|<[^<>\n]*>|〔[^〕\n]*〕",
            rf"{_CITES}\s*(?:각\s*호\s*)?(?:외의\s*부분\s*)?(?:본문|단서|전단|후단)?\s*(?:의\s*규정)?(?:에도\s*불구하고|에\s*불구하고|에\s*따라|에\s*따른|에\s*의하여|에\s*의한|에\s*의해|에서\s*정하는|에서\s*정한|에서|에\s*규정된|에\s*정한|의\s*경우(?:에는|에도|에)?|의|를\s*위반하여|을\s*위반하여|을\s*준용하여)(?=\s|$)",
            r"(?:(?:대통령령|총리령|부령|[가-힣]{2,8}부령|조례|정관)(?:으로|로|이|에서)|[가-힣]{2,10}(?:이|가))\s*정하(?:는|여\s*고시하는)\s*(?:방법|기준|절차|서식|요건|기간|양식)(?:으로|에\s*따라|에\s*따른|에\s*의하여|에)(?=\s)",
            r"(?:대통령령|총리령|부령|[가-힣]{2,8}부령|조례|규칙|정관)(?:으로|로|이|에서)\s*정하(?:는\s*바에\s*(?:따라|의하여)|여\s*고시하는(?:\s*바에\s*(?:따라|의하여))?|는)",
            r"[가-힣]{2,10}(?:이|가)\s*정하(?:는\s*바에\s*(?:따라|의하여)|여\s*고시하는(?:\s*바에\s*(?:따라|의하여))?|는)",
            r"다음\s*(?:각\s*)?(?:[호목]|각호)의\s*(?:1|어느\s*하나)에\s*해당(?:하는|하여|되는|한|함을)|다음\s*각\s*[호목](?:의\s*구분)?에\s*(?:따라|따른)|다음\s*(?:각\s*)?(?:[호목]|각호)의(?=\s)|다음의(?=\s)",
            r"이\s*(?:조|항|호|장|절|편|관|법|영|규정|규칙|세칙)에서(?:\s*같다)?",
            r"(?<![가-힣])그\s*밖(?:에도?|의)(?=\s)|(?<![가-힣])이\s*경우(?:에는)?(?=[\s,])|지체\s*없이|이하\s*같다",
            r"[\"'“”‘’『』「」]",
        )
    )
)


_LABEL = re.compile(r"(?:제\d+항|\d+(?:의\d+)?\.|[가-하]\.|[①-⑳]|\(\d+\)|\d+\)|[가-하]\)|[-*※○◦•▶])\s*")


_ITEM = re.compile(r"(?:\d+(?:의\d+)?\.|[가-하]\.|[①-⑳]|\(\d+\)|\d+\)|[가-하]\))\s")


_STOP = re.compile(r"(?<=[가-힣])[.?!]+(?=\s|$)")


_LISTED = re.compile(r"다음\s*(?:각\s*)?(?:[호목]|각호|의\s)")


_POINTING = {"그", "이", "각", "동", "당해", "해당", "본", "같은", "저", "상기"}


BOUND = frozenset(
    [
        "자",
        "것",
        "경우",
        "때",
        "등",
        "수",
        "바",
        "날",
        "데",
        "중",
        "외",
        "밖",
        "때문",
        "이상",
        "이하",
        "후",
        "전",
        "행위",
        "사람",
        "곳",
        "동안",
        "안",
        "내",
        "간",
        "점",
        "뜻",
        "뒤",
        "다음",
    ]
)


_ROLES: dict[str, Role] = {
    "JKS": "subject",
    "JKC": "adverbial",
    "JKO": "object",
    "JKB": "adverbial",
    "JKG": "genitive",
    "JC": "genitive",
    "ETM": "modifier",
    "EC": "link",
    "EF": "end",
    "MAG": "adverb",
    "MAJ": "bare",
    "MM": "genitive",
}
"""What a word does, by its last morpheme."""


@dataclass(frozen=True, slots=True)
class Word:
    """One word between spaces, masked parts left out."""

    surface: str
    morphemes: tuple[Morpheme, ...]
    comma: bool
    listed: bool
    """Follows `다음 각 호의`: what it names is listed below."""
    role: Role
    cuts: tuple[int, ...]
    """Where each morpheme begins in the surface."""
    points: bool = False
    """Something was left out of it or before it, as what points at another sentence is: 이, 그, 이를; or a sign."""

    @property
    def noun(self) -> str:
        """The surface without particles."""
        end = len(self.morphemes)
        while end > 1 and self.morphemes[end - 1][1][0] == "J":
            end -= 1
        return self.surface[: self.cuts[end]] if end < len(self.morphemes) else self.surface

    @property
    def head(self) -> str:
        """The last noun of the word."""
        return next((form for form, tag in reversed(self.morphemes) if tag in ("NNG", "NNP", "NNB", "XSN", "NR")), "")

    @property
    def bound(self) -> bool:
        """Its noun means nothing without what modifies it: 자, 것, 경우, 등."""
        return len([1 for _, tag in self.morphemes if tag[0] in "NX"]) <= 1 and self.head in BOUND

    @property
    def verbal(self) -> bool:
        """A modifier made of a verb, which may have objects of its own."""
        return self.role == "modifier" and any(
            tag.split("-")[0] in ("VV", "XSV", "VX") or form in ("있", "없") for form, tag in self.morphemes
        )


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence or a listed item of a passage."""

    words: tuple[Word, ...]
    text: str
    item: bool
    lists: bool
    """Announces a list."""


def sentences(text: str, tokens: Sequence[Token], start: int) -> list[Sentence]:
    """The sentences of the text from `start` on, in order."""
    masked = _MASKED.sub(lambda match: _GAP * len(match[0]), text)
    listed = {match.end() for match in _MASKED.finditer(text) if match[0].startswith("다음")}
    found: list[Sentence] = []
    at = 0
    for begin, end, item in _spans(text, masked, start):
        while at < len(tokens) and tokens[at].start < begin:
            at += 1
        first = at
        while at < len(tokens) and tokens[at].start < end:
            at += 1
        words = tuple(_words(masked, tokens[first:at], listed))
        if words:
            original = text[begin:end].strip()
            found.append(Sentence(words, original, item, bool(_LISTED.search(original))))
    return found


def _spans(text: str, masked: str, start: int) -> Iterator[tuple[int, int, bool]]:
    """(begin, end, whether it is an item of a list) of every sentence; labels such as 제1항 and 1. are left out."""
    line = start
    while line <= len(text):
        end = text.find("\n", line)
        end = len(text) if end < 0 else end
        label = _LABEL.match(text, line, end)
        item = _ITEM.match(text, line, end) is not None
        begin = label.end() if label else line
        for stop in _STOP.finditer(masked, begin, end):
            yield begin, stop.end(), item
            begin = stop.end()
        if begin < end:
            yield begin, end, item
        line = end + 1


def _words(masked: str, tokens: Sequence[Token], listed: set[int]) -> Iterator[Word]:
    group: list[Token] = []
    comma = points = False
    for token in tokens:
        if masked[token.start] == _GAP:
            continue
        if group and any(c.isspace() for c in masked[group[-1].start + group[-1].len : token.start]):
            if word := _word(masked, group, comma, listed):
                yield replace(word, points=True) if points else word
            points = word is None and bool(group)
            group, comma = [], False
        if token.tag in ("SF", "SE", "SSO", "SSC", "SW", "SB") or (
            token.tag == "SP" and token.form != "ㆍ" and token.form != "·"
        ):
            comma = comma or token.tag == "SP"
            points = points or token.tag == "SW"  # β-산화 has lost its β
            continue
        group.append(token)
    if group and (word := _word(masked, group, comma, listed)):
        yield replace(word, points=True) if points else word


def _word(masked: str, group: list[Token], comma: bool, listed: set[int]) -> Word | None:
    while group and group[-1].tag == "SP":
        group.pop()
    if not group or (len(group) == 1 and group[0].tag in ("MM", "NNG", "NP", "MAG", "MAJ") and group[0].form in _POINTING):
        return None
    begin, end = group[0].start, max(t.start + t.len for t in group)
    surface = masked[begin:end].replace(_GAP, "")
    morphemes = tuple((t.form, t.tag) for t in group)
    if all((tag == "NP" and form in ("이", "그", "이것")) or tag[0] == "J" for form, tag in morphemes):
        return None  # 이를, 그는: what they point at is not in the question
    follows = any(0 <= begin - stop <= 1 for stop in listed)
    cuts = tuple(len(masked[begin : t.start].replace(_GAP, "")) for t in group)
    return Word(surface, morphemes, comma, follows, role(morphemes), cuts)


def role(morphemes: Sequence[Morpheme]) -> Role:
    """What a word does in its sentence, by its last morpheme."""
    form, tag = morphemes[-1]
    tag = tag.split("-")[0]
    if tag == "JX":
        before = morphemes[-2][1].split("-")[0] if len(morphemes) > 1 else ""
        if before in ("JKB", "EC", "MAG"):
            return "link" if before == "EC" else "adverbial"
        return "topic" if form in ("은", "는") else "adverbial"
    return _ROLES.get(tag, "bare")
