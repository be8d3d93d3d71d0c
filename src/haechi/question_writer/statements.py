"""Reads prose: cuts a sentence into statements, each with its topic, what it says of it, and how it is joined to the next.

A statement that leans on another sentence (이러한, 그들, 이를) has no words that can be asked by themselves, and says so.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from haechi.question_writer.clauses import OPENERS, Phrase
from haechi.question_writer.inflection import Morpheme, with_particle
from haechi.question_writer.sentences import Word


def words_in(text: str) -> frozenset[str]:
    """The words of a text: a list that one can read."""
    return frozenset(text.split())


Join = Literal["end", "and", "but", "if", "because"]

_JOINS: dict[str, Join] = {
    **dict.fromkeys(("면", "으면", "다면", "ᆫ다면", "는다면", "ᆯ수록", "을수록"), "if"),
    **dict.fromkeys(("므로", "으므로", "니까", "으니까", "기 때문"), "because"),
    **dict.fromkeys(("지만", "으나", "나", "는데", "ᆫ데", "은데", "ᆫ 반면", "는 반면"), "but"),
    **dict.fromkeys(("고", "며", "으며", "어", "어서", "거나", "면서"), "and"),
}
_ONLY_WITH_A_COMMA = frozenset(("고", "며", "으며", "어", "어서", "거나", "면서", "나"))
_VERBS_LIKE_PARTICLES = words_in("따르 대하 관하 의하 위하 통하 인하 비하 들")
_REPORTED = words_in(
    "알려지 알리 보이 예상 추정 나타나 생각 여기 간주 밝히 기대 추측 보 하 전하 말하 말 주장 설명 보고 "
    "믿 확인 드러나 해석 정의 평가 불리"
)
_NAMED_AS = frozenset(("알려지", "알리", "간주", "여기", "정의", "불리", "평가"))
_LEANS = words_in(
    "이러한 그러한 이런 그런 이렇게 그렇게 이와 그와 다음과 위의 앞의 해당 주어진 이때 여기서 전자는 "
    "후자는 다음 예상되는 이번 첫 번째 둘째 셋째 마찬가지로 반대로 본문 선택지 보기 정답은 정답"
)
_ASKS = frozenset(("어떤", "왜", "어떻게", "얼마나", "어느", "무슨", "누가"))
"""A sentence that asks something says nothing."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A clause: `who` it is about (its own topic or the one before it; empty if it has neither), and the rest with the verb."""

    who: tuple[Word, ...]
    scene: tuple[Word, ...]
    """What stands before its topic: 봄에, 이 실험에서."""
    said: tuple[Word, ...]
    join: Join
    sort: tuple[Word, ...] = ()
    """What its topic is said to be in passing: 인터페론은 [바이러스를 막는 단백질로], …"""
    own: bool = True
    """Whether the topic stands in this clause."""

    def whole(self) -> Phrase | None:
        """The clause with its topic as subject: ready for an ending that modifies a noun."""
        return clause((*self.scene, *as_subject(self.who), *self.said))

    def case(self) -> Phrase | None:
        """The same as a condition, which has one subject."""
        return clause(self.said) if any(word.role == "subject" for word in self.said) else self.whole()

    def asked(self) -> Phrase | None:
        """The clause with its topic as it is: ready for the end of a question."""
        return clause((*self.who, *self.scene, *self.said))


def statements(words: Sequence[Word]) -> list[Statement]:
    """The statements of a sentence, in order; none where its last word is no verb."""
    words = _without_openers(words)
    if not words or words[-1].role != "end" or any(word.surface in _ASKS or word.surface[:2] == "얼마" for word in words):
        return []
    found: list[Statement] = []
    who: tuple[Word, ...] = ()
    for part, join in _parts(_without_report(words)):
        topic = max((i for i, word in enumerate(part) if _is_topic(word)), default=-1)
        start = noun_start(part, topic) if topic >= 0 else 0
        own = tuple(part[start : topic + 1]) if topic >= 0 else ()
        subject = not own and any(word.role == "subject" or _adds(word) or _contrasts(word) for word in part)
        if subject or (found and found[-1].join == "if" and not found[-1].own):
            who = who if own else ()  # 물을 데우면 …: its topic isn't that of what comes before
        who = own or (() if subject else who)
        said = tuple(part[topic + 1 :])
        passing = next((i for i, word in enumerate(said[:-1]) if own and _in_passing(word)), -1)
        found.append(
            Statement(who, tuple(part[:start]) if own else (), said[passing + 1 :], join, said[: passing + 1], bool(own))
        )
    return found


