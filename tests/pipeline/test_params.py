"""params.yaml arrives typed and checked, whoever wrote it: a person or `dvc exp run -S`."""

import ast
import math
import re
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from dvc.utils.hydra import apply_overrides
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pipeline.checkout import ROOT, SRC, STAGES, imports, library, tree_of
from ruamel.yaml import YAML

from haechi.comparison.rank_params import RankParams
from haechi.corpus.params import MergeCorpusParams
from haechi.evaluation.params import EvaluateParams
from haechi.fusion.params import FusionParams
from haechi.guards.params import GuardsParams
from haechi.llm.params import LlmParams
from haechi.mining.params import MineParams
from haechi.pairs.params import MakePairsParams
from haechi.parsing.params import PreprocessParams
from haechi.questions.params import GenerateQaParams
from haechi.reranking.params import RerankerParams
from haechi.retrieval.params import RetrievalParams
from haechi.runtime.errors import ParamsError
from haechi.runtime.params import load_section
from haechi.runtime.sections import MODULES
from haechi.selection.params import SelectParams
from haechi.static_model.params import ModelParams
from haechi.testset.params import TestsetParams
from haechi.training.lora_params import LoraParams
from haechi.training.loss_params import LossParams
from haechi.training.params import TrainParams
from haechi.training.recipe import Recipe

PARAMS = ROOT / "params.yaml"
SECTIONS: dict[str, type[Any]] = {
    "preprocess": PreprocessParams,
    "testset": TestsetParams,
    "make_pairs": MakePairsParams,
    "merge_corpus": MergeCorpusParams,
    "model": ModelParams,
    "retrieval": RetrievalParams,
    "generate_qa": GenerateQaParams,
    "llm": LlmParams,
    "mine": MineParams,
    "train": TrainParams,
    "loss": LossParams,
    "lora": LoraParams,
    "guards": GuardsParams,
    "select": SelectParams,
    "reranker": RerankerParams,
    "rank": RankParams,
    "fusion": FusionParams,
    "evaluate": EvaluateParams,
}
DRAWING = {"reranker", "testset", "make_pairs", "model", "generate_qa", "train", "evaluate", "mine", "select", "rank"}
"""Sections of the stages that draw random numbers."""


def keys_of(kind: type, wanted: type) -> list[str]:
    return [name for name, hint in get_type_hints(kind).items() if hint is wanted]


FLOATS = [(section, key) for section, kind in SECTIONS.items() for key in keys_of(kind, float)]
ABOVE = {("evaluate", "confidence"), ("select", "confidence"), ("rank", "confidence")}
"""Floats whose range begins above 5e-05: it is that range which refuses it, never the type."""
INTEGERS = [(section, key) for section, kind in SECTIONS.items() for key in keys_of(kind, int)]


@cache
def repository() -> dict[str, dict[str, Any]]:
    return YAML(typ="safe").load(PARAMS.read_text(encoding="utf-8"))


def written(folder: Path, text: str) -> Path:
    path = folder / "params.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def changed(folder: Path, section: str, **values: Any) -> Path:
    """The repository's section with some of its keys set to other values; the other sections would only take time to parse."""
    path = folder / "params.yaml"
    with path.open("w", encoding="utf-8") as stream:
        YAML(typ="safe").dump({section: repository()[section] | values}, stream)
    return path


def refusal(path: Path, section: str) -> str:
    with pytest.raises(ParamsError) as caught:
        load_section(path, section, SECTIONS[section])
    message = str(caught.value)
    assert message.startswith(f"{path}: "), "the sentence names the file first"
    assert "\n" not in message
    return message


def test_the_repository_has_exactly_the_sections_that_stages_and_rank_read() -> None:
    """A section nobody reads would rerun nothing when it changes; one that is missing stops a stage."""
    read: dict[str, str] = {}
    for script in [*STAGES.glob("[!_]*.py"), SRC / "cli" / "rank.py"]:
        for section, kind in re.findall(r'load_section\([^,]*params[^,]*, "(\w+)", (\w+)\)', script.read_text(encoding="utf-8")):
            assert read.setdefault(section, kind) == kind
    assert read == {section: kind.__name__ for section, kind in SECTIONS.items()}
    assert set(repository()) == set(SECTIONS)


