"""InfoNCE over the candidates of a batch, with everything masked that may be right.

A loss is a function of embeddings; which documents are forbidden for which query is decided in `examples`.
"""

import torch
from torch import Tensor
from torch.nn import functional


def info_nce(queries: Tensor, documents: Tensor, forbidden: Tensor, temperature: float) -> Tensor:
    """Cross-entropy of each query's own positive among all documents that it may be set against.

    queries: (batch, dim); documents: (batch x (1 + negatives), dim), the i-th is the positive of query i;
    forbidden: (batch, documents), True where the document may answer the query too. Cosines are DIVIDED by temperature.
    """
    cosines = functional.normalize(queries, dim=1) @ functional.normalize(documents, dim=1).T
    logits = (cosines / temperature).masked_fill(forbidden, float("-inf"))
    return functional.cross_entropy(logits, torch.arange(len(queries), device=queries.device))
