"""A reranker is trained, saved and scored as one thing: what training ranks first, scoring ranks first."""

import multiprocessing
import os
import signal
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from reranking.made import PARAMS, encoder, train, validation
from safetensors.torch import load_file
from sentence_transformers import CrossEncoder
from training.made import examples

from haechi.inference.cached_reranker import Reranker
from haechi.models.load import load_reranker, load_reranker_base
from haechi.reranking import engine
from haechi.reranking.params import LISTWISE, RerankerParams
from haechi.rowstore.store import open_store
from haechi.runtime.errors import HaechiError
from haechi.runtime.files import read_json, sha256_folder
from haechi.training.resume import Work, resumable
from haechi.training.trainer import Planned

LONG = replace(PARAMS, epochs=20, evaluations=1, lr=5e-3)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], CrossEncoder]:
    """An encoder with a new head, the same each time."""
    folder = encoder(tmp_path_factory.mktemp("base") / "bert", dropout=0.0)

    def made() -> CrossEncoder:
        torch.manual_seed(7)
        return load_reranker_base(str(folder), 100)

    return made


def final(run: Path) -> Path:
    return max((run / "checkpoints").iterdir())


def pairs() -> list[tuple[str, str]]:
    return [(e.query, text) for e in examples() for text in (*e.pos, *e.neg)]


def said(model: CrossEncoder) -> list[float]:
    return model.predict(pairs(), activation_fn=torch.nn.Identity(), show_progress_bar=False).tolist()


