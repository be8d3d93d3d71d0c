"""Writes and checks what documents repeat of the code: parameters, the graph, what reruns, and the results.

Everything else in the documents is written by hand. A block stands between `<!-- name: ... -->` and `<!-- end of name -->`.
"""

import ast
import importlib
import inspect
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from msgspec import Meta
from ruamel.yaml import YAML

from haechi.evaluation.params import EvaluateParams
from haechi.evaluation.summary import summarise
from haechi.records.result import QueryResult
from haechi.runtime.errors import HaechiError
from haechi.runtime.files import read_json, write_text
from haechi.runtime.params import load_section
from haechi.scoring.per_query import read_rows
from haechi.scoring.tables import COLUMNS, result_rows
from haechi.scoring.verdict import verdict

READMES = ("README.md", "README.ko.md")
PARAMETERS = "docs/parameters.md"
KINDS = {bool: "true or false", int: "integer", float: "number", str: "text"}
BOUNDS = (("ge", "at least"), ("gt", "above"), ("le", "at most"), ("lt", "below"))

TOUCHED = (
    "data/raw/laws/990101.json",
    "data/guard/queries.jsonl",
    "params.yaml: preprocess",
    "params.yaml: testset",
    "params.yaml: make_pairs",
    "params.yaml: merge_corpus",
    "params.yaml: model",
    "params.yaml: retrieval",
    "params.yaml: generate_qa",
    "params.yaml: llm",
    "params.yaml: mine",
    "params.yaml: train",
    "params.yaml: loss",
    "params.yaml: lora",
    "params.yaml: guards",
    "params.yaml: select",
    "params.yaml: evaluate",
    "src/haechi/parsing/statutes.py",
    "src/haechi/pairs/build.py",
    "src/haechi/questions/filters.py",
    "src/haechi/retrieval/bm25.py",
    "src/haechi/mining/candidates.py",
    "src/haechi/models/registry.py",
    "src/haechi/training/losses.py",
    "src/haechi/scoring/metrics.py",
    "src/haechi/report/report.py",
)
"""What people change most; the table in the README says for each of these which stages may rerun."""

Stages = Mapping[str, Mapping[str, Any]]


