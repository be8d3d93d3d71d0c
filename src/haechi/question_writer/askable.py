"""Which words of prose can be asked by themselves: nothing too general, nothing that leans on another sentence."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from haechi.question_writer.clauses import Phrase
from haechi.question_writer.sentences import Sentence, Word
from haechi.question_writer.statements import Statement, leans, words_in
from haechi.question_writer.usable_phrases import sayable

Slots = dict[str, str | tuple[Phrase, ...]]
LONGEST, LONGEST_TOPIC, SHORT = 42, 24, 22
"""Characters of a part of a question, of what it is about, and of what people type into a search box."""
CHOICES = 3
"""Ways to say the same that are kept."""

GENERAL = words_in(
    "것 수 때 경우 등 중 때문 하나 가지 이유 원인 방법 과정 결과 영향 역할 현상 특징 특성 상황 문제 "
    "사실 정보 정도 점 부분 요소 측면 의미 중요 필요 가능 다양 사용 이용 활용 발생 증가 감소 변화 형성 "
    "제공 도움 관련 존재 포함 유지 향상 개선 연구 실험 분야 사람 사람들 우리 일반 전체 대부분 일부 여러 "
    "모든 각각 대상 경향 가능성 중요성 상태 형태 종류 수준 조건 단계 시간 기간 동안 이상 이하 사이 주변 "
    "내부 외부 개념 내용 행동 활동 값 수단 목적 목표 기능 효과 작용 요인 예시 예 문장 질문 답 문제점 "
    "차이 관계 나 그 이 저 자신 서로 시작 이해 설명 고려 성과 전략 관심 지원 노력 발전 혁신 도전 인정 "
    "자료 정책 미래 사회 세계 생활 일상 삶 개인 지속 수행 담당 분석 파악 접근 기여 적절 심각 초래 유발 "
    "야기 주어지 위하 통하 대하 의하 따르 인하 관하 갖 있 없 되 하 주 받 미치 보 이루어지 나타나 "
    "알려지 나오 이루 많 크 높 좋 다르 같 얻 부위 적극 적극적 보장 강화 관점 결론 예방 조치 데이터 "
    "작업 활성 안정 보기 방식 기준 선택 지문 주장 따름 결정 생각 하루 오늘날 최근 현재 과거"
)
"""Words that suit any text: a question that has no others could be answered by many."""
PEOPLE = re.compile(
    r"(?:노인|여성|남성|어린이|아이|아동|학생|부모|농부|농민|시민|집트인|국인|엔지니어|간호사|팀원|교사|변호사|요리사|상담사|사람"
    r"|(?:생산|소비|연구|노동|참가|참여|사용|환|과학|기술|운전|관리|교육|지도|개발|설계|종사|거주|이주|유권|보호|창시)자"
    r"|학자|박사|교수|작가|감독|의사|왕|대통령|화가|기자|인물|선수|장군|정치가)(?:들)?$"
)
BODIES = re.compile(r"(?:정부|단체|기관|회사|기업|국가|학교|병원|위원회)(?:들)?$")
_MINDS = words_in("확인 관찰 이해 알 보 예측 계산 측정 구하 파악 추정 판단 느끼 찾 배우")
"""What only somebody can do: 타일은 …을 확인할 수 있다 is about who looks at it."""
_TELLS = words_in("의미 뜻 말 말하 나타내 보여주 보이 알려지 알리 같 설명 가리키 정의 강조 시사 가정 이해 포함")
_NEEDED_ADVERBS = words_in("안 못 왜 어떻게 잘 언제 더 가장 및")
_NOMINAL = {"NNG", "NNP", "SL", "XSN", "XPN", "SN", "SO", "SW"}
_SYMBOL = re.compile(r"(?<![A-Za-z])[a-zΔθλμ](?![A-Za-z])")
COPULA = ("이", "VCP")


def things(words: Sequence[Word]) -> set[str]:
    """What the words name, other than what any text names."""
    named = {(form, tag) for word in words for form, tag in word.morphemes if tag in ("NNG", "NNP", "SL", "XR", "VV", "VA")}
    return {form for form, tag in named if form not in GENERAL and (len(form) > 1 or tag in ("NNG", "SL"))}


def askable(phrases: Sequence[Phrase], least: int) -> tuple[Phrase, ...]:
    """The phrases that can be asked by themselves and name at least so many things."""
    return tuple(phrase for phrase in phrases if _stands_alone(phrase) and _says_enough(phrase, least))[:CHOICES]


def topic(who: Sequence[Word]) -> Slots:
    """The topic as a part of a question, if it can be said by itself."""
    phrases = askable((Phrase(tuple(who)),), 1) if who and len(text_of(who)) <= LONGEST_TOPIC else ()
    return {"who": phrases} if phrases else {}


def is_nominal(who: Sequence[Word]) -> bool:
    """Whether it is a few nouns that nothing modifies."""
    tags = {tag for word in who for _, tag in word.morphemes if tag[0] != "J"}
    return 0 < len(who) <= 4 and tags <= _NOMINAL and all(w.role in ("bare", "topic", "genitive", "object") for w in who)


def is_term(who: Sequence[Word]) -> bool:
    """Whether it is a term that says what it is: a noun or two."""
    return is_nominal(who) and bool(topic(who))


def text_of(words: Sequence[Word]) -> str:
    """The words, without the particle of the last."""
    return " ".join([*(word.surface for word in words[:-1]), *(word.noun for word in words[-1:])])


def leaner(phrase: Phrase) -> Phrase:
    """Without adverbs, and without adjectives that nothing hangs on."""
    kept: list[Word] = []
    for i, word in enumerate(phrase.words[:-1]):
        before, after = phrase.words[i - 1] if i else None, phrase.words[i + 1]
        if word.role == "adverb" and word.surface not in _NEEDED_ADVERBS and after.role != "bare":
            continue
        adjective = word.role == "modifier" and not word.verbal and after.role in ("object", "adverbial") and not after.bound
        if adjective and len(phrase.words) > 3 and (before is None or before.role in ("topic", "object")):
            continue
        kept.append(word)
    return replace(phrase, words=(*kept, phrase.words[-1]))


def short(phrases: Sequence[Phrase]) -> Slots:
    """As people type key words: no marks of subject and object; nothing where it would be long."""
    bare = [
        replace(p, words=tuple(word if p.stem and word is p.words[-1] else _unmarked(word) for word in p.words)) for p in phrases
    ]
    few = tuple(phrase for phrase in bare if sum(len(word.surface) + 1 for word in phrase.words) <= SHORT)
    return {"short": few} if few else {}


def governs(words: Sequence[Word], place: int) -> bool:
    """Whether what hangs on the word is the end of the statement, not a verb that modifies a noun."""
    return not (words[place + 1].verbal or words[place + 1].role == "link")


def tells(said: Sequence[Word]) -> bool:
    """Whether it says what something means, which nobody asks the reason of."""
    return any(form in _TELLS for word in said[-2:] for form, tag in word.morphemes if tag[0] in "VN")


def has_subject(said: Sequence[Word]) -> bool:
    """Whether its last verb has a subject of its own, as acts have and properties needn't: 빛이 생긴다, but 코가 길다."""
    tags = {tag.split("-")[0] for _, tag in said[-1].morphemes}
    last = max((i for i, word in enumerate(said) if word.role == "subject"), default=-1)
    acts = bool(tags & {"VV", "XSV", "VX"}) and said[-1].morphemes[0][0] not in ("있", "없")
    return acts and last >= 0 and not any(word.verbal for word in said[last:-1])