@pytest.mark.parametrize("section", SECTIONS)
def test_every_section_of_the_repository_loads(section: str) -> None:
    """Values arrive as they were written, in the type that the dataclass promises."""
    found = load_section(PARAMS, section, SECTIONS[section])
    for key, hint in get_type_hints(SECTIONS[section]).items():
        value, expected = getattr(found, key), repository()[section][key]
        assert value == (tuple(expected) if isinstance(expected, list) else expected)
        if hint in (int, float, str, bool):
            assert type(value) is hint


# What `dvc exp run -S` writes


@pytest.mark.parametrize(("section", "key"), FLOATS)
def test_a_small_float_set_by_dvc_arrives_as_a_float(section: str, key: str, tmp_path: Path) -> None:
    """DVC writes 5e-05 without a dot: a string to YAML 1.1, and the reason why we read with ruamel."""
    path = written(tmp_path, PARAMS.read_text(encoding="utf-8"))
    apply_overrides(path, [f"{section}.{key}=5e-5"])
    assert f"{key}: 5e-05" in path.read_text(encoding="utf-8"), "DVC's own spelling changed; look again at this trap"
    if (section, key) in ABOVE:
        assert re.search(r"expected `float` [<>]=? [\d.]+, found 5e-05$", refusal(path, section))
    else:
        value = getattr(load_section(path, section, SECTIONS[section]), key)
        assert type(value) is float
        assert value == 5e-05


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=st.floats(min_value=0, exclude_min=True, allow_infinity=False))
def test_any_learning_rate_set_by_dvc_arrives_unchanged(value: float, tmp_path: Path) -> None:
    """Through hydra's grammar, DVC's writer and our reader: the same float."""
    path = written(tmp_path, PARAMS.read_text(encoding="utf-8"))
    apply_overrides(path, [f"train.lr={value!r}"])
    assert load_section(path, "train", TrainParams).lr == value


def test_a_whole_number_does_for_a_float(tmp_path: Path) -> None:
    """`-S train.max_grad_norm=1` means 1.0."""
    path = written(tmp_path, PARAMS.read_text(encoding="utf-8"))
    apply_overrides(path, ["train.max_grad_norm=1", "train.epochs=2"])
    found = load_section(path, "train", TrainParams)
    assert (type(found.max_grad_norm), found.max_grad_norm) == (float, 1.0)
    assert (type(found.epochs), found.epochs) == (int, 2)


# What is refused, and in which words


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert "no such file" in refusal(tmp_path / "params.yaml", "train")


@pytest.mark.parametrize(
    "text", ["train: [1, 2", "train:\n\tlr: 1", "train: {lr: 1}}", "a: 1\na: 2", "train: *nothing", "lr: \x01"]
)
def test_malformed_yaml_is_named(text: str, tmp_path: Path) -> None:
    assert "not YAML" in refusal(written(tmp_path, text), "train")


