"""Writes and checks what documents repeat of the code: parameters, the graph, what reruns, and the results.

Everything else in the documents is written by hand. A block stands between `<!-- name: ... -->` and `<!-- end of name -->`.
"""

import ast
import importlib
import inspect
import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

from msgspec import Meta

from haechi.evaluation.params import EvaluateParams
from haechi.evaluation.summary import summarise
from haechi.pipeline.dvc_yaml import Stage, feeds, load_stages, rerun_after
from haechi.records.result import QueryResult
from haechi.runtime.errors import HaechiError
from haechi.runtime.files import read_json, read_yaml, write_text
from haechi.runtime.params import load_section
from haechi.runtime.sections import section_class
from haechi.scoring.evaluation import Evaluation
from haechi.scoring.per_query import read_rows
from haechi.scoring.verdict import result_table, verdict

READMES = ("README.md", "README.ko.md")
PARAMETERS = "docs/parameters.md"
KINDS = {bool: "true or false", int: "integer", float: "number", str: "text"}
BOUNDS = (("ge", "at least"), ("gt", "above"), ("le", "at most"), ("lt", "below"))

TOUCHED = (
    "data/raw/laws/990101.json",
    "data/probes/queries.jsonl",
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
    "params.yaml: select.unseen_weight",
    "params.yaml: reranker",
    "params.yaml: fusion",
    "params.yaml: evaluate",
    "params.yaml: rank",
    "src/haechi/runtime/files.py",
    "src/haechi/text/morphemes.py",
    "src/haechi/records/mined.py",
    "src/haechi/parsing/statutes.py",
    "src/haechi/citations/resolve.py",
    "src/haechi/corpus/merge.py",
    "src/haechi/pairs/build.py",
    "src/haechi/testset/build.py",
    "src/haechi/models/registry.py",
    "src/haechi/static_model/vocabulary.py",
    "src/haechi/rowstore/store.py",
    "src/haechi/inference/cached_encoder.py",
    "src/haechi/llm/client.py",
    "src/haechi/question_writer/templates.py",
    "src/haechi/questions/filters.py",
    "src/haechi/questions/prompts/fact.md",
    "src/haechi/retrieval/bm25.py",
    "src/haechi/mining/candidates.py",
    "src/haechi/guards/rules.py",
    "src/haechi/training/losses.py",
    "src/haechi/scoring/metrics.py",
    "src/haechi/selection/choose.py",
    "src/haechi/reranking/engine.py",
    "src/haechi/export/formats.py",
    "src/haechi/fusion/fit.py",
    "src/haechi/evaluation/stage.py",
    "src/haechi/report/report.py",
    "src/haechi/pipeline/stage_details.py",
    "src/haechi/comparison/compare.py",
    "src/haechi/sweeps/engine/study.py",
    "src/haechi/serving/engine.py",
    "src/haechi/answering/answerer.py",
    "src/haechi/fetch/client.py",
    "src/haechi/replay/run.py",
    "src/haechi/doctor/examine.py",
    "src/haechi/release/release.py",
    "src/haechi/cli/main.py",
)
"""What people change: data, every section, and a module of every room; the table says for each which stages may rerun."""

Stages = Mapping[str, Stage]


class Reruns(NamedTuple):
    """The words of the table of reruns in one language."""

    touched: str
    reruns: str
    tail: str
    all: str
    nothing: str


PIPELINE = {
    "docs/pipeline.md": Reruns("touched", "reruns, at most", "{} and all after it", "all but `testset`", "nothing"),
    "docs/ko/pipeline.md": Reruns("바꾼 것", "다시 실행되는 단계(최대)", "{}부터 끝까지", "`testset`을 제외한 모두", "없음"),
}