def documents(root: Path, params: Path, metrics: Path) -> dict[Path, str]:
    """Every document that holds something of the code, as it should be; `metrics` holds evaluate.json and per_query.json."""
    yaml = YAML(typ="safe")
    stages = yaml.load((root / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    values = yaml.load(params.read_text(encoding="utf-8"))
    results = _results(metrics, load_section(params, "evaluate", EvaluateParams))
    blocks = {"graph": _graph(stages), "reruns": _reruns(stages), "results": results}
    made = {root / PARAMETERS: _parameters(root, stages, values)}
    for name in READMES:
        text = (root / name).read_text(encoding="utf-8")
        for block, lines in blocks.items():
            text = _with_block(root / name, text, block, lines)
        made[root / name] = text
    return made


def write(root: Path) -> None:
    """Bring the documents up to date."""
    for file, text in _here(root).items():
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            write_text(file, text)


def check(root: Path) -> None:
    """Fail if a document is stale."""
    stale = [file for file, text in _here(root).items() if not file.exists() or file.read_text(encoding="utf-8") != text]
    if stale:
        names = ", ".join(file.relative_to(root).as_posix() for file in stale)
        raise HaechiError(f"{names}: not what the code, params.yaml and metrics/ say; run `haechi docs --write`")


def affected(stages: Stages, touched: str) -> list[str]:
    """Stages that may rerun after a change of a file or of `params.yaml: section`, in the order of dvc.yaml.

    A stage whose inputs come out with the same bytes is skipped in the end. A frozen stage never reruns by itself.
    """
    file, _, section = touched.partition(": ")
    changed = {file}
    found: set[str] = set()
    grew = True
    while grew:
        grew = False
        for name, stage in stages.items():
            reads = any(_overlap(dep, path) for dep in _paths(stage.get("deps")) for path in changed)
            asks = bool(section) and section in _sections(stage)
            if name not in found and not stage.get("frozen") and (reads or asks):
                found.add(name)
                changed.update(_outputs(stage))
                grew = True
    return [name for name in stages if name in found]


def _here(root: Path) -> dict[Path, str]:
    return documents(root, root / "params.yaml", root / "metrics")


def _graph(stages: Stages) -> list[str]:
    """The lines of `dvc dag --mermaid`, for stages alone."""
    names = sorted(stages)
    number = {name: f"node{i}" for i, name in enumerate(names, start=1)}
    edges = [(a, b) for a in names for b in names if a != b and _feeds(stages[a], stages[b])]
    nodes = [f'\t{number[name]}["{name}"]' for name in names]
    return ["```mermaid", "flowchart TD", *nodes, *(f"\t{number[a]}-->{number[b]}" for a, b in edges), "```"]


def _feeds(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    return any(_overlap(out, dep) for out in _outputs(first) for dep in _paths(second.get("deps")))


def _reruns(stages: Stages) -> list[str]:
    thawed = [name for name, stage in stages.items() if not stage.get("frozen")]
    rows = []
    for touched in TOUCHED:
        found = affected(stages, touched)
        names = "all but testset" if found == thawed else ", ".join(found) or "nothing"
        rows.append((" ".join(f"`{part}`" for part in touched.split(": ")), names))
    return _table(("touched", "reruns, at most"), rows)


def _results(metrics: Path, params: EvaluateParams) -> list[str]:
    """The closing table of a run, from what git holds of it: the results query by query."""
    scored, found = read_json(metrics / "evaluate.json"), summarise(read_rows(metrics / "per_query.json", QueryResult), params)
    note = f"Test set `{scored['testset']}`, {found['n_queries']} queries, model `{scored['encoder']}`."
    return [*_table(COLUMNS, result_rows(found), figures=True), "", verdict(found), note]


def _parameters(root: Path, stages: Stages, values: Mapping[str, Mapping[str, Any]]) -> str:
    lines = [
        "# Parameters",
        "",
        "Written by `haechi docs --write` from `src/haechi/params/` and `params.yaml`.",
        "Every parameter changes a result; what changes none (devices, workers) is an environment variable.",
    ]
    for section in values:
        if not (root / "src" / "haechi" / "params" / f"{section}.py").is_file():
            raise HaechiError(f"params.yaml: section `{section}` has no module src/haechi/params/{section}.py")
        module = importlib.import_module(f"haechi.params.{section}")
        kind, told = _dataclass(module), _docstrings(module)
        hints = get_type_hints(kind, include_extras=True)
        readers = [name for name, stage in stages.items() if section in _sections(stage)]
        by = ", ".join(readers) or f"`haechi {section}` alone"
        rows = []
        for field in fields(kind):
            if field.name not in told or field.name not in values[section]:
                raise HaechiError(f"{section}.{field.name}: has no docstring in its module, or no value in params.yaml")
            value = _shown(values[section][field.name])
            rows.append((f"`{field.name}`", _type(hints[field.name]), f"`{value}`", told[field.name]))
        lines += [
            "",
            f"## {section}",
            "",
            inspect.getdoc(kind) or "",
            f"Read by: {by}.",
            "",
        ]
        lines += _table(("key", "type", "value", "meaning"), rows)
    return "\n".join(lines) + "\n"


def _dataclass(module: ModuleType) -> type[Any]:
    """The one dataclass that a module of parameters defines."""
    found = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and value.__module__ == module.__name__ and hasattr(value, "__dataclass_fields__")
    ]
    if len(found) != 1:
        raise HaechiError(f"{module.__name__}: expected one dataclass, found {len(found)}")
    return found[0]


def _docstrings(module: ModuleType) -> dict[str, str]:
    """Field -> the string under it; Python itself forgets these, so they are read from the source."""
    found = {}
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.ClassDef):
            for field, told in zip(node.body, node.body[1:], strict=False):
                if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(told, ast.Expr):
                    found[field.target.id] = inspect.cleandoc(ast.literal_eval(told.value)).replace("\n", " ")
    return found


def _type(hint: Any) -> str:
    """A type in words: `integer, at least 1`."""
    if get_origin(hint) is Annotated:
        inner, *notes = get_args(hint)
        bounds = [
            "no limit" if getattr(meta, name) == sys.float_info.max else f"{words} {getattr(meta, name):g}"
            for meta in notes
            if isinstance(meta, Meta)
            for name, words in BOUNDS
            if getattr(meta, name) is not None
        ]
        return ", ".join([_type(inner), *bounds])
    if get_origin(hint) is Literal:
        return " or ".join(f"`{choice}`" for choice in get_args(hint))
    if get_origin(hint) is tuple:
        return f"list of: {_type(get_args(hint)[0])}"
    if get_origin(hint) is dict:
        name, value = get_args(hint)
        return f"for each of {_type(name)}: {_type(value)}"
    return KINDS[hint]


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(_shown, value))}]"
    return str(value)


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, figures: bool = False) -> list[str]:
    """A Markdown table; figures stand right."""
    rule = ["---", *(["---:"] if figures else ["---"]) * (len(columns) - 1)]
    escaped = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    return [f"| {' | '.join(row)} |" for row in ([*columns], rule, *escaped)]


def _with_block(file: Path, text: str, name: str, lines: Sequence[str]) -> str:
    """The text with one block replaced."""
    begin, end = f"<!-- {name}: written by `haechi docs --write` -->", f"<!-- end of {name} -->"
    if text.count(begin) != 1 or text.count(end) != 1 or text.index(begin) > text.index(end):
        raise HaechiError(f"{file}: expected one block from `{begin}` to `{end}`")
    return "\n".join([text[: text.index(begin)] + begin, "", *lines, "", text[text.index(end) :]])


def _outputs(stage: Mapping[str, Any]) -> list[str]:
    return [path for group in ("outs", "metrics", "plots") for path in _paths(stage.get(group))]


def _sections(stage: Mapping[str, Any]) -> set[str]:
    """Sections of params.yaml that a stage reads, whole or in part."""
    return {name.partition(".")[0] for name in _paths(stage.get("params"))}


def _paths(entries: Sequence[str | Mapping[str, Any]] | None) -> list[str]:
    """Names in a list of dvc.yaml, where an entry is a name or `name: {options}`."""
    return list(_names(entries or ()))


def _names(entries: Sequence[str | Mapping[str, Any]]) -> Iterator[str]:
    for entry in entries:
        yield from [entry] if isinstance(entry, str) else entry


def _overlap(one: str, other: str) -> bool:
    """Whether two paths are the same or one lies in the other."""
    return f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/")
