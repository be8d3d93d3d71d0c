"""benchmarks/gpu.sh, rehearsed on the CPU at a thousandth of the size; what only a GPU runs is asked of a made-up one."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from proofs.project import ROOT

from haechi.runtime.files import read_json

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def gpu() -> ModuleType:
    spec = importlib.util.spec_from_file_location("gpu_benchmark", ROOT / "benchmarks" / "gpu.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look for it there
    before = sys.path.copy()
    spec.loader.exec_module(module)
    sys.path[:] = before
    return module


def figures(value: Any, name: str) -> list[float]:
    """Every figure of that name, wherever it stands."""
    if not isinstance(value, dict):
        return []
    return [one for key, inner in value.items() for one in ([inner] if key == name else figures(inner, name))]


def test_the_script_measures_every_part_at_a_thousandth_of_the_size(tmp_path: Path) -> None:
    pytest.importorskip("FlagEmbedding", reason="an extra")
    environment = {**os.environ, "HAECHI_GPU_DRY": "1", "PYTHON": sys.executable}
    done = subprocess.run([ROOT / "benchmarks/gpu.sh", tmp_path], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found = read_json(tmp_path / "gpu.json")

    assert list(found) == ["matrix", "attention", "encode", "train", "memory"]
    assert {one["scale"] for one in found.values()} == {0.001}
    assert len(figures(found, "tokens_per_second")) == 4 + 4 + 4
    assert min(figures(found, "tokens_per_second")) > 0
    assert all(0 < share < 2 for share in figures(found, "share_of_matrix_rate"))
    assert max(figures(found["attention"], "largest_difference")) < 0.05
    first, second = found["memory"]["whole"]["losses"]
    apart = max(figures(found["memory"], "largest_difference_of_losses"))
    assert apart < abs(first - second) / 3, "smaller groups learn what the whole batch learns, but for bf16's rounding"
    assert [event["to"] for event in found["memory"]["injected"]["events"]] == [32, 16, 8, 4]
    assert [event["to"] for event in found["memory"]["asked for too much"]["events"]] == [32, 16, 8, 4]


def test_a_second_call_measures_what_is_missing_alone_and_a_part_that_fails_doesnt_stop_the_others(
    gpu: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made: list[str] = []

    def part(name: str) -> Any:
        def measured(bench: Any) -> dict[str, Any]:
            made.append(name)
            if name == "second" and made.count(name) == 1:
                raise RuntimeError("the card fell off")
            return {"figure": 1}

        return measured

    monkeypatch.setattr(gpu, "PARTS", {name: part(name) for name in ("first", "second", "third")})
    monkeypatch.setattr(gpu, "make_m3", lambda folder, sizes: folder.mkdir())
    assert gpu.measure(tmp_path, 0.001, ["first", "second", "third"]) == 1
    assert "the card fell off" in capsys.readouterr().err
    assert gpu.measure(tmp_path, 0.001, ["first", "second", "third"]) == 0
    assert made == ["first", "second", "third", "second"]
    assert list(read_json(tmp_path / "gpu.json")) == ["first", "second", "third"]

    monkeypatch.setattr(gpu, "SECONDS", -1)
    assert gpu.measure(tmp_path / "late", 0.001, ["first"]) == 1


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_nothing_is_measured_at_full_size(gpu: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no GPU here"):
        gpu.measure(tmp_path, 1.0, ["matrix"])


def test_its_model_has_the_shape_of_bge_m3(gpu: ModuleType) -> None:
    from transformers import XLMRobertaConfig, XLMRobertaModel

    with torch.device("meta"):
        model = XLMRobertaModel(XLMRobertaConfig(pad_token_id=1, **gpu.Sizes(1.0).shape))
    assert sum(weight.numel() for weight in model.parameters()) == 567_754_752


def test_what_a_gpu_is_asked_for(gpu: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of a card's memory in use: four fifths of that are two fifths of the card."""
    fractions: list[float] = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    for name in ("synchronize", "empty_cache", "reset_peak_memory_stats"):
        monkeypatch.setattr(torch.cuda, name, lambda: None)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda: 40_000_000_000)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: SimpleNamespace(total_memory=80_000_000_000))
    monkeypatch.setattr(torch.cuda, "set_per_process_memory_fraction", fractions.append)

    assert gpu.peak() == 40.0
    assert gpu.seconds(lambda: None) < 1
    with gpu.little_memory(0.8):
        assert fractions == [0.4]
    assert fractions == [0.4, 1.0]
