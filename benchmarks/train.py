"""Training beside the obvious alternative, and its memory; its speed on a GPU is in gpu.py.

    python benchmarks/train.py quality PROJECT [--seconds 60] [-S train.lr=2e-3 ...]
    python benchmarks/train.py memory

quality: a project folder whose stages up to `mine` have run. Our recipe (this checkout's params.yaml) on its embedded base
against sentence-transformers' default recipe: a subword static model trained with MultipleNegativesRankingLoss and the
default sampler for the same processor time, the better of two rates on validation; and Kiwi-BM25. The default recipe trains on
the decisions' (query, cited article) pairs alone, on everything that ours may train on (holdings, titles, questions too), or on
either (--pairs).
Ours is scored from a folder that plain sentence-transformers loads. The test set is read once, at the end.
memory: resident memory of the cached loss at a batch of 1024 and of the plain loss at 32, on a small transformer.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests")]
os.environ["PYTHONPATH"] = str(ROOT / "src")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")  # as the stages do

import numpy as np  # noqa: E402  (only now is the path right)

RATES = (2e-1, 2e-2)
"""Of the default recipe: what its authors train static models with, and a tenth of that."""


def main() -> None:
    """Run one of the two."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("quality", "memory", "memory-of"))
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--seconds", type=float, help="processor time of the default recipe; that of ours where not given")
    parser.add_argument("--pairs", choices=("decisions", "all", "both"), default="both", help="what the default recipe trains on")
    parser.add_argument("-S", "--set", action="append", default=[], help="a parameter, such as train.token_dropout=0.2")
    arguments = parser.parse_args()
    if arguments.what == "quality":
        quality(arguments.folder, arguments.seconds, arguments.pairs, arguments.set)
    elif arguments.what == "memory":
        memory()
    else:
        memory_of(*map(int, str(arguments.folder).split("x")))


def table(rows: list[tuple[Any, ...]]) -> None:
    """Print as Markdown."""
    head, *rest = rows
    print("\n".join("| " + " | ".join(map(str, row)) + " |" for row in [head, ["---"] * len(head), *rest]))


# --- quality


