"""Korean word forms: particles that fit the word before them, endings that fit their stem, everyday words for legal ones.

Endings are joined by Kiwi, which knows irregular stems (듣다, 들어도); particles by the sound of the last letter, which Kiwi
doesn't know for digits. Hanja have no known sound here and count as open.
"""

import functools
import re
from collections.abc import Sequence

from haechi.text.morphemes import kiwi

Morpheme = tuple[str, str]
"""A form and its part of speech, as Kiwi writes them."""

PAIRS = {
    "은": ("은", "는"),
    "이": ("이", "가"),
    "을": ("을", "를"),
    "과": ("과", "와"),
    "으로": ("으로", "로"),
    "이란": ("이란", "란"),
    "이라는": ("이라는", "라는"),
    "이라고": ("이라고", "라고"),
    "이나": ("이나", "나"),
    "인": ("인", "인"),
}
"""Particle -> its form after a closed and after an open syllable."""
SAME = {second: pair for first, pair in PAIRS.items() for second in pair}

_CLOSED_DIGITS = "013678"
_CLOSED_LETTERS = "lmnrLMNR"
_RIEUL_DIGITS = "178"
_RIEUL_LETTERS = "lrLR"
_NOT_SOUNDED = re.compile(r"[^가-힣A-Za-z0-9]+$")


def particle(word: str, name: str) -> str:
    """The particle in the form that follows this word: (`3`, `을`) -> `을`, (`나무`, `을`) -> `를`."""
    if name not in PAIRS:
        return name
    closed, open_ = PAIRS[name]
    sounded = _NOT_SOUNDED.sub("", word)
    last = sounded[-1:] or "가"
    if "가" <= last <= "힣":
        final = (ord(last) - ord("가")) % 28
        ends_closed, rieul = final > 0, final == 8
    else:
        ends_closed = last in _CLOSED_DIGITS or last in _CLOSED_LETTERS
        rieul = last in _RIEUL_DIGITS or last in _RIEUL_LETTERS
    return open_ if not ends_closed or (rieul and name == "으로") else closed


def with_particle(word: str, name: str) -> str:
    """The word with its particle."""
    return word + particle(word, name)


def conjugated(morphemes: Sequence[Morpheme]) -> str:
    """One word of stem and endings: 듣/VV-I + 어도/EC -> 들어도."""
    return _joined(tuple(morphemes))


@functools.lru_cache(maxsize=100_000)
def _joined(morphemes: tuple[Morpheme, ...]) -> str:
    """Kiwi takes milliseconds to join, and few stems meet few endings."""
    return str(kiwi().join([("않" if form == "아니하" else form, tag) for form, tag in morphemes]))


_AFTER_ADJECTIVES: dict[Morpheme, Morpheme] = {
    ("는", "ETM"): ("ᆫ", "ETM"),
    ("나요", "EF"): ("ᆫ가요", "EF"),
    ("는지", "EC"): ("ᆫ지", "EC"),
    ("ᆫ다고", "EC"): ("다고", "EC"),
}
"""높는 -> 높은, 높나요 -> 높은가요; 있다 and 없다 go with the verbs."""


def fitted(stem: Sequence[Morpheme], ending: Sequence[Morpheme]) -> list[Morpheme]:
    """The stem with the ending in the form that fits it: 중요 + 는 -> 중요한, 했 + 는 -> 한."""
    verbs, first = list(stem), ending[0] if ending else ("", "")
    if verbs[-1][1] == "EP" and first[1] == "ETM":
        verbs, first = verbs[:-1], ("ᆫ", "ETM")
    elif verbs[-1] == ("이", "VCP") and first == ("ᆫ다고", "EC"):
        first = ("라고", "EC")
    elif verbs[-1][1].split("-")[0] in ("VA", "XSA", "VCP", "VCN") and verbs[-1][0] not in ("있", "없"):
        first = _AFTER_ADJECTIVES.get(first, first)
    elif (verbs[-1][1] == "EP" or verbs[-1][0] in ("있", "없")) and first == ("ᆫ다고", "EC"):
        first = ("다고", "EC")
    if verbs[-1][0] in ("있", "없") and first == ("ᆫ", "ETM"):
        first = ("는", "ETM")
    return [*verbs, first, *ending[1:]] if ending else verbs


