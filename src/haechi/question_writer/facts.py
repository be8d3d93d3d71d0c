"""What a provision can be asked about: its definitions, duties, prohibitions, powers, sanctions, periods, lists and its title.

A fact names parts (slots) that phrasings fill: `who`, `act`, `case`, `term`, `name` and so on. Gives up sentences that only
point elsewhere (준용한다, 대통령령으로 정한다): nobody asks that.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from haechi.question_writer.clauses import Clause, Phrase, clause_of, read, starts
from haechi.question_writer.sentences import BOUND, Sentence, Token, sentences
from haechi.question_writer.usable_phrases import AGENT, POINTS_ELSEWHERE, nominalised, sayable, searchable, telling
from haechi.records.passage import Passage

_TERM = re.compile(r"[\"“']([가-힣A-Za-z0-9·ㆍ\s]{2,24})[\"”'](?:\s*\([^)]*\))?\s*(?:이란|란|이라\s?함은|라\s?함은)\s")
_PERIOD = re.compile(
    r"(?:\d+|[일이삼사오육칠팔구십]+)\s?(?:영업일|일|주일?|개월|월|년|시간|분)\s?(?:이내|내에|내로|안에|전까지|이전|까지)"
)
_PENALTIES = ("과태료", "과징금", "벌금", "징역", "과료")
_UNTITLED = frozenset(
    [
        "목적",
        "정의",
        "벌칙",
        "과태료",
        "적용범위",
        "준용",
        "준용규정",
        "시행일",
        "양벌규정",
        "다른법률과의관계",
        "부칙",
        "용어의정의",
        "기타",
        "방법",
        "범위",
        "원칙",
        "절차",
        "기간",
        "효력",
        "기준",
        "구성",
        "종류",
        "적용제외",
        "재검토기한",
        "적용대상",
        "회의",
        "임원",
        "업무",
        "특례",
        "정관",
        "회계",
    ]
)
_SYLLABLE = re.compile(r"[가-힣]")


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that the passage says: the kind, its parts, and the words of the passage that say it."""

    kind: str
    slots: Mapping[str, str | tuple[Phrase, ...]]
    answer: str


def facts(passage: Passage, tokens: Sequence[Token]) -> list[Fact]:
    """Everything that the passage can be asked about, in its order."""
    body = len(passage.text) - len(passage.body)
    found = sentences(passage.text, tokens, body)
    title = clean_title(passage.title) if passage.type != "doc" else clean_title(_topic(passage.title))
    context: dict[str, str | tuple[Phrase, ...]] = {"law": passage.law_name} if passage.law_name else {}
    if title:
        context["title"] = title
    made = list(_title(passage, title, context, found))
    counts = Counter(word.noun for sentence in found for word in sentence.words if searchable(word))
    common = {noun for noun, count in counts.items() if count > 1 or noun in title}
    lead: tuple[Sentence, Clause] | None = None
    for sentence in found:
        clause = None if POINTS_ELSEWHERE.search(" ".join(word.surface for word in sentence.words)) else read(sentence.words)
        if sentence.item:
            if lead:
                made += _from_item(sentence, lead[1], context)
            if not clause:
                continue
        elif sentence.lists:
            lead = (sentence, clause) if clause else None
        elif not (clause and clause.exception):
            lead = None
        made += _definition(sentence, context)
        if clause:
            made += _from_clause(sentence, clause, context)
        made += words_of(sentence, context, common)
    return made


def clean_title(title: str) -> str:
    """The title as people say it: without brackets and a trailing 등; nothing if it is no words."""
    title = re.sub(r"\([^()]*\)|<[^<>]*>|\[[^\[\]]*\]|[「」\"“”‘’']", "", title)
    title = re.sub(r"\s*등$", "", " ".join(title.split())).strip(" .,ㆍ")
    return title if 2 <= len(title) <= 40 and len(_SYLLABLE.findall(title)) >= 2 and not POINTS_ELSEWHERE.search(title) else ""


def _title(
    passage: Passage, title: str, context: Mapping[str, str | tuple[Phrase, ...]], found: Sequence[Sentence]
) -> Iterator[Fact]:
    """The title itself, with what kind of thing it names; a title such as 목적 says whose."""
    if not title:
        return
    if passage.type == "doc":
        yield Fact("topic", context, found[0].text if found else "")
        return
    slots = dict(context)
    if passage.law_name and (title.replace(" ", "") in _UNTITLED or len(title) <= 4):
        slots["title"] = f"{passage.law_name} {title}"
    elif title.replace(" ", "") in _UNTITLED:
        return
    sort = next((name for name, pattern in TITLE_SORTS.items() if pattern.search(title)), "other")
    sort = "bare" if slots["title"] != title else sort
    yield Fact("title", {**slots, f"is_{sort}": "1"}, found[0].text if found else "")


