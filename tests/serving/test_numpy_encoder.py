"""A static encoder without torch says what sentence-transformers says of the same folder."""

import shutil
import subprocess
import sys
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
import tiny_models
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file
from strategies import WORDS

from haechi.models.load import load_encoder, save_encoder
from haechi.runtime.errors import HaechiError
from haechi.runtime.files import read_json, write_json
from haechi.serving.numpy_encoder import load_static
from haechi.static_model.build import build
from haechi.static_model.params import ModelParams

TEXTS = st.lists(
    st.one_of(st.text(max_size=40), st.lists(st.sampled_from(WORDS), max_size=150).map(" ".join)),
    min_size=1,
    max_size=300 // 20,
)
SENTENCES = ["우물을 고칠 책임은 마을에 있다.", "다리의 수선 비용을 누가 내는가", "개인정보 유출 DNA 2024"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The embedded base; a bare table with prompts that is not normalised; one with a default prompt."""
    root = tmp_path_factory.mktemp("static")
    save_encoder(build(SENTENCES, ModelParams("static", 64, 1, 500, 2, 3, 24, 0.01)), root / "base")
    bare = deepcopy(tiny_models.static())  # others use it too
    for name, prompts, default in (
        ("prompted", {"query": f"{WORDS[0]} ", "document": f"{WORDS[1]} "}, None),
        ("default", {"x": f"{WORDS[2]} "}, "x"),
    ):
        bare.prompts, bare.default_prompt_name = prompts, default
        save_encoder(bare, root / name)
    return [root / name for name in ("base", "prompted", "default")]


@given(texts=TEXTS, which=st.integers(0, 2), task=st.sampled_from(["query", "document"]))
def test_it_is_what_sentence_transformers_gives(folders: list[Path], texts: list[str], which: int, task) -> None:
    """Texts of known and unknown words, long ones that are cut, empty ones; with each kind of prompt."""
    model, static = _both(folders[which])
    theirs = (model.encode_query if task == "query" else model.encode_document)(texts, normalize_embeddings=True)

    np.testing.assert_allclose(static.encode(texts, task), theirs, atol=2e-6)


_loaded: dict[Path, tuple] = {}


def _both(folder: Path) -> tuple:
    if folder not in _loaded:
        static = load_static(folder)
        assert static
        _loaded[folder] = (load_encoder(folder), static)
    return _loaded[folder]


def test_the_prompts_differ(folders: list[Path]) -> None:
    """So that the comparison above would notice a wrong one."""
    _, static = _both(folders[1])
    assert not np.allclose(static.encode([WORDS[3]], "query"), static.encode([WORDS[3]], "document"))


def test_a_text_does_not_depend_on_its_neighbours(folders: list[Path]) -> None:
    _, static = _both(folders[0])
    many = [f"{sentence} {n}" for n in range(200) for sentence in SENTENCES]
    together = static.encode(many, "document")
    alone = np.concatenate([static.encode([text], "document") for text in many])

    assert together.tobytes() == alone.tobytes()


def test_other_models_are_left_to_sentence_transformers(folders: list[Path], tmp_path: Path) -> None:
    save_encoder(tiny_models.transformer(), tmp_path / "transformer")
    assert load_static(tmp_path / "transformer") is None
    assert load_static(tmp_path) is None, "a folder without modules"

    shutil.copytree(folders[0], tmp_path / "half")
    weights = {name: table.astype(np.float16) for name, table in load_file(tmp_path / "half" / "model.safetensors").items()}
    save_file(weights, tmp_path / "half" / "model.safetensors")
    assert load_static(tmp_path / "half") is None

    shutil.copytree(folders[0], tmp_path / "cut")
    settings = tmp_path / "cut" / "config_sentence_transformers.json"
    write_json(settings, read_json(settings) | {"truncate_dim": 8})
    assert load_static(tmp_path / "cut") is None


def test_half_a_model_is_one_sentence(folders: list[Path], tmp_path: Path) -> None:
    for name, break_it in (("gone", Path.unlink), ("cut", lambda file: file.write_bytes(file.read_bytes()[:1000]))):
        for part in ("model.safetensors", "tokenizer.json"):
            folder = tmp_path / f"{name}-{part}"
            shutil.copytree(folders[0], folder)
            break_it(folder / part)
            with pytest.raises(HaechiError, match="not a whole model"):
                load_static(folder)

    mixed = tmp_path / "mixed"
    shutil.copytree(folders[0], mixed)
    table = load_file(mixed / "model.safetensors")["embedding.weight"]
    save_file({"embedding.weight": table[:-5].copy()}, mixed / "model.safetensors")
    with pytest.raises(HaechiError, match="belong to two models"):
        load_static(mixed)


def test_it_needs_no_torch(folders: list[Path]) -> None:
    code = f"""
import sys
from copy import deepcopy
from pathlib import Path
from haechi.serving.numpy_encoder import load_static
assert load_static(Path({str(folders[0])!r})).encode(["우물"], "query").any()
assert not {{"torch", "transformers", "sentence_transformers"}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
