"""Whatever is wrong outside the code is said in one sentence, and nothing half-written stays behind."""

import re
import shlex
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest
from pipeline import forked
from pipeline.checkout import ROOT, STAGES, python
from ruamel.yaml import YAML

from haechi.runtime import errors
from haechi.runtime.errors import BadRecord, DuplicateId, HaechiError, ModelUnreachable, TestSetChanged

QUICK = ["preprocess", "testset", "make_pairs", "merge_corpus", "base", "generate_qa", "mine", "select", "evaluate", "report"]
"""All stages but train, which takes seconds to import torch."""


@cache
def arguments(stage: str) -> tuple[str, ...]:
    """The options of a stage as dvc.yaml gives them."""
    _, _, *rest = shlex.split(YAML(typ="safe").load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"][stage]["cmd"])
    return tuple(rest)


def run(stage: str, cwd: Path, *more: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command of dvc.yaml without DVC, in another folder; a later option overrides an earlier one."""
    return forked.stage(stage, *arguments(stage), *more, cwd=cwd, **environment)


def sentence(done: subprocess.CompletedProcess[str]) -> str:
    """The one sentence that a failed stage says; that it ends with 1, prints no table and no traceback."""
    assert done.returncode == 1, done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr.removeprefix("error: ").strip()


def files_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder with parameters and one document."""
    shutil.copy(ROOT / "params.yaml", tmp_path)
    (tmp_path / "data" / "raw").mkdir(parents=True)
    (tmp_path / "data" / "raw" / "a.txt").write_text("여름 휴가는 사흘이다.", encoding="utf-8")
    return tmp_path


# Parameters


@pytest.mark.parametrize("stage", QUICK)
def test_without_parameters_no_stage_starts(stage: str, tmp_path: Path) -> None:
    """Before anything is read, and nothing is written."""
    assert sentence(run(stage, tmp_path)).startswith("params.yaml: no such file")
    assert files_in(tmp_path) == set()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("preprocess: [", "not YAML"),
        ("", "should hold one section a stage, found NoneType"),
        ("train: {}", "train.seed is missing"),
        ("trian: {}", "section `trian` is unknown (did you mean train?)"),
        ("preprocess: {max_char: 5}", "preprocess.max_char is unknown"),
        ("preprocess: {max_chars: 5}", "preprocess.granularity is missing"),
    ],
)
def test_bad_parameters_are_said_before_any_work(text: str, said: str, here: Path) -> None:
    (here / "params.yaml").write_text(text, encoding="utf-8")
    before = files_in(here)
    message = sentence(run("preprocess", here))
    assert message.startswith("params.yaml: ")
    assert said in message
    assert files_in(here) == before


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("lr: 6.0e-3", "lr: -1", "train.lr: expected `float` > 0.0, found -1"),
        ("name: infonce", "name: tripletz", "loss.name: expected one of infonce, guided, triplet, margin_mse, kl, found 'tripletz' (did you mean triplet?)"),
        ("name: infonce", "name: kl", "train: loss kl follows the scores of the mined file"),
        ("\n  rank: 0", "\n  rank: 8", "train: a static model has no layers for adapters; set lora.rank to 0"),
        ("promote: none", "promote: agreement", "mine: promote agreement is between the reranker and citations, and reranker is empty"),
        ("\ntrain:", "\ntrian:", "section `trian` is unknown (did you mean train?)"),
        ("\nrank:", "\nrunk:", "section `runk` is unknown (did you mean rank?)"),
        ("batch_size:", "batchsize:", "train.batchsize is unknown (did you mean batch_size?)"),
        ("divergence: stop", "divergence: halt", "guards.action[...]: expected one of ignore, note, lower_lr, rollback, stop"),
        ("non_finite: stop", "non_finit: stop", "guards.action: expected one of non_finite, divergence"),
    ],
)  # fmt: skip
def test_the_first_stage_refuses_what_a_later_one_would(right: str, wrong: str, said: str, here: Path) -> None:
    """Not train, after generate_qa and mine have run for a minute."""
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    assert right in text
    (here / "params.yaml").write_text(text.replace(right, wrong, 1), encoding="utf-8")
    before = files_in(here)
    assert said in sentence(run("preprocess", here))
    assert files_in(here) == before


def test_the_debug_variable_shows_where_it_came_from(tmp_path: Path) -> None:
    done = python(STAGES / "preprocess.py", *arguments("preprocess"), cwd=tmp_path, HAECHI_DEBUG="1")
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback ")
    assert "check_file" in done.stderr
    assert "ParamsError: params.yaml: no such file" in done.stderr


# The command line