def title_facts(passage: Passage, found: Sequence[Sentence]) -> Iterator[Fact]:
    """What the title of a document says that it is about."""
    if title := clean_title(_topic(passage.title)):
        yield Fact("topic", {"title": title}, found[0].text if found else "")


def _topic(title: str) -> str:
    """What a leaflet or a record is about: 착오송금 되찾기 절차 안내 -> 착오송금 되찾기 절차."""
    title = re.split(r"[:?!]", title)[0] if not re.search(r"나요|까요|세요", title) else ""
    title = re.sub(r"^제?\d+(?:차|기|회|호)\s+", "", title)
    title = _GENRE.sub("", title.strip())
    return "" if title.endswith("때") else title


_GENRE = re.compile(
    r"(?:\s*(?:자주 묻는 질문|이용 안내|안내서?|안내문|길잡이|회의록|요지|요약|교육자료|사례집|사례 모음|실무 메모|메모"
    r"|공지|지침서?|설명회 자료|자료|점검표|후기|수칙|교재|소식지?|보고서?|요령|제\d+[과호]|\([^()]*\)))+$"
)

TITLE_SORTS = {
    "ban": re.compile(r"(?:금지|제한)$"),
    "standard": re.compile(r"(?:기준|요건|자격|범위|한도|내용|사유|대상|종류|원칙|조건|사항|특례|예외)$"),
    "way": re.compile(r"(?:절차|방법|방식|처리|운영|관리|구성)$"),
    "time": re.compile(r"(?:기간|기한|시효|시기|유효기간)$"),
    "right": re.compile(r"(?:의무|책임|권리|권한|[가-힣]권|효력|효과)$"),
    "act": re.compile(
        r"(?:신고|신청|청구|통지|보고|제출|등록|허가|승인|인가|공고|공시|등기|지정|선임|작성|변경|취소|해지|해제|철회|반환|양도|이전|설치|조사|검사|감독|제공|지급|납부|징수|부과|위탁|보관|보존|공개|열람|교부|발급|설립|합병|분할|해산|청산|신탁|조정|심의|협의|동의|보고|확인|평가|공매|매각|변제|상계|배당|소집|선정|임명|교육|지원|보호)$"
    ),
}
"""Sorts of titles by their last word: each can be asked in its own way."""


def _definition(sentence: Sentence, context: Mapping[str, str | tuple[Phrase, ...]]) -> Iterator[Fact]:
    match = _TERM.search(sentence.text)
    if not match or match[1].strip().endswith(tuple(BOUND)) or re.search(r"정하|정한|하는|따른|하여|등$", match[1]):
        return
    slots = {**context, "term": match[1].strip()}
    words = sentence.words
    place = next((i for i, word in enumerate(words) if word.surface.startswith(("말한다", "말합니다"))), len(words))
    top = next((i for i, word in enumerate(words) if word.morphemes[-1][0] in ("란", "이란", "은") and i < place), -1)
    if 0 <= top < place - 2 and words[place - 1].role == "object":
        body = words[top + 1 : place]
        options = [s for s in starts(body[:-1], 0, last=body[-1]) if 3 <= len(body) - s <= 8]
        if options and not POINTS_ELSEWHERE.search(" ".join(w.surface for w in body)):
            slots["desc"] = tuple(Phrase(tuple(body[s:])) for s in options[:3])
    yield Fact("definition", slots, sentence.text)


