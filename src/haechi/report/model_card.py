"""The model card: what a stranger must know of a model, from the files that its run left and nothing else.

Refused where they speak of different models: the encoder in the folder must be the one that was scored.
"""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from haechi.models.load import folder_hash
from haechi.models.registry import STATIC, known
from haechi.models.released import Released
from haechi.pipeline.stage_details import file_of, read_details
from haechi.records.passage import Passage
from haechi.report.checks import checks
from haechi.report.conclusion import answer
from haechi.report.inputs import Places, gather
from haechi.report.slices import sliced
from haechi.runtime.errors import HaechiError
from haechi.runtime.files import read_json, read_records, sha256_file
from haechi.scoring.evaluation import Evaluation, evaluation_of
from haechi.scoring.names import BASE
from haechi.text.language import language

DATA = {
    "training examples": "data/mined/train.jsonl",
    "validation pairs": "data/processed/pairs_train_valid.jsonl",
    "corpus": "data/processed/merged_corpus.jsonl",
}


class Runtime(NamedTuple):
    """The lines of code in which runtimes differ."""

    name: str
    opened: str
    inputs: str
    name_of: str
    run: str


RUNTIMES = {
    "onnx": Runtime(
        "ONNX Runtime",
        'onnxruntime.InferenceSession("{folder}/onnx/model.onnx")',
        "model.get_inputs()",
        "one.name",
        'model.run(["sentence_embedding"], inputs)[0]',
    ),
    "openvino": Runtime(
        "OpenVINO",
        'openvino.Core().compile_model("{folder}/openvino/openvino_model.xml", "CPU", {{"INFERENCE_PRECISION_HINT": "f32"}})',
        "model.inputs",
        "one.get_any_name()",
        'np.array(model(inputs)["sentence_embedding"])',
    ),
}
ENCODER, RELEASE = "models/encoder", "models/release"
SYSTEMS = ("tuned", "base", "bm25", "hybrid")


def model_card(root: Path) -> str:
    """README.md of models/encoder."""
    base, chosen = (read_details(root, name) for name in ("base", "select"))
    scored = evaluation_of(read_details(root, "evaluate"))
    recipe = read_json(root / "models/run/training_config.json")
    encoder = folder_hash(root / ENCODER)
    for told, stage in ((chosen["encoder"], "select"), (scored.encoder, "evaluate")):
        if told != encoder:
            file = root / file_of(stage)
            raise HaechiError(f"{file}: speaks of encoder {told}, and {ENCODER} is {encoder}; run `dvc repro`")
    lines = [
        *_front(base, root / DATA["corpus"]),
        *_decided(root),
        f"{_made(chosen, recipe)} {_base(base)}.",
        f"Hash of the folder: {encoder}.",
        "",
        *_usage(root / ENCODER, ENCODER, chosen.get("export", {})),
        "## Results",
        "",
        *_results(scored),
        "",
        "## Data",
        "",
        *(f"- {name}: sha256 {sha256_file(root / file)[:16]}" for name, file in DATA.items()),
        "",
        "## Training",
        "",
        f"{recipe['rows']:,} rows, {recipe['steps']:,} steps; chosen by {chosen['metric']} on validation.",
        "",
        *_settings(recipe),
    ]
    return "\n".join(lines) + "\n"


def _languages(corpus: Path) -> list[str]:
    """Korean and English, each where at least a tenth of the passages are in it; no field where neither is."""
    found = Counter(language(passage.text) for passage in read_records(corpus, Passage))
    told = [name for name in ("ko", "en") if found[name] * 10 >= found.total()]
    return [f"language: {told[0]}" if len(told) == 1 else f"language: [{', '.join(told)}]"] if told else []


def release_card(root: Path, work: Path, folder: Path, released: Released, exported: Mapping[str, Mapping[str, float]]) -> str:
    """README.md of a release that was trained in a folder of its own: the figures are the evaluated model's, and it says so."""
    base, scored = read_details(work, "base"), evaluation_of(read_details(root, "evaluate"))
    lines = [
        *_front(base, root / DATA["corpus"]),
        "**This model has no score of its own**: it was trained on all labels, those of validation and test included. "
        "The figures below are those of its evaluated twin.",
        "",
        f"Tuned from {_base(base)}.",
        f"Hash of the folder: {folder_hash(folder)}.",
        "",
        *_usage(folder, RELEASE, exported),
        "## Results of the evaluated twin",
        "",
        f"Model {released.twin} ({released.chosen}): the same settings, trained apart from the test set.",
        "",
        *_decided(root),
        *_results(scored),
        "",
        "## Data",
        "",
        released.told(),
        "",
        *(f"- {name}: sha256 {told}" for name, told in released.data.items()),
        "",
        "## Training",
        "",
        f"Ended after step {released.steps:,} of {released.of_steps:,}, where the evaluated twin stood in its own schedule; "
        "nothing was chosen by validation.",
        "",
        *_settings(read_json(work / "models/run/training_config.json")),
    ]
    return "\n".join(lines) + "\n"