def quality(folder: Path, seconds: float | None, kinds: str, changes: list[str]) -> None:
    """Train both, score both and BM25 on the test set."""
    from ruamel.yaml import YAML
    from sentence_transformers import SentenceTransformer

    from haechi.guards.params import GuardsParams
    from haechi.records.mined import MinedExample
    from haechi.records.pair import Pair
    from haechi.records.passage import Passage
    from haechi.retrieval.params import RetrievalParams
    from haechi.runtime.files import read_records
    from haechi.runtime.params import load_section
    from haechi.scoring.significance import difference, interval
    from haechi.scoring.validation import Validation
    from haechi.testset.manifest import load_testset
    from haechi.training.engine import train
    from haechi.training.lora_params import LoraParams
    from haechi.training.loss_params import LossParams
    from haechi.training.params import TrainParams
    from haechi.training.recipe import Recipe
    from haechi.training.session import TrainingInputs
    from haechi.training.static_learner import load_learner

    data = folder / "data"
    corpus = list(read_records(data / "processed/merged_corpus.jsonl", Passage))
    examples = list(read_records(data / "mined/train.jsonl", MinedExample))
    validation = Validation(list(read_records(data / "processed/pairs_train_valid.jsonl", Pair)), corpus)
    work = Path(tempfile.mkdtemp(prefix="haechi-train-"))
    values = YAML(typ="safe").load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    for change in changes:
        key, _, value = change.partition("=")
        section, _, name = key.partition(".")
        values[section][name] = YAML(typ="safe").load(value)
    YAML(typ="safe").dump(values, work / "params.yaml")
    told = work / "params.yaml"
    recipe = Recipe(
        load_section(told, "train", TrainParams),
        load_section(told, "loss", LossParams),
        load_section(told, "lora", LoraParams),
        load_section(told, "guards", GuardsParams),
    )

    began = time.process_time()  # a clock on the wall measures the neighbours on a shared machine
    train(TrainingInputs(load_learner(folder / "models/base"), examples, validation, recipe), work / "run")
    took = time.process_time() - began
    kept = json.loads((work / "run/training_config.json").read_text())["checkpoints"][0]
    systems = {"ours": SentenceTransformer(str(work / "run/checkpoints" / kept["name"]), device="cpu")}

    print(f"validation nDCG@10: ours {kept['score']:.3f}, {took:.0f} s of processor time", flush=True)
    of_decisions = [example for example in examples if example.source == "precedent"]
    readings = {"decisions": of_decisions, "all": examples}
    for kind in readings if kinds == "both" else [kinds]:
        default = {rate: default_recipe(readings[kind], corpus, rate, seconds or took, work) for rate in RATES}
        scores = {rate: validation(model)["ndcg@10"] for rate, model in default.items()}
        best = max(scores, key=lambda rate: scores[rate])
        theirs = ", ".join(f"{score:.3f} at {rate:g}" for rate, score in scores.items())
        print(f"validation nDCG@10: default recipe, pairs: {kind}: {theirs}", flush=True)
        systems[f"default recipe, pairs: {kind}"] = default[best]

    queries = [q for q in load_testset(data / "testset").queries if q.suite == "precedent" and not q.names_positive]
    per_query = {name: dense_scores(model, queries, corpus) for name, model in systems.items()}
    per_query["Kiwi-BM25"] = bm25_scores(queries, corpus, load_section(work / "params.yaml", "retrieval", RetrievalParams))
    groups = [q.group for q in queries]
    law_of = {passage.article_key: passage.law_name for passage in corpus}
    rows: list[tuple[Any, ...]] = [("system", "nDCG@10", "95% interval", "unseen", "macro by law", "processor seconds")]
    for name, found in per_query.items():
        bounds = interval(found, groups, 2000, 0.95, 7)
        unseen = [value for value, query in zip(found, queries, strict=True) if query.unseen]
        by_law: defaultdict[str, list[float]] = defaultdict(list)
        for value, query in zip(found, queries, strict=True):
            by_law[law_of.get(query.gold[0], "")].append(value)
        macro = np.mean([np.mean(values) for values in by_law.values()])
        spent = "-" if name == "Kiwi-BM25" else f"{took if name == 'ours' else seconds or took:.0f}"
        rows.append(
            (
                name,
                f"{np.mean(found):.3f}",
                f"{bounds.low:.3f} to {bounds.high:.3f}",
                f"{np.mean(unseen):.3f}",
                f"{macro:.3f}",
                spent,
            )
        )
    table(rows)
    print(f"{len(queries)} queries, {sum(q.unseen for q in queries)} of them unseen")
    for name in list(per_query)[1:]:
        d = difference(per_query["ours"], per_query[name], groups, 2000, 0.95, 7)
        print(f"ours - {name}: {d.value:.3f} ({d.low:.3f} to {d.high:.3f}), p {d.p:.4f}")


def default_recipe(examples: Any, corpus: Any, rate: float, seconds: float, work: Path) -> Any:
    """What sentence-transformers' documentation trains static models with, on a WordPiece vocabulary of the corpus."""
    from datasets import Dataset
    from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer, SentenceTransformerTrainingArguments
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
    from transformers import TrainerCallback

    class StopAfter(TrainerCallback):  # type: ignore[misc]
        def on_train_begin(self, *_: Any, **__: Any) -> None:
            self.end = time.process_time() + seconds

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            control.should_training_stop = time.process_time() > self.end

    made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    made.normalizer, made.pre_tokenizer = normalizers.NFC(), pre_tokenizers.BertPreTokenizer()
    texts = [*(p.text for p in corpus), *(e.query for e in examples)]
    made.train_from_iterator(
        texts, trainers.WordPieceTrainer(vocab_size=24000, special_tokens=["[PAD]", "[UNK]"], show_progress=False)
    )
    model = SentenceTransformer(modules=[StaticEmbedding(made, embedding_dim=512)], device="cpu")
    pairs = [(e.query, positive) for e in examples for positive in e.pos]
    steps = 10**6
    trainer = SentenceTransformerTrainer(
        model=model,
        args=SentenceTransformerTrainingArguments(
            output_dir=str(work / "default"),
            num_train_epochs=epochs_for(seconds, len(pairs)),
            per_device_train_batch_size=256,
            learning_rate=rate,
            warmup_steps=0.1,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            logging_steps=steps,
            use_cpu=True,
            seed=7,
        ),
        train_dataset=Dataset.from_dict({"anchor": [a for a, _ in pairs], "positive": [p for _, p in pairs]}),
        loss=MultipleNegativesRankingLoss(model),
        callbacks=[StopAfter()],
    )
    trainer.train()
    return model.eval()


def epochs_for(seconds: float, pairs: int) -> int:
    """Enough of them for linear decay to reach far in the time; the clock ends the run."""
    return max(1, round(seconds * 2000 / pairs))


