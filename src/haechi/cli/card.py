"""The model card: what a stranger must know of a model, from the files that its run left and nothing else.

Refused where they speak of different models: the encoder in the folder must be the one that was scored.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from haechi.errors import HaechiError
from haechi.files import read_json, sha256_file
from haechi.models.load import folder_hash
from haechi.models.registry import EMBEDDED, known

DATA = {
    "training examples": "data/mined/train.jsonl",
    "validation pairs": "data/processed/pairs_train_valid.jsonl",
    "corpus": "data/processed/merged_corpus.jsonl",
}
SYSTEMS = ("tuned", "base", "bm25", "hybrid")


def model_card(root: Path) -> str:
    """README.md of models/encoder."""
    base, chosen, found = (read_json(root / f"metrics/{name}.json") for name in ("base", "select", "evaluate"))
    recipe = read_json(root / "models/run/training_config.json")
    encoder = folder_hash(root / "models/encoder")
    for told, file in ((chosen["encoder"], "metrics/select.json"), (found["encoder"], "metrics/evaluate.json")):
        if told != encoder:
            raise HaechiError(f"{root / file}: speaks of encoder {told}, and models/encoder is {encoder}; run `dvc repro`")
    lines = [
        "---",
        "library_name: sentence-transformers",
        "pipeline_tag: sentence-similarity",
        "language: ko",
        f"license: {licence(base['base'])}",
        "---",
        "",
        "# Retrieval model",
        "",
        f"Tuned from `{base['base']}` ({base['parameters']:,} weights, {base['dim']} wide); checkpoint {chosen['chosen']}.",
        f"Hash of the folder: {encoder}.",
        "",
        "```python",
        "from sentence_transformers import SentenceTransformer",
        "",
        'model = SentenceTransformer("models/encoder")',
        'queries = model.encode_query(["..."])',
        'passages = model.encode_document(["..."])',
        "```",
        "",
        "## Results",
        "",
        f"Test set {found['testset']}, {found['n_queries']} queries; {found['confidence']:.0%} intervals over groups of queries.",
        "",
        "| system | nDCG@10 | interval |",
        "| --- | ---: | ---: |",
        *_results(found),
        "",
        "## Data",
        "",
        *(f"- {name}: sha256 {sha256_file(root / file)[:16]}" for name, file in DATA.items()),
        "",
        "## Training",
        "",
        f"{recipe['rows']:,} rows, {recipe['steps']:,} steps; chosen by {chosen['metric']} on validation.",
        "",
        *(f"- {section}.{key}: {value}" for section in ("params", "loss", "lora") for key, value in recipe[section].items()),
    ]
    return "\n".join(lines) + "\n"


def licence(base: str) -> str:
    """Of the base as registered; `other` where nobody told."""
    entry = known(base)
    told = entry.licence if entry else "unknown"
    return "other" if base == EMBEDDED or told == "unknown" else told


def _results(found: Mapping[str, Any]) -> list[str]:
    rows = []
    for system in SYSTEMS:
        if system in found["primary"]:
            bounds = found["interval"][system]["ndcg@10"]
            rows.append(f"| {system} | {found['primary'][system]['ndcg@10']:.3f} | {bounds['low']:.3f} to {bounds['high']:.3f} |")
    return rows