def _front(base: Mapping[str, Any], corpus: Path) -> list[str]:
    return [
        "---",
        "library_name: sentence-transformers",
        "pipeline_tag: sentence-similarity",
        *_languages(corpus),
        f"license: {licence(base['base'])}",
        "---",
        "",
        "# Retrieval model",
        "",
    ]


def _base(base: Mapping[str, Any]) -> str:
    return f"`{base['base']}` ({base['parameters']:,} weights, {base['dim']} wide)"


def _usage(folder: Path, name: str, exported: Mapping[str, Mapping[str, float]]) -> list[str]:
    return [
        "```python",
        "from sentence_transformers import SentenceTransformer",
        "",
        f'model = SentenceTransformer("{name}")',
        'queries = model.encode_query(["..."])',
        'passages = model.encode_document(["..."])',
        "```",
        "",
        *other_runtimes(folder, name, exported),
    ]


def _settings(recipe: Mapping[str, Any]) -> list[str]:
    return [f"- {section}.{key}: {value}" for section in ("params", "loss", "lora") for key, value in recipe[section].items()]


def _decided(root: Path) -> list[str]:
    """What the report says at its top, so that the card praises nothing that the report rejects."""
    results = gather(Places.below(root))
    answered = answer(results, sliced(results.rows, results.evaluation.confidence), checks(results))
    return [f"**{answered.decision.headline.en}**", ""] if answered else []


def _made(chosen: Mapping[str, Any], recipe: Mapping[str, Any]) -> str:
    """What became of the base."""
    if chosen["chosen"] == BASE:
        return "Not tuned, since nothing that training made was better on validation: this is the untuned"
    control = " with shuffled labels, as a control," if recipe["params"].get("shuffle_labels") else ""
    return f"Checkpoint {chosen['chosen']}, tuned{control} from"


def licence(base: str) -> str:
    """Of the base as registered; `other` where nobody told."""
    entry = known(base)
    told = entry.licence if entry else "unknown"
    return "other" if base == STATIC or told == "unknown" else told


def other_runtimes(folder: Path, name: str, exported: Mapping[str, Mapping[str, float]]) -> list[str]:
    """How to use what select.export added, with nothing else installed than the runtime, tokenizers and numpy."""
    if not exported:
        return []
    prompts = read_json(folder / "config_sentence_transformers.json").get("prompts", {})
    query, passage = (json.dumps(prompts.get(task) or "", ensure_ascii=False) for task in ("query", "document"))
    lines = ["## Without sentence-transformers", ""]
    for form, compared in exported.items():
        lines += [
            f"`{form}/` holds the same model for {RUNTIMES[form].name}, in single precision, and a tokenizer that cuts and pads",
            f"for it. On texts of the corpus its vectors differ by {compared['difference']:.0e} of their length at most.",
            "",
            "```python",
            "import numpy as np",
            f"import {form.replace('onnx', 'onnxruntime')}",
            "from tokenizers import Tokenizer",
            "",
            'columns = {"input_ids": "ids", "attention_mask": "attention_mask", "token_type_ids": "type_ids"}',
            f'tokenizer = Tokenizer.from_file("{name}/{form}/tokenizer.json")',
            f"model = {RUNTIMES[form].opened.format(folder=name)}",
            f"names = [{RUNTIMES[form].name_of} for one in {RUNTIMES[form].inputs}]",
            "",
            "",
            "def encode(texts, prompt):",
            "    rows = tokenizer.encode_batch([prompt + text for text in texts])",
            "    inputs = {name: np.array([getattr(row, columns[name]) for row in rows], dtype=np.int64) for name in names}",
            f"    return {RUNTIMES[form].run}",
            "",
            "",
            f'queries = encode(["..."], {query})',
            f'passages = encode(["..."], {passage})',
            "```",
            "",
        ]
    return lines


def _results(scored: Evaluation) -> list[str]:
    rows = [
        f"Test set {scored.testset}, {scored.n_queries} queries; {scored.confidence:.0%} intervals over groups of queries.",
        "",
        "| system | nDCG@10 | interval |",
        "| --- | ---: | ---: |",
    ]
    for system in SYSTEMS:
        if system in scored.primary:
            bounds = scored.interval[system]["ndcg@10"]
            rows.append(f"| {system} | {scored.primary[system]['ndcg@10']:.3f} | {bounds['low']:.3f} to {bounds['high']:.3f} |")
    return rows