def topic_acts(statement: Statement) -> bool:
    """Whether the topic, if there is one, is the subject of what is said: not what is acted upon, nor the scene."""
    who, said = statement.who, statement.said
    if not who:
        return True
    person = bool(PEOPLE.search(who[-1].noun))
    must = len(said) > 1 and said[-2].morphemes[-1] == ("어야", "EC")
    can = any(word.head == "수" for word in said[-2:])
    mental = can and any(form in _MINDS for word in said[-3:] for form, _ in word.morphemes)
    if has_subject(said) or (must and not person and not BODIES.search(who[-1].noun)):
        return False
    if mental:
        return person
    roles = {word.role for word in said}
    return not ((can or ("하", "XSV") in said[-1].morphemes) and "subject" in roles and "object" not in roles)


def sort_of(statement: Statement) -> Iterator[tuple[str, str]]:
    """What the statement says that its topic is: `인터페론은 …단백질입니다`, `인터페론은 …단백질로, …`."""
    said = statement.sort or (statement.said if statement.said and COPULA in statement.said[-1].morphemes else ())
    if said and is_term(statement.who) and said[-1].morphemes[0][1] == "NNG":
        noun = without_copula(said[-1]).noun
        if noun not in GENERAL and len(noun) > 1 and noun.isalpha() and not noun.endswith("적"):
            yield text_of(statement.who), noun


