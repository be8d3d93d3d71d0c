"""Reads a sentence: who must, may or must not do what, and when.

A sentence that is too tangled gives fewer parts, never wrong ones on purpose.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from haechi.question_writer.inflection import Morpheme
from haechi.question_writer.sentences import Word

Mood = Literal["duty", "forbidden", "power", "not", "deemed", "penalty", "plain"]
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
OPENERS = frozenset(
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


def read(sentence: Sequence[Word]) -> Clause | None:
    """What the sentence says, if its last word is a verb."""
    words = list(sentence)
    exception = bool(words) and words[0].surface in ("다만", "그러나", "단")
    while words and (words[0].surface in OPENERS or words[0].surface.endswith("째")):
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
