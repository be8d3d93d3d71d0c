"""An exported model gives the model's own vectors, to whoever has the runtime alone, and a wrong one is never kept."""

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from strategies import WORDS
from tiny_models import static, text_of, transformer

from haechi.export import formats
from haechi.export import trace as trace_module
from haechi.export.formats import TOLERANCE, Format, add_forms
from haechi.export.trace import Graph, trace
from haechi.models.load import load_encoder, save_encoder
from haechi.report.model_card import other_runtimes
from haechi.runtime.errors import HaechiError, ParamsError
from haechi.runtime.files import sha256_file, sha256_folder, write_text
from haechi.runtime.params import load_section
from haechi.selection.params import SelectParams

KINDS = {"static": static, "transformer": transformer}
NEEDED = {"onnx": ("onnxruntime", "onnxscript"), "openvino": ("openvino",)}
TEXTS = [text_of(*range(i, i + 1 + i * 3)) for i in range(12)]
STRANGE = ["", " ", WORDS[0], "낯선 말", text_of(*range(300)), *TEXTS]


def given(made: Graph, texts: Sequence[str]) -> Any:
    """The vectors of a graph, computed by torch."""
    import torch

    columns = {"input_ids": "ids", "attention_mask": "attention_mask", "token_type_ids": "type_ids"}
    rows = made.tokenizer.encode_batch(list(texts))
    ids = (torch.tensor([getattr(row, columns[name]) for row in rows], dtype=torch.int64) for name in made.inputs)
    with torch.inference_mode():
        return made.program.module()(*ids)[-1].numpy()


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_graph_gives_what_the_model_gives_for_texts_of_any_number_and_length(kind: str) -> None:
    import copy

    model = copy.deepcopy(KINDS[kind]())
    if kind == "transformer":
        model[0].query_length = 4  # an export has one length
    made = trace(model)
    assert not getattr(model[0], "query_length", None)

    @settings(max_examples=12, deadline=None)
    @drawn(st.lists(st.lists(st.integers(0, 50), max_size=130).map(lambda numbers: text_of(*numbers)), min_size=1, max_size=6))
    def same(texts: list[str]) -> None:
        np.testing.assert_allclose(given(made, texts), model.encode(texts), atol=2e-6)

    same()


def test_what_a_model_cuts_from_its_vectors_is_cut() -> None:
    import copy

    model = copy.deepcopy(static())
    model.truncate_dim = 8
    assert given(trace(model), TEXTS).shape == (len(TEXTS), 8)
    np.testing.assert_allclose(given(trace(model), TEXTS), model.encode(TEXTS), atol=1e-6)


def test_a_model_of_another_kind_is_refused() -> None:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import BoW

    with pytest.raises(HaechiError, match="begins with BoW"):
        trace(SentenceTransformer(modules=[BoW(vocab=["a"])], device="cpu"))


@pytest.mark.parametrize("spoil", [lambda made: made * 1.001, lambda made: made * np.nan, lambda made: made[:, 1:]])
def test_a_form_that_differs_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoil: Any) -> None:
    kept: list[Graph] = []
    read = lambda folder: lambda texts: spoil(given(kept[-1], texts))  # noqa: E731
    monkeypatch.setattr(formats, "FORMATS", {"onnx": Format("onnx", (), lambda made, folder: kept.append(made), read)})
    save_encoder(static(), tmp_path / "encoder")

    with pytest.raises(HaechiError, match="onnx form of the model gives other vectors"):
        add_forms(tmp_path / "encoder", ["onnx"], TEXTS, 7)


def test_names_of_forms_are_checked(tmp_path: Path) -> None:
    from pipeline.checkout import ROOT

    params = (ROOT / "params.yaml").read_text(encoding="utf-8")
    for value, says in (("[onnx, onnx]", "each form once"), ("[tensorrt]", "tensorrt"), ("onnx", "array")):
        write_text(tmp_path / "params.yaml", re.sub(r"  export: \[\]", f"  export: {value}", params))
        with pytest.raises(ParamsError, match=says):
            load_section(tmp_path / "params.yaml", "select", SelectParams)