def _from_clause(sentence: Sentence, clause: Clause, context: Mapping[str, str | tuple[Phrase, ...]]) -> Iterator[Fact]:
    slots = dict(context)
    if clause.who and sayable(clause.who) and AGENT.search(clause.who.words[-1].noun):
        slots["who"] = (clause.who,)
    if clause.case and sayable(clause.case) and telling(clause.case):
        slots["case"] = (clause.case,)
    acts = tuple(act for act in clause.acts if sayable(act) and (act.listed or telling(act)))
    if any(word.role == "subject" for act in acts for word in act.words) and clause.who and clause.who.words[-1].role == "topic":
        slots.pop("who", None)
    theme = clause.who is not None and "who" not in slots
    if any(word.role == "object" for act in clause.acts for word in act.words) or (
        theme and clause.acts and clause.acts[0].stem[-1][0] != "되"
    ):
        acts = tuple(act for act in acts if any(word.role == "object" for word in act.words))
    if clause.mood == "penalty":
        yield from _penalty(sentence, slots)
        return
    if clause.exception and "case" in slots:
        if not any(pattern.search(str(slots.get("title", ""))) for pattern in TITLE_SORTS.values()):
            slots.pop("title", None)  # what is excepted from must be a rule
        yield Fact("exception", slots, sentence.text)
        return
    plain = tuple(act for act in acts if not act.listed)
    if plain:
        slots["act"] = plain
        if names := nominalised(plain):
            slots["name"] = names
    main = " ".join(word.surface for word in clause.acts[0].words) if clause.acts else ""
    if plain and clause.mood in ("duty", "power") and _PERIOD.search(main):
        timeless = tuple(act for act in plain if not re.search(r"\d|이내|동안", " ".join(w.surface for w in act.words)))
        if timeless:
            yield Fact("period", {**slots, "act": timeless, f"is_{clause.mood}": "1"}, sentence.text)
    listed = tuple(act for act in acts if act.words[0].listed)
    if listed and clause.mood in ("duty", "power", "plain", "forbidden"):
        yield Fact("listed", {**slots, "act": listed, f"is_{clause.mood}": "1"}, sentence.text)
    if plain or "case" in slots:
        yield Fact(clause.mood, slots, sentence.text)


def _from_item(item: Sentence, lead: Clause, context: Mapping[str, str | tuple[Phrase, ...]]) -> Iterator[Fact]:
    """An item such as `2. 제출한 서류를 숨긴 경우` under a sentence that says what follows from it."""
    words = item.words
    last = words[-1]
    if len(words) < 3 or not last.bound or last.head not in ("경우", "때", "자", "행위", "사람") or words[-2].role != "modifier":
        return
    if POINTS_ELSEWHERE.search(" ".join(word.surface for word in words)):
        return
    done = clause_of(words[:-1], words[-2].morphemes[:-1], words[-2].morphemes[-1:])
    if done is None or not sayable(done) or not telling(done):
        return
    slots = dict(context)
    if lead.mood == "penalty":
        yield Fact("penalty", {**slots, "done": (done,), **_name_slot((done,))}, item.text)
    elif last.head in ("경우", "때"):
        if lead.who and sayable(lead.who) and AGENT.search(lead.who.words[-1].noun):
            slots["who"] = (lead.who,)
        acts = tuple(act for act in lead.acts if sayable(act) and len(act.words) > 1 and not act.listed)
        if acts:
            slots["act"] = acts
        yield Fact(lead.mood, {**slots, "case": (done,)}, item.text)


def _penalty(sentence: Sentence, slots: dict[str, str | tuple[Phrase, ...]]) -> Iterator[Fact]:
    """`…을 훼손한 자는 3년 이하의 징역에 처한다`: what was done, and which penalty."""
    penalty = next((name for name in _PENALTIES if name in sentence.text), "")
    words = sentence.words
    for i, word in enumerate(words):
        if i > 1 and word.head in ("자", "사람") and word.bound and word.role in ("topic", "adverbial", "object", "subject"):
            before = words[i - 1]
            if before.role != "modifier":
                continue
            done = clause_of(words[:i], before.morphemes[:-1], before.morphemes[-1:])
            if done and sayable(done) and telling(done):
                rest = {key: value for key, value in slots.items() if key in ("law", "title")}
                extra: dict[str, str | tuple[Phrase, ...]] = {"penalty": penalty} if penalty else {}
                yield Fact("penalty", {**rest, **extra, "done": (done,), **_name_slot((done,))}, sentence.text)
            return


def words_of(sentence: Sentence, context: Mapping[str, str | tuple[Phrase, ...]], common: set[str]) -> Iterator[Fact]:
    """Nouns of one sentence, for what people type into a search box; those that the passage is about, if there are enough."""
    nouns = list(dict.fromkeys(word.noun for word in sentence.words if searchable(word)))
    repeated = [noun for noun in nouns if noun in common]
    if len(repeated) >= 3 or len(nouns) >= 4:
        yield Fact("words", {**context, "nouns": "\t".join(repeated if len(repeated) >= 3 else nouns)}, sentence.text)


def _name_slot(acts: tuple[Phrase, ...]) -> dict[str, str | tuple[Phrase, ...]]:
    names = nominalised(acts)
    return {"name": names} if names else {}
