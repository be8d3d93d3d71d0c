"""What prose says that happens: why, how, when, how much, under which condition, by what, with which effect."""

import re
from collections.abc import Sequence
from dataclasses import replace

from haechi.question_writer.askable import (
    BODIES,
    COPULA,
    PEOPLE,
    REASONS,
    Asked,
    Place,
    Slots,
    askable,
    asked_clause,
    asked_phrase,
    governs,
    has_subject,
    is_term,
    tells,
    text_of,
    things,
    topic,
)
from haechi.question_writer.clauses import Phrase, starts
from haechi.question_writer.sentences import Word
from haechi.question_writer.statements import Statement, as_subject, clause, noun_start, words_in

_DEEDS = words_in("발견 발명 주장 제시 개발 만들 쓰 측정 관찰 밝혀내 밝히 증명 설립 연구 제안 발표 실험 그리 세우 믿 생각")
"""What people with names do."""
_PLAYS = words_in("하 수행 담당 맡")
"""What is done with a role."""
_NEEDED = re.compile(r"어야|필요|중요|방법|사용|이용|활용|통하|수있|좋")
_NUMBER = re.compile(r"^(?:약|총|최대|최소)?\d[\d,.]*(?:[~-]\d[\d,.]*)?(?=[가-힣%])")
_ABOUT = frozenset(["약", "최대", "최소", "대략", "평균", "총", "거의"])
_SORTS = re.compile(
    r"(세포|호르몬|효소|단백질|에너지|이론|법칙|현상|물질|기관|장치|원소|질병|질환|바이러스|세균|식물|동물|곤충|조직|제도|정책|원자|분자|이온"
    r"|전자|행성|별|검사|요법|약물|비타민|조약|전쟁|입자|운동|반응|가설|모델|함수|변수|알고리즘|프로토콜|회로|암석|신경|근육|혈관|유전자|산업"
    r"|사회|도시)$"
)


def _reason(place: Place) -> Asked:
    """`…때문에 X`, `…므로 X`, `…로 인해 X`; `이는 …때문이다` after X."""
    statement, before = place.statement, place.before
    who, said = statement.who, statement.said
    if said[-1].head == "때문" and said[-1].role == "end":
        if not who and before and place.sentence.words[0].points:
            yield from asked_clause("reason", before)
        return
    scene = before is not None and before.own and before.who and not who  # 배는 가볍기 때문에 시간이 적게 걸린다
    if place.joined == "because" and statement.join in ("end", "and") and not scene:
        yield from asked_clause("reason", statement)
    for i, word in enumerate(said[:-2]):
        if governs(said, i) and word.surface in ("인해", "인하여", "덕분에", "탓에"):
            yield from asked_clause("reason", replace(statement, scene=(), said=said[i + 1 :]))
            return


def _way(place: Place) -> Asked:
    """`X하기 위해서는 …해야 한다`, `…를 이용하여 X할 수 있다`."""
    statement = place.statement
    said = statement.said
    for i, word in enumerate(said[:-1]):
        rest, verb = said[i + 1 :], word.morphemes[0][0]
        if word.role == "link" and verb == "위하" and i and said[i - 1].morphemes[-1] == ("기", "ETN"):
            yield from _goal(statement, i)
            return
        tool = word.role == "link" and (
            verb == "통하" or (verb in ("이용", "사용", "활용") and word.morphemes[-1][0] in ("어", "어서"))
        )
        inside = any(w.verbal and rest[j + 1].head != "수" for j, w in enumerate(rest[:-1]))
        if (tool or word.surface.endswith("으로써")) and governs(said, i) and not inside:
            if not any(w.head == "영향" for w in rest):
                yield from asked_clause(
                    "way", replace(statement, who=statement.who if statement.own else (), scene=(), said=rest), 3
                )
            return