def first_of_each(scores: list[float]) -> list[bool]:
    """Whether the positive of each list is before its negatives."""
    ahead, place = [], 0
    for example in examples():
        own = scores[place : place + 1 + len(example.neg)]
        place += len(own)
        ahead.append(own[0] == max(own) and own.count(own[0]) == 1)
    return ahead


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["bce", "softmax", "lambda", "margin_mse"])
def test_what_training_ranks_first_scoring_ranks_first_whatever_the_loss(
    base: Callable[[], CrossEncoder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loss: str
) -> None:
    """Also where scores have grown so large that a sigmoid can't tell them apart any more."""
    monkeypatch.setenv("HAECHI_STORE", str(tmp_path / "rows.sqlite"))
    before = first_of_each(said(base()))
    teacher = [replace(e, pos_scores=(0.9,), neg_scores=(0.2,) * len(e.neg)) for e in examples()]
    train(base(), tmp_path / "run", replace(LONG, loss=loss, teacher_temperature=0.1), teacher)

    saved = load_reranker(str(final(tmp_path / "run")))
    with torch.no_grad():
        saved[0].model.classifier.bias.add_(60.0 if loss in LISTWISE else 0.0)  # no loss of order minds
    own = first_of_each(said(saved))
    with open_store() as store:
        ranked = first_of_each(list(Reranker(saved, store).logits(pairs())))
    assert sum(own) > sum(before)
    assert ranked == own
    assert first_of_each(saved.predict(pairs(), show_progress_bar=False).tolist()) == own, (
        "as others score it, by what the model says"
    )


@pytest.mark.slow
def test_scores_that_follow_a_teacher_are_the_teachers_where_scoring_reads_them(
    base: Callable[[], CrossEncoder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lead of .4 in the mined file is a lead of .4 for mining's margin, and not its sigmoid's."""
    monkeypatch.setenv("HAECHI_STORE", str(tmp_path / "rows.sqlite"))
    teacher = [replace(e, pos_scores=(0.8,), neg_scores=(0.4,) * len(e.neg)) for e in examples() if e.neg]
    train(base(), tmp_path / "run", replace(LONG, loss="margin_mse", epochs=40), teacher)

    with open_store() as store:
        judge = Reranker(load_reranker(str(final(tmp_path / "run"))), store)
        leads = [
            high - low
            for e in teacher
            for high in judge.scores([(e.query, e.pos[0])])
            for low in judge.scores([(e.query, t) for t in e.neg])
        ]
    assert sum(leads) / len(leads) == pytest.approx(0.4, abs=0.05)


@pytest.mark.slow
def test_adapters_and_head_are_saved_and_score_as_they_did(base: Callable[[], CrossEncoder], tmp_path: Path) -> None:
    model = base()
    train(model, tmp_path / "run", replace(PARAMS, lora_rank=2, epochs=3))

    learned = {name for name, weight in model.named_parameters() if weight.requires_grad}
    assert any("lora_" in name for name in learned)
    assert any("classifier" in name for name in learned), "a new head knows nothing, so it is trained whole"
    assert any("pooler" in name for name in learned)
    assert not any("embeddings" in name for name in learned)
    saved = load_reranker(str(final(tmp_path / "run")))
    assert said(saved) == pytest.approx(said(model.eval()), abs=1e-5)
    assert said(saved) != pytest.approx(said(base()), abs=1e-2)


@pytest.mark.slow
def test_the_best_is_kept_and_the_base_where_none_is_better(base: Callable[[], CrossEncoder], tmp_path: Path) -> None:
    status = train(base(), tmp_path / "run", PARAMS)
    for name, score in (("base", 2.0), (read_json(tmp_path / "run/training_config.json")["checkpoints"][0]["name"], -1.0)):
        out = tmp_path / name
        ended = engine.keep_best(replace(status, validation={"base": score, "best": 0.5}), tmp_path / "run", base, out)

        assert ended.validation["chosen"] == name
        kept = base() if name == "base" else load_reranker(str(tmp_path / "run/checkpoints" / name))
        assert said(load_reranker(str(out))) == pytest.approx(said(kept), abs=1e-6)
        assert (out / "training/history.jsonl").is_file()


@pytest.mark.slow
def test_a_run_that_is_killed_ends_as_if_nothing_had_been(base: Callable[[], CrossEncoder], tmp_path: Path) -> None:
    wanted = replace(PARAMS, lora_rank=2, epochs=3)

    def run(name: str, die_in: int) -> int:
        def attempt() -> None:
            os.environ |= {"DVC_ROOT": str(tmp_path / name), "HAECHI_STATE_SECONDS": "0"}
            count, whole = [0], Planned._clip_grad_norm

            def counted(self: Any, model: Any) -> Any:
                count[0] += 1
                if count[0] == die_in:
                    os.kill(os.getpid(), signal.SIGKILL)
                return whole(self, model)

            Planned._clip_grad_norm = counted  # type: ignore[method-assign]
            with resumable(Work("train_reranker", asdict(wanted), {}, {})) as state:
                train(base(), tmp_path / name / "run", wanted, state=state)

        child = multiprocessing.get_context("fork").Process(target=attempt)
        child.start()
        child.join()
        return int(child.exitcode or 0)

    assert run("whole", 0) == 0
    assert [run("killed", 3), run("killed", 2), run("killed", 0)] == [-signal.SIGKILL, -signal.SIGKILL, 0]
    assert sha256_folder(tmp_path / "whole/run") == sha256_folder(tmp_path / "killed/run")


@pytest.mark.slow
def test_memory_that_runs_out_leaves_the_result_of_an_undisturbed_run(
    base: Callable[[], CrossEncoder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(base(), tmp_path / "whole", PARAMS)
    forward = CrossEncoder.forward

    def limited(self: Any, features: dict[str, Any], **kwargs: Any) -> Any:
        if self.training and len(features["input_ids"]) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return forward(self, features, **kwargs)

    monkeypatch.setattr(CrossEncoder, "forward", limited)
    train(base(), tmp_path / "short", PARAMS)

    one, other = (load_file(final(tmp_path / name) / "model.safetensors") for name in ("whole", "short"))
    for name in one:
        torch.testing.assert_close(
            one[name], other[name], rtol=1e-3, atol=3e-4
        )  # Adam makes steps of the rate, 5e-3, of any gradient


def test_validation_reranks_what_search_finds_and_slips_nothing_in(base: Callable[[], CrossEncoder]) -> None:
    """A judge that knows the answers can't rank one that search didn't find."""
    made = validation()
    gold = {e.query: e.pos[0] for e in examples()}
    best = made.of(made.reranked(lambda pairs: [float(gold[query] == text) for query, text in pairs]))

    assert 0 < made.reachable < 1, "some answers are not in their lists"
    assert best["recall@10"] == made.before["recall@10"] == made.reachable
    assert best["ndcg@10"] == best["recall@10"] > made.before["ndcg@10"]
    assert set(made(base())) == set(made.metrics)


def refused(base: Callable[[], CrossEncoder], tmp_path: Path, params: RerankerParams = PARAMS, mined: Any = ()) -> str:
    with pytest.raises(HaechiError) as raised:
        train(base(), tmp_path / "run", params, mined)
    return str(raised.value)


def test_examples_that_teach_nothing_are_refused_in_one_sentence(base: Callable[[], CrossEncoder], tmp_path: Path) -> None:
    bare = [replace(e, neg=(), neg_ids=(), neg_scores=(), neg_reasons=()) for e in examples()]
    answered = [replace(e, related=e.neg_ids) for e in examples()]
    short = [replace(e, neg_scores=(0.1,)) for e in examples() if len(e.neg) == 2]
    unknown = [replace(e, neg_scores=(float("nan"),) * len(e.neg)) for e in examples()]

    assert "has a negative, and a list of one has no order" in refused(base, tmp_path, mined=bare)
    assert "has a negative" in refused(base, tmp_path, mined=answered), "what may be an answer is no negative"
    assert "has 2 passages and a teacher's scores for 1; mine again" in refused(base, tmp_path, mined=short)
    for loss in ("kl", "margin_mse"):
        assert "is not a number, and loss" in refused(base, tmp_path, replace(PARAMS, loss=loss), unknown)


def test_a_word_of_the_other_training_becomes_one_of_this() -> None:
    sentence = "train: out of memory in forward at step 3; lower train.batch_size or model.max_length (lora.rank)"

    assert engine.ours(sentence) == (
        "train_reranker: out of memory in forward at step 3; lower reranker.batch_size or reranker.max_length (reranker.lora_rank)"
    )
