"""Whatever turns texts into vectors here: a static table without torch, any other model through sentence-transformers."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from haechi.models.load import POINTER
from haechi.retrieval.dense import Vectors, encode_passages, encode_queries
from haechi.serving.numpy_encoder import Task, load_static

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


class TextEncoder(Protocol):
    """Unit vectors with the model's own prompts; nothing is stored."""

    def encode(self, texts: Sequence[str], task: Task) -> Vectors:
        """One row a text.  # (texts, dim)"""


class TorchEncoder:
    """Any model that sentence-transformers loads."""

    def __init__(self, model: "SentenceTransformer") -> None:
        self.model = model

    def encode(self, texts: Sequence[str], task: Task) -> Vectors:
        """One row a text.  # (texts, dim)"""
        return (encode_queries if task == "query" else encode_passages)(self.model, texts)


def open_encoder(folder: Path) -> TextEncoder:
    """The model of a folder; torch is imported only where the model needs it."""
    if folder.is_dir() and not (folder / POINTER).exists() and (static := load_static(folder)):
        return static
    from haechi.models.load import load_encoder

    return TorchEncoder(load_encoder(folder))