def _goal(statement: Statement, place: int) -> Asked:
    """What has to be done for it, if that is said; else the reason for what is done."""
    said = statement.said
    goal, rest = clause(said[:place]), said[place + 1 :]
    roles = {word.role for word in goal.words} if goal else set()
    own = goal and any(word.noun.startswith("자신") for word in goal.words)
    if (
        goal
        and roles & {"subject", "object"}
        and not own
        and governs(said, place)
        and _NEEDED.search("".join(form for w in rest for form, _ in w.morphemes))
    ):
        yield from asked_phrase("way" if "subject" in roles else "goal", goal, {})
    elif statement.own and not any(word.head == "포함" for word in rest):
        yield from asked_clause("reason", replace(statement, scene=(), said=rest))


def _condition(place: Place) -> Asked:
    """`X하면 Y`, `X할 때 Y`: what happens to Y, or at all, if X."""
    statement, before = place.statement, place.before
    if place.joined == "if" and before is not None and (case := before.case()):
        yield from _case(case, topic(statement.who) if statement.who != before.who else {})
    own = () if statement.who and not statement.scene else as_subject(statement.who)
    words = (*statement.scene, *own, *statement.said)
    for i, word in enumerate(words[:-1]):
        if i > 1 and word.head in ("때", "경우") and words[i - 1].role == "modifier" and word.role in ("bare", "adverbial"):
            case = clause(words[:i])
            if case and governs(words, i) and any(w.role == "subject" for w in statement.said[:i]):
                yield from _case(case, {})
            return


def _case(case: Phrase, slots: Slots) -> Asked:
    last = case.words[-1].morphemes
    counted = COPULA not in last or any(tag == "SN" for _, tag in last)
    if counted and not any(form in ("가정", "보", "생각") for form, _ in last):
        yield from asked_phrase("condition", case, slots, "case", 2 if any(w.role == "subject" for w in case.words) else 3)


def _agent(place: Place) -> Asked:
    """`X는 Y에 의해 결정된다`: by what?"""
    who, said = place.statement.who, place.statement.said
    for i, word in enumerate(said[:-1]):
        if i and word.surface == "의해" and governs(said, i) and said[i - 1].morphemes[-1] == ("에", "JKB"):
            what = replace(said[i - 1], surface="무엇에", morphemes=(("무엇", "NNG"), ("에", "JKB")), cuts=(0, 2), comma=False)
            asked = clause((*who, *said[: noun_start(said, i - 1)], what, *said[i:]))
            if topic(who) and asked:
                yield from asked_phrase("agent", asked, {})
            return


def _effect(place: Place) -> Asked:
    """`X는 Y에 영향을 미친다`, `X는 …역할을 한다`."""
    who, said = place.statement.who, place.statement.said
    about = topic(who)
    for i, word in enumerate(said[:-1] if about else ()):
        if word.head == "영향" and word.role == "object" and said[i + 1].morphemes[0][0] in ("미치", "주", "끼치"):
            end = max((j for j in range(i) if said[j].morphemes[-1] in (("에", "JKB"), ("에게", "JKB"))), default=-1)
            if end >= 0 and said[end + 1].morphemes[0][0] not in ("대하", "미치"):
                yield from asked_phrase("effect", Phrase(said[noun_start(said, end) : end + 1]), about, "to")
        plays = word.head in ("역할", "기능") and word.role == "object" and said[-1].morphemes[0][0] in _PLAYS
        if plays and i >= len(said) - 2 and not any(w.role == "modifier" for w in who):
            yield "role", about


def _amount(place: Place) -> Asked:
    """`X는 75도로 가열된다`: 몇 도; `1953년에 …했다`: 언제."""
    who, rest = place.statement.who, (*place.statement.scene, *place.statement.said)
    numbers = [i for i, word in enumerate(rest) if word.morphemes[0][1] == "SN" and _NUMBER.search(word.surface)]
    if not numbers:
        return
    at, word = numbers[-1], rest[numbers[-1]]
    beside = (*rest[max(at - 1, 0) : at], *rest[at + 1 : at + 2])
    free = word.role in ("end", "adverbial", "object", "subject") or any(
        w.head in ("동안", "이내") for w in rest[at + 1 : at + 2]
    )
    if (
        not free
        or any(tag in ("SN", "SW") for w in beside for _, tag in w.morphemes)
        or word.morphemes[1][1] not in ("NNB", "SW")
    ):
        return
    year = re.match(r"\d{4}년", word.surface)
    when = replace(word, surface="언제", morphemes=(("언제", "MAG"),), role="adverb", cuts=(0,))
    before = rest[:at]
    while before and before[-1].surface in _ABOUT:
        before = before[:-1]
    if asked := clause((*who, *before, when if year else _how_many(word), *rest[at + 1 :])):
        yield from asked_phrase("time" if year else "quantity", asked, {}, least=3)