def documents(root: Path, params: Path, metrics: Path) -> dict[Path, str]:
    """Every document that holds something of the code, as it should be; `metrics` holds evaluate.json and per_query.json."""
    stages, values = load_stages(root), read_yaml(params)
    results = _results(metrics, load_section(params, "evaluate", EvaluateParams))
    made = {root / PARAMETERS: _parameters(stages, values)}
    for name in READMES:
        made[root / name] = _with_blocks(root / name, {"graph": _graph(stages), "results": results})
    for name, words in PIPELINE.items():
        made[root / name] = _with_blocks(root / name, {"reruns": _reruns(stages, words)})
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


def _here(root: Path) -> dict[Path, str]:
    return documents(root, root / "params.yaml", root / "metrics")


def _graph(stages: Stages) -> list[str]:
    """The pipeline less the arrows that a longer way says already, a chain of arrows a line."""
    edges = [(a, b) for a in stages for b in stages if a != b and feeds(stages[a], stages[b])]
    left = [(a, b) for a, b in edges if not any(_reaches(edges, c, b) for first, c in edges if first == a and c != b)]
    chains = []
    while left:
        chain = list(left.pop(0))
        while after := next((edge for edge in left if edge[0] == chain[-1]), None):
            left.remove(after)
            chain.append(after[1])
        chains.append(f"    {' --> '.join(chain)}")
    return ["```mermaid", "flowchart LR", *chains, "```"]


def _reaches(edges: Sequence[tuple[str, str]], start: str, end: str) -> bool:
    return start == end or any(_reaches(edges, then, end) for first, then in edges if first == start)


def _reruns(stages: Stages, words: Reruns) -> list[str]:
    """A row for each touched thing; a tail of the pipeline is named by its first stage."""
    thawed = [name for name, stage in stages.items() if not stage.frozen]
    tails = {tuple(thawed[place:]): words.tail.format(f"`{name}`") for place, name in enumerate(thawed[:-1])}
    tails |= {tuple(thawed): words.all, (): words.nothing}
    rows = []
    for touched in TOUCHED:
        file, _, section = touched.partition(": ")
        rerun = rerun_after(stages, (file,), section)
        names = ", ".join(f"`{name}`" for name in rerun)
        rows.append((" ".join(f"`{part}`" for part in touched.split(": ")), tails.get(tuple(rerun), names)))
    return _table((words.touched, words.reruns), rows)


def _results(metrics: Path, params: EvaluateParams) -> list[str]:
    """The closing table of a run, from what git holds of it: the results query by query."""
    scored, found = read_json(metrics / "evaluate.json"), summarise(read_rows(metrics / "per_query.json", QueryResult), params)
    note = f"Test set `{scored['testset']}`, {found['n_queries']} queries, model `{scored['encoder']}`."
    return [*_table(*result_table(Evaluation(**found)), figures=True), "", verdict(found), note]


def _parameters(stages: Stages, values: Mapping[str, Mapping[str, Any]]) -> str:
    lines = [
        "# Parameters",
        "",
        "Written by `haechi docs --write` from `params.yaml` and the `params.py` of each room.",
        "Every parameter changes a result; what changes none (devices, workers) is an environment variable.",
    ]
    for section in values:
        kind = section_class(section)
        told = _docstrings(importlib.import_module(kind.__module__))
        hints = get_type_hints(kind, include_extras=True)
        readers = [name for name, stage in stages.items() if section in stage.sections]
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


def _with_blocks(file: Path, blocks: Mapping[str, Sequence[str]]) -> str:
    """The document with these blocks replaced."""
    text = file.read_text(encoding="utf-8")
    for name, lines in blocks.items():
        text = _with_block(file, text, name, lines)
    return text


def _with_block(file: Path, text: str, name: str, lines: Sequence[str]) -> str:
    """The text with one block replaced."""
    begin, end = f"<!-- {name}: written by `haechi docs --write` -->", f"<!-- end of {name} -->"
    if text.count(begin) != 1 or text.count(end) != 1 or text.index(begin) > text.index(end):
        raise HaechiError(f"{file}: expected one block from `{begin}` to `{end}`")
    return "\n".join([text[: text.index(begin)] + begin, "", *lines, "", text[text.index(end) :]])
