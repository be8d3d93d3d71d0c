"""Korean content words by Kiwi: the tokens that BM25 and the offline question writer share.

Nouns, verb and adjective stems, roots, Latin, hanja and numbers stay; particles and endings go.
"""

import functools
import os
from collections.abc import Sequence

from kiwipiepy import Kiwi

CONTENT = ("NNG", "NNP", "NNB", "NR", "VV", "VA", "XR", "SL", "SH", "SN", "MAG")
NOUNS = ("NNG", "NNP", "XR", "SL", "SH")


@functools.cache
def kiwi() -> Kiwi:
    """One analyser a process; workers come from HAECHI_WORKERS (they don't change results)."""
    return Kiwi(num_workers=int(os.environ.get("HAECHI_WORKERS", os.cpu_count() or 1)))


def tokenize(texts: Sequence[str]) -> list[list[str]]:
    """Content morphemes of each text, in order."""
    return [[token.form for token in tokens if token.tag.split("-")[0] in CONTENT] for tokens in kiwi().tokenize(list(texts))]


def nouns(texts: Sequence[str]) -> list[list[str]]:
    """Nouns of two characters or more of each text, in order."""
    return [
        [token.form for token in tokens if token.tag in NOUNS and len(token.form) > 1] for tokens in kiwi().tokenize(list(texts))
    ]