def _how_many(word: Word) -> Word:
    """75도로 -> 몇 도로."""
    surface = "몇 " + _NUMBER.sub("", word.surface).replace("%", "퍼센트")
    shift = len(surface) - len(word.surface)
    return replace(word, surface=surface, cuts=tuple(cut + shift if i else 0 for i, cut in enumerate(word.cuts)))


def _subject(place: Place) -> Asked:
    """`X는 …을 한다`: what does …?"""
    who, said = place.statement.who, place.statement.said
    plain = topic(who) and len(who) <= 3 and not any(word.role == "modifier" for word in who)
    if (
        not plain
        or tells(said)
        or has_subject(said)
        or any(tag in ("VCP", "VCN") for _, tag in said[-1].morphemes)
        or BODIES.search(who[-1].noun)
    ):
        return
    nouns = {word.noun for word in who}
    acts = [
        act
        for start in starts(said[:-1], 0, last=said[-1])
        if _may_begin(said, start) and (act := clause(said[start:])) and not {word.noun for word in act.words} & {*nouns, "몇"}
    ]
    if phrases := askable(acts[::-1], 3):
        sort = _sort(place)
        yield "subject", {"act": phrases, "sort": sort, "is_who" if sort == "사람" else "is_what": "1"}


def _may_begin(said: Sequence[Word], start: int) -> bool:
    """Whether nothing that stands before belongs to the word."""
    before = said[start - 1] if start else None
    if before is None:
        return said[start].role != "link"
    joined = before.role in ("modifier", "genitive", "adverb") or (before.role == "bare" and not before.comma)
    return not joined and said[start].role != "link" and not (said[start].role == "modifier" and before.role == "subject")


def _sort(place: Place) -> str:
    """What kind of thing the topic is: said in the passage, or by its last noun; else 것."""
    who, said = place.statement.who, place.statement.said
    name = text_of(who)
    named = all(word.morphemes[0][1] == "NNP" for word in who)
    if PEOPLE.search(name) or (named and said[-1].morphemes[0][0] in _DEEDS and ("었", "EP") in said[-1].morphemes):
        return "사람"
    last = _SORTS.search(name)
    return place.sorts.get(name) or (last[1] if last and last[1] != name else "것")


def _comparison(place: Place) -> Asked:
    """`X는 Y보다 …하다`; `X는 …지만, Y는 …`."""
    who, said, before = place.statement.who, place.statement.said, place.before
    for i, word in enumerate(said[:-1]):
        if word.morphemes[-1] == ("보다", "JKB") and topic(who):
            than, act = Phrase(said[noun_start(said, i) : i + 1]), clause([w for w in said[i + 1 :] if w.surface != "더"])
            if act and askable((than,), 1):
                yield from asked_phrase("comparison", act, {**topic(who), "than": (than,)}, least=1)
            return
    if before is None or who == before.who or not (is_term(who) and is_term(before.who)):
        return
    alike = things(who) & things(before.who) or (tells(before.said) and tells(said))
    simple = not any(word.role == "genitive" for word in (*who, *before.who))
    simple = simple and text_of(who) not in text_of(before.who) and text_of(before.who) not in text_of(who)
    if simple and (place.joined == "but" or (place.joined == "and" and alike)):
        yield "difference", {"who": (Phrase(before.who),), "than": (Phrase(who),)}


def _whether(place: Place) -> Asked:
    """The statement itself: is it so?"""
    statement = place.statement
    whole = statement.join == "end" and place.joined != "if" and statement.own and statement.who
    if whole and statement.who[-1].head not in REASONS and not any(word.surface == "몇" for word in statement.said):
        yield from asked_clause("whether", statement, 3)


EVENTS = (_reason, _way, _condition, _agent, _effect, _amount, _subject, _comparison, _whether)