@pytest.mark.parametrize("stage", ["preprocess", "merge_corpus", "report"])
@pytest.mark.parametrize("change", ["unknown option", "missing option", "stray argument"])
def test_a_wrong_command_line_ends_with_2(stage: str, change: str, tmp_path: Path) -> None:
    """Click's own words: the usage, then what is wrong."""
    given = {
        "unknown option": [*arguments(stage), "--colour", "red"],
        "missing option": [],
        "stray argument": [*arguments(stage), "x"],
    }
    done = forked.stage(stage, *given[change], cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("Error: ")
    assert files_in(tmp_path) == set()


# Inputs


@pytest.mark.parametrize("stage", QUICK)
def test_missing_inputs_are_named(stage: str, tmp_path: Path) -> None:
    """The stage before has not run: the sentence says which file or folder is not there, and nothing is written."""
    shutil.copy(ROOT / "params.yaml", tmp_path)
    assert re.match(r"(data|models|metrics|reports)/\S+: no such ", sentence(run(stage, tmp_path)))
    assert files_in(tmp_path) == {"params.yaml"}


def test_an_empty_raw_folder_is_named(here: Path) -> None:
    (here / "data" / "raw" / "a.txt").unlink()
    assert sentence(run("preprocess", here)).startswith("data/raw: no raw documents")
    assert files_in(here) == {"params.yaml"}


def test_too_many_unreadable_files_stop_the_stage(here: Path) -> None:
    """With how many, the parameter that sets the limit, and the reasons; the files are named before, and all in the quarantine."""
    for number in range(7):
        (here / "data" / "raw" / f"bad{number}.json").write_text("{", encoding="utf-8")
    before = files_in(here)
    done = run("preprocess", here)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "7 of 8 raw files" in done.stderr
    assert "preprocess.max_bad_share" in done.stderr
    assert "not_json 7" in done.stderr
    assert [line.partition(":")[0] for line in done.stdout.splitlines()] == 5 * ["preprocess"] + [
        "... and 2 more in data/processed/quarantine.jsonl"
    ]
    assert "bad4.json: is not JSON (" in done.stdout
    assert files_in(here) == before | {"data/processed/quarantine.jsonl"}
    assert (here / "data" / "processed" / "quarantine.jsonl").read_text(encoding="utf-8").count("not_json") == 7


def test_files_that_cannot_be_used_are_named_where_the_run_goes_on_too(here: Path) -> None:
    params = (here / "params.yaml").read_text(encoding="utf-8")
    (here / "params.yaml").write_text(params.replace("max_bad_share: 0.05", "max_bad_share: 0.5"), encoding="utf-8")
    (here / "data" / "raw" / "old.json").write_text("{", encoding="utf-8")
    (here / "data" / "raw" / "old.txt").write_bytes("여름 휴가".encode("cp949"))
    done = run("preprocess", here)
    assert done.returncode == 0
    assert "preprocess: old.json: is not JSON (" in done.stdout
    assert "preprocess: old.txt is not UTF-8 (CP949 or UTF-16) and converted while reading\n" in done.stdout


def test_no_output_is_an_empty_file(here: Path) -> None:
    """DVC warns of each, at every stage that reads it; a corpus without laws or rules has several."""
    assert run("preprocess", here).returncode == 0
    assert all((here / name).stat().st_size for name in files_in(here))
    (here / "data" / "processed" / "prec_fallback_passages.jsonl").write_text("\n", encoding="utf-8")
    assert run("merge_corpus", here).returncode == 0


def test_a_line_that_is_no_passage_is_named(here: Path) -> None:
    """And the old corpus stays."""
    assert run("preprocess", here).returncode == 0
    (here / "data" / "processed" / "prec_fallback_passages.jsonl").touch()
    assert run("merge_corpus", here).returncode == 0
    merged = here / "data" / "processed" / "merged_corpus.jsonl"
    before, old = files_in(here), merged.read_bytes()
    with (here / "data" / "processed" / "doc_passages.jsonl").open("a", encoding="utf-8") as stream:
        stream.write('{"id": 5}\n')
    assert re.match(r"data/processed/doc_passages\.jsonl:2: expected a Passage, found ", sentence(run("merge_corpus", here)))
    assert merged.read_bytes() == old
    assert files_in(here) == before


def test_an_id_that_occurs_twice_is_named_with_both_sources(here: Path) -> None:
    assert run("preprocess", here).returncode == 0
    passages = here / "data" / "processed" / "doc_passages.jsonl"
    passages.write_bytes(passages.read_bytes() * 2)
    assert re.fullmatch(r"passage id DOC_a_1 occurs twice: in \S+ and in \S+", sentence(run("merge_corpus", here)))


def test_an_edited_test_set_is_refused(here: Path) -> None:
    shutil.copytree(ROOT / "data" / "testset", here / "data" / "testset")
    with (here / "data" / "testset" / "qrels.jsonl").open("a", encoding="utf-8") as stream:
        stream.write("\n")
    for stage in ("make_pairs", "generate_qa", "mine"):
        assert "the frozen test set was edited" in sentence(run(stage, here))


# Outputs


@pytest.mark.parametrize("option", ["--out", "--metrics", "--details"])
def test_an_output_that_cannot_be_written_is_named_before_any_work(option: str, here: Path) -> None:
    """Under a regular file, where root can't write either."""
    (here / "file").touch()
    before = files_in(here)
    message = sentence(run("preprocess", here, option, "file/sub/out.json"))
    assert re.search(r"file/sub/\S+: can't write here \(Not a directory\)", message)
    assert files_in(here) == before


@pytest.mark.parametrize(
    ("stage", "option"),
    [
        ("testset", "--out"),
        ("make_pairs", "--train"),
        ("make_pairs", "--fallback"),
        ("merge_corpus", "--out"),
        ("generate_qa", "--out"),
        ("mine", "--valid"),
        ("base", "--out"),
        ("base", "--metrics"),
        ("select", "--out"),
        ("evaluate", "--runs"),
        ("evaluate", "--plots"),
        ("evaluate", "--per-query"),
        ("evaluate", "--details"),
        ("report", "--out"),
    ],
)
def test_every_stage_tries_its_outputs_first(stage: str, option: str, here: Path) -> None:
    """Nothing of its input is there yet but the test set: a stage that read first would complain of that instead."""
    shutil.copytree(ROOT / "data" / "testset", here / "data" / "testset")
    (here / "file").touch()
    before = files_in(here)
    assert "can't write here" in sentence(run(stage, here, option, "file/sub/out"))
    assert files_in(here) == before


def test_a_folder_in_place_of_a_file_is_a_usage_error(here: Path) -> None:
    (here / "folder").mkdir()
    done = run("preprocess", here, "--metrics", "folder")
    assert done.returncode == 2
    assert "'--metrics': File 'folder' is a directory" in done.stderr


# Models


def test_a_model_that_cannot_be_reached_is_one_sentence_with_two_ways_out(here: Path) -> None:
    """What was looked for, where, and what to do; in seconds, without waiting for a network."""
    params = (here / "params.yaml").read_text(encoding="utf-8")
    (here / "params.yaml").write_text(params.replace("base: static", "base: no/such-model"), encoding="utf-8")
    (here / "data" / "processed").mkdir()
    for name in ("merged_corpus", "pairs_train"):
        (here / "data" / "processed" / f"{name}.jsonl").touch()
    before = files_in(here)
    message = sentence(run("base", here, HF_HUB_OFFLINE="1"))
    assert message.startswith("model 'no/such-model' can't be loaded: looked for it in ")
    assert "hf download" in message
    assert "`static`" in message
    assert files_in(here) == before


# The errors themselves


def test_errors_carry_what_they_say() -> None:
    """A caller reads fields, a person one line."""
    bad = BadRecord(Path("a.jsonl"), 3, "a Pair", "no JSON")
    twice = DuplicateId("DOC_a_1", "x.txt", "y.txt")
    edited = TestSetChanged(Path("q.jsonl"), "a" * 64, "b" * 64)
    away = ModelUnreachable("no/such", "folder no/such")
    assert (bad.path, bad.line, bad.expected, bad.found) == (Path("a.jsonl"), 3, "a Pair", "no JSON")
    assert (twice.passage_id, twice.first, twice.second) == ("DOC_a_1", "x.txt", "y.txt")
    assert (edited.expected[:1], edited.found[:1], away.name) == ("a", "b", "no/such")
    for error in (bad, twice, edited, away):
        assert isinstance(error, HaechiError)
        assert "\n" not in str(error)


@pytest.mark.parametrize("data", ["가" * 5000, "a/b" * 5000, "a word " * 1000])
def test_no_error_prints_endless_data_and_its_remedy_stays(data: str) -> None:
    long = [HaechiError(f"a.jsonl: id {data} is too long; shorten it"), HaechiError(f"{data} is too long; run `dvc repro`")]

    assert all(len(str(error)) < 1300 for error in long)
    assert str(long[0]).startswith("a.jsonl: id ")
    assert str(long[0]).endswith("; shorten it")
    assert str(long[1]).endswith("; run `dvc repro`")


def test_of_a_word_or_a_value_two_hundred_characters_are_shown() -> None:
    assert len(errors.shorten("가" * 5000)) < 250
    assert errors.shorten("가" * 200) == "가" * 200
    assert "가" * 201 not in str(HaechiError(f"id {'가' * 5000} is too long"))
    for error in (BadRecord(Path("a.jsonl"), 3, "a Pair", "말 " * 3000), DuplicateId("말 " * 3000, "x.txt", "y.txt")):
        assert len(str(error)) < 320
        assert "3000" not in str(error)


def test_a_long_path_is_not_cut() -> None:
    path = "/".join(["folder"] * 60)

    assert path in str(HaechiError(f"{path}: no such file"))


def test_every_error_of_the_module_ends_a_command_politely() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    assert len(kinds) >= 7
    assert {kind.exit_code for kind in kinds} == {1, 2}  # type: ignore[attr-defined]
