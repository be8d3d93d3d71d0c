"""Writes questions from the structure of a passage, without a model.

For each passage: read its facts (`facts`), draw a style and a fact, set the fact's parts into one of the style's frames
(`phrasing`), and say some of the passage's own words otherwise or not at all (`korean`), so that shared words alone don't give
the answer away. A passage's questions depend on it, the frames and the seed, never on its neighbours.
"""

import bisect
import hashlib
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from haechi.question_writer import english
from haechi.question_writer.clauses import Phrase
from haechi.question_writer.english_templates import frames_beside
from haechi.question_writer.facts import Fact, facts
from haechi.question_writer.inflection import (
    ENDINGS,
    EVERYDAY_NOUNS,
    EVERYDAY_VERBS,
    SAME,
    Morpheme,
    conjugated,
    with_particle,
)
from haechi.question_writer.sentences import Token, Word
from haechi.question_writer.templates import Frames
from haechi.records.passage import Passage
from haechi.records.question import Question
from haechi.text.language import language

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
    "whether": 0.5,
}
"""How often a kind is asked where a passage has several; the others 2."""
T = TypeVar("T")

ONCE = {"title", "topic", "words"}
"""Kinds that a passage is asked about once."""
LONGER = 0.6
TRIES = 6

_SLOT = re.compile(r"\{(\??\w+)(?::([^}]+))?\}")
_VERBAL = {"XSV", "XSA", "VV", "VA", "VX", "VCP", "VCN"}
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


def question_id(passage_id: str, question: str) -> str:
    """A hash of what is asked of which passage."""
    return "Q_" + hashlib.sha256(f"{passage_id}\0{question}".encode()).hexdigest()[:16]


def _about(
    passage: Passage, tokens: Sequence[Token], wanted: int, rng: np.random.Generator, wording: Wording
) -> Iterator[Question]:
    known = facts(passage, tokens)
    in_english = language(passage.text) == "en"
    if in_english:
        known, wording = english.facts(passage), replace(wording, frames=frames_beside(wording.frames))
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
            text = _tidy(_render(_one_of(frames, rng), fact, rng, wording.reworded))
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


def _render(frame: str, fact: Fact, rng: np.random.Generator, reworded: float) -> str:
    chosen: dict[str, Phrase] = {}

    def fill(match: re.Match[str]) -> str:
        slot, suffix = match[1], match[2] or ""
        if slot.startswith("?"):
            return ""
        if slot == "words":
            return _search_words(str(fact.slots["nouns"]).split("\t"), rng, reworded)
        value = fact.slots[slot]
        if isinstance(value, str):
            return with_particle(value, suffix) if suffix else value
        phrase = chosen.get(slot) or chosen.setdefault(slot, _draw_phrase(value, rng))
        return _named(phrase, rng, reworded) if slot == "name" else _said(phrase, suffix, rng, reworded)

    return _SLOT.sub(fill, frame)


def _draw_phrase(phrases: Sequence[Phrase], rng: np.random.Generator) -> Phrase:
    """One of several ways to say the same, longest first: the longer half more often, since real queries are long."""
    return _one_of(phrases[: (len(phrases) + 1) // 2] if rng.random() < LONGER else phrases, rng)


def _said(phrase: Phrase, suffix: str, rng: np.random.Generator, reworded: float) -> str:
    """The phrase with a particle or an ending after its last word."""
    words = [_word(word, rng, reworded, first=i == 0) for i, word in enumerate(phrase.words[:-1])]
    last = phrase.words[-1]
    if phrase.stem:
        ending = phrase.ending if suffix == "*" else ENDINGS[suffix]
        joined = len(phrase.words) > 1 and phrase.words[-2].surface in (
            "또는",
            "및",
        )  # 취소 또는 변경하다: one can't be said otherwise
        words.append(_verb(last, phrase.stem, ending, rng, 0.0 if joined else reworded))
    else:
        noun = _noun(last, rng, reworded, first=len(phrase.words) == 1)
        words.append(with_particle(noun, suffix) if suffix else noun)
    return " ".join(words)


def _named(phrase: Phrase, rng: np.random.Generator, reworded: float) -> str:
    """정보를 제공하는 -> 정보 제공."""
    *before, last = phrase.words
    place = next(i for i, (_, tag) in enumerate(last.morphemes) if tag == "XSV")
    return " ".join([*(_noun(word, rng, reworded, first=False) for word in before), last.surface[: last.cuts[place]]])


def _word(word: Word, rng: np.random.Generator, reworded: float, first: bool) -> str:
    noun = _noun(word, rng, reworded, first)
    rest = word.surface[len(word.noun) :]
    comma = "," if word.comma and word.role in ("bare", "link") else ""
    if word.morphemes[-1] == ("는", "JX") and word.role in ("adverbial", "link"):
        rest = rest.removesuffix("는")  # 사원에게는: the contrast is lost in a question
    if noun == word.noun:
        return word.noun + rest + comma
    if rest in SAME:
        return with_particle(noun, SAME[rest][0]) + comma
    if rest.startswith(("으로", "로")):
        return with_particle(noun, "으로") + rest.removeprefix("으").removeprefix("로") + comma
    return noun + rest + comma


def _noun(word: Word, rng: np.random.Generator, reworded: float, first: bool) -> str:
    """The noun, or an everyday one; a paraphrase of several words only where nothing before it could modify it."""
    everyday = EVERYDAY_NOUNS.get(word.noun, "")
    return everyday if everyday and (first or " " not in everyday) and rng.random() < reworded else word.noun


def _verb(word: Word, stem: Sequence[Morpheme], ending: Sequence[Morpheme], rng: np.random.Generator, reworded: float) -> str:
    """The stem with another ending; what stands before the verb in the word stays as it is written."""
    place = len(stem)
    while place > 0 and stem[place - 1][1].split("-")[0] in _VERBAL:
        place -= 1
    before = word.surface[: word.cuts[place]] if place < len(word.cuts) else word.surface
    everyday = EVERYDAY_VERBS.get(before) if list(stem[place:]) == [("하", "XSV")] else None
    if everyday and rng.random() < reworded:
        return conjugated([*everyday, *ending])
    verbs = list(stem[place:])
    if ending and ending[0] == ("는", "ETM") and verbs[-1][1].split("-")[0] in ("VA", "XSA", "VCP", "VCN"):
        ending = (("ᆫ", "ETM"), *ending[1:]) if verbs[-1][0] not in ("있", "없") else ending
    if ending and ending[0] == ("ᆫ", "ETM") and verbs[-1][0] in ("있", "없"):
        ending = (("는", "ETM"), *ending[1:])
    return before + conjugated([*verbs, *ending])


def _search_words(nouns: Sequence[str], rng: np.random.Generator, reworded: float) -> str:
    """Three or four nouns of one sentence, in its order."""
    picked = sorted(rng.permutation(len(nouns))[: int(rng.integers(3, 5))])
    words = [nouns[i] for i in picked]
    return " ".join(EVERYDAY_NOUNS[w] if w in EVERYDAY_NOUNS and rng.random() < reworded else w for w in words)


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
