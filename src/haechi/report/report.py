"""The report: one self-contained HTML file for a person who decides; no network, nothing from documents is read as HTML.

Texts of documents and queries pass through the template's escaping, or as JSON that no script tag can end; the page shows
that JSON as text alone, and its content security policy lets no script run but the two of its own.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
import orjson
from markupsafe import Markup

from haechi.report import translations
from haechi.report.checks import Check
from haechi.report.conclusion import Answer
from haechi.report.examples import SIDES, examples, judged, lines
from haechi.report.facts import candidates, facts
from haechi.report.figures import Figure
from haechi.report.graph import graph
from haechi.report.inputs import Results
from haechi.report.slices import Slice, hybrid_told
from haechi.report.style import dark_rules, script_hash
from haechi.report.tested_on import against_real, tested_on
from haechi.scoring.evaluation import Evaluation
from haechi.scoring.names import BASE, shown
from haechi.scoring.verdict import identical, judge, partly_unseen
from haechi.text.bilingual import Words

if TYPE_CHECKING:
    from haechi.report.machine_facts import Local

TEMPLATE = Path(__file__).with_name("template")
EARLY = """(() => {
const root = document.documentElement;
const kept = (key) => { try { return localStorage.getItem("haechi-" + key); } catch { return null; } };
root.dataset.lang = kept("language") || (navigator.language.startsWith("ko") ? "ko" : "en");
root.dataset.theme = kept("theme") || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
})();"""
"""Before anything is drawn: the reader's language and light, as chosen last time or as the system has them."""

VERDICTS = {
    "better": Words("the first is better", "앞의 것이 나음"),
    "worse": Words("the second is better", "뒤의 것이 나음"),
    "can't tell": Words("can't tell", "알 수 없음"),
    "same": Words("the same", "같음"),
}
SAID = {
    "right": Words("right", "정답"),
    "rank": Words("first right answer at rank", "처음 나온 정답 순위"),
    "not found": Words("not found", "찾지 못함"),
    "right answers": Words("right answers", "정답"),
    "first of": Words("first results:", "상위 결과:"),
    "more": Words("show more", "더 보기"),
    "nothing found": Words("Nothing fits the filter.", "조건에 맞는 것이 없습니다."),
}
"""What the page's script says."""


def render(
    results: Results,
    slices: Sequence[Slice],
    figures: Mapping[str, Figure],
    answer: Answer | None,
    checks: Sequence[Check],
    trained: Sequence[Mapping[str, Any]] = (),
    local: "Local | None" = None,
) -> str:
    """The page; with `local` it also tells what this machine knows."""
    scores = results.evaluation
    queries = judged(results)
    shown_examples, shown_lines = examples(results, queries), lines(results, queries)
    line_systems = list(shown_lines[0]["ranks"]) if shown_lines else []
    late = (TEMPLATE / "report.js").read_text(encoding="utf-8")
    template = _environment().get_template("report.html")
    page = template.render(
        css=(TEMPLATE / "report.css").read_text(encoding="utf-8"),
        dark=_dark((TEMPLATE / "report.css").read_text(encoding="utf-8")),
        early=EARLY,
        late=late,
        hashes=Markup(" ".join(script_hash(script) for script in (EARLY, late))),  # noqa: S704  (base64 of our own scripts)
        data=as_json(_data_of_the_script(shown_examples, shown_lines, line_systems)),
        answer=answer,
        scores=scores,
        tested=tested_on(results),
        differing=against_real(results),
        partly_unseen=partly_unseen(scores),
        confidence=f"{scores.confidence:.0%}",
        systems=shown(scores.primary),
        chosen_on=shown(set().union(*scores.validation.values()) - {"n"}),
        differences=_differences(scores),
        slices=slices,
        mixes=hybrid_told(slices),
        figures=figures,
        checks=checks,
        worst=next((check for check in checks if check.level != "good"), None),
        next_of_training=_next(results, answer),
        examples=shown_examples,
        lines=shown_lines,
        line_systems=line_systems,
        facts=facts(results),
        trained=trained,
        candidates=candidates(results),
        why=_why(results.stage("select")),
        optimism=results.stage("select").get("optimism", 0.0),
        scored=results.stage("select").get("scored", 0),
        chosen=results.stage("select").get("chosen"),
        graph=graph(),
        params=_sections(results.params),
        stages={name: orjson.dumps(value, option=orjson.OPT_INDENT_2).decode() for name, value in results.metrics.items()},
        missing=results.missing,
        local=local,
        device_hours=sum(one.all_seconds for one in local.stages) / 3600 if local else 0.0,
    )
    return page.lstrip() + "\n"


