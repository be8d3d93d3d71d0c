"""A model card says what the files of its run say, and nothing where they disagree."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from selection.made import SELECT
from small_law import PASSAGES
from training.made import VALIDATION, examples, recipe, static, train

from haechi.cli.main import main
from haechi.models.load import save_encoder
from haechi.pipeline.stage_details import file_of
from haechi.report.model_card import DATA, licence, model_card
from haechi.runtime.errors import HaechiError
from haechi.runtime.files import read_json, sha256_file, write_json, write_jsonl, write_text
from haechi.selection.stage import facts_of, select
from haechi.training.static_learner import plain

RECIPE = "models/run/training_config.json"


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
    write_jsonl(root / DATA["corpus"], PASSAGES)
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
    written = CliRunner().invoke(main, ["card", "--root", str(project), "--out", str(tmp_path / "README.md")])

    assert "README.md: the model card of models/encoder" in " ".join(written.output.split())
    assert shown.output == (tmp_path / "README.md").read_text() == model_card(project)


GAIN = {"value": 0.2, "low": 0.1, "high": 0.3, "p_holm": 0.001, "wins": 9, "ties": 0, "losses": 1}


KOREAN = PASSAGES[0].text
ENGLISH = "The owner of a well must keep it clean and is liable for what it does to the water of the neighbours."
OTHER = "Колодец должен содержаться в чистоте."


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        ([KOREAN] * 10, "language: ko"),
        ([ENGLISH] * 10, "language: en"),
        ([KOREAN] * 19 + [ENGLISH], "language: ko"),
        ([KOREAN] * 9 + [ENGLISH], "language: [ko, en]"),
        ([OTHER] * 10, None),
    ],
)
def test_the_card_names_the_languages_that_a_tenth_of_the_corpus_is_in(project: Path, texts: list[str], told: str | None) -> None:
    corpus = project / DATA["corpus"]
    write_jsonl(corpus, [replace(PASSAGES[0], id=f"p{i}", text=text) for i, text in enumerate(texts)])
    try:
        head = model_card(project).split("---")[1]
    finally:
        write_jsonl(corpus, PASSAGES)

    assert [line for line in head.splitlines() if line.startswith("language")] == ([told] if told else [])


def decided(project: Path, chosen: str = "step-000004", shuffled: bool = False, **gaps: dict[str, float]) -> str:
    """The card where the run ended so; the project is as before afterwards."""
    files = {file: read_json(project / file) for file in (file_of("select"), file_of("evaluate"), RECIPE)}
    written = {file_of("train"): {"verdict": "good"}, file_of("make_pairs"): {"leakage": {}, "testset": "abc"}}
    told = files[file_of("select")] | {"chosen": chosen, "validation": {"base": 0.1, "step-000004": 0.5}}
    scores = files[file_of("evaluate")] | {"difference": {name: {"ndcg@10": gap} for name, gap in gaps.items()}}
    recipe = files[RECIPE] | {"params": files[RECIPE]["params"] | {"shuffle_labels": shuffled}}
    write_text(project / "params.yaml", f"train: {{lr: 0.006, shuffle_labels: {str(shuffled).lower()}}}\n")
    for file, facts in {file_of("select"): told, file_of("evaluate"): scores, RECIPE: recipe, **written}.items():
        write_json(project / file, facts)
    try:
        return model_card(project)
    finally:
        for file, facts in files.items():
            write_json(project / file, facts)
        for file in (*written, "params.yaml"):
            (project / file).unlink()


def test_the_card_says_at_its_top_what_the_report_decides(project: Path) -> None:
    both = {"tuned-base": GAIN, "tuned-bm25": GAIN}
    assert "**The tuned model is better" in decided(project, **both)
    assert "Checkpoint step-000004, tuned from `static`" in decided(project, **both)

    lower = {key: -value if key in ("value", "low", "high") else value for key, value in GAIN.items()}
    behind = {"tuned-base": GAIN, "tuned-bm25": lower | {"low": -0.3, "high": -0.1}}
    assert "**No: it is better than the untuned model, but scores lower than word search (BM25).**" in decided(project, **behind)


def test_the_card_of_a_control_or_of_a_base_that_was_kept_does_not_praise_it(project: Path) -> None:
    control = decided(project, shuffled=True, **{"tuned-base": GAIN})
    assert "**This is a control with shuffled labels, not a model to use.**" in control
    assert "tuned with shuffled labels, as a control, from `static`" in control

    kept = decided(project, chosen="base", **{"tuned-base": GAIN})
    assert "**No: the untuned model was kept.**" in kept
    assert "tuned from" not in kept.lower()


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
