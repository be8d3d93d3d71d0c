"""The miniature pipeline end to end: it walks, it repeats itself byte for byte, and dvc.yaml knows what it runs."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from pipeline.checkout import PARAMETERS
from proofs import project
from proofs.conftest import STAGES, Mini
from ruamel.yaml import YAML

from haechi.evaluation.params import EvaluateParams
from haechi.evaluation.summary import summarise
from haechi.pipeline.dvc_yaml import overlap, stage_command
from haechi.records.held_out import KeptApart
from haechi.records.mined import MinedExample
from haechi.records.passage import Passage
from haechi.records.question import Question
from haechi.records.result import QueryResult
from haechi.runtime.files import read_json, read_records, write_json
from haechi.runtime.params import load_section
from haechi.scoring.per_query import read_rows
from haechi.testset.manifest import load_testset

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


MOST_FIGURES, MOST_LINES, TABLE = 30, 12, 13


def leaves(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from leaves(inner)
    else:
        yield value


def test_every_stage_runs_and_the_run_ends_with_the_table(mini: Mini) -> None:
    assert sorted(project.stages_run(mini.log)) == sorted([*STAGES, "testset"])
    end = re.sub(r"^import time:.*\n", "", mini.log, flags=re.MULTILINE)[-3000:]
    for row in ("popularity", "BM25 (Kiwi)", "untuned base", "tuned", "hybrid"):
        assert f"│ {row} " in end
    assert re.search(r"better|WORSE|Can't tell", end)


def test_the_miniature_stays_small(mini: Mini) -> None:
    """Under a minute on two idle cores; processor time, so that a busy machine doesn't fail it."""
    assert mini.seconds < 110


def test_training_moved_the_model(mini: Mini) -> None:
    validation = read_json(mini.folder / "reports/stages/train.json")["validation"]

    assert validation["best"] > validation["base"]


def test_metrics_carry_the_fingerprint_of_the_test_set_and_the_hash_of_the_encoder(mini: Mini) -> None:
    metrics = read_json(mini.folder / "metrics" / "evaluate.json")

    assert metrics["testset"] == load_testset(mini.folder / "data" / "testset").fingerprint
    assert metrics["encoder"] == read_json(mini.folder / "metrics" / "select.json")["encoder"]


def test_what_git_holds_gives_every_figure_of_the_evaluation_again(mini: Mini) -> None:
    """Documents and comparisons need no output of DVC's."""
    told = read_json(mini.folder / "reports/stages/evaluate.json")
    params = load_section(mini.folder / "params.yaml", "evaluate", EvaluateParams)
    again = summarise(read_rows(mini.folder / "metrics/per_query.json", QueryResult), params)

    assert again == {name: told[name] for name in again}


def test_what_dvc_calls_metrics_are_few_figures(mini: Mini) -> None:
    """`dvc metrics diff` and `dvc exp show` show every one of them."""
    files = json.loads(project.dvc(mini.folder, "metrics", "show", "--json").stdout)[""]["data"]
    figures = [value for one in files.values() for value in leaves(one["data"]) if isinstance(value, int | float)]

    assert 15 < len(figures) <= MOST_FIGURES


def test_no_stage_says_more_than_a_screen_takes_and_none_names_a_folder_of_this_machine(mini: Mini) -> None:
    """All but the closing table, which stands at the end of the last one."""
    blocks = re.split(r"^Running stage '(\w+)'.*$", mini.log, flags=re.MULTILINE)
    for stage, log in zip(blocks[1::2], blocks[2::2], strict=True):
        said = [line for line in log.splitlines() if line.strip() and not line.startswith(("import time:", "> "))]
        assert len(said) <= MOST_LINES + (TABLE if stage == "report" else 0), "\n".join([stage, *said])
        assert [line for line in said if str(mini.folder) in line] == []
        assert [line for line in said if "Warning" in line or "is empty" in line] == []


def test_a_second_repro_does_nothing(mini: Mini) -> None:
    done = project.dvc(mini.folder, "repro")

    assert project.stages_run(done.stdout) == []
    assert "up to date" in done.stdout


def test_the_model_loads_in_plain_sentence_transformers(mini: Mini) -> None:
    code = (
        "import sys; from sentence_transformers import SentenceTransformer as S; m = S('models/encoder', device='cpu');"
        "assert m.encode(['임대인의 의무']).shape == (1, 32); assert not [k for k in sys.modules if k.startswith('haechi')]"
    )
    import sys

    project.run(mini.folder, sys.executable, "-c", code)


def test_no_library_module_was_imported_that_dvc_yaml_does_not_list(mini: Mini) -> None:
    """Static lists are checked against what each stage really loaded."""
    stages = YAML(typ="safe").load((mini.folder / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    blocks = re.split(r"^Running stage '(\w+)'.*$", mini.log, flags=re.MULTILINE)
    seen = 0
    for stage, log in zip(blocks[1::2], blocks[2::2], strict=True):
        loaded = set(re.findall(r"^import time:.*\| +(haechi[\w.]*)\s*$", log, re.MULTILINE))
        files = {f"src/{name.replace('.', '/')}.py" for name in loaded}
        modules = {file for file in files if (mini.folder / file).is_file()}
        assert modules, f"stage {stage} loaded nothing of ours: the log is not what this test takes it for"
        checked = PARAMETERS  # every stage checks all of params.yaml
        if stage != "testset" or seen:  # `haechi testset refresh` itself prints before its stage
            unlisted = [file for file in modules - checked if not any(overlap(dep, file) for dep in stages[stage]["deps"])]
            assert not unlisted, f"{stage}: {unlisted}"
        seen += 1
    assert seen == len(STAGES) + 1


def test_nothing_is_made_from_what_validation_keeps(finished: Path) -> None:
    """Told to keep the articles that are asked about most, generate_qa asks about none of them and mine takes none as negative."""
    import sys

    key_of = {p.id: p.article_key for p in read_records(finished / "data/processed/merged_corpus.jsonl", Passage)}

    def used() -> tuple[Counter[str], Counter[str]]:
        asked = Counter(q.article_key for q in read_records(finished / "data/qa/questions.jsonl", Question))
        mined = Counter(
            key_of[id]
            for name in ("train", "valid")
            for example in read_records(finished / f"data/mined/{name}.jsonl", MinedExample)
            for id in example.neg_ids
        )
        return asked, mined

    asked, mined = used()
    kept = [key for key, _ in asked.most_common() if mined[key]][:3]
    write_json(finished / "data/processed/valid_unseen.json", KeptApart(tuple(kept)))
    for stage in ("generate_qa", "mine"):
        project.run(finished, sys.executable, *stage_command(finished, stage, finished)[1:])
    asked, mined = used()

    assert len(kept) == 3
    assert [asked[key] + mined[key] for key in kept] == [0, 0, 0]
    assert asked
    assert mined
