"""Which words and phrases of a passage can stand in a question: those that say enough, and nothing that points elsewhere."""

import re
from collections.abc import Sequence

from haechi.question_writer.clauses import Phrase
from haechi.question_writer.sentences import BOUND, Word

POINTS_ELSEWHERE = re.compile(
    r"준용|규정[은을]|[호목]의|제\d+[조항호목]|대통령령|총리령|고시로|별표|서식|필요한 사항[은을]|각각|같은 [조항법]"
    r"|정하여 고시|고시한다"
)


_EMPTY = frozenset(
    [
        "경우",
        "사항",
        "규정",
        "필요",
        "관련",
        "해당",
        "기타",
        "내용",
        "다음",
        "각각",
        "이상",
        "이하",
        "이내",
        "대통령령",
        "총리령",
        "상당",
        "당시",
        "이후",
        "이전",
        "따라서",
        "또한",
        "여부",
        "부분",
        "본문",
        "단서",
        "위하",
        "등",
        "및",
        "또는",
        "방법",
        "업무",
        "조치",
        "요건",
        "행위",
        "서류",
        "자료",
        "처분",
        "신청",
        "기준",
        "절차",
        "사유",
        "결정",
        "포함",
        "개인",
        "범위",
        "목적",
        "자신",
        "사실",
        "결과",
        "시점",
        "시기",
        "용도",
        "명목",
    ]
)


_UNSAYABLE = re.compile(r"[^가-힣A-Za-z0-9\s%.,ㆍ·∼~-]|(?<![\d가-힣])\d+(?:을|를)(?![가-힣])|(?<![가-힣])밖의")


_BARE = frozenset(
    [
        "사유",
        "이유",
        "방법",
        "기준",
        "절차",
        "요건",
        "금액",
        "범위",
        "목적",
        "내용",
        "사항",
        "구분",
        "순서",
        "규정",
        "용도",
        "명목",
        "형태",
        "시점",
        "시기",
    ]
)


_NEEDS_A_MODIFIER = {"자", "것", "바", "데", "경우", "때", "날", "점", "수", "뜻"}


AGENT = re.compile(
    r"(?<!투)(?<!출)(?<!이)(?<!하)(?<!융)(?<!증)자$|(?<!승)(?<!확)(?<!요)(?<!원)인$|(?<!지)(?<!구)원$|(?<!심)(?<!조)(?<!검)(?<!감)(?<!공)사$"
    r"|(?:은행|위원회|협의회|총회|이사회|조합|법원|재판부|관청|행정청|기관|법인|국가|단체|공단|공사|기구|기금|회사|채권자|정부|부모|자녀|배우자)$"
    r"|(?:장관|원장|청장|시장|군수|구청장|도지사|위원장|회장|소장|법관|세관|관리관|감독관|조사관|경찰관|공무원|교원|검사|판사|변호사|감사)$"
    r"|(?:주주|사업주|고용주|채무자|사람|분|팀|센터|주체|손님|고객|가족|이웃|동료|친구|직원|업체|가게|학교|병원)$"
)
"""Who can do something: persons, bodies, authorities."""


def searchable(word: Word) -> bool:
    """Whether people type its noun into a search box."""
    if word.role not in ("object", "subject", "topic", "genitive", "bare", "adverbial") or word.bound or word.head in BOUND:
        return False
    tags = {tag for _, tag in word.morphemes if tag[0] != "J"}
    if not word.noun.isalnum() and "ㆍ" not in word.noun:
        return False
    return tags <= {"NNG", "NNP", "XSN", "XPN", "SL"} and 2 <= len(word.noun) <= 12 and word.noun not in _EMPTY


def sayable(phrase: Phrase) -> bool:
    """Whether it can be said on its own: no citation left over, not too long, no bare bracket, no 자 without its modifier."""
    text = " ".join(word.surface for word in phrase.words)
    if len(text) > 60 or POINTS_ELSEWHERE.search(text) or _UNSAYABLE.search(text):
        return False
    for i, word in enumerate(phrase.words):
        alone = i == 0 or phrase.words[i - 1].role in ("object", "subject", "topic", "adverbial")
        if alone and word.role == "adverbial" and word.noun in _BARE and not word.listed:
            return False  # 방법으로: the words that said which are masked
    return all(
        i > 0 and phrase.words[i - 1].role in ("modifier", "genitive")
        for i, word in enumerate(phrase.words)
        if word.bound and word.head in _NEEDS_A_MODIFIER
    )


def telling(phrase: Phrase) -> bool:
    """Whether it says what it is about: two nouns of its own or more."""
    nouns = {
        f
        for w in phrase.words
        for f, tag in w.morphemes
        if tag in ("NNG", "NNP", "SL", "XR") and f not in _EMPTY and f not in BOUND
    }
    about = {f for w in phrase.words[:-1] for f, tag in w.morphemes if f in nouns}
    return bool(about) and len(nouns) >= 2 and sum(map(len, nouns)) >= 4


def nominalised(acts: Sequence[Phrase]) -> tuple[Phrase, ...]:
    """The act as a noun: 정보를 제공 -> 정보 제공; with a word before it where one belongs to it."""
    for act in acts[::-1]:
        if len(act.words) >= 2 and act.stem[-1] in (("하", "XSV"), ("되", "XSV")) and not act.listed:
            before = act.words[-2]
            fits = before.role == "object" or (act.stem[-1][0] == "되" and before.role in ("subject", "topic"))
            if not fits or before.bound or before.head in BOUND:
                return ()
            more = len(act.words) >= 3 and act.words[-3].role in ("genitive", "bare") and searchable(act.words[-3])
            if more:
                return (Phrase(act.words[-3:]),)
            return (Phrase(act.words[-2:]),) if before.noun not in _EMPTY and len(before.noun) > 2 else ()
    return ()
