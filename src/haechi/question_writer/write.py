"""Writes questions from the structure of a passage, without a model.

For each passage: read its facts (`facts`), draw a style and a fact, set the fact's parts into one of the style's frames
(`phrasing`), and say some of the passage's own words otherwise or not at all (`korean`), so that shared words alone don't give
the answer away. A passage's questions depend on it, the frames and the seed, never on its neighbours.
"""

import bisect
import hashlib
import itertools
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

import numpy as np

from haechi.question_writer import english
from haechi.question_writer.clauses import Phrase
from haechi.question_writer.english_templates import frames_beside
from haechi.question_writer.everyday import LEGAL, PROSE
from haechi.question_writer.facts import Fact, facts
from haechi.question_writer.inflection import with_particle
from haechi.question_writer.prose import prose_facts
from haechi.question_writer.prose_templates import Frames
from haechi.question_writer.saying import Speaker
from haechi.question_writer.sentences import Token
from haechi.question_writer.templates import HELD_OUT
from haechi.records.passage import Passage
from haechi.records.question import Question
from haechi.text.language import language
from haechi.text.normalize import fold

WEIGHTS = {
    "definition": 4.0,
    "penalty": 4.0,
    "period": 3.0,
    "exception": 3.0,
    "forbidden": 3.0,
    "listed": 2.0,
    "title": 1.5,
    "topic": 1.5,
    "words": 0.7,
    "naming": 3.0,
    "which": 1.5,
    "reason": 2.0,
    "condition": 1.0,
    "effect": 3.0,
    "comparison": 3.0,
    "difference": 3.0,
    "parts": 3.0,
    "quantity": 3.0,
    "time": 3.0,
    "meaning": 4.0,
    "about": 5.0,
    "role": 4.0,
    "goal": 3.0,
    "subject": 0.7,
    "keys": 0.5,
    "theme": 1.5,
    "whether": 0.05,
}
"""How often a kind is asked where a passage has several; the others 2."""
T = TypeVar("T")

ONCE = {"title", "topic", "words", "theme"}
"""Kinds that a passage is asked about once."""
LONGER = 0.6
TRIES = 6

_SLOT = re.compile(r"\{(\??\w+)(?::([^}]+))?\}")
_SPOILT = re.compile(
    r"제\d+[조항호목]|각 ?호|[\0{}\[\]<>]|^[은는이가을를의에]\s|^(?:경우|바|것|자|등|밖의|때)(?:에|에는|이|은|는|을|를|의)?\s"
)


@dataclass(frozen=True)
class Wording:
    """How to put questions: the frames, how often each style, and how often a word is replaced or left out."""

    frames: Frames
    shares: Mapping[str, float]
    reworded: float
    generator: str
    voice: Literal[0, 1] = 0
    """Which everyday words: training's or the test's."""


HELD_OUT_WORDING = Wording(HELD_OUT, {"keyword": 0.3, "plain": 0.35, "situation": 0.35}, 0.5, "held_out", voice=1)
"""Of questions that test a model: other frames than training's."""


def write_questions(
    passages: Iterable[tuple[Passage, Sequence[Token]]], per_passage: int, seed: int, wording: Wording
) -> list[Question]:
    """Up to `per_passage` questions on each passage, which comes with the analysis of its text."""
    return [
        question
        for passage, tokens in passages
        for question in _about(
            passage, tokens, per_passage, np.random.default_rng(_seed(seed, wording.generator, passage)), wording
        )
    ]


def of_one_text(questions: Iterable[Question]) -> list[Question]:
    """Those that are asked of one text alone, in their order: a question about two has no one answer."""
    questions = list(questions)
    texts: dict[str, set[str]] = defaultdict(set)
    for question in questions:
        texts[fold(question.question)].add(question.article_key)
    return [question for question in questions if len(texts[fold(question.question)]) == 1]


def question_id(passage_id: str, question: str) -> str:
    """A hash of what is asked of which passage."""
    return "Q_" + hashlib.sha256(f"{passage_id}\0{question}".encode()).hexdigest()[:16]


