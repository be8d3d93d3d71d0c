"""Reads a passage: its sentences as words, and of each sentence who must, may or must not do what, and when.

Works on one Kiwi analysis of the whole text. What people don't type is masked first: parentheses, citations of articles,
delegations to decrees. A sentence that is too tangled gives fewer parts, never wrong ones on purpose. Gives up tables.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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


Mood = Literal["duty", "forbidden", "power", "not", "deemed", "penalty", "plain"]
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
_POSTPOSITIONS = {"따르", "대하", "관하", "의하", "위하", "통하", "인하", "관련하", "있", "말미암", "불구하", "즈음하", "한하"}
_JOINING = frozenset(
    [
        "고",
        "며",
        "으며",
        "거나",
        "으거나",
        "으면",
        "면",
        "으나",
        "나",
        "지만",
        "므로",
        "으므로",
        "되",
        "으되",
        "어서",
        "어",
        "거든",
    ]
)
_OPENERS = frozenset(
    [
        "다만",
        "그러나",
        "단",
        "또한",
        "그리고",
        "따라서",
        "먼저",
        "다음으로",
        "끝으로",
        "경우",
        "답",
        "답변",
        "질문",
        "문",
        "특히",
        "아울러",
        "이때",
        "그러므로",
        "물론",
        "즉",
        "예컨대",
        "처음",
    ]
)
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


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words that belong together; `stem` is the last word's stem where it is a verb, and then an ending may follow."""

    words: tuple[Word, ...]
    stem: tuple[Morpheme, ...] = ()
    ending: tuple[Morpheme, ...] = ()
    """The ending that the passage itself has."""
    listed: bool = False
    """Begins with what is listed below."""


@dataclass(frozen=True, slots=True)
class Clause:
    """What a sentence says: `who` may be missing, and `case`; `acts` are the same act in more and fewer words."""

    mood: Mood
    who: Phrase | None
    case: Phrase | None
    acts: tuple[Phrase, ...]
    exception: bool


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
    comma = False
    for token in tokens:
        if masked[token.start] == _GAP:
            continue
        if group and any(c.isspace() for c in masked[group[-1].start + group[-1].len : token.start]):
            if word := _word(masked, group, comma, listed):
                yield word
            group, comma = [], False
        if token.tag in ("SF", "SE", "SSO", "SSC", "SW", "SB") or (
            token.tag == "SP" and token.form != "ㆍ" and token.form != "·"
        ):
            comma = comma or token.tag == "SP"
            continue
        group.append(token)
    if group and (word := _word(masked, group, comma, listed)):
        yield word


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


def read(sentence: Sequence[Word]) -> Clause | None:
    """What the sentence says, if its last word is a verb."""
    words = list(sentence)
    exception = bool(words) and words[0].surface in ("다만", "그러나", "단")
    while words and (words[0].surface in _OPENERS or words[0].surface.endswith("째")):
        words = words[1:]
    if not words or words[-1].role not in ("end", "bare"):
        return None
    found = _mood(words)
    if found is None:
        return None
    mood, last, stem = found
    body = words[:last]  # before the word that holds the stem
    case_end, case = _case(body)
    if not _actable(stem, words[last - 1] if last else None, mood):
        return Clause(mood, None, case, (), exception) if exception and case else None  # … 경우에는 그러하지 아니하다
    begin = _after_link(body, case_end)
    who, place = _who(body, case_end, begin)
    topic = max((i for i in range(begin, len(body)) if body[i].role == "topic"), default=begin - 1)
    acts = tuple(_acts(body[max(topic + 1, place + 1, begin) :], words[last], stem))
    if not acts and case is None:
        return None
    return Clause(mood, who, case, acts, exception)


