"""The embedded base: a static table over a vocabulary compiled from Kiwi's analysis of the corpus. Needs no download.

Kiwi runs only here. Its morphemes become pieces of one Unigram tokenizer with log-frequency scores, so the saved model
segments much like Kiwi but loads in plain sentence-transformers. Hand-set scores also make it reproducible: the
trainers of `tokenizers` give another vocabulary on each run.  Gives up the context of words: a text is a weighted bag.

A piece starts at a random direction, as long as its inverse document frequency: the untuned model matches shared words.
The table is small on purpose (cosine doesn't see scale): a rate of 5e-5 must be able to move it.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

from haechi.params.model import ModelParams
from haechi.tokens import CONTENT, kiwi

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

PAD, UNKNOWN = "[PAD]", "[UNK]"
WORD_START = "▁"


class Piece(NamedTuple):
    """A vocabulary entry: how often and in how many texts it occurs, and whether it carries content."""

    text: str
    uses: int
    texts: int
    content: bool


def pieces(texts: Sequence[str], size: int) -> list[Piece]:
    """Surfaces of morphemes (with a mark where they begin a word) and all single characters, most frequent first."""
    count: Counter[str] = Counter()
    in_texts: Counter[str] = Counter()
    content: Counter[str] = Counter()
    for text, tokens in zip(texts, kiwi().tokenize(list(texts)), strict=True):
        seen: set[str] = set()
        for token in tokens:
            surface = text[token.start : token.start + token.len]
            if not surface.strip() or " " in surface or "\n" in surface:
                continue
            begins = token.start == 0 or text[token.start - 1].isspace()
            piece = (WORD_START if begins else "") + surface
            count[piece] += 1
            content[piece] += 1 if token.tag.split("-")[0] in CONTENT else -1
            seen.add(piece)
        in_texts.update(seen)
    alphabet = Counter(character for text in texts for character in text if not character.isspace())
    for character, number in alphabet.items():
        if character not in count:
            count[character], in_texts[character], content[character] = 1, min(number, len(texts)), 1
    count[WORD_START] = in_texts[WORD_START] = len(texts)
    must = set(alphabet) | {WORD_START}  # without every character a word could become unknown as a whole
    ranked = sorted(count, key=lambda piece: (piece not in must, -count[piece], piece))
    return [Piece(p, count[p], in_texts[p], content[p] > 0) for p in ranked[: max(size - 2, len(must))]]


def tokenizer(vocabulary: Sequence[Piece], max_length: int) -> Tokenizer:
    """A Unigram tokenizer whose best segmentation prefers frequent, long pieces."""
    total = sum(piece.uses for piece in vocabulary)
    scores = [(PAD, 0.0), (UNKNOWN, -20.0)] + [(piece.text, math.log(piece.uses / total)) for piece in vocabulary]
    made = Tokenizer(models.Unigram(scores, unk_id=1))
    made.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"[\s\p{Cc}]+"), " "), normalizers.Strip()]
    )
    made.pre_tokenizer = pre_tokenizers.Metaspace(replacement=WORD_START, prepend_scheme="always", split=True)
    made.decoder = decoders.Metaspace(replacement=WORD_START)
    made.enable_truncation(max_length)
    return made


def table(vocabulary: Sequence[Piece], documents: int, params: ModelParams) -> np.ndarray:
    """Random directions with idf as length; particles, endings and marks start at zero.  # (vocabulary + 2, dim)"""
    rng = np.random.default_rng(params.seed)
    weight = np.array([0.0, 0.0] + [math.log(1 + documents / piece.texts) if piece.content else 0.0 for piece in vocabulary])
    weight /= max(float(np.sqrt(np.mean(weight[weight > 0] ** 2))), 1e-12) if (weight > 0).any() else 1.0
    # a morpheme means the same at the beginning of a word and inside it
    stems = {stem: i for i, stem in enumerate(sorted({piece.text.removeprefix(WORD_START) for piece in vocabulary}))}
    directions = rng.standard_normal((len(stems) + 2, params.dim))
    row = [len(stems), len(stems) + 1] + [stems[piece.text.removeprefix(WORD_START)] for piece in vocabulary]
    noise = directions[row]
    return np.asarray(noise * weight[:, None] * params.scale, dtype=np.float32)


def build(texts: Iterable[str], params: ModelParams) -> "SentenceTransformer":
    """The embedded model for a corpus."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, StaticEmbedding

    texts = list(texts)
    vocabulary = pieces(texts, params.vocab_size)
    static = StaticEmbedding(tokenizer(vocabulary, params.max_length), embedding_weights=table(vocabulary, len(texts), params))
    return SentenceTransformer(modules=[static, Normalize()], device="cpu")
