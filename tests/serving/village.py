"""A finished project in miniature: the village's law book, a model made of it, and what evaluate said of that model."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from shutil import copytree
from tempfile import mkdtemp

import httpx
import uvicorn
from small_law import PASSAGES, passage

from haechi.fusion.mixture import Mixture, write_mixture
from haechi.models.load import folder_hash, save_encoder
from haechi.records.passage import Passage
from haechi.runtime.files import write_json, write_jsonl
from haechi.scoring.names import BM25, TUNED
from haechi.serving.app import make_app
from haechi.serving.engine import Engine, open_engine
from haechi.serving.limits import DEFAULT, Limits
from haechi.serving.server import ADDRESS, bound
from haechi.static_model.build import build
from haechi.static_model.params import ModelParams

PARAMS = Path(__file__).resolve().parents[1] / "mini" / "params.yaml"
SCRIPT = "<script>document.title='hacked'</script><img src=x onerror=\"document.title='hacked'\">"
CITED = {"LAW_000001_제4조": 3, "LAW_000003_제1조": 1}
MIXTURE = Mixture("classes", {BM25: 0.4, TUNED: 0.7, "tuned.first": 0.2, "tuned*seen": 0.1, "title*law": 2.0}, cited=CITED)

CORPUS: tuple[Passage, ...] = (
    *PASSAGES,
    # two passages of one article, and an article of another law that says the same as the first of them
    passage("LAW_000003_제1조_제1항", "물길법 제1조(물길)\n물길은 마을 사람이 함께 치운다.", article_key="LAW_000003_제1조", law_name="물길법", article="제1조", title="물길"),
    passage("LAW_000003_제1조_제2항", "물길법 제1조(물길)\n물길을 막은 사람은 마을 회의에 알린다.", article_key="LAW_000003_제1조", law_name="물길법", article="제1조", title="물길"),
    passage("LAW_000003_제2조", "물길법 제2조(담)\n담은 두 걸음을 넘지 못한다.", law_name="물길법", article="제2조", title="담"),
    passage("ADM_000004_제2조", "담장 고시 제2조(담)\n담은 두 걸음을 넘지 못한다.", type="admin", law_name="담장 고시", article="제2조", title="담"),
    passage("PREC_9_1", "마을법원 20100101 9다1 | 손해배상\n다리를 고치지 않아 사람이 다친 사안에서 수선 책임을 인정한 사례", type="prec", law_name="", article_key="PREC_9"),
    passage("DOC_a_1", f"우물 안내 {SCRIPT}\n우물은 아침에 연다. {SCRIPT} 줄은 오른쪽에 선다.", type="doc", law_name="", title=f"우물 안내 {SCRIPT}", article_key="DOC_a"),
    passage("DOC_b_1", "축제 준비 > 등 달기\n" + "가을 축제에는 떡을 찌고 등을 단다. 등은 다리 위에 단다. " * 12, type="doc", law_name="", title="축제 준비", article_key="DOC_b", page=3),
)  # fmt: skip
QUESTIONS = ("우물을 고칠 책임은 누구에게 있나요?", "담의 높이", "물길을 막은 사람", "다리 수선", "마을 회의", "나무")


@cache
def model_folder(seed: int = 1) -> Path:
    """A model of the kind that the pipeline makes."""
    params = ModelParams("static", 64, seed, 2000, 2, 3, 32, 0.01)
    folder = Path(mkdtemp(prefix="village")) / "encoder"
    save_encoder(build([p.text for p in CORPUS] + list(QUESTIONS), params), folder)
    return folder


def settle(folder: Path) -> dict[str, Path]:
    """Write the project; what `open_engine` takes."""
    copytree(model_folder(), folder / "encoder")
    write_jsonl(folder / "corpus.jsonl", CORPUS)
    model = folder_hash(folder / "encoder")
    write_json(folder / "evaluate.json", {"encoder": model, "gating": {"threshold": 0.2}})
    write_mixture(folder / "fusion.json", replace(MIXTURE, made_of={TUNED: model}))
    return {
        "model": folder / "encoder",
        "corpus": folder / "corpus.jsonl",
        "params": PARAMS,
        "details": folder / "evaluate.json",
        "mixture": folder / "fusion.json",
    }


def opened(folder: Path) -> Engine:
    """An engine over a new project in that folder."""
    return open_engine(**settle(folder))


@contextmanager
def served(engine: Engine, limits: Limits = DEFAULT) -> Iterator[str]:
    """Its search page on a free port, as `haechi serve` sets it up."""
    taken = bound(0)
    config = uvicorn.Config(
        make_app(engine, limits), log_level="error", lifespan="off", ws="none", h11_max_incomplete_event_size=ADDRESS
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [taken]})
    thread.start()
    url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    try:
        assert httpx.get(f"{url}/health", timeout=30).status_code == 200
        yield url
    finally:
        server.should_exit = True
        thread.join()
        taken.close()
