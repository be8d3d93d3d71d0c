"""The sections of params.yaml, and where each one's dataclass stands: in the room that it steers.

Modules are named, not imported: a static import would make every stage depend on the parameters of all others.
"""

import importlib
from dataclasses import is_dataclass

MODULES = {
    "preprocess": "haechi.parsing.params",
    "testset": "haechi.testset.params",
    "make_pairs": "haechi.pairs.params",
    "merge_corpus": "haechi.corpus.params",
    "model": "haechi.static_model.params",
    "retrieval": "haechi.retrieval.params",
    "generate_qa": "haechi.questions.params",
    "llm": "haechi.llm.params",
    "mine": "haechi.mining.params",
    "train": "haechi.training.params",
    "loss": "haechi.training.loss_params",
    "lora": "haechi.training.lora_params",
    "guards": "haechi.guards.params",
    "select": "haechi.selection.params",
    "reranker": "haechi.reranking.params",
    "rank": "haechi.comparison.rank_params",
    "fusion": "haechi.fusion.params",
    "evaluate": "haechi.evaluation.params",
}


def section_class(section: str) -> type:
    """The dataclass of a section; a KeyError where there is no such section."""
    module = importlib.import_module(MODULES[section])
    return next(
        value
        for name, value in vars(module).items()
        if name.endswith("Params") and isinstance(value, type) and is_dataclass(value) and value.__module__ == module.__name__
    )


def section_classes() -> dict[str, type]:
    """Section -> its dataclass."""
    return {section: section_class(section) for section in MODULES}