ENDINGS: dict[str, tuple[Morpheme, ...]] = {
    "나요": (("나요", "EF"),),
    "나": (("나", "EF"),),
    "ᆸ니까": (("ᆸ니까", "EF"),),
    "ᆯ까요": (("ᆯ까요", "EF"),),
    "ᆯ까": (("ᆯ까", "EF"),),
    "는": (("는", "ETM"),),
    "ᆯ": (("ᆯ", "ETM"),),
    "ᆫ": (("ᆫ", "ETM"),),
    "어야": (("어야", "EC"),),
    "어도": (("어도", "EC"),),
    "지": (("지", "EC"),),
    "고": (("고", "EC"),),
    "면": (("으면", "EC"),),
    "려면": (("으려면", "EC"),),
    "려고": (("으려고", "EC"),),
    "려는데": (("으려는데", "EC"),),
    "기": (("기", "ETN"),),
    "는지": (("는지", "EC"),),
    "었는데": (("었", "EP"), ("는데", "EC")),
    "었습니다": (("었", "EP"), ("습니다", "EF")),
    "었다면": (("었", "EP"), ("다면", "EC")),
    "었을": (("었", "EP"), ("ᆯ", "ETM")),
    "게": (("게", "EC"),),
    "다가": (("다가", "EC"),),
    "어": (("어", "EC"),),
    "겠다고": (("겠", "EP"), ("다고", "EC")),
    "어서는": (("어서", "EC"), ("는", "JX")),
    "라고": (("으라고", "EC"),),
    "자고": (("자고", "EC"),),
    "ᆫ다고": (("ᆫ다고", "EC"),),
}
"""Endings that a phrase may ask for, by the name that it uses for them."""

EVERYDAY_NOUNS = {
    "임차인": "세입자",
    "임대인": "집주인",
    "임대차": "세 계약",
    "차임": "월세",
    "임차보증금": "보증금",
    "피상속인": "돌아가신 분",
    "배우자": "남편이나 아내",
    "직계존속": "부모님",
    "직계비속": "자녀",
    "근로자": "직원",
    "소비자": "고객",
    "금융소비자": "금융 고객",
    "예금자": "예금한 사람",
    "채권자": "돈을 받을 사람",
    "채무자": "빚진 사람",
    "보증인": "보증 선 사람",
    "매수인": "산 사람",
    "매도인": "판 사람",
    "수급인": "공사를 맡은 사람",
    "도급인": "공사를 맡긴 사람",
    "부동산": "집이나 땅",
    "토지": "땅",
    "금원": "돈",
    "대가": "값",
    "유언자": "유언한 사람",
    "정보주체": "개인정보의 주인",
    "개인정보처리자": "개인정보를 다루는 회사",
    "수탁자": "맡은 사람",
    "위탁자": "맡긴 사람",
    "신청인": "신청한 사람",
    "청구인": "청구한 사람",
    "양수인": "넘겨받은 사람",
    "양도인": "넘긴 사람",
    "서면": "문서",
    "누설": "유출",
    "하자": "흠",
    "분쟁": "다툼",
    "사망": "죽음",
    "벌칙": "처벌",
    "주소지": "사는 곳",
}
"""Legal nouns -> what people say. Only those whose meaning survives in a question; none turns one institution into another."""

EVERYDAY_VERBS: dict[str, tuple[Morpheme, ...]] = {
    "제출": (("내", "VV"),),
    "납부": (("내", "VV"),),
    "납입": (("내", "VV"),),
    "지급": (("주", "VV"),),
    "교부": (("건네", "VV"),),
    "수령": (("받", "VV-R"),),
    "통지": (("알리", "VV"),),
    "고지": (("알리", "VV"),),
    "기재": (("적", "VV-R"),),
    "첨부": (("붙이", "VV"),),
    "체결": (("맺", "VV-R"),),
    "위반": (("어기", "VV"),),
    "초과": (("넘", "VV-R"),),
    "보유": (("가지", "VV"),),
    "파기": (("없애", "VV"),),
    "폐기": (("버리", "VV"),),
    "작성": (("만들", "VV"),),
    "열람": (("보", "VV"),),
    "양도": (("넘기", "VV"),),
    "변경": (("바꾸", "VV"),),
    "사용": (("쓰", "VV"),),
    "이용": (("쓰", "VV"),),
    "취득": (("얻", "VV-R"),),
    "사망": (("죽", "VV-R"),),
    "게시": (("붙이", "VV"),),
    "개시": (("시작", "NNG"), ("하", "XSV")),
    "종료": (("끝나", "VV"),),
    "반환": (("돌려주", "VV"),),
    "훼손": (("망가뜨리", "VV"),),
    "은닉": (("숨기", "VV"),),
    "선임": (("뽑", "VV-R"),),
    "선정": (("고르", "VV"),),
    "보관": (("맡아 두", "VV"),),
    "매수": (("사", "VV"),),
    "매도": (("팔", "VV"),),
    "설명": (("알려 주", "VV"),),
    "표시": (("나타내", "VV"),),
    "송부": (("보내", "VV"),),
    "송달": (("보내", "VV"),),
    "부담": (("떠안", "VV-R"),),
    "준수": (("지키", "VV"),),
    "확인": (("알아보", "VV"),),
    "해태": (("게을리하", "VV"),),
}
"""Sino-Korean verbs (제출하다) -> the stem of an everyday one (내다)."""