def dense_scores(model: Any, queries: Any, corpus: Any) -> list[float]:
    """nDCG@10 of each query at article level."""
    from haechi.retrieval.dense import encode_passages, encode_queries, search

    found = search(
        [q.query_id for q in queries],
        encode_queries(model, [q.query_text for q in queries]),
        [p.id for p in corpus],
        encode_passages(model, [p.text for p in corpus]),
        400,
    )
    return judged(found, queries, corpus)


def bm25_scores(queries: Any, corpus: Any, params: Any) -> list[float]:
    """The same of BM25 over Kiwi morphemes."""
    from haechi.retrieval.bm25 import Bm25
    from haechi.text.morphemes import tokenize

    index = Bm25([p.id for p in corpus], tokenize([p.text for p in corpus]), params)
    return judged(index.search([q.query_id for q in queries], tokenize([q.query_text for q in queries]), 400), queries, corpus)


def judged(run: Any, queries: Any, corpus: Any) -> list[float]:
    """Fold passages to articles, twins to one name, and judge."""
    from haechi.corpus.duplicates import one_name
    from haechi.scoring.metrics import evaluate_run

    name = one_name(corpus)
    folded = run.fold({p.id: name[p.article_key] for p in corpus}, {q.query_id: name.get(q.source_id, "") for q in queries}, 100)
    gold = {q.query_id: tuple(dict.fromkeys(name.get(key, key) for key in q.gold)) for q in queries}
    scores = evaluate_run(folded, gold, (10,))
    return [scores[q.query_id]["ndcg@10"] for q in queries]


# --- memory


def memory() -> None:
    """Resident memory above that of the bare imports, each in a process of its own."""
    found = {}
    for batch, group in ((32, 0), (1024, 32)):
        command = [sys.executable, __file__, "memory-of", f"{batch}x{group}"]
        found[batch, group] = float(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[-1])
    rows: list[tuple[Any, ...]] = [("batch", "embedded at once", "MB above the imports", "times the plain loss at 32")]
    for (batch, group), size in found.items():
        rows.append((batch, group or "all", f"{size:.0f}", f"{size / found[32, 0]:.2f}"))
    table(rows)


def memory_of(batch: int, group: int) -> None:
    """Train two steps and print the peak."""
    import resource

    import torch
    from training.made import LOSS, PARAMS

    from haechi.training.examples import make_rows
    from haechi.training.objective import CachedObjective, Objective

    torch.set_num_threads(2)
    rows = make_rows(made_examples(batch), 1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    model = small_transformer(Path(tempfile.mkdtemp()) / "small")
    kind = CachedObjective if group else Objective
    objective = kind(model, rows, replace(LOSS, mini_batch=group), PARAMS).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    for _ in range(2):
        objective([], torch.arange(batch)).backward()
        optimizer.step()
        optimizer.zero_grad()
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)


def made_examples(number: int) -> Any:
    """Queries with one positive and one negative each, all different, long enough to cost something."""
    from training.made import examples

    rng = np.random.default_rng(7)
    letters = np.array(list("가나다라마바사아자차카타파하거너더러머버서어저처커터퍼허"))

    def text(length: int) -> str:
        return "".join(rng.choice(letters, length))

    pattern = examples()[1]
    return [
        replace(
            pattern,
            query=text(30),
            pos=(text(80),),
            neg=(text(80),),
            query_id=f"q{i}",
            pos_ids=(f"p{i}",),
            neg_ids=(f"n{i}",),
            related=(),
        )
        for i in range(number)
    ]


def small_transformer(folder: Path, **shape: int) -> Any:
    """A BERT of two layers, 128 wide, with a letter a token."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    marks = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}
    vocabulary = {piece: i for i, piece in enumerate([*marks.values(), *(chr(c) for c in range(0xAC00, 0xAC00 + 11172))])}
    made = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]", continuing_subword_prefix="", max_input_chars_per_word=1000))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    sizes = {"hidden_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 512} | shape
    BertModel(BertConfig(vocab_size=len(vocabulary), max_position_embeddings=512, **sizes)).save_pretrained(folder)
    PreTrainedTokenizerFast(tokenizer_object=made, **marks).save_pretrained(folder)
    inner = Transformer(str(folder))
    model = SentenceTransformer(modules=[inner, Pooling(inner.get_embedding_dimension(), pooling_mode="mean")], device="cpu")
    model.max_seq_length = 128
    return model


if __name__ == "__main__":
    main()