def without_copula(word: Word) -> Word:
    """단백질입니다 -> 단백질."""
    end = next((i for i, (_, tag) in enumerate(word.morphemes) if i and tag in ("VCP", "JX", "JKS", "JKB")), len(word.morphemes))
    if end == len(word.morphemes):
        return word
    return replace(
        word, surface=word.surface[: word.cuts[end]], morphemes=word.morphemes[:end], role="bare", cuts=word.cuts[:end]
    )


def _stands_alone(phrase: Phrase) -> bool:
    text, first = " ".join(word.surface for word in phrase.words), phrase.words[0]
    needy = first.bound and (first.head in ("경우", "때", "후", "전", "뒤", "외", "밖", "등") or first.morphemes[0][1] == "NNB")
    begins = (
        first.role != "link"
        and not needy
        and first.surface
        not in ("및", "또는", "대한", "위한", "따른", "인한", "의해", "통해", "함께", "토대로", "바탕으로", "이후")
    )
    return begins and len(text) <= LONGEST and not _SYMBOL.search(text) and not leans(phrase.words) and sayable(phrase)


def _says_enough(phrase: Phrase, least: int) -> bool:
    named = things(phrase.words)
    return len(named) >= least and sum(map(len, named)) > least


def _unmarked(word: Word) -> Word:
    if (
        word.role not in ("subject", "object", "topic")
        or len(word.morphemes) < 2
        or word.morphemes[-1][1] not in ("JKS", "JKO", "JX")
    ):
        return word
    return replace(word, surface=word.noun, morphemes=word.morphemes[:-1], role="bare", cuts=word.cuts[:-1])


Asked = Iterator[tuple[str, Slots]]
"""Kinds of questions, each with the parts that its frames are filled with."""
REASONS = words_in("이유 원인 방법 목적 결과 목표 조건 요인 예")
"""Nouns whose phrase asks by itself: 하늘이 파란 이유."""


@dataclass(frozen=True, slots=True)
class Place:
    """A statement, the sentence that it stands in, and what is said just before it."""

    statement: Statement
    sentence: Sentence
    before: Statement | None
    joined: str
    """How the statement before it in the same sentence is joined to it."""
    sorts: Mapping[str, str]
    """What the passage says that its things are: 인터페론 -> 단백질."""
    counts: Mapping[str, int]
    """How often the passage names its things."""


def asked_clause(kind: str, statement: Statement, least: int = 2) -> Asked:
    """A fact whose act is the whole statement; one without a subject must name more things."""
    whole = statement.whole()
    if whole is None or whole.stem[-1] == COPULA or tells(statement.said) or not topic_acts(statement):
        return
    roles = {word.role for word in whole.words[:-1]}
    numbered = any(tag == "SN" for _, tag in whole.words[-1].morphemes)
    if not numbered and ("subject" in roles or ("object" in roles and kind != "reason")):
        yield from asked_phrase(kind, whole, {}, least=least + ("subject" not in roles))


def asked_phrase(kind: str, phrase: Phrase, slots: Slots, slot: str = "act", least: int = 2) -> Asked:
    """A fact with the phrase, in fewer words than the passage's and in as many."""
    if leans(phrase.words):
        return
    few = leaner(phrase)
    if phrases := askable((few, phrase) if few.words != phrase.words else (phrase,), least):
        yield kind, {**slots, slot: phrases, **short(phrases)}