def _actable(stem: tuple[Morpheme, ...], before: Word | None, mood: Mood) -> bool:
    """Whether the verb means something by itself, or with the word before it."""
    if not stem:
        return False
    form, tag = stem[-1][0], stem[-1][1].split("-")[0]
    if tag == "XSV":
        return len(stem) > 1 and stem[-2][1][:2] in ("NN", "XS")
    if tag == "VA":
        return form in ("있", "없") and mood == "plain" and before is not None and before.head in _RIGHTS
    if tag != "VV" or (form in ("되", "정하", "같", "의하", "따르", "속하", "처하", "있") and mood != "penalty"):
        return False
    return form != "하" or (before is not None and before.role == "object")


_RIGHTS = {"책임", "권리", "의무", "효력", "권한", "청구권", "영향", "권"}


def _mood(words: Sequence[Word]) -> tuple[Mood, int, tuple[Morpheme, ...]] | None:
    """(mood, place of the word with the verb, its morphemes without endings)."""
    flat = [(form, tag.split("-")[0], i, j) for i, word in enumerate(words) for j, (form, tag) in enumerate(word.morphemes)]
    while flat and (flat[-1][1] in ("EF", "EP", "JX") or (flat[-1][0] == "이" and flat[-1][1] == "VCP")):
        flat.pop()
    forms = [form for form, *_ in flat[-6:]]
    tags = [tag for _, tag, *_ in flat[-6:]]

    def ends(*wanted: str) -> bool:
        return len(forms) >= len(wanted) and all(f in w.split("|") for f, w in zip(forms[-len(wanted) :], wanted, strict=True))

    if not flat:
        return None
    cut, mood = 0, "plain"
    if ends("어야|여야", "하|되"):
        cut, mood = 2, "duty"
    elif ends("지", "못하") or ends("ᆯ|을", "수", "없"):
        cut, mood = (2 if forms[-1] == "못하" else 3), "forbidden"
    elif ends("어서", "는", "아니|안", "되") or ends("ᆯ|을", "수", "는|도", "없"):
        cut, mood = 4, "forbidden"
    elif ends("ᆯ|을", "수", "있"):
        cut, mood = 3, "power"
    elif ends("지", "아니하|않"):
        cut, mood = 2, "not"
    elif ends("ᆫ|은|는", "것", "으로|로", "보|하"):
        cut, mood = 4, "deemed"
    elif ends("ᆫ|은|는", "것", "으로|로", "추정", "하"):
        cut, mood = 5, "deemed"
    elif ends("ᆯ|을", "것"):
        cut, mood = 2, "duty"
    elif ends("처하") or (ends("부과", "하") and any("과태료" in w.surface for w in words[-4:])):
        cut, mood = 0, "penalty"
    elif ends("말", "하") or (tags and tags[-1] not in ("VV", "XSV", "VA")):
        return None
    rest = flat[: len(flat) - cut]
    if not rest or (words[-1].role != "end" and forms[-1] != "것"):
        return None
    _, _, place, last = rest[-1]
    if (
        mood in ("power", "duty")
        and len(rest) > 1
        and [f for f, *_ in rest[-2:]] in (["지", "아니하"], ["지", "않"], ["게", "하"])
    ):
        return None
    return mood, place, words[place].morphemes[: last + 1]  # type: ignore[return-value]


def _case(body: Sequence[Word]) -> tuple[int, Phrase | None]:
    """(place after the condition, its clause): 신고를 하지 아니한 경우에는, 사망한 때, 보내려면."""
    for i, word in enumerate(body):
        if (
            i
            and word.head in ("경우", "때")
            and word.bound
            and body[i - 1].role == "modifier"
            and word.role in ("adverbial", "bare")
        ):
            if any(tag[0] == "J" and form not in ("에", "는", "도") for form, tag in word.morphemes):
                continue  # 때와는 달리, 경우의
            before = body[i - 1]
            return i + 1, clause_of(body[:i], before.morphemes[:-1], before.morphemes[-1:])
        if word.role == "link" and word.morphemes[-1][0] in ("으면", "면", "거든") and i:
            return i + 1, clause_of(body[: i + 1], word.morphemes[:-1], (("는", "ETM"),))
    return 0, None