# --- with the extras


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A project with a model and all its forms, made once a kind."""
    found: dict[str, tuple[Path, dict[str, float]]] = {}

    def make(kind: str) -> tuple[Path, dict[str, float]]:
        for name in sum(NEEDED.values(), ()):
            pytest.importorskip(name, reason="an extra")
        if kind not in found:
            root = tmp_path_factory.mktemp(kind)
            save_encoder(KINDS[kind](), root / "models/encoder")
            found[kind] = root, add_forms(root / "models/encoder", NEEDED, TEXTS, 7)
        return found[kind]

    return make


@pytest.mark.parametrize("kind", KINDS)
def test_the_code_of_the_card_gives_the_models_vectors_without_torch(exported: Any, kind: str) -> None:
    root, off = exported(kind)
    assert all(value < TOLERANCE / 10 for value in off.values())
    card = "\n".join(
        other_runtimes(root / "models/encoder", "models/encoder", {form: {"difference": value} for form, value in off.items()})
    )
    model = load_encoder(root / "models/encoder")
    blocks = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    assert len(blocks) == len(NEEDED)
    code = "import json, sys\n"
    for number, block in enumerate(blocks):
        code += (
            block.replace('["..."]', "json.loads(sys.argv[1])") + f"np.savez('{number}', queries=queries, passages=passages)\n"
        )
    code += "assert not {'torch', 'transformers', 'sentence_transformers'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code, json.dumps(STRANGE)], cwd=root, check=True)

    for number in range(len(blocks)):
        made = np.load(root / f"{number}.npz")
        np.testing.assert_allclose(made["queries"], model.encode_query(STRANGE), atol=2e-6)
        np.testing.assert_allclose(made["passages"], model.encode_document(STRANGE), atol=2e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_exported_files_lie_where_sentence_transformers_looks_and_hold_no_path(exported: Any, kind: str) -> None:
    root, _ = exported(kind)
    import onnx

    folder = root / "models/encoder"
    written = onnx.load(folder / "onnx/model.onnx")
    assert (folder / "openvino/openvino_model.xml").is_file()
    assert (folder / "openvino/openvino_model.bin").is_file()
    assert [one.name for one in written.graph.output][-1] == "sentence_embedding"
    assert ("last_hidden_state" in [one.name for one in written.graph.output]) == (kind == "transformer")
    assert not any(node.metadata_props or node.doc_string for node in written.graph.node)
    for file in (*folder.glob("onnx/*"), *folder.glob("openvino/*")):
        assert str(Path(trace_module.__file__).parents[2]).encode() not in file.read_bytes()
        assert b"site-packages" not in file.read_bytes()


def test_the_same_model_gives_the_same_bytes_also_later_in_a_process(exported: Any, tmp_path: Path) -> None:
    root, _ = exported("static")
    save_encoder(static(), tmp_path / "again")
    add_forms(tmp_path / "again", NEEDED, TEXTS, 7)

    assert sha256_folder(tmp_path / "again") == sha256_folder(root / "models/encoder")


def test_weights_beyond_protobufs_limit_lie_beside_the_graph(
    exported: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exported("static")
    monkeypatch.setattr(formats, "IN_ONE_FILE", 0)
    save_encoder(static(), tmp_path / "encoder")
    off = add_forms(tmp_path / "encoder", ["onnx"], TEXTS, 7)

    assert off["onnx"] < TOLERANCE
    assert sha256_file(tmp_path / "encoder/onnx/model.onnx_data")
    table = static()[0].embedding.weight.numel() * 4
    assert (
        (tmp_path / "encoder/onnx/model.onnx_data").stat().st_size
        >= table
        > (tmp_path / "encoder/onnx/model.onnx").stat().st_size / 4
    )