def clause(words: Sequence[Word]) -> Phrase | None:
    """The clause that ends with these words, its last verb without endings; tense stays."""
    if not words:
        return None
    stem = words[-1].morphemes
    while stem and (stem[-1][1].split("-")[0] in ("EF", "EC", "ETM", "ETN", "JX", "JKB") or stem[-1][0] in ("겠", "시", "으시")):
        stem = stem[:-1]
    verb = stem[:-1] if stem and stem[-1][1] == "EP" else stem
    if not verb or verb[-1][1].split("-")[0] not in ("VV", "VA", "VX", "XSV", "XSA", "VCP", "VCN"):
        return None
    if (
        verb[-1] == ("않", "VX")
        and len(words) > 1
        and any(tag[:3] in ("XSA", "VA", "VA-", "VCP") for _, tag in words[-2].morphemes)
    ):
        stem = (*verb[:-1], ("않", "VA"), *stem[len(verb) :])  # 일정하지 않은, not 않는
    return Phrase(tuple(words), stem)


def as_subject(who: Sequence[Word]) -> tuple[Word, ...]:
    """수소는 -> 수소가."""
    if not who:
        return ()
    last = who[-1]
    marked = with_particle(last.noun, "이")
    end = sum(cut < len(last.noun) for cut in last.cuts)
    morphemes: tuple[Morpheme, ...] = (*last.morphemes[:end], ("이", "JKS"))
    return (
        *who[:-1],
        replace(last, surface=marked, morphemes=morphemes, role="subject", cuts=(*last.cuts[:end], len(last.noun))),
    )


def _in_passing(word: Word) -> bool:
    return (
        word.comma
        and word.morphemes[-1] in (("로", "JKB"), ("으로", "JKB"))
        and word.morphemes[0][1] in ("NNG", "NNP", "NNB", "NR")
    )


def _contrasts(word: Word) -> bool:
    """국가에서는: who acts there isn't the topic."""
    return (
        word.role == "adverbial"
        and word.morphemes[-1] == ("는", "JX")
        and word.morphemes[-2:-1] in ((("에서", "JKB"),), (("에", "JKB"),))
    )


def _adds(word: Word) -> bool:
    """Whether it adds a thing to others that were named before: 무게도."""
    return (
        word.morphemes[-1] == ("도", "JX")
        and word.role == "adverbial"
        and word.morphemes[-2:-1] != ()
        and word.morphemes[-2][1][0] == "N"
        and word.head != "수"
    )


def _is_topic(word: Word) -> bool:
    """Whether the statement is about it; 전까지는 and 경우는 say when."""
    before = word.morphemes[-2][1] if len(word.morphemes) > 1 else ""
    return (
        word.role == "topic"
        and before[0] in "NXSW"
        and not (word.bound and word.head in ("때", "경우", "전", "후", "뒤", "동안"))
    )


def noun_start(words: Sequence[Word], end: int) -> int:
    """Where the noun phrase begins whose last word is at `end`."""
    start = end
    while start > 0:
        before = words[start - 1]
        if before.role == "modifier" and (before.verbal or _has_arguments(words, start - 1, words[end].role == "topic")):
            return _clause_start(words, start - 1)
        listed = before.comma and before.role == "bare"
        part = (
            before.role in ("genitive", "bare", "modifier") and (listed or not before.comma) and before.head not in ("때", "경우")
        )
        part = part or (before.role == "adverb" and words[start].role == "modifier" and not before.comma)
        if not part or before.morphemes[-1][1] == "MAJ":
            break
        start -= 1
    return start


def _has_arguments(words: Sequence[Word], adjective: int, topical: bool) -> bool:
    """Whether the adjective goes with what stands before it: 유닉스와 같은, 생존에 유리한, 온도가 높은."""
    while adjective and words[adjective - 1].role == "adverb":
        adjective -= 1  # 물이 가장 맑은
    before = words[adjective - 1] if adjective else None
    if before is None or before.comma:
        return False
    return (before.role == "subject" and topical) or before.morphemes[-1] in (("와", "JKB"), ("과", "JKB"), ("에", "JKB"))