def _data_of_the_script(
    shown_examples: dict[str, list[dict[str, Any]]], shown_lines: list[dict[str, Any]], line_systems: Sequence[str]
) -> dict[str, Any]:
    """What the page's script draws, and the words that it needs for it."""
    names = {name: translations.system(name) for name in (*line_systems, *SIDES)}
    spoken = SAID | translations.KINDS | translations.FAILURES | names
    words = {name: list(said) for name, said in spoken.items()}
    return {"words": words, "examples": shown_examples, "lines": shown_lines, "systems": line_systems}


def _environment() -> jinja2.Environment:
    """Templates that escape what they are given, with the functions that speak both languages."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATE), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    environment.globals.update(
        say=_say, w=lambda said: _say(*said), w2=Words, system=translations.system, slice_name=translations.slice_name,
        failure=lambda name: translations.known(translations.FAILURES, name),
        space=lambda name: translations.known(translations.SPACE, name),
        kind=lambda name: translations.known(translations.KINDS, name),
    )  # fmt: skip
    return environment


def _why(select: Mapping[str, Any]) -> Words:
    """Why the chosen candidate was chosen."""
    korean = str(select.get("why_ko") or select.get("why", ""))
    for name in sorted(select.get("candidates", {}), key=len, reverse=True):
        if name != BASE:  # which the sentence calls by its Korean name
            korean = korean.replace(name, translations.candidate(name).ko)
    return Words(select.get("why", ""), korean)


def _next(results: Results, answer: Answer | None) -> list[str]:
    """What training advises, unless that is to adopt a model which the page rejects."""
    rejected = answer is not None and answer.decision.level not in ("good", "mind")
    return [line for line in results.training.next if not (rejected and line.startswith(("dvc repro", "haechi compare")))]


def as_json(value: Any) -> Markup:
    """JSON that can stand in a script tag: nothing in it ends the tag, opens a comment, or is a line end to JavaScript."""
    text = orjson.dumps(value).decode()
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return Markup(text)  # noqa: S704  (what could leave the tag was replaced above)


def _say(en: str, ko: str) -> Markup:
    """Both languages, escaped; the page's style hides one."""
    if en == ko:
        return _coded(en)
    return Markup('<span class="en" lang="en">{}</span><span class="ko" lang="ko">{}</span>').format(_coded(en), _coded(ko))


def _coded(text: str) -> Markup:
    """The text escaped, and what stands between backticks as code."""
    pieces = text.split("`")
    if len(pieces) % 2 == 0:  # a backtick without its fellow
        return Markup("{}").format(text)
    plain, code = Markup("{}"), Markup("<code>{}</code>")
    return Markup("").join((code if place % 2 else plain).format(piece) for place, piece in enumerate(pieces))


def _dark(css: str) -> str:
    """The colours for a dark ground: for whom the script sets the theme, and for whom no script runs."""
    block = re.search(r':root\[data-theme="dark"\] \{ /\* dark \*/(.*?)\n\}', css, re.DOTALL)
    own = block[1] if block else ""
    chosen, plain = dark_rules(':root[data-theme="dark"] figure'), dark_rules(":root:not([data-theme]) figure")
    return f"{chosen}\n@media (prefers-color-scheme: dark) {{\n:root:not([data-theme]) {{{own}\n}}\n{plain}\n}}"


def _differences(scores: Evaluation) -> list[dict[str, Any]]:
    rows = []
    for pair, by_metric in scores.difference.items():
        gap = by_metric["ndcg@10"]
        one, _, two = pair.partition("-")
        verdict = VERDICTS["same" if identical(gap) else judge(gap["value"], gap["low"], gap["high"], gap["p_holm"])]
        rows.append({"one": one, "two": two, "gap": gap, "verdict": verdict})
    return rows


def _sections(params: str) -> list[tuple[str, str]]:
    """params.yaml by section, comments and all."""
    parts = re.split(r"(?m)^(?=[A-Za-z_]\w*:)", params)
    return [(part.partition(":")[0], part.rstrip()) for part in parts if re.match(r"[A-Za-z_]\w*:", part)]
