"""Writes questions from the structure of a passage, without a model.

Three styles: `title` asks after the subject of the title, `keyword` is what people type into a search box, `situation` turns
a sentence of the passage into a question. A share of the passage's words is left out, so that words alone don't
give the answer away.  Gives up fluency where a sentence is tangled: filters drop what copies too much.

The test set's held-out questions come from other templates (`HELD_OUT`) than training's, so that a model can't win by
learning the phrasing.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence

import numpy as np

from haechi.records.passage import Passage
from haechi.records.question import Question
from haechi.tokens import nouns

STYLES = ("title", "keyword", "situation")
TRAINING = {
    "title": (
        "{x}에 관해서는 어떻게 정하고 있나요?",
        "{x}의 기준이 궁금합니다.",
        "{x}이(가) 문제 될 때 무엇을 따라야 하나요?",
    ),
    "keyword": ("{x}", "{x} 기준", "{x} 요건"),
    "situation": ("{x} 하는 경우 어떻게 되나요?", "{x} 하려면 무엇이 필요한가요?", "{x} 해도 괜찮은가요?"),
}
HELD_OUT = {
    "title": ("{x}에 대해 설명해 주세요", "{x} 관련 안내"),
    "keyword": ("{x} 알려 주세요", "{x} 방법"),
    "situation": ("{x} 때는 누구에게 물어보고 무엇을 하면 됩니까", "{x} 이런 상황에서의 처리"),
}
_SENTENCE = re.compile(r"(?<=[.다요])\s+|\n")


def write_questions(
    passages: Sequence[Passage], per_passage: int, seed: int, templates: Mapping[str, tuple[str, ...]], generator: str
) -> list[Question]:
    """Up to `per_passage` questions of different styles for each passage; a passage's questions depend on it and the seed."""
    bodies = [passage.body for passage in passages]
    words = nouns(bodies)
    written = []
    for passage, body, found in zip(passages, bodies, words, strict=True):
        rng = np.random.default_rng(_seed(seed, generator, passage.id, passage.text))
        for style in [STYLES[i] for i in rng.permutation(len(STYLES))][:per_passage]:
            subject = _subject(style, passage, body, found, rng)
            if subject:
                template = templates[style][int(rng.integers(len(templates[style])))]
                question = particles(template.format(x=subject))
                id = "Q_" + hashlib.sha256(f"{passage.id}\0{question}".encode()).hexdigest()[:16]
                written.append(Question(id, passage.id, passage.article_key, question, style, generator))
    return written


def particles(text: str) -> str:
    """Choose between 이 and 가 by the letter before: `물건이(가)` -> `물건이`."""

    def choose(match: re.Match[str]) -> str:
        before = match.group(1)
        closed = "가" <= before <= "힣" and (ord(before) - ord("가")) % 28 > 0
        return before + ("이" if closed else "가")

    return re.sub(r"(.)이\(가\)", choose, text)


def _subject(style: str, passage: Passage, body: str, found: list[str], rng: np.random.Generator) -> str:
    if style == "title":
        return passage.title
    if style == "keyword":
        unique = list(dict.fromkeys(found))
        picked = sorted(rng.permutation(len(unique))[: int(rng.integers(2, 5))])
        return " ".join(unique[i] for i in picked)
    sentences = [s for s in _SENTENCE.split(body) if len(s.split()) >= 5]
    if not sentences:
        return ""
    eojeols = sentences[int(rng.integers(len(sentences)))].split()[:14]
    kept = [word for word in eojeols[:-1] if rng.random() > 0.35]  # drops a third of the words, and the verb at the end
    return " ".join(kept) if len(kept) >= 3 else ""


def _seed(seed: int, *parts: str) -> int:
    return int.from_bytes(hashlib.sha256("\0".join((str(seed), *parts)).encode()).digest()[:8])
