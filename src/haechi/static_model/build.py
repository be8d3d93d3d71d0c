"""The static base: a table over a vocabulary compiled from Kiwi's analysis of the corpus. Needs no download.

Kiwi runs only here. Its morphemes, and frequent phrases of two or three, become pieces of one Unigram tokenizer with
log-frequency scores, so the saved model segments much like Kiwi but loads in plain sentence-transformers. Hand-set scores also
make it reproducible: the trainers of `tokenizers` give another vocabulary on each run.
Gives up the order of words beyond a phrase: a text is a weighted bag.

The vectors start where the texts of the corpus put them (`latent`), so the untuned model knows words that no query has taught.
How large they start decides how far a rate moves them (cosine doesn't see scale): a rate of 5e-5 must be able to.
"""

import math
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
from scipy import linalg
from scipy.sparse import csr_matrix, diags
from threadpoolctl import threadpool_limits
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

from haechi.models.static_encoder import StaticEncoder
from haechi.static_model.composition import Composition, incidence
from haechi.static_model.params import ModelParams
from haechi.static_model.vocabulary import WORD_START, Piece, count, vocabulary

Floats = npt.NDArray[np.float32]
OVERSAMPLED, ITERATIONS = 10, 3
"""Of the search for the widest directions."""


def rarity(counts: csr_matrix) -> Floats:
    """Inverse document frequency of each feature.  # counts: (texts, features)"""
    texts = np.asarray((counts > 0).sum(axis=0)).ravel()
    return np.asarray(np.log(1.0 + counts.shape[0] / np.maximum(texts, 1)), dtype=np.float32)


def widest(table: csr_matrix, rank: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The largest singular values and their right vectors, by random projection (Halko and others 2009).

    The bytes of scikit-learn's `randomized_svd` with three iterations, which takes two seconds to import.
    """
    across = table.shape[0] < table.shape[1]
    narrow = table.T if across else table
    basis = np.random.RandomState(seed).normal(size=(narrow.shape[1], rank + OVERSAMPLED))
    for _ in range(ITERATIONS):
        basis, _ = linalg.lu(narrow @ basis, permute_l=True, check_finite=False)
        basis, _ = linalg.lu(narrow.T @ basis, permute_l=True, check_finite=False)
    basis, _ = linalg.qr(narrow @ basis, mode="economic", check_finite=False)
    left, strengths, right = linalg.svd(basis.T @ narrow, full_matrices=False)
    left = (basis @ left).T
    decisive = right if across else left  # its largest number in each row is to be positive
    signs = np.sign(np.take_along_axis(decisive, np.abs(decisive).argmax(axis=1)[:, None], axis=1))
    return strengths[:rank], ((left if across else right) * signs)[:rank]


def latent(counts: csr_matrix, dim: int, seed: int) -> Floats:
    """Unit vectors: features that occur in the same texts look the same way; one that never occurs looks anywhere.

    counts: (texts, features). One thread, so that the same counts give the same bytes.  # (features, dim)
    """
    found = np.zeros((counts.shape[1], dim), dtype=np.float64)
    weighed = counts.astype(np.float64)
    weighed.data = 1.0 + np.log(weighed.data)
    weighed = weighed @ diags(rarity(counts))
    lengths = np.sqrt(np.asarray(weighed.multiply(weighed).sum(axis=1)).ravel())
    weighed = diags(1.0 / np.maximum(lengths, 1e-12)) @ weighed
    rank = min(dim, *counts.shape)
    with threadpool_limits(1):
        strengths, directions = widest(weighed.tocsr(), rank, seed)
    found[:, :rank] = directions.T * np.sqrt(strengths)
    lost = np.linalg.norm(found, axis=1) < 1e-6
    found[lost] = np.random.default_rng(seed).standard_normal((int(lost.sum()), dim))
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), dtype=np.float32)


PAD, UNKNOWN = "[PAD]", "[UNK]"
SPECIAL = 2
"""Rows of the table before the first piece."""


def tokenizer(pieces: Sequence[Piece], max_length: int, across: bool) -> Tokenizer:
    """A Unigram tokenizer whose best segmentation prefers frequent, long pieces; `across` spaces where phrases are among them."""
    total = sum(piece.uses for piece in pieces)
    scores = [(PAD, 0.0), (UNKNOWN, -20.0)] + [(piece.text, math.log(piece.uses / total)) for piece in pieces]
    made = Tokenizer(models.Unigram(scores, unk_id=1))
    made.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Lowercase(), normalizers.Replace(Regex(r"[\s\p{Cc}]+"), " "), normalizers.Strip()]
    )
    made.pre_tokenizer = pre_tokenizers.Metaspace(replacement=WORD_START, prepend_scheme="always", split=not across)
    made.decoder = decoders.Metaspace(replacement=WORD_START)
    made.enable_truncation(max_length)
    return made


def compose(texts: Iterable[str], params: ModelParams) -> tuple[Tokenizer, Composition]:
    """The tokenizer of a corpus, and what its pieces are made of."""
    texts = list(texts)
    pieces = vocabulary(count(texts, params.phrase_words), params.vocab_size - SPECIAL, params.phrase_uses)
    words = tokenizer(pieces, params.max_length, params.phrase_uses > 0 and params.phrase_words > 1)
    starts, features, names = incidence([(), ()] + [piece.means for piece in pieces])
    counts = occurrences(words, texts, starts, features, len(names))
    return words, Composition(starts, features, *start(counts, params))


def occurrences(words: Tokenizer, texts: Sequence[str], starts: np.ndarray, features: np.ndarray, number: int) -> csr_matrix:
    """How often each feature occurs in each text, as the tokenizer reads it.  # (texts, features)"""
    read = [encoding.ids for encoding in words.encode_batch_fast(texts, add_special_tokens=False)]
    ends = np.cumsum([0, *map(len, read)])
    ids = np.concatenate([np.array(one, dtype=np.int64) for one in read])
    of_text = csr_matrix((np.ones(len(ids)), ids, ends), shape=(len(texts), len(starts) - 1))
    return (of_text @ csr_matrix((np.ones(len(features)), features, starts), shape=(len(starts) - 1, number))).tocsr()


def start(counts: csr_matrix, params: ModelParams) -> tuple[np.ndarray, np.ndarray]:
    """Weights and vectors before training: one root of a feature's rarity is its weight and stays, the other may change."""
    root = np.sqrt(rarity(counts))
    weights = root / max(float(np.sqrt(np.mean(root**2))), 1e-12)
    vectors = latent(counts, params.dim, params.seed) * weights[:, None] * params.scale * math.sqrt(params.dim)
    return weights.astype(np.float32), vectors.astype(np.float32)


def build(texts: Iterable[str], params: ModelParams) -> StaticEncoder:
    """The static model for a corpus, folded."""
    words, composition = compose(texts, params)
    return StaticEncoder(words, composition.table())
