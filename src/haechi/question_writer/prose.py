"""What a passage of prose can be asked about: meanings, reasons, ways, effects, conditions, amounts, times, parts, differences.

Each statement is turned round: what it says becomes the question's words, and the part that is asked for is left out or named
by its sort (이유, 방법, 몇 도). Gives up statements that lean on other sentences, and those that would suit any text.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from haechi.question_writer.askable import (
    COPULA,
    GENERAL,
    PEOPLE,
    REASONS,
    Asked,
    Place,
    askable,
    asked_phrase,
    governs,
    is_nominal,
    is_term,
    short,
    sort_of,
    text_of,
    things,
    topic,
    without_copula,
)
from haechi.question_writer.clauses import Phrase
from haechi.question_writer.facts import Fact, title_facts
from haechi.question_writer.prose_events import EVENTS
from haechi.question_writer.sentences import Sentence, Token, Word, sentences
from haechi.question_writer.statements import Statement, clause, leans, noun_start, statements, words_in
from haechi.question_writer.usable_phrases import searchable
from haechi.records.passage import Passage

_LAST_RESORT = "nouns"
"""The kind of key words without a topic: only for a passage that says nothing else that can be asked."""
_FORMULA = re.compile(r"[=×÷√^\\]|->")
_ASPECTS = words_in(
    "역할 기능 특징 특성 구조 원리 과정 종류 효과 장점 단점 중요성 원인 목적 의미 정의 방법 차이 차이점 "
    "성질 기원 법칙 증상 치료 예방 위험성 개념 구성 분류 관계 이점 한계 생활사 생김새 쓰임 진화 순환 "
    "메커니즘"
)
_ASKED_BY = {
    "who": PEOPLE,
    "where": re.compile(r"(?:곳|장소|지역|나라|국가|도시|위치|지점|대륙|부위|지방)$"),
    "when": re.compile(r"(?:때|시기|시점|날짜|연도|시대|계절|기간)$"),
    "much": re.compile(
        r"(?:온도|속도|거리|길이|높이|무게|질량|농도|비율|확률|크기|양|수|값|금액|비용|시간|나이|면적|부피|전압|전류|저항|에너지)$"
    ),
}
"""How a noun phrase is asked for, by its last noun; everything else is `what`."""
_NO_ANSWER = re.compile(
    r"(?:요소|요인|하나|사례|예|예시|일부|문제|개념|주제|수단|도구|자원|지역|때|경우|이유|대상|환경|상황|행동|존재|증거|결과|사실|것)(?:이다|입니다)?$"
)
"""What a thing is said to be without being told apart by it."""


def _which(place: Place) -> Asked:
    """`평균 속도가 가장 빠른 분자는 수소입니다`: which is it? `X는 …하는 물질입니다`: what is X, and which … is it?"""
    who, said = place.statement.who, place.statement.said
    if not who or said[-1].role != "end":
        return
    modified = any(word.verbal or word.surface == "가장" for word in who[:-1])
    if who[-1].noun in REASONS and modified:
        yield from _named("which", who)
        return
    copula, because = COPULA in said[-1].morphemes, said[-1].head == "때문"
    if not (copula or because or said[-1].surface.startswith("같")) or said[-1].head in ("하나", "가지", "일부"):
        return
    aspect = any(word.role == "genitive" for word in who[:-1]) and (
        who[-1].noun in _ASPECTS | REASONS or _ASKED_BY["much"].search(who[-1].noun)
    )
    deed = who[-1].bound and len(said) > 1  # 손을 씻는 것은 좋은 습관이다
    tells_apart = not _NO_ANSWER.search(said[-1].noun)
    if (modified or aspect) and not deed and tells_apart:
        yield from _named("which", who)
    elif (
        is_term(who)
        and tells_apart
        and not because
        and not PEOPLE.search(who[-1].noun)
        and len(said) > 2
        and not _FORMULA.search(place.sentence.text)
    ):
        yield "meaning", {"term": text_of(who)}
    specific = said[-1].head not in GENERAL or said[-1].head in REASONS
    if copula and specific and len(said) > 2 and (is_term(who) or who[-1].bound):
        yield from _named("which", said, answer=who)


def _named(kind: str, words: Sequence[Word], answer: Sequence[Word] = ()) -> Asked:
    """A fact that asks for what the noun phrase at the end of the words names."""
    words = (*words[:-1], without_copula(words[-1]))
    words = words[noun_start(words, len(words) - 1) :] if answer else words  # a topic is a noun phrase already
    head = words[-1].noun
    if (answer and head in ("것", "점")) or {word.noun for word in words} & {word.noun for word in answer}:
        return
    sort = next((sort for sort, pattern in _ASKED_BY.items() if pattern.search(head)), "what")
    if phrases := askable((Phrase(words),), 3):
        yield kind, {"np": phrases, **short(phrases), f"is_{sort}": "1"}


def _meaning(place: Place) -> Asked:
    """`X는 …을 의미한다`, `X는 …로서, …`, `…을 X라고 한다`."""
    statement = place.statement
    who, said = statement.who, statement.said
    means = said[-1].morphemes[0][0] in ("의미", "뜻", "말", "가리키", "정의") and len(said) > 2
    means = means and said[-2].role in ("object", "adverbial")
    if is_term(who) and (means or len(statement.sort) > 2):
        yield "meaning", {"term": text_of(who)}
    if is_term(who) and means and said[-2].role == "object" and said[-2].head != "것":
        yield from _named("naming", said[:-1], answer=who)
    for i, word in enumerate(said[:-1]):
        called = word.morphemes[-1][0] in ("라고", "이라고") and word.morphemes[0][1][0] == "N"
        if called and said[-1].morphemes[0][0] in ("하", "부르", "불리"):
            thing = (*statement.scene, *who, *said[:i])
            if thing and thing[-1].role in ("object", "topic") and thing[-1].head != "사람":
                yield from _named("naming", thing, answer=(word,))


def _parts(place: Place) -> Asked:
    """`X는 A, B로 이루어져 있다`."""
    who, said = place.statement.who, place.statement.said
    verbs = {form for word in said[-2:] for form, tag in word.morphemes if tag[0] in "VN"}
    of_what = any(w.morphemes[-1] in (("로", "JKB"), ("으로", "JKB")) and w.morphemes[-2][0] != "적" for w in said[-3:-1])
    made = "구성" in verbs or {"이루어지", "있"} <= verbs
    divided = bool(verbs & {"나뉘", "나누", "분류"})
    if (made or divided) and of_what and is_term(who):
        yield "parts", {**topic(who), "is_divided" if divided else "is_made": "1"}


def _examples(place: Place) -> Asked:
    """`A, B 등의 N을 …한다`: 어떤 N을?"""
    who, said = place.statement.who, place.statement.said
    for i, word in enumerate(said[:-1]):
        if word.head != "등" or i < 2 or said[i - 1].role != "bare" or not any(w.comma for w in said[max(i - 4, 0) : i]):
            continue
        first, rest = i, said[i + 1 :]
        while first > 0 and (said[first - 1].role == "bare" or said[first - 1].morphemes[-1][1] == "JC"):
            first -= 1
        rest = rest[1:] if rest[0].surface == "같은" else rest
        if governs(said, i) and word.role in ("genitive", "adverbial") and len(rest) > 1 and rest[0].morphemes[0][1][0] == "N":
            which = replace(word, surface="어떤", morphemes=(("어떤", "MM"),), role="genitive", cuts=(0,), comma=False)
            if asked := clause((*who, *place.statement.scene, *said[:first], which, *rest)):
                yield from asked_phrase("examples", asked, {})
        return


def _about(place: Place) -> Asked:
    """`나무의 역할`: noun phrases that name an aspect of something."""
    words = (*place.statement.scene, *place.statement.who, *place.statement.said)
    for i, word in enumerate(words[1:], start=1):
        if word.noun in _ASPECTS and words[i - 1].morphemes[-1] == ("의", "JKG"):
            phrase = Phrase(words[noun_start(words, i) : i + 1])
            least = (2 if place.counts[words[i - 1].noun] > 1 else 3) - (word.noun in GENERAL)
            if len(phrase.words) <= 5 and (phrases := askable((phrase,), least)):
                yield "about", {"np": phrases, **short(phrases)}


def _keys(place: Place) -> Asked:
    """What people type into a search box: what the statement is about, and another thing that it names."""
    who, said = place.statement.who, place.statement.said
    if who and not is_term(who):
        return
    named, seen = ([text_of(who)], things(who)) if who else ([], set())
    for i, word in enumerate(said[:-1]):
        if word.morphemes[-1][1] not in ("JKO", "JKS", "JKB") or not searchable(word) or not governs(said, i):
            continue
        start = i
        while start > 0 and said[start - 1].role == "bare" and not said[start - 1].comma and searchable(said[start - 1]):
            start -= 1
        chunk = said[start : i + 1]
        names = things(chunk)
        if names and not names & seen and not leans(chunk) and word.noun not in GENERAL and not word.noun.endswith("적"):
            named.append(text_of(chunk))
            seen = seen | names
    pair = named[:2]
    says_enough = min(map(len, pair[1:]), default=0) > 2 and max(map(len, pair)) > 3 and not any(PEOPLE.search(n) for n in pair)
    if len(pair) == 2 and (says_enough or not who):
        yield ("keys" if who else _LAST_RESORT), {"keys": " ".join(pair)}


_THINGS = (_which, _meaning, _parts, _examples, _about, _keys)


def prose_facts(passage: Passage, tokens: Sequence[Token]) -> list[Fact]:
    """Everything that the passage can be asked about, in its order."""
    cut = sentences(passage.text, tokens, len(passage.text) - len(passage.body))
    facts = list(title_facts(passage, cut))
    for place in _places(cut):
        readers = _THINGS[:1] if _FORMULA.search(place.sentence.text) else (*_THINGS, *EVENTS)
        facts += (Fact(kind, slots, place.sentence.text) for reader in readers for kind, slots in reader(place))
    sure = [fact for fact in facts if fact.kind != _LAST_RESORT]
    themes = _themes(cut)
    if sure:
        return [
            *sure,
            *(fact for fact in themes[:1] if len(str(fact.slots["term"])) > 3 and not PEOPLE.search(str(fact.slots["term"]))),
        ]
    return [*themes, *(replace(fact, kind="keys") for fact in facts)]


def _places(cut: Sequence[Sentence]) -> Iterator[Place]:
    read = [(sentence, statements(sentence.words)) for sentence in cut]
    sorts = dict(sort for _, said in read for statement in said for sort in sort_of(statement))
    counts = Counter(word.noun for sentence in cut for word in sentence.words)
    before: Statement | None = None
    for sentence, said in read:
        joined = ""
        for statement in said:
            if statement.said:
                yield Place(statement, sentence, before, joined, sorts, counts)
            before, joined = statement, statement.join


def _themes(cut: Sequence[Sentence]) -> list[Fact]:
    """What several statements are about, the commonest first."""
    about = [(text_of(st.who), s.text) for s in cut for st in statements(s.words) if st.own and is_nominal(st.who)]
    counts = Counter(term for term, _ in about if term not in GENERAL)
    return [Fact("theme", {"term": term}, dict(reversed(about))[term]) for term, count in counts.most_common() if count > 1]
