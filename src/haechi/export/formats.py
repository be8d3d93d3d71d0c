"""The encoder in the formats of other runtimes, beside its own: ONNX, OpenVINO. A form whose vectors differ is never kept.

`onnx/` and `openvino/` are where sentence-transformers looks for them; each also works alone, with a tokenizer that is ready.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from haechi.export.trace import VECTOR, Graph, quiet, trace
from haechi.models.load import load_encoder
from haechi.runtime.environment import workers
from haechi.runtime.errors import HaechiError

Floats = npt.NDArray[np.float32]
Encode = Callable[[Sequence[str]], Floats]

TOLERANCE = 1e-4
"""How far a vector may lie from the model's own, as a share of its length; rounding alone makes some millionths."""
IN_ONE_FILE = 1_900_000_000  # bytes of weights; protobuf, which ONNX is written in, ends at 2 GiB
TEXTS = 32
LETTERS = 40  # of a text that stands for a query
ROWS = 8
COLUMNS = {"input_ids": "ids", "attention_mask": "attention_mask", "token_type_ids": "type_ids"}


@dataclass(frozen=True)
class Format:
    """One of the formats."""

    extra: str
    packages: tuple[str, ...]
    """What the extra installs, as Python imports it."""
    write: Callable[[Graph, Path], None]
    read: Callable[[Path], Encode]


def require(forms: Iterable[str]) -> None:
    """Say what is missing before any work."""
    for form in forms:
        if missing := [name for name in FORMATS[form].packages if find_spec(name) is None]:
            install = f"pip install -e '.[{FORMATS[form].extra}]' -c constraints.txt"
            raise HaechiError(f"select.export: {form} needs {' and '.join(missing)}: {install}")


def add_forms(folder: Path, forms: Iterable[str], texts: Sequence[str], seed: int) -> dict[str, float]:
    """Write each form into the model folder and compare it on some of the texts; the largest difference of each."""
    model = load_encoder(folder)
    graph = trace(model)
    batches = _batches(texts, seed)
    wanted = [(model.encode_query if task == "query" else model.encode_document)(some) for task, some in batches]
    found = {}
    for form in forms:
        place = folder / form
        place.mkdir()
        FORMATS[form].write(graph, place)
        graph.tokenizer.save(str(place / "tokenizer.json"))
        encode = FORMATS[form].read(place)
        made = [encode([(model.prompts.get(task) or "") + text for text in some]) for task, some in batches]
        found[form] = max(_difference(one, other) for one, other in zip(made, wanted, strict=True))
        if not found[form] <= TOLERANCE:
            raise HaechiError(
                f"select.export: the {form} form of the model gives other vectors than the model (they differ by "
                f"{found[form]:.2g} of their length, and at most {TOLERANCE:g} is rounding), so it isn't kept; "
                f"take {form} out of select.export"
            )
    return found


def _batches(texts: Sequence[str], seed: int) -> list[tuple[str, list[str]]]:
    """Some of the texts, their beginnings as queries: one alone, an empty one alone, the others in company of unlike length."""
    chosen = np.random.default_rng(seed).choice(len(texts), min(TEXTS, len(texts)), replace=False)
    drawn = [texts[number] for number in chosen]
    half = len(drawn) // 2
    queries, passages = [text[:LETTERS] for text in drawn[:half]], drawn[half:]
    found = [("query", ["법"]), ("document", [""])]
    for task, some in (("query", ["", *queries]), ("document", passages)):
        found += [(task, some[start : start + ROWS]) for start in range(0, len(some), ROWS)]
    return found


def _difference(made: Floats, wanted: Floats) -> float:
    """The largest distance of two vectors of one text, as a share of the length of the wanted one."""
    if made.shape != wanted.shape or not np.isfinite(made).all():
        return float("inf")
    return float((np.linalg.norm(made - wanted, axis=1) / np.maximum(np.linalg.norm(wanted, axis=1), 1e-12)).max())


def _columns(tokenizer: Tokenizer, texts: Sequence[str], names: Iterable[str]) -> dict[str, npt.NDArray[np.int64]]:
    rows = tokenizer.encode_batch(list(texts))
    return {name: np.array([getattr(row, COLUMNS[name]) for row in rows], dtype=np.int64) for name in names}


# --- ONNX


def _write_onnx(graph: Graph, folder: Path) -> None:
    import onnx_ir
    import torch
    from onnx_ir.passes.common import ClearMetadataAndDocStringPass

    with quiet():
        made = torch.onnx.export(graph.program, input_names=graph.inputs, output_names=graph.outputs, verbose=False)
    model: Any = made.model  # type: ignore[union-attr]
    ClearMetadataAndDocStringPass()(model)  # it holds stack traces, and so the paths of this machine
    large = sum(value.const_value.nbytes for value in model.graph.initializers.values()) > IN_ONE_FILE
    onnx_ir.save(model, folder / "model.onnx", external_data="model.onnx_data" if large else None)


def _read_onnx(folder: Path) -> Encode:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = workers()
    session = onnxruntime.InferenceSession(folder / "model.onnx", options, providers=["CPUExecutionProvider"])
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    names = [one.name for one in session.get_inputs()]
    return lambda texts: np.asarray(session.run([VECTOR], _columns(tokenizer, texts, names))[0])


# --- OpenVINO


def _write_openvino(graph: Graph, folder: Path) -> None:
    import openvino

    with quiet():
        model = openvino.convert_model(graph.program)
    for name, port in (*zip(graph.inputs, model.inputs, strict=True), *zip(graph.outputs, model.outputs, strict=True)):
        port.get_tensor().set_names({name})
    for number, part in enumerate(model.get_ordered_ops()):  # else they are named by what the process has made before
        part.set_friendly_name(f"{part.get_type_name()}_{number}")
    model.set_friendly_name("encoder")
    openvino.save_model(model, folder / "openvino_model.xml", compress_to_fp16=False)


def _read_openvino(folder: Path) -> Encode:
    import openvino

    options = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": str(workers())}
    network = openvino.Core().compile_model(folder / "openvino_model.xml", "CPU", options)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    names = [one.get_any_name() for one in network.inputs]
    return lambda texts: np.array(network(_columns(tokenizer, texts, names))[VECTOR])


FORMATS: Mapping[str, Format] = {
    "onnx": Format("onnx", ("onnxruntime", "onnxscript"), _write_onnx, _read_onnx),
    "openvino": Format("openvino", ("openvino",), _write_openvino, _read_openvino),
}
