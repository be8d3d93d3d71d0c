"""Mixtures of model folders: laws of the mean, sentence-transformers' own merge as the other implementation, and refusals."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import tiny_models
import torch
from safetensors.torch import load_file, save_file

from haechi.models.load import load_encoder, save_encoder
from haechi.models.registry import HEADS
from haechi.runtime.errors import HaechiError
from haechi.runtime.files import read_json, sha256_folder, write_json
from haechi.selection.weights import Share, blend, module, modules_of, patch
from haechi.static_model.make_base import make_base
from haechi.static_model.params import ModelParams
from haechi.training.static_learner import load_learner, plain

KINDS = {"static": tiny_models.static, "transformer": tiny_models.transformer}


@pytest.fixture(scope="module", params=KINDS)
def folders(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three models of one shape."""
    root = tmp_path_factory.mktemp(request.param)
    for seed in (1, 2, 3):
        save_encoder(KINDS[request.param](seed), root / f"m{seed}")
    return [root / f"m{seed}" for seed in (1, 2, 3)]


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


def mean(folders: list[Path], out: Path) -> Path:
    blend([Share(folder, 1 / len(folders)) for folder in folders], out)
    return out


def test_it_is_what_sentence_transformers_own_merge_gives(folders: list[Path], tmp_path: Path) -> None:
    pytest.importorskip("mergekit")
    from sentence_transformers import SentenceTransformer

    parts = [0.5, 0.3, 0.2]
    theirs = SentenceTransformer.merge([load_encoder(folder) for folder in folders], parameters={"weight": parts})
    blend([Share(folder, part) for folder, part in zip(folders, parts, strict=True)], tmp_path / "ours")
    ours = load_encoder(tmp_path / "ours").state_dict()

    for name, tensor in theirs.state_dict().items():
        torch.testing.assert_close(ours[name], tensor, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("parts", [(0.5, 0.3, 0.2), (1 / 3, 1 / 3, 1 / 3), (0.25, 0.75), (1.0,)])
def test_without_torch_a_table_is_mixed_to_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parts: tuple[float, ...]
) -> None:
    shares = []
    for seed, part in enumerate(parts):
        save_encoder(tiny_models.static(seed), tmp_path / f"m{seed}")
        shares.append(Share(tmp_path / f"m{seed}", part))
    blend(shares, tmp_path / "numpy")
    monkeypatch.setattr("haechi.selection.weights._single_precision", lambda file: False)
    blend(shares, tmp_path / "torch")

    assert sha256_folder(tmp_path / "numpy") == sha256_folder(tmp_path / "torch")


def test_a_mean_of_equals_is_the_same_and_one_alone_is_copied_bit_by_bit(folders: list[Path], tmp_path: Path) -> None:
    one = folders[0]
    mean([one, one], tmp_path / "twice")
    blend([Share(one, 1.0)], tmp_path / "once")

    for name, tensor in weights(one).items():
        torch.testing.assert_close(weights(tmp_path / "twice")[name], tensor, rtol=0, atol=0)
    assert sha256_folder(tmp_path / "once") == sha256_folder(one)


def test_the_order_of_the_parts_changes_no_more_than_rounding_and_twice_is_the_same_bytes(
    folders: list[Path], tmp_path: Path
) -> None:
    forth, back, again = (mean(order, tmp_path / name) for name, order in (("a", folders), ("b", folders[::-1]), ("c", folders)))

    for name, tensor in weights(forth).items():
        torch.testing.assert_close(weights(back)[name], tensor, rtol=1e-5, atol=1e-6)
    assert sha256_folder(forth) == sha256_folder(again)


def test_the_mixture_is_a_whole_model_with_the_first_ones_prompts(folders: list[Path], tmp_path: Path) -> None:
    mixed, first = load_encoder(mean(folders, tmp_path / "m")), load_encoder(folders[0])

    assert mixed.encode([tiny_models.text_of(1, 2, 3)]).shape == first.encode([tiny_models.text_of(1, 2, 3)]).shape
    assert mixed.prompts == first.prompts


def test_every_module_comes_from_where_it_is_said_to(tmp_path: Path) -> None:
    for seed in (1, 2):
        save_encoder(tiny_models.transformer(seed), tmp_path / f"m{seed}")
    one, two = tmp_path / "m1", tmp_path / "m2"
    names = modules_of(one)
    assert [name.partition("|")[2] for name in names] == ["embeddings", "encoder.layer.0", "encoder.layer.1", "pooler"]

    patch(one, {name: two if name.endswith("layer.1") else one for name in names}, tmp_path / "mixed")

    for name, tensor in weights(tmp_path / "mixed").items():
        source = two if name.startswith("encoder.layer.1.") else one
        assert torch.equal(tensor, weights(source)[name]), name