def test_a_file_that_is_no_utf8_is_named(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_bytes("train: 가".encode("cp949"))
    assert "not YAML" in refusal(path, "train")


@pytest.mark.parametrize(("text", "found"), [("", "NoneType"), ("- train", "list"), ("train", "str"), ("5", "int")])
def test_a_top_level_that_is_no_mapping_is_named(text: str, found: str, tmp_path: Path) -> None:
    assert refusal(written(tmp_path, text), "train").endswith(f"found {found}")


@pytest.mark.parametrize("section", SECTIONS)
def test_a_missing_section_is_named(section: str, tmp_path: Path) -> None:
    assert f"section `{section}` is missing" in refusal(written(tmp_path, "other: {}"), section)


@pytest.mark.parametrize(("value", "found"), [("", "None"), ("5", "5"), ("[lr]", "['lr']")])
def test_a_section_that_is_no_mapping_is_named(value: str, found: str, tmp_path: Path) -> None:
    message = refusal(written(tmp_path, f"train: {value}"), "train")
    assert "section `train`" in message
    assert message.endswith(f"found {found}")


@pytest.mark.parametrize("section", SECTIONS)
def test_an_unknown_key_is_named_with_the_known_ones(section: str, tmp_path: Path) -> None:
    """A typo is the likeliest cause, so the right spelling stands in the sentence."""
    message = refusal(changed(tmp_path, section, larning_rate=1), section)
    assert f"{section}.larning_rate is unknown" in message
    assert all(field.name in message for field in fields(SECTIONS[section]))


@pytest.mark.parametrize(("section", "key"), [(section, f.name) for section, kind in SECTIONS.items() for f in fields(kind)])
def test_a_missing_key_is_named(section: str, key: str, tmp_path: Path) -> None:
    """No parameter has a default in code: what decided a result stands in params.yaml."""
    path = tmp_path / "params.yaml"
    with path.open("w", encoding="utf-8") as stream:
        YAML(typ="safe").dump({section: {k: v for k, v in repository()[section].items() if k != key}}, stream)
    assert f"{section}.{key} is missing" in refusal(path, section)


@pytest.mark.parametrize(("section", "key"), FLOATS)
def test_what_is_no_float_is_refused_with_the_value(section: str, key: str, tmp_path: Path) -> None:
    for value in ("5e-5 ", "high", True, None, [0.5], {"a": 0.5}):
        message = refusal(changed(tmp_path, section, **{key: value}), section)
        assert f"{section}.{key}: expected `float`, got " in message
        assert message.endswith(f"found {value!r}")


@pytest.mark.parametrize(("section", "key"), INTEGERS)
def test_what_is_no_integer_is_refused_with_the_value(section: str, key: str, tmp_path: Path) -> None:
    """Not even 3.0: a count that was computed is a count that nobody chose."""
    for value in (3.0, 2.5, True, "3", None, [3]):
        message = refusal(changed(tmp_path, section, **{key: value}), section)
        assert f"{section}.{key}: expected `int`, got " in message
        assert message.endswith(f"found {value!r}")


@pytest.mark.parametrize(("section", "key"), [name for name in FLOATS + INTEGERS if name != ("select", "min_gain")])
def test_a_negative_number_is_out_of_every_range(section: str, key: str, tmp_path: Path) -> None:
    value = -1 if (section, key) in INTEGERS else -0.1
    message = refusal(changed(tmp_path, section, **{key: value}), section)
    assert f"{section}.{key}: expected " in message
    assert message.endswith(f"found {value!r}")


@pytest.mark.parametrize(("section", "key"), FLOATS)
def test_only_finite_numbers_are_parameters(section: str, key: str, tmp_path: Path) -> None:
    """An endless learning rate or a margin that is no number is a slip, not a choice."""
    for value in (math.inf, -math.inf, math.nan):
        message = refusal(changed(tmp_path, section, **{key: value}), section)
        assert f"{section}.{key}: expected " in message
        assert message.endswith(f"found {value!r}")


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("preprocess", "granularity", "chapter"),
        ("preprocess", "max_chars", 0),
        ("preprocess", "max_bad_share", 1.01),
        ("preprocess", "annexes", 1),
        ("preprocess", "annexes", "yes"),
        ("generate_qa", "generator", "oracle"),
        ("train", "scheduler", "exponential"),
        ("train", "lr", 0.0),
        ("train", "warmup_ratio", 1.5),
        ("model", "base", 5),
        ("evaluate", "confidence", 1.0),
        ("evaluate", "resamples", 99),
        ("evaluate", "k_values", 10),
    ],
)
def test_other_bad_values_are_refused_with_the_value(section: str, key: str, value: object, tmp_path: Path) -> None:
    message = refusal(changed(tmp_path, section, **{key: value}), section)
    assert f"{section}.{key}: " in message
    assert message.endswith(f"found {value!r}")