def clause_of(words: Sequence[Word], stem: tuple[Morpheme, ...], ending: tuple[Morpheme, ...]) -> Phrase | None:
    """The clause that ends with the given words, in as many of them as a person would type."""
    while stem and stem[-1][1] in ("EP",):
        stem = stem[:-1]
    if not stem or stem[-1][1].split("-")[0] not in ("VV", "XSV", "VX", "VA", "XSA", "VCP"):
        return None
    body, last = words[:-1], words[-1]
    topic = max((i for i, word in enumerate(body) if word.role == "topic"), default=-1)
    choices = [start for start in starts(body, topic + 1) if 1 <= len(body) - start <= 7]
    if not choices:
        return None
    whole = min(choices)
    return Phrase((*body[whole:], last), stem, ending)


def _after_link(body: Sequence[Word], begin: int) -> int:
    """Where the last clause begins: after the last connective that joins clauses."""
    for i in range(len(body) - 1, begin - 1, -1):
        word = body[i]
        if word.role == "link" and word.morphemes[-1][0] in _JOINING:
            verb = next((f for f, t in reversed(word.morphemes) if t.split("-")[0] in ("VV", "VA", "VX", "XSV")), "")
            if verb not in _POSTPOSITIONS and (word.comma or word.morphemes[-1][0] not in ("어", "어서")):
                return i + 1
    return begin


def _who(body: Sequence[Word], case_end: int, last_clause: int) -> tuple[Phrase | None, int]:
    """The topic of the last clause, else of the sentence, else its subject, if it can be said in few words; and its place."""
    places = [*range(last_clause, len(body)), *range(last_clause)]
    for wanted in ("topic", "subject"):
        for i in places:
            word = body[i]
            if word.role != wanted or word.head in ("경우", "때", "것", "바", "수") or (wanted == "subject" and i < case_end):
                continue
            begin = _after_link(body[:i], case_end if i >= case_end else 0)
            noun = body[begin : i + 1]
            options = [s for s in starts(noun[:-1], 0, last=noun[-1]) if len(noun) - s <= 4]
            return (Phrase(tuple(noun[min(options) :])) if options else None), i
    return None, -1


def _acts(body: Sequence[Word], last: Word, stem: tuple[Morpheme, ...]) -> Iterator[Phrase]:
    """The act in more and in fewer words: every way to leave words out on the left that leaves a sentence."""
    for start in starts(body, 0, last=last):
        words = body[start:]
        whole = not any((word.head in ("경우", "때") and word.bound) or word.head in ("누구", "아무") for word in words)
        if 1 <= len(words) <= 7 and whole and words[0].role != "link":
            yield Phrase((*words, last), stem, listed=any(word.listed for word in words))


def starts(words: Sequence[Word], begin: int, last: Word | None = None) -> list[int]:
    """Places where a phrase may begin so that nothing in it has lost what it hangs on."""
    found = []
    everything = [*words, last] if last else list(words)
    for i in range(begin, len(everything)):
        if i >= len(words) and not last:
            break
        if everything[i].bound and not everything[i].listed:
            continue
        before = everything[i - 1] if i > begin else None
        if before is not None and before.role in ("bare",):
            continue
        if before is not None and before.role == "modifier" and everything[i].bound:
            continue
        if before is not None and before.role == "link" and before.morphemes[-1][0] in ("지", "게", "도록", "려", "으려", "고자"):
            continue
        if _robs_a_modifier(everything, i):
            continue
        if before is not None and before.role == "genitive" and everything[i].morphemes[0][1] in ("SN", "NR"):
            continue  # 10분의 3
        found.append(i)
    return found


def _robs_a_modifier(words: Sequence[Word], start: int) -> bool:
    """Whether a verb that modifies a noun would stand first, without the words it governs."""
    word = words[start]
    if word.verbal and start > 0 and words[start - 1].role in ("object", "adverbial", "subject", "adverb", "link"):
        return True
    governs = word.role == "link" or any(tag == "ETN" for _, tag in word.morphemes)
    return governs and start > 0 and words[start - 1].role in ("object", "adverbial", "subject")