def leans(words: Sequence[Word]) -> bool:
    """Whether any of them points at another sentence."""
    return any(
        _adds(word) or word.points or word.surface in _LEANS or any(tag == "NP" for _, tag in word.morphemes) for word in words
    )


def _clause_start(words: Sequence[Word], verb: int) -> int:
    """Where a clause that modifies a noun begins: after the last topic, or what a comma sets apart."""
    for i in range(verb - 1, -1, -1):
        if words[i].role == "topic" or (words[i].comma and words[i].role in ("adverbial", "link", "adverb")):
            return i + 1
    return 0


def _without_openers(words: Sequence[Word]) -> list[Word]:
    rest = [word for word in words if word.surface not in ("만약", "만일", "또한")]
    while rest and (
        rest[0].surface in OPENERS
        or rest[0].surface.removesuffix("로").endswith("째")
        or rest[0].surface
        in (
            "하지만",
            "여기서",
            "이때",
            "결국",
            "이처럼",
            "결과적으로",
            "일반적으로",
            "마지막으로",
            "만약",
            "만일",
            "반면",
            "실제로",
        )
        or (rest[0].points and rest[0].role == "link" and len(rest[0].morphemes) == 2)  # 이로 인해
    ):
        rest = rest[1:]
    if len(rest) > 2 and rest[0].surface == "예를" and rest[1].surface in ("들어", "들면"):
        rest = rest[2:]
    return rest


def _without_report(words: list[Word]) -> list[Word]:
    """Without `…것으로 알려져 있다`, `…다고 할 수 있다` and `…ᆯ 것이다` at the end: what they report is asked."""
    for i in range(len(words) - 1, max(len(words) - 5, 1), -1):
        word, rest = words[i], words[i + 1 :]
        verb = rest[0].morphemes[0][0] if rest else ""
        if (
            word.head == "것"
            and word.bound
            and words[i - 1].role == "modifier"
            and words[i - 1].morphemes[-1][0] in ("ᆯ", "을", "는", "ᆫ", "은")
        ):
            future = not rest and words[i - 1].morphemes[-1][0] in ("ᆯ", "을")
            if future or (word.morphemes[-1][0] in ("으로", "로") and verb in _REPORTED):
                return words[:i]
        if (
            rest
            and verb in _NAMED_AS
            and word.morphemes[-1] in (("으로", "JKB"), ("로", "JKB"))
            and word.morphemes[0][1][0] == "N"
        ):
            return [*words[:i], _copula(word)]
        if rest and word.role == "link" and word.morphemes[-1][0] in ("다고", "ᆫ다고", "는다고", "라고") and verb in _REPORTED:
            return words[: i + 1]
    return words


def _copula(word: Word) -> Word:
    """질병으로 알려져 있다 -> 질병이다."""
    end = len(word.morphemes) - 1
    morphemes = (*word.morphemes[:end], ("이", "VCP"), ("다", "EF"))
    place = word.cuts[end]
    return replace(
        word, surface=word.surface[:place] + "이다", morphemes=morphemes, role="end", cuts=(*word.cuts[:end], place, place + 1)
    )


def _parts(words: Sequence[Word]) -> Iterator[tuple[list[Word], Join]]:
    """The clauses of a sentence, each with how it is joined to the next."""
    start = 0
    for i, word in enumerate(words[:-1]):
        join = _join(word, words[i - 1] if i else None, words[i + 1])
        if join and i > start:
            yield list(words[start : i + 1]), join
            start = i + 1
    yield list(words[start:]), "end"


def _join(word: Word, before: Word | None, after: Word) -> Join | None:
    form, verb = word.morphemes[-1][0], word.morphemes[0][0]
    if word.head == "때문" and form == "에":
        return "because"
    if word.head == "반면" and before is not None and before.role == "modifier":
        return "but"
    if word.role != "link" or after.morphemes[0][1] == "VX" or verb in _VERBS_LIKE_PARTICLES or word.morphemes[-1][1] != "EC":
        return None
    if form in _ONLY_WITH_A_COMMA and not word.comma:
        return None
    return _JOINS.get(form)