@pytest.mark.parametrize("value", [[1, 0], [1, "ten"], [1, 2.5]])
def test_a_bad_entry_of_a_list_is_named_with_the_list(value: list[object], tmp_path: Path) -> None:
    message = refusal(changed(tmp_path, "evaluate", k_values=value), "evaluate")
    assert "evaluate.k_values[1]: expected " in message
    assert message.endswith(f"found {value!r}")


@pytest.mark.parametrize("value", [[], [1, 3]])
def test_the_cut_off_of_the_headline_is_always_measured(value: list[int], tmp_path: Path) -> None:
    """Everything that is compared and reported stands on ndcg@10."""
    message = refusal(changed(tmp_path, "evaluate", k_values=value), "evaluate")
    assert message.endswith(f"evaluate: k_values must hold 10, the headline's cut-off, found {value}")


# How the dataclasses are written


def test_each_section_that_draws_random_numbers_has_its_own_seed() -> None:
    """A study over train.seed then moves neither splits nor mining."""
    assert {section for section in SECTIONS if "seed" in keys_of(SECTIONS[section], int)} == DRAWING


def test_no_random_number_comes_from_anything_but_a_seed() -> None:
    """Generators are made from an argument; a global one, from which a library draws, is seeded from a parameter and not drawn from."""
    for path in library():
        tree = tree_of(path)
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
        seeded = {id(call.func) for call in calls if call.args and ast.unparse(call.args[0]).endswith(".seed")}
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("default_rng", "RandomState")):
                assert node.args, f"{path}:{node.lineno}: a generator without a seed"
                assert "seed" in ast.unparse(node.args[0]), f"{path}:{node.lineno}: {ast.unparse(node)}"
            elif isinstance(node, ast.Attribute) and ast.unparse(node.value) in {"random", "np.random", "numpy.random"}:
                allowed = {"Generator", "default_rng", "RandomState"} | ({"seed"} if id(node) in seeded else set())
                assert node.attr in allowed, f"{path}:{node.lineno}: {ast.unparse(node)}"


@pytest.mark.parametrize("section", SECTIONS)
def test_every_parameter_has_a_line_of_documentation(section: str) -> None:
    """A string literal right under each field, and one under the class."""
    module = ROOT / "src" / f"{MODULES[section].replace('.', '/')}.py"
    (kind,) = [n for n in tree_of(module).body if isinstance(n, ast.ClassDef)]
    assert ast.get_docstring(kind)
    named = [(n, after) for n, after in zip(kind.body, [*kind.body[1:], None], strict=True) if isinstance(n, ast.AnnAssign)]
    assert len(named) == len(fields(SECTIONS[section]))
    for field, after in named:
        assert isinstance(after, ast.Expr), f"{section}.{ast.unparse(field.target)} has no line under it"
        assert isinstance(after.value, ast.Constant)
        assert len(str(after.value.value).strip()) > 5


@cache
def attributes() -> list[tuple[set[str], set[str]]]:
    """Of every module and script: the names that it imports, and the attributes that it reads."""
    trees = [tree_of(path) for path in (*library(), *STAGES.glob("*.py"))]
    return [
        (
            {name.rpartition(".")[2] for _, name in imports(tree)},
            {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)},
        )
        for tree in trees
    ]


@pytest.mark.parametrize("section", SECTIONS)
def test_every_parameter_is_read(section: str) -> None:
    """One that nothing reads reruns a stage and changes nothing; looked for where the dataclass, or what holds it, is imported."""
    kind = SECTIONS[section]
    holders = {kind.__name__, "Recipe"} if section in {field.name for field in fields(Recipe)} | {"train"} else {kind.__name__}
    read = {name for imported, names in attributes() if holders & imported for name in names}
    assert [field.name for field in fields(kind) if field.name not in read] == []


def test_ranges_are_stated_for_every_number() -> None:
    """A bare int or float would take -1 epochs."""
    for section, kind in SECTIONS.items():
        for key, hint in get_type_hints(kind, include_extras=True).items():
            inner = get_args(hint)[0] if hint is tuple else hint
            assert inner not in (int, float), f"{section}.{key} has no range"
