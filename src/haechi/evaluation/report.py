"""The report: one self-contained HTML file, no network, everything from documents escaped."""

import base64
from collections.abc import Mapping
from typing import Any

import jinja2

from haechi.evaluation.names import shown
from haechi.evaluation.tables import COLUMNS, result_rows
from haechi.evaluation.verdict import next_steps, verdict

TEMPLATE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>haechi report</title>
<style>
:root { color-scheme: light dark; }
body { font: 16px/1.55 system-ui, "Noto Sans KR", sans-serif; max-width: 58rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
.answer { font-size: 1.1rem; border-left: 4px solid #0072B2; padding: .4rem 1rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .8rem; border-bottom: 1px solid #8884; text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
img { max-width: 100%; background: white; }
pre { overflow-x: auto; background: #8881; padding: 1rem; font-size: .85rem; }
</style>
</head>
<body>
<h1>Is the tuned model better?</h1>
<p class="answer">{{ verdict }}</p>
<p>{{ next }}</p>
<h2>Results</h2>
<p>{{ evaluate.n_queries }} numbered issues of held-out decisions, gold: the articles that the court cites.
Test set {{ evaluate.testset }}, encoder {{ evaluate.encoder }}.
{{ "%.0f"|format(100 * evaluate.confidence) }}% intervals: bootstrap over decisions.</p>
<div class="scroll"><table><tr>{% for c in columns %}<th>{{ c }}</th>{% endfor %}</tr>
{% for row in rows %}<tr>{% for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>
{% endfor %}</table></div>
{% for name, image in images.items() %}<p><img alt="{{ name }}" src="data:image/png;base64,{{ image }}"></p>
{% endfor %}
<h2>Slices (ndcg@10)</h2>
<div class="scroll"><table><tr><th>slice</th><th>queries</th>{% for s in systems %}<th>{{ s }}</th>{% endfor %}</tr>
{% for name, values in evaluate.slice.items() %}<tr><td>{{ name }}</td><td>{{ values.n }}</td>
{% for s in systems %}<td>{{ "%.3f"|format(values[s]) }}</td>{% endfor %}</tr>
{% endfor %}</table></div>
<h2>Has tuning cost other abilities?</h2>
<div class="scroll"><table><tr><th>probe</th><th>questions</th><th>untuned</th><th>tuned</th><th>difference</th>
<th>may lose</th><th>verdict</th></tr>
{% for name, g in evaluate.guard.items() %}<tr><td>{{ name }}</td><td>{{ g.n }}</td>
<td>{{ "%.3f"|format(g.base) }}</td><td>{{ "%.3f"|format(g.tuned) }}</td>
<td>{{ "%+.3f"|format(g.difference.value) }}
[{{ "%+.3f"|format(g.difference.low) }}, {{ "%+.3f"|format(g.difference.high) }}]</td>
<td>{{ "%.3f"|format(g.margin) }}</td>
<td>{{ g.verdict }}{% if "needed" in g %} (needs about {{ g.needed }} questions){% endif %}</td></tr>
{% endfor %}</table></div>
<h2>Where the tuned model fails</h2>
<p>{{ evaluate.failures.n }} of {{ evaluate.n_queries }} queries have no cited article among the first ten; one may have several
reasons.</p>
<div class="scroll"><table><tr><th>reason</th><th>queries</th></tr>
{% for reason, n in evaluate.failures.items() if reason != "n" %}<tr><td>{{ reason }}</td><td>{{ n }}</td></tr>
{% endfor %}</table></div>
<h2>When to answer nothing</h2>
<p>At a best score of {{ "%.3f"|format(evaluate.gating.threshold) }} or more,
{{ "%.0f"|format(100 * evaluate.gating.answered) }}% of the test queries are answered and
{{ "%.0f"|format(100 * evaluate.gating.refused) }}% of everyday questions refused
(area under the curve {{ "%.3f"|format(evaluate.gating.auroc) }}). The threshold was chosen on validation queries.</p>
<h2>What tuning did to the space</h2>
<div class="scroll"><table><tr><th>sign</th><th>value</th></tr>
{% for name, value in evaluate.drift.items() %}<tr><td>likeness to the untuned space: {{ name }}</td>
<td>{{ "%.3f"|format(value) }}</td></tr>
{% endfor %}{% for name, value in evaluate.geometry.items() %}<tr><td>{{ name }}</td><td>{{ "%.3f"|format(value) }}</td></tr>
{% endfor %}</table></div>
<h2>What each stage counted</h2>
{% for name, counts in stages.items() if name != "evaluate" %}
<details><summary>{{ name }}</summary><pre>{{ counts }}</pre></details>
{% endfor %}
<h2>Parameters</h2>
<details><summary>params.yaml</summary><pre>{{ params }}</pre></details>
</body>
</html>
"""


def render(stages: Mapping[str, Any], images: Mapping[str, bytes], params: str) -> str:
    """The page for one set of metrics."""
    import orjson

    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    found = stages["evaluate"]
    pretty = {name: orjson.dumps(value, option=orjson.OPT_INDENT_2).decode() for name, value in stages.items()}
    page = environment.from_string(TEMPLATE).render(
        verdict=verdict(found),
        next=next_steps(found),
        evaluate=found,
        systems=shown(found["primary"]),
        columns=COLUMNS,
        rows=result_rows(found),
        images={name: base64.b64encode(data).decode() for name, data in images.items()},
        stages=pretty,
        params=params,
    )
    return page + "\n"
