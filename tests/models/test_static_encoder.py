"""A static encoder without torch says what sentence-transformers says of the same folder."""

import shutil
import subprocess
import sys
from copy import deepcopy
from pathlib import Path
from platform import machine

import numpy as np
import pytest
import tiny_models
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file
from strategies import WORDS

from haechi.models.load import load_encoder, open_encoder, save_encoder, save_pointer, weight_hash
from haechi.models.static_encoder import StaticEncoder, lengths, load_static, static_of
from haechi.retrieval.dense import encode
from haechi.runtime.errors import HaechiError
from haechi.runtime.files import read_json, write_json
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


def same(made: np.ndarray, wanted: np.ndarray) -> None:
    """Equal bytes; torch sums in other lanes where the processor is no x86-64."""
    if machine() == "x86_64":
        assert made.tobytes() == wanted.tobytes()
    else:
        np.testing.assert_allclose(made, wanted, atol=2e-6)


@given(texts=TEXTS, which=st.integers(0, 2), task=st.sampled_from(["query", "document"]))
def test_its_bytes_are_what_sentence_transformers_gives(folders: list[Path], texts: list[str], which: int, task) -> None:
    """Texts of known and unknown words, long ones that are cut, empty ones; with each kind of prompt."""
    model, static = _both(folders[which])

    for live in (static, static_of(model)):
        same(encode(live, texts, task), encode(model, texts, task))


@given(st.integers(1, 70), st.integers(0, 2**16))
def test_lengths_are_torch_s(width: int, seed: int) -> None:
    """Bit by bit where the width is a multiple of eight; what is over torch sums in several ways."""
    vectors = np.random.default_rng(seed).standard_normal((20, width)).astype(np.float32)
    theirs = torch.linalg.vector_norm(torch.from_numpy(vectors), dim=1).numpy()

    np.testing.assert_allclose(lengths(vectors), theirs, rtol=1e-6)
    wide = np.tile(vectors, 8)
    same(lengths(wide), torch.linalg.vector_norm(torch.from_numpy(wide), dim=1).numpy())


@pytest.mark.parametrize("which", range(3))
def test_it_is_saved_as_sentence_transformers_saves_it(folders: list[Path], tmp_path: Path, which: int) -> None:
    model, static = _both(folders[which])
    save_encoder(model, tmp_path / "theirs")
    save_encoder(static, tmp_path / "ours")

    files = {path.relative_to(tmp_path / "theirs") for path in (tmp_path / "theirs").rglob("*") if path.is_file()}
    assert files == {path.relative_to(tmp_path / "ours") for path in (tmp_path / "ours").rglob("*") if path.is_file()}
    for name in sorted(files):
        assert (tmp_path / "ours" / name).read_bytes() == (tmp_path / "theirs" / name).read_bytes(), name
    assert static.weight_hash() == weight_hash(static) == weight_hash(model)


def test_a_base_that_points_to_a_static_model_is_read_without_torch_too(folders: list[Path], tmp_path: Path) -> None:
    """With the length that it names, and refused where the weights are others."""
    save_pointer(load_encoder(folders[0]), str(folders[0]), 3, tmp_path / "base")
    long = [" ".join(SENTENCES)]
    opened = open_encoder(tmp_path / "base")

    assert isinstance(opened, StaticEncoder)
    same(encode(opened, long, "query"), encode(load_encoder(tmp_path / "base"), long, "query"))
    assert (encode(opened, long, "query") != encode(open_encoder(folders[0]), long, "query")).any(), "it is cut"

    write_json(tmp_path / "base/pointer.json", read_json(tmp_path / "base/pointer.json") | {"weights": "0" * 64})
    with pytest.raises(HaechiError, match="other weights than recorded"):
        open_encoder(tmp_path / "base")


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
    assert not np.allclose(encode(static, [WORDS[3]], "query"), encode(static, [WORDS[3]], "document"))


def test_a_text_does_not_depend_on_its_neighbours(folders: list[Path]) -> None:
    _, static = _both(folders[0])
    many = [f"{sentence} {n}" for n in range(200) for sentence in SENTENCES]
    together = encode(static, many, "document")
    alone = np.concatenate([encode(static, [text], "document") for text in many])

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


def test_it_needs_no_torch(folders: list[Path], tmp_path: Path) -> None:
    code = f"""
import sys
from copy import deepcopy
from pathlib import Path
from haechi.models.load import open_encoder, save_encoder
from haechi.inference.cached import Stored
from haechi.rowstore.store import open_store
model = open_encoder(Path({str(folders[0])!r}))
with open_store(Path({str(tmp_path / "rows.sqlite")!r})) as store:
    assert Stored(store).queries(model, ["우물"]).any()
save_encoder(model, Path({str(tmp_path / "saved")!r}))
assert not {{"torch", "transformers", "sentence_transformers"}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