def _about(
    passage: Passage, tokens: Sequence[Token], wanted: int, rng: np.random.Generator, wording: Wording
) -> Iterator[Question]:
    prose, in_english = passage.type == "doc", language(passage.text) == "en"
    if in_english:
        known, wording = english.facts(passage), replace(wording, frames=frames_beside(wording.frames))
    else:
        known = prose_facts(passage, tokens) if prose else facts(passage, tokens)
    speaker = Speaker(rng, wording.reworded, PROSE[wording.voice] if prose else LEGAL)
    options = _options(known, wording)
    if passage.type == "doc":
        options.pop("issue", None)  # jurists' headings don't suit a leaflet
    asked: set[str] = set()
    spent: set[str] = set()
    styles: list[str] = []
    for _ in range(wanted):
        for _ in range(TRIES):
            style = _draw_style(options, wording.shares, styles, rng)
            if not style:
                return
            fact, frames = _draw_fact(options[style], spent, rng)
            text = _tidy(_render(_one_of(frames, rng), fact, rng, speaker))
            text = text[:1].upper() + text[1:] if in_english and style != "keyword" else text
            if text and text not in asked:
                asked.add(text)
                spent.add(fact.answer)
                styles.append(style)
                if fact.kind in ONCE:
                    options = {s: left for s, o in options.items() if (left := [x for x in o if x[0].kind != fact.kind])}
                yield Question(
                    question_id(passage.id, text),
                    passage.id,
                    passage.article_key,
                    text,
                    style,
                    wording.generator,
                    fact.kind,
                    fact.answer,
                )
                break


def _options(known: Sequence[Fact], wording: Wording) -> dict[str, list[tuple[Fact, list[str]]]]:
    """Style -> the facts that it can ask about, each with the frames that it fills."""
    options: dict[str, list[tuple[Fact, list[str]]]] = {}
    for style, kinds in wording.frames.items():
        if wording.shares.get(style, 0) <= 0:
            continue
        for fact in known:
            parts = {*fact.slots, *(("words",) if "nouns" in fact.slots else ())}
            frames = [f for f in kinds.get(fact.kind, ()) if all(slot[0].removeprefix("?") in parts for slot in _SLOT.findall(f))]
            if frames:
                options.setdefault(style, []).append((fact, frames))
    return options


def _draw_style(
    options: Mapping[str, Sequence[object]], shares: Mapping[str, float], used: Sequence[str], rng: np.random.Generator
) -> str:
    """A style that the passage can be asked in, other than those it has been asked in where there is a choice."""
    names = [style for style in options if style not in used] or list(options)
    return _one_of(names, rng, [shares[style] for style in names]) if names else ""


def _draw_fact(options: Sequence[tuple[Fact, list[str]]], spent: set[str], rng: np.random.Generator) -> tuple[Fact, list[str]]:
    weights = [WEIGHTS.get(fact.kind, 2.0) * (0.1 if fact.answer in spent else 1.0) for fact, _ in options]
    return _one_of(options, rng, weights)


def _render(frame: str, fact: Fact, rng: np.random.Generator, speaker: Speaker) -> str:
    chosen: dict[str, Phrase] = {}

    def fill(match: re.Match[str]) -> str:
        slot, suffix = match[1], match[2] or ""
        if slot.startswith("?"):
            return ""
        if slot == "words":
            return speaker.searched(str(fact.slots["nouns"]).split("\t"))
        value = fact.slots[slot]
        if isinstance(value, str):
            return with_particle(value, suffix) if suffix else value
        phrase = chosen.get(slot) or chosen.setdefault(slot, _draw_phrase(value, rng))
        return speaker.named(phrase) if slot == "name" else speaker.said(phrase, suffix)

    return _SLOT.sub(fill, frame)


def _draw_phrase(phrases: Sequence[Phrase], rng: np.random.Generator) -> Phrase:
    """One of several ways to say the same, longest first: the longer half more often, since real queries are long."""
    return _one_of(phrases[: (len(phrases) + 1) // 2] if rng.random() < LONGER else phrases, rng)


def _tidy(text: str) -> str:
    """The question, or nothing where it came out spoilt."""
    text = " ".join(text.split())
    return "" if _SPOILT.search(text) else text


def _one_of(things: Sequence[T], rng: np.random.Generator, weights: Sequence[float] = ()) -> T:
    """One of the things, by weight where there are weights."""
    if not weights:
        return things[int(rng.integers(len(things)))]
    ends = list(itertools.accumulate(weights))
    return things[min(bisect.bisect_right(ends, rng.random() * ends[-1]), len(things) - 1)]


def _seed(seed: int, generator: str, passage: Passage) -> int:
    """Draws depend on the passage and the seed alone."""
    parts = "\0".join((str(seed), generator, passage.id, passage.text))
    return int.from_bytes(hashlib.sha256(parts.encode()).digest()[:8])
