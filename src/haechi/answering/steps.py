"""What is done with a question without a language model: pure functions of words and lists."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from haechi.answering.params import AnswerParams
from haechi.retrieval.fuse import reciprocal_rank, votes
from haechi.retrieval.run import Run, Scored
from haechi.scoring.names import BM25, HYBRID, TUNED
from haechi.serving.engine import LONGEST
from haechi.text.morphemes import plain

NOUNS = ("NNG", "NNP", "SL", "SH")
POINTING = frozenset(
    {"그", "이", "저", "그것", "이것", "저것", "그거", "이거", "거기", "여기", "이런", "그런", "그렇", "이렇", "둘"}
)
"""Words by which a turn points at an earlier one."""
VAGUE = frozenset({
    "이유", "원인", "까닭", "방법", "경우", "때", "때문", "정도", "과정", "결과", "영향", "특징", "장점", "단점",
    "차이", "종류", "역할", "예", "예시", "설명", "의미", "뜻", "사람", "문제", "말", "일", "것",
    "자세", "질문", "대답", "답", "얘기", "이야기", "궁금", "생각", "안녕", "감사", "소개", "추천",
})  # fmt: skip
"""Nouns that name no subject: a question of these alone is about what was said before."""
NEEDED = 2
"""Telling nouns with which a question stands alone, if it points at nothing."""
_SENTENCE = re.compile(r"(?<=[.?!。])\s+|\n+")


class Word(NamedTuple):
    """A morpheme: how it is written, its part of speech, and where it stands."""

    form: str
    tag: str
    begin: int = 0
    end: int = 0


def words(morphemes: Sequence[Any]) -> list[Word]:
    """Kiwi's morphemes in their plain form; the verb of an irregular class is a verb too."""
    return [Word(plain(one), one.tag.partition("-")[0], one.start, one.start + one.len) for one in morphemes]


def subjects(said: Sequence[Word]) -> list[str]:
    """The nouns that name a subject, each once; nouns that are written as one word stay one."""
    found: list[str] = []
    end = -1
    for word in said:
        if word.tag in NOUNS and word.begin == end:
            found[-1] += word.form
            end = word.end
        elif word.tag in NOUNS:
            found.append(word.form)
            end = word.end
    return list(dict.fromkeys(noun for noun in found if noun not in VAGUE))


def stands_alone(said: Sequence[Word]) -> bool:
    """Whether a turn can be understood without the earlier ones."""
    points = any(word.form in POINTING and word.tag in ("MM", "NP", "VA", "NR") for word in said)
    return not points and len(subjects(said)) >= NEEDED


def rewritten(last: str, said: Sequence[Word], before: Sequence[Sequence[Word]], carry: int) -> str:
    """The last turn with the subjects of earlier turns before it, the latest turn's first, where it doesn't stand alone."""
    if not before or stands_alone(said):
        return last
    carried = [noun for turn in reversed(before) for noun in subjects(turn) if noun not in last]
    room = LONGEST - len(last) - 1
    line = " ".join(dict.fromkeys(carried[:carry]))[: max(room, 0)]
    return f"{line} {last}".strip()


def queries(text: str, said: Sequence[Word], count: int) -> tuple[str, ...]:
    """The question as it stands, and as keywords."""
    keywords = " ".join(dict.fromkeys(word.form for word in said if word.tag in (*NOUNS, "XR", "SN")))
    return tuple(dict.fromkeys(one for one in (text, keywords) if one))[:count]


def fused(lists: Sequence[Mapping[str, Sequence[Scored]]], params: AnswerParams) -> tuple[Scored, ...]:
    """One list out of those of several queries, each with a list of every search; of one query it is the fitted hybrid's."""
    if params.fuse == "learned":
        hybrids = [_run(one[HYBRID]) for one in lists]
        return (hybrids[0] if len(hybrids) == 1 else reciprocal_rank(hybrids, params.depth, params.rrf_k))[""]
    runs = [_run(one[system]) for one in lists for system in (BM25, TUNED)]
    if params.fuse == "rrf":
        return reciprocal_rank(runs, params.depth, params.rrf_k)[""]
    if params.fuse == "votes":
        return votes(runs, params.depth, params.votes, params.lower_vote)[""]
    sums: dict[str, float] = {}
    for one in lists:
        for system, weight in params.weights.items():
            for id, share in _shares(one[system]):
                sums[id] = sums.get(id, 0.0) + weight * share
    return Run({"": list(sums.items())}, params.depth)[""]


def _run(ranked: Sequence[Scored]) -> Run:
    return Run({"": list(ranked)})


def _shares(ranked: Sequence[Scored]) -> list[tuple[str, float]]:
    """Scores of one list between 0 and 1."""
    scores = [scored.score for scored in ranked]
    low, high = min(scores, default=0.0), max(scores, default=0.0)
    return [(scored.id, (scored.score - low) / (high - low) if high > low else 1.0) for scored in ranked]


class Sentence(NamedTuple):
    """A piece of a passage with its place there."""

    text: str
    begin: int
    end: int


def sentences(text: str) -> list[Sentence]:
    """The sentences of a text; no character but the spaces between them is lost."""
    begins = [0, *(match.end() for match in _SENTENCE.finditer(text))]
    ends = [*(match.start() for match in _SENTENCE.finditer(text)), len(text)]
    return [Sentence(text[b:e], b, e) for b, e in zip(begins, ends, strict=True) if text[b:e].strip()]


def best_sentence(
    asked: Sequence[str], passages: Sequence[tuple[Sequence[Sentence], Sequence[Sequence[str]]]], weight: Mapping[str, float]
) -> tuple[int, Sentence] | None:
    """The sentence that has most of the question's words, as these weigh, and the number of its passage, from 0.

    Each passage is its sentences and their words. A later passage must be better by as much as it is lower in rank, since what
    was found first is right most often; None where no sentence has a word of the question.
    """
    wanted = {word: weight.get(word, 0.0) for word in asked}
    whole = sum(wanted.values()) or 1.0
    best: tuple[float, int, Sentence] | None = None
    for number, (pieces, words_of) in enumerate(passages):
        for piece, own in zip(pieces, words_of, strict=True):
            share = sum(wanted[word] for word in set(own) & wanted.keys()) / whole
            value = share / (1.0 + number)
            if share > 0.0 and (best is None or value > best[0]):
                best = (value, number, piece)
    return (best[1], best[2]) if best else None