def test_layers_are_told_apart_whatever_stands_before_them() -> None:
    assert module("model.safetensors|0.auto_model.encoder.layer.11.output.dense.weight").endswith(
        "|0.auto_model.encoder.layer.11"
    )
    assert module("model.safetensors|embedding.weight").endswith("|embedding")


def test_the_heads_of_a_bge_m3_are_mixed_too(tmp_path: Path) -> None:
    for seed in (1, 2):
        save_encoder(tiny_models.transformer(seed), tmp_path / f"m{seed}")
        for name in HEADS:
            torch.save({"weight": torch.full((1, 4), float(seed)), "bias": torch.zeros(1)}, tmp_path / f"m{seed}" / name)
    blend([Share(tmp_path / "m1", 0.25), Share(tmp_path / "m2", 0.75)], tmp_path / "mixed")

    for name in HEADS:
        assert torch.load(tmp_path / "mixed" / name, weights_only=True)["weight"].unique().tolist() == [1.75]


def test_numbers_that_count_are_not_averaged_and_half_precision_stays(tmp_path: Path) -> None:
    for seed in (1, 2):
        save_encoder(tiny_models.static(seed), tmp_path / f"m{seed}")
        file = tmp_path / f"m{seed}" / "model.safetensors"
        save_file({"embedding.weight": torch.full((2, 2), 0.1 * seed, dtype=torch.float16), "steps": torch.tensor(seed)}, file)
    mean([tmp_path / "m1", tmp_path / "m2"], tmp_path / "mixed")
    found = weights(tmp_path / "mixed")

    assert found["steps"].item() == 1
    assert found["embedding.weight"].dtype == torch.float16
    assert found["embedding.weight"][0, 0].item() == pytest.approx(0.15, abs=1e-4)


# What can't be mixed


def lacking(folder: Path) -> None:
    kept = weights(folder)
    kept.pop(sorted(kept)[0])
    save_file(kept, folder / "model.safetensors")


def longer(folder: Path) -> None:
    save_file({name: torch.cat([tensor, tensor]) for name, tensor in weights(folder).items()}, folder / "model.safetensors")


def renumbered(folder: Path) -> None:
    told = read_json(folder / "tokenizer.json")
    words = told["model"]["vocab"]
    one, other = list(words)[5:7]
    words[one], words[other] = words[other], words[one]
    write_json(folder / "tokenizer.json", told)


def emptied(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [(lacking, "has no weight"), (longer, "has the shape"), (renumbered, "vocabulary is another"), (emptied, "has no weight")],
)
def test_what_cannot_be_added_up_is_refused_in_one_sentence(
    folders: list[Path], tmp_path: Path, spoil: Callable[[Path], None], says: str
) -> None:
    shutil.copytree(folders[1], tmp_path / "odd")
    spoil(tmp_path / "odd")

    with pytest.raises(HaechiError, match=says) as caught:
        mean([folders[0], tmp_path / "odd"], tmp_path / "out")
    assert "odd" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_tokenizer_that_cuts_otherwise_gives_every_piece_the_same_number(folders: list[Path], tmp_path: Path) -> None:
    shutil.copytree(folders[1], tmp_path / "cut")
    told = read_json(tmp_path / "cut/tokenizer.json")
    write_json(
        tmp_path / "cut/tokenizer.json",
        told | {"truncation": {"direction": "Left", "max_length": 9, "strategy": "LongestFirst", "stride": 0}},
    )
    assert (tmp_path / "cut/tokenizer.json").read_bytes() != (folders[0] / "tokenizer.json").read_bytes()

    wanted = weights(mean(folders[:2], tmp_path / "plain"))
    found = weights(mean([folders[0], tmp_path / "cut"], tmp_path / "mixed"))

    assert all(torch.equal(found[name], tensor) for name, tensor in wanted.items())


def test_an_embedded_base_mixes_with_what_was_trained_from_it(tmp_path: Path) -> None:
    """Folding and taking the mean may change places; what the base's pieces are made of stays behind."""
    base, tuned = tmp_path / "base", tmp_path / "tuned"
    make_base(["계약의 해제", "계약을 해제하다", "대금의 반환"], ModelParams("static", 64, 7, 1000, 2, 3, 4, 0.1), base)
    model = load_learner(base)
    with torch.no_grad():
        model[0].embedding.weight += torch.randn(model[0].embedding.weight.shape)
    save_encoder(plain(model), tuned)
    with torch.no_grad():
        before = load_learner(base)[0].embedding.weight
        model[0].embedding.weight.copy_((model[0].embedding.weight + before) / 2)

    found = weights(mean([base, tuned], tmp_path / "out"))

    torch.testing.assert_close(found["embedding.weight"], plain(model)[0].embedding.weight.detach())
    assert not list((tmp_path / "out").rglob("composition*"))
