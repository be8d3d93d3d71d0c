"""A model card says what the files of its run say, and nothing where they disagree."""

import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from selection.made import SELECT
from training.made import VALIDATION, examples, recipe, static

from haechi.cli.main import main
from haechi.models.load import save_encoder
from haechi.pipeline.stage_details import file_of
from haechi.report.model_card import DATA, licence, model_card
from haechi.runtime.errors import HaechiError
from haechi.runtime.files import read_json, sha256_file, write_json, write_text
from haechi.selection.stage import facts_of, select
from haechi.training.engine import train
from haechi.training.static_learner import plain


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on made-up examples, with figures as the evaluate stage writes them."""
    root = tmp_path_factory.mktemp("card")
    save_encoder(plain(static()), root / "models/base")
    train(static(), examples(), VALIDATION, root / "models/run", recipe())
    chosen = facts_of(select(root / "models/run", root / "models/base", VALIDATION, root / "models/encoder", SELECT))
    write_json(root / file_of("select"), chosen)
    write_json(root / file_of("base"), {"base": "static", "parameters": 6400, "dim": 16, "hash": "x"})
    figures: dict[str, Any] = {
        "testset": "abc",
        "encoder": chosen["encoder"],
        "n_queries": 10,
        "confidence": 0.95,
        "primary": {"tuned": {"ndcg@10": 0.6543}, "bm25": {"ndcg@10": 0.3}},
        "interval": {"tuned": {"ndcg@10": {"low": 0.61, "high": 0.71}}, "bm25": {"ndcg@10": {"low": 0.2, "high": 0.4}}},
    }
    write_json(root / file_of("evaluate"), figures)
    for file in DATA.values():
        write_text(root / file, file)
    return root


def test_the_card_names_data_parameters_figures_and_licence(project: Path) -> None:
    text = model_card(project)

    assert "| tuned | 0.654 | 0.610 to 0.710 |" in text
    assert "license: other" in text
    assert read_json(project / file_of("select"))["chosen"] in text
    assert all(sha256_file(project / file)[:16] in text for file in DATA.values())
    assert "- params.lr: 0.005" in text
    assert "- loss.name: infonce" in text
    assert not re.search(r"20\d\d-\d\d|/tmp|/home", text)


def test_the_command_shows_it_or_writes_it(project: Path, tmp_path: Path) -> None:
    shown = CliRunner().invoke(main, ["card", "--root", str(project)])
    CliRunner().invoke(main, ["card", "--root", str(project), "--out", str(tmp_path / "README.md")])

    assert shown.output == (tmp_path / "README.md").read_text() == model_card(project)


@pytest.mark.parametrize("name", ["select", "evaluate"])
def test_figures_of_another_model_are_refused(project: Path, name: str) -> None:
    file = project / file_of(name)
    before = read_json(file)
    write_json(file, before | {"encoder": "another"})
    try:
        with pytest.raises(HaechiError, match=f"{name}.json: speaks of encoder another"):
            model_card(project)
    finally:
        write_json(file, before)


def test_licences_come_from_the_registry() -> None:
    assert [licence(name) for name in ("bge-m3", "dragonkue/BGE-m3-ko", "ko-simcse", "models/mine")] == [
        "mit",
        "apache-2.0",
        "other",
        "other",
    ]
