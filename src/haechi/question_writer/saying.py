"""Says phrases of a passage in a question: with another particle or ending, and some words in everyday ones."""

from collections.abc import Sequence

import numpy as np

from haechi.question_writer.clauses import Phrase
from haechi.question_writer.everyday import Lexicon
from haechi.question_writer.inflection import ENDINGS, SAME, Morpheme, conjugated, fitted, with_particle
from haechi.question_writer.sentences import Word

_VERBAL = {"XSV", "XSA", "VV", "VA", "VX", "VCP", "VCN", "EP"}
_LIKE_PARTICLES = {"사용하", "이용하", "활용하"}


class Speaker:
    """Says words as they are, or by a draw in everyday ones."""

    def __init__(self, rng: np.random.Generator, reworded: float, lexicon: Lexicon) -> None:
        self._rng, self._reworded, self._lexicon = rng, reworded, lexicon

    def said(self, phrase: Phrase, suffix: str) -> str:
        """The phrase with a particle or an ending after its last word."""
        words = [self._word(word, first=i == 0) for i, word in enumerate(phrase.words[:-1])]
        last = phrase.words[-1]
        if phrase.stem:
            ending = phrase.ending if suffix == "*" else ENDINGS[suffix]
            joined = len(phrase.words) > 1 and phrase.words[-2].surface in ("또는", "및")
            words.append(
                self._verb(last, phrase.stem, ending, free=not joined)
            )  # 취소 또는 변경하다: one can't be said otherwise
        else:
            noun = self._noun(last, first=len(phrase.words) == 1)
            words.append(with_particle(noun, suffix) if suffix else noun)
        return " ".join(words)

    def named(self, phrase: Phrase) -> str:
        """정보를 제공하는 -> 정보 제공."""
        *before, last = phrase.words
        place = next(i for i, (_, tag) in enumerate(last.morphemes) if tag == "XSV")
        return " ".join([*(self._noun(word, first=False) for word in before), last.surface[: last.cuts[place]]])

    def searched(self, nouns: Sequence[str]) -> str:
        """Three or four nouns of one sentence, in its order."""
        picked = sorted(self._rng.permutation(len(nouns))[: int(self._rng.integers(3, 5))])
        return " ".join(self._everyday(nouns[i], first=True) for i in picked)

    def _word(self, word: Word, first: bool) -> str:
        comma = "," if word.comma and word.role in ("bare", "link") else ""
        if self._lexicon.inside and (verb := self._inner_verb(word)):
            return verb + comma
        noun = self._noun(word, first)
        rest = word.surface[len(word.noun) :]
        if word.morphemes[-1] == ("는", "JX") and word.role in ("adverbial", "link"):
            rest = rest.removesuffix("는")  # 사원에게는: the contrast is lost in a question
        if noun == word.noun:
            return word.noun + rest + comma
        if rest in SAME:
            return with_particle(noun, SAME[rest][0]) + comma
        if rest.startswith(("으로", "로")):
            return with_particle(noun, "으로") + rest.removeprefix("으").removeprefix("로") + comma
        return noun + rest + comma

    def _noun(self, word: Word, first: bool) -> str:
        """The noun, or an everyday one; 들 stays, and so does the first part of a compound (태양 에너지)."""
        if self._lexicon.inside and word.role == "bare" and word.morphemes[-1][1][0] == "N":
            return word.noun
        if self._lexicon.inside and len(word.noun) > 2 and word.noun.endswith("들"):
            return self._everyday(word.noun[:-1], first) + "들"
        return self._everyday(word.noun, first)

    def _everyday(self, noun: str, first: bool) -> str:
        """A paraphrase of several words only where nothing before it could modify it."""
        everyday = self._lexicon.nouns.get(noun, "")
        return everyday if everyday and (first or " " not in everyday) and self._rng.random() < self._reworded else noun

    def _verb(self, word: Word, stem: Sequence[Morpheme], ending: Sequence[Morpheme], free: bool) -> str:
        """The stem with another ending; what stands before the verb in the word stays as it is written."""
        place = len(stem)
        while place > 0 and stem[place - 1][1].split("-")[0] in _VERBAL:
            place -= 1
        before = word.surface[: word.cuts[place]] if place < len(word.cuts) else word.surface
        verbs = list(stem[place:])
        tense = [verbs.pop()] if verbs and verbs[-1][1] == "EP" else []
        everyday = self._lexicon.verbs.get(before + verbs[0][0]) if len(verbs) == 1 else None
        if everyday and free and self._rng.random() < self._reworded:
            return conjugated(fitted([*everyday, *tense], ending))
        return before + conjugated(fitted([*verbs, *tense], ending))

    def _inner_verb(self, word: Word) -> str:
        """A verb that modifies a noun or links clauses, said otherwise; nothing where there is no other word for it."""
        tags = [tag.split("-")[0] for _, tag in word.morphemes]
        place = next((i for i, tag in enumerate(tags) if tag in _VERBAL), len(tags))
        endings = word.morphemes[place + 1 :]
        if not endings or any(tag[0] != "E" for _, tag in endings):
            return ""
        key = "".join(form for form, _ in word.morphemes[: place + 1])
        everyday = self._lexicon.verbs.get(key)
        if not everyday or (everyday[0][0] == "있" and endings[0][1] == "EC") or self._rng.random() >= self._reworded:
            return ""  # 위치해 있다 can't be 있어 있다
        if key in _LIKE_PARTICLES and endings == (("어", "EC"),):
            endings = (("어서", "EC"),)  # 전파를 써서
        return conjugated(fitted(everyday, endings))
