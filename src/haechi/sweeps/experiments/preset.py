"""The sweep that people begin with: what usually matters, in the ranges in which it matters for the configured model."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from haechi.models.registry import STATIC, known
from haechi.runtime.files import read_yaml, write_text
from haechi.sweeps.engine.config import Sweep, check, read_sweep

HEADER = """# A sweep: docs/sweeps.md explains every key, docs/parameters.md every parameter.
# Begin it with `haechi sweep --config {file}`; more agents join with `haechi sweep agent {name}`.
"""


def preset(sections: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The file as plain values, for what params.yaml has now."""
    static = sections["model"]["base"] == STATIC
    negatives = max(1, min(4, int(sections["mine"]["num_negatives"])))
    parameters: dict[str, Any] = {
        "train.lr": {"low": 5e-5, "high": 1e-2, "log": True} if static else {"low": 5e-7, "high": 1e-4, "log": True},
        "train.temperature": {"low": 0.01, "high": 0.3},
        "train.weight_decay": {"low": 0.01, "high": 0.5, "log": True},
        "train.warmup_ratio": {"low": 0.0, "high": 0.2},
        "train.gradient_accumulation": {"choices": [1, 2] if static else [1, 2, 4]},
        "train.max_grad_norm": {"low": 1.0, "high": 20.0, "log": True},
        "train.batch_size": {"choices": [64, 128, 256] if static else [32, 64, 128]},
        "train.question_share": {"low": 0.2, "high": 0.6},
        "train.negatives": {"low": 1, "high": negatives, "whole": True},
    }
    if sections["train"]["engine"] == "sentence-transformers" and sections["loss"]["name"] not in ("margin_mse", "kl"):
        parameters["train.hard_negative_ratio"] = {"low": 0.2, "high": 0.6}
    if negatives == 1:
        del parameters["train.negatives"]
    if static:
        parameters["train.token_dropout"] = {"low": 0.0, "high": 0.3}
    else:
        ranks = [4, 8, 16]
        base = str(sections["model"]["base"])
        others = ["ko-simcse", "bge-m3-ko", "multilingual-minilm", "multilingual-e5-small"]
        if known(base):
            parameters["model.base"] = {"choices": list(dict.fromkeys([base, *others]))}
        parameters["model.max_length"] = {"choices": [256, 384, 512]}
        parameters["lora.rank"] = {"choices": [0, *ranks]}
        parameters["lora.alpha"] = {"choices": [8, 16, 32], "when": {"lora.rank": ranks}}
        parameters["lora.dropout"] = {"low": 0.0, "high": 0.1, "when": {"lora.rank": ranks}}
    return {
        "name": name,
        "method": "bayes",
        "metric": "ndcg@10",
        "goal": "maximize",
        "trials": 30,
        "seed": 7,
        "parameters": parameters,
        "fixed": {},
        "prune": {"method": "halving", "after": 2, "factor": 3},
        "confirm": {"top": 3, "seeds": 3},
        "time_window": "0-24",
        "timezone": "Asia/Seoul",
    }


def write_preset(file: Path, params: Path, name: str) -> Sweep:
    """Write the file, and read it as anyone would."""
    import io

    values = preset(read_yaml(params), name)
    yaml, text = YAML(), io.StringIO()
    yaml.default_flow_style = None
    yaml.width = 120
    yaml.dump(values, text)
    write_text(file, HEADER.format(file=file, name=name) + text.getvalue())
    return check(read_sweep(file, params), file, params)
