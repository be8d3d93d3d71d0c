"""Everything that a GPU should show, part by part; `benchmarks/gpu.sh` starts it.

    python benchmarks/gpu.py FOLDER [--scale 0.001] [--parts matrix attention]

A model of BGE-M3's shape (568 million weights, random, with its two heads) and random texts of 512 tokens. Each part writes
FOLDER/PART.json, and a part whose file is there is not measured again; FOLDER/gpu.json holds them all.
matrix: the rate of products of large matrices, which shares below refer to.
attention: tokens a second and distance of the vectors, for each kind of attention in fp32 and bf16.
encode: ours, sentence-transformers and FlagEmbedding on the same texts; FlagEmbedding's three outputs at once.
train: our engine, sentence-transformers' trainer, our M3 engine and FlagEmbedding's trainer on the same examples.
memory: HAECHI_MINI_BATCH=auto; memory that runs out by injection and in earnest, and what the run then has learned.
With a scale below 1 widths, lengths and numbers shrink with its cube root, and all of it runs on the CPU: a rehearsal.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests")]
os.environ["PYTHONPATH"] = str(ROOT / "src")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np  # noqa: E402  (only now is the path right)
import torch  # noqa: E402

Facts = dict[str, Any]
GROUP = 8
"""A query's positive and its seven negatives."""
SYLLABLES = 11172
SECONDS = 660
"""No part begins later: gpu.sh ends the run after 720."""


@dataclass(frozen=True)
class Sizes:
    """What is measured, at a scale."""

    scale: float

    def of(self, number: int, least: int = 1) -> int:
        """A number at this scale."""
        return max(least, round(number * self.scale ** (1 / 3)))

    @property
    def shape(self) -> dict[str, int]:
        """Of XLM-R large, as BGE-M3 has it."""
        return {
            "vocab_size": max(200, round(250_002 * self.scale**0.5)),
            "hidden_size": 16 * self.of(64),
            "num_hidden_layers": self.of(24, 2),
            "num_attention_heads": 16,
            "intermediate_size": 64 * self.of(64),
            "max_position_embeddings": self.of(8192) + 2,
            "type_vocab_size": 1,
        }

    @property
    def length(self) -> int:
        """Tokens of a text."""
        return self.of(512)

    def layers_flops(self, tokens: int) -> float:
        """Of one pass forward through the layers' matrices; products within attention are left out."""
        shape = self.shape
        weights = shape["num_hidden_layers"] * (
            4 * shape["hidden_size"] ** 2 + 2 * shape["hidden_size"] * shape["intermediate_size"]
        )
        return 2.0 * weights * tokens


@dataclass(frozen=True)
class Bench:
    """What the parts share."""

    sizes: Sizes
    model: Path
    device: str
    results: Path

    def rate(self) -> float:
        """Operations a second in bf16, as `matrix` has measured."""
        return float(json.loads((self.results / "matrix.json").read_text())["bf16"])


# --- device


def wait() -> None:
    """Until the device has done what it was told to."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def peak() -> float:
    """Gigabytes of the device at its fullest since the last call; 0 without a GPU."""
    if not torch.cuda.is_available():
        return 0.0
    most = torch.cuda.max_memory_allocated() / 1e9
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    return round(most, 2)


def seconds(work: Callable[[], Any]) -> float:
    """How long it takes."""
    wait()
    began = time.monotonic()
    work()
    wait()
    return time.monotonic() - began


@contextmanager
def little_memory(share: float) -> Iterator[None]:
    """Let the device have that share of what is in use at most; without a GPU nothing is limited."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
        total = torch.cuda.get_device_properties(0).total_memory
        torch.cuda.set_per_process_memory_fraction(min(1.0, share * torch.cuda.max_memory_allocated() / total))
    try:
        yield
    finally:
        if torch.cuda.is_available():
            torch.cuda.set_per_process_memory_fraction(1.0)


# --- what is measured


def make_m3(folder: Path, sizes: Sizes) -> None:
    """Random weights from a config, a token a syllable, and the two heads."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast, XLMRobertaConfig, XLMRobertaModel

    from haechi.models.registry import HEADS

    names, shape = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"], sizes.shape
    letters = [chr(0xAC00 + i) for i in range(SYLLABLES)][: shape["vocab_size"] - len(names)]
    vocabulary = {piece: i for i, piece in enumerate([*names, *letters])}
    words = models.WordPiece(vocabulary, unk_token="<unk>", continuing_subword_prefix="", max_input_chars_per_word=1000)
    made = Tokenizer(words)
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    marks = [("<s>", 0), ("</s>", 2)]
    made.post_processor = processors.TemplateProcessing("<s> $A </s>", "<s> $A </s> </s> $B </s>", marks)
    told = {"bos_token": "<s>", "eos_token": "</s>", "cls_token": "<s>", "sep_token": "</s>", "pad_token": "<pad>"}
    torch.manual_seed(7)
    XLMRobertaModel(XLMRobertaConfig(pad_token_id=1, **shape)).save_pretrained(folder)
    PreTrainedTokenizerFast(tokenizer_object=made, unk_token="<unk>", mask_token="<mask>", **told).save_pretrained(folder)
    for name, width in zip(HEADS, (shape["hidden_size"], 1), strict=True):
        torch.save(torch.nn.Linear(shape["hidden_size"], width).state_dict(), folder / name)


def texts(bench: Bench, number: int, seed: int = 7) -> list[str]:
    """Random syllables, as many as fill the length with both marks."""
    rng = np.random.default_rng(seed)
    letters = min(SYLLABLES, bench.sizes.shape["vocab_size"] - 5)
    return ["".join(chr(0xAC00 + int(i)) for i in rng.integers(0, letters, bench.sizes.length - 2)) for _ in range(number)]


def opened(bench: Bench, dtype: str = "float32", attention: str = "sdpa") -> Any:
    """The model in sentence-transformers, CLS and normalised."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

    told = {"dtype": getattr(torch, dtype), "attn_implementation": attention}
    inner = Transformer(str(bench.model), model_kwargs=told)
    modules = [inner, Pooling(inner.get_embedding_dimension(), pooling_mode="cls"), Normalize()]
    model = SentenceTransformer(modules=modules, device=bench.device)
    model.max_seq_length = bench.sizes.length
    return model


def examples(bench: Bench) -> list[Any]:
    """Queries with a positive and seven negatives, all different."""
    from training.made import examples as pattern

    number = bench.sizes.of(64, 8)
    found = texts(bench, number * (1 + GROUP))
    return [
        replace(
            pattern()[1],
            query=query[: max(4, len(query) // 4)],
            pos=(positive,),
            neg=tuple(negatives),
            neg_scores=(0.1,) * len(negatives),
            neg_reasons=("dense",) * len(negatives),
            query_id=f"q{i}",
            pos_ids=(f"p{i}",),
            neg_ids=tuple(f"n{i}-{j}" for j in range(len(negatives))),
        )
        for i, (query, positive, *negatives) in enumerate(zip(*[iter(found)] * (1 + GROUP), strict=True))
    ]


def wanted(**changes: Any) -> Any:
    """The recipe of all trainings here."""
    from training.made import recipe

    usual = {"negatives": GROUP - 1, "batch_size": 8, "epochs": 2, "lr": 1e-5, "warmup_ratio": 0.0, "precision": "bf16"}
    return recipe(**{**usual, "evaluations": 1, "keep": 1, "ema_decay": 0.0, "gradient_checkpointing": True, **changes})


class Clock:
    """Stands for a validation and notes when it was asked: before the first step and after the last."""

    corpus: tuple[Any, ...] = ()
    metrics = ("ndcg@10",)

    def __init__(self) -> None:
        self.times: list[float] = []

    def __call__(self, model: Any) -> dict[str, float]:
        """No score at all."""
        wait()
        self.times.append(time.monotonic())
        return {"ndcg@10": 0.0}

    @property
    def seconds(self) -> float:
        """Of the training."""
        return self.times[-1] - self.times[0]


# --- the parts


def matrix(bench: Bench) -> Facts:
    """Products of square matrices."""
    side = bench.sizes.of(8192)
    found: Facts = {"device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu", "torch": torch.__version__}
    for name, dtype in (("bf16", torch.bfloat16), ("fp32", torch.float32)):
        a, b = (torch.randn(side, side, device=bench.device, dtype=dtype) for _ in range(2))
        a @ b
        took = seconds(lambda a=a, b=b: [a @ b for _ in range(20)])  # type: ignore[misc]
        found[name] = 20 * 2 * side**3 / took
    return found


def attention(bench: Bench) -> Facts:
    """Each kind, in both precisions, beside eager in fp32; a kind that is not installed says why."""
    some = texts(bench, bench.sizes.of(256, 16))
    reference: Any = None
    found: Facts = {}
    for kind in ("eager", "sdpa", "flash_attention_2"):
        for dtype in ("float32", "bfloat16"):
            if kind == "flash_attention_2" and dtype == "float32":
                continue  # it knows halves alone
            try:
                model = opened(bench, dtype, kind)
                model.encode(some[:8])
                vectors: list[Any] = []
                took = seconds(partial(_encode_into, vectors, model, some))
            except (ImportError, ValueError, RuntimeError) as error:
                found[f"{kind} {dtype}"] = {"missing": str(error).splitlines()[0][:200]}
                continue
            reference = vectors[0] if reference is None else reference
            tokens = len(some) * bench.sizes.length
            found[f"{kind} {dtype}"] = {
                "tokens_per_second": tokens / took,
                "share_of_matrix_rate": bench.sizes.layers_flops(tokens) / took / bench.rate(),
                "largest_difference": float(np.abs(vectors[0] - reference).max()),
                "peak_gb": peak(),
            }
    return found


def _encode_into(vectors: list[Any], model: Any, some: list[str]) -> None:
    vectors.append(np.asarray(model.encode(some, batch_size=64, convert_to_numpy=False, convert_to_tensor=True).float().cpu()))


def encode(bench: Bench) -> Facts:
    """The same texts by three libraries, in bf16; FlagEmbedding knows fp16 and is given bf16 too."""
    from haechi.inference import fixed_shapes

    some = texts(bench, bench.sizes.of(1024, 16))
    found: Facts = {}

    def measured(name: str, work: Callable[[list[str]], Any]) -> None:
        work(some[:64])
        took = seconds(lambda: work(some))
        tokens = len(some) * bench.sizes.length
        share = bench.sizes.layers_flops(tokens) / took / bench.rate()
        found[name] = {"tokens_per_second": tokens / took, "share_of_matrix_rate": share, "peak_gb": peak()}

    model, half = opened(bench), opened(bench, "bfloat16")
    measured("haechi", lambda t: fixed_shapes.run(model, t, "sentence_embedding", "bf16", "", "document"))
    measured("sentence-transformers", lambda t: half.encode(t, batch_size=64))
    from FlagEmbedding import BGEM3FlagModel

    told = {"devices": [bench.device], "passage_max_length": bench.sizes.length, "query_max_length": bench.sizes.length}
    theirs = BGEM3FlagModel(str(bench.model), use_fp16=False, use_bf16=bench.device != "cpu", batch_size=64, **told)
    measured("FlagEmbedding", lambda t: theirs.encode(t, return_dense=True))
    all_three = {"return_dense": True, "return_sparse": True, "return_colbert_vecs": True}
    measured("FlagEmbedding, all three outputs", lambda t: theirs.encode(t, **all_three))
    return found


def train(bench: Bench) -> Facts:
    """The same examples by four trainers: bf16, activations computed again, two epochs of which all is timed."""
    made = examples(bench)
    tokens = wanted().params.epochs * len(made) * (GROUP * bench.sizes.length + max(4, (bench.sizes.length - 2) // 4) + 2)
    found: Facts = {}
    trainers = {
        "haechi": partial(_by_us, engine="sentence-transformers"),
        "sentence-transformers": _by_sentence_transformers,
        "haechi, M3": partial(_by_us, engine="flagembedding"),
        "FlagEmbedding, M3": _by_flagembedding,
    }
    for name, trained in trainers.items():
        with tempfile.TemporaryDirectory() as out:
            took = trained(bench, made, Path(out))
        flops = 4 * bench.sizes.layers_flops(tokens)  # forward, again, and twice as much backward
        found[name] = {
            "tokens_per_second": tokens / took,
            "examples_per_second": wanted().params.epochs * len(made) / took,
            "share_of_matrix_rate": flops / took / bench.rate(),
            "peak_gb": peak(),
        }
    return found


def _by_us(bench: Bench, made: list[Any], out: Path, engine: str) -> float:
    from haechi.training.engine import train as tune
    from haechi.training.m3 import train_m3
    from haechi.training.session import TrainingInputs

    clock = Clock()
    inputs = TrainingInputs(opened(bench), made, clock, wanted(engine=engine), str(bench.model))  # type: ignore[arg-type]
    (train_m3 if engine == "flagembedding" else tune)(inputs, out / "run")
    return clock.seconds


def _by_sentence_transformers(bench: Bench, made: list[Any], out: Path) -> float:
    from datasets import Dataset
    from sentence_transformers import SentenceTransformerTrainer, SentenceTransformerTrainingArguments
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

    model, params = opened(bench), wanted().params
    columns = {"anchor": [e.query for e in made], "positive": [e.pos[0] for e in made]}
    columns |= {f"negative_{i}": [e.neg[i] for e in made] for i in range(GROUP - 1)}
    trainer = SentenceTransformerTrainer(
        model=model,
        args=SentenceTransformerTrainingArguments(output_dir=str(out), **_arguments(bench, params)),
        train_dataset=Dataset.from_dict(columns),
        loss=MultipleNegativesRankingLoss(model, scale=1 / params.temperature),
    )
    return seconds(trainer.train)


def _by_flagembedding(bench: Bench, made: list[Any], out: Path) -> float:
    """Its own classes as its own script puts them together."""
    from haechi.training.m3 import _library, _m3

    library, recipe = _library(), wanted(engine="flagembedding")
    m3 = _m3(library, bench.model, recipe)
    rows = out / "train.jsonl"
    fields = ("query", "pos", "neg")
    rows.write_text("".join(json.dumps({f: getattr(e, f) for f in fields}) + "\n" for e in made), encoding="utf-8")
    lengths = {"query_max_len": bench.sizes.length, "passage_max_len": bench.sizes.length}
    data = library.DataArguments(train_data=[str(rows)], cache_path=str(out / "cache"), train_group_size=GROUP, **lengths)
    trainer = library.Trainer(
        model=m3,
        args=library.Arguments(output_dir=str(out / "out"), remove_unused_columns=False, **_arguments(bench, recipe.params)),
        train_dataset=library.Dataset(args=data, tokenizer=m3.tokenizer),
        data_collator=library.Collator(m3.tokenizer, padding=True, return_tensors="pt", **lengths),
        processing_class=m3.tokenizer,
    )
    return seconds(trainer.train)


def _arguments(bench: Bench, params: Any) -> Facts:
    return {
        "num_train_epochs": params.epochs,
        "per_device_train_batch_size": params.batch_size,
        "learning_rate": params.lr,
        "bf16": True,
        "activation_checkpointing": True,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "use_cpu": bench.device == "cpu",
        "seed": params.seed,
    }


def memory(bench: Bench) -> Facts:
    """Whole batches, `auto`, and a lack of memory that is injected and that is real: the losses of each."""
    from sentence_transformers import SentenceTransformer

    made = examples(bench)
    whole = _losses(bench, made)
    used = peak()
    forward = SentenceTransformer.forward

    def refuse(fit: int, error: Callable[[], object], self: Any, features: Facts, **more: Any) -> Any:
        if len(features["input_ids"]) > fit and torch.is_grad_enabled():
            error()
        return forward(self, features, **more)

    most = 16 if torch.cuda.is_available() else 4  # on a CPU texts go through in eights anyway

    def raised() -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Injected.")

    def asked() -> None:
        torch.empty(1 << 60, dtype=torch.uint8, device=bench.device)  # no machine has that much

    found: Facts = {"whole": whole | {"peak_gb": used}}
    with _environment(HAECHI_MINI_BATCH="auto"):
        found["auto"] = _losses(bench, made) | {"peak_gb": peak()}
    for name, error in (("injected", raised), ("asked for too much", asked)):
        with _patched(SentenceTransformer, "forward", lambda *a, e=error, **k: refuse(most, e, *a, **k)):
            found[name] = _losses(bench, made) | {"peak_gb": peak()}
    _losses(bench, made)  # the peak that the next limit refers to
    with little_memory(0.8):
        found["four fifths of the memory"] = _losses(bench, made)
    found["four fifths of the memory"]["peak_gb"] = peak()
    for name, one in found.items():
        one["largest_difference_of_losses"] = float(np.abs(np.subtract(one["losses"], whole["losses"])).max())
        short = name in ("injected", "asked for too much") or (name.startswith("four") and torch.cuda.is_available())
        if short and not one["events"]:
            raise RuntimeError(f"{name}: nothing ran out of memory")
    return found


def _losses(bench: Bench, made: list[Any]) -> Facts:
    """What training without dropout says of its losses and its memory.

    A random network gives all texts nearly the same vector; at a temperature this low the losses tell them apart.
    """
    from haechi.training.engine import train as tune
    from haechi.training.session import Listeners, TrainingInputs

    model = opened(bench)
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    recipe = wanted(gradient_checkpointing=False, temperature=1e-4)
    with tempfile.TemporaryDirectory() as out:
        place = Path(out)
        inputs = TrainingInputs(model, made, Clock(), recipe)  # type: ignore[arg-type]
        tune(inputs, place / "run", listeners=Listeners(memory_file=place / "memory.json"))
        rows = [json.loads(line) for line in (place / "run/history.jsonl").read_text().splitlines()]
        facts = json.loads((place / "memory.json").read_text())
    losses = [row["loss"] for row in rows if "loss" in row]
    return {"losses": losses, "mini_batch": facts["mini_batch"], "events": facts["events"]}


@contextmanager
def _environment(**values: str) -> Iterator[None]:
    os.environ.update(values)
    try:
        yield
    finally:
        for name in values:
            del os.environ[name]


@contextmanager
def _patched(owner: Any, name: str, value: Any) -> Iterator[None]:
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


PARTS: dict[str, Callable[[Bench], Facts]] = {
    "matrix": matrix,
    "attention": attention,
    "encode": encode,
    "train": train,
    "memory": memory,
}


def measure(results: Path, scale: float, parts: list[str]) -> int:
    """Measure what is missing; how many parts failed or were left out."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu" and scale == 1:
        sys.exit("no GPU here: nothing was measured (HAECHI_GPU_DRY=1 rehearses it on the CPU at a thousandth of the size)")
    results.mkdir(parents=True, exist_ok=True)
    missing = [part for part in parts if not (results / f"{part}.json").exists()]
    began, failed = time.monotonic(), 0
    bench = Bench(Sizes(scale), Path(tempfile.mkdtemp(prefix="haechi-gpu-")) / "m3", device, results)
    try:
        if missing:
            make_m3(bench.model, bench.sizes)
        for part in missing:
            if time.monotonic() - began > SECONDS:
                print(f"{part}: no time left; call again", flush=True)
                failed += 1
                continue
            try:
                took = time.monotonic()
                found = PARTS[part](bench) | {"scale": scale}
            except Exception:  # the other parts are worth having
                traceback.print_exc()
                failed += 1
                continue
            (results / f"{part}.json").write_text(json.dumps(found, indent=2), encoding="utf-8")
            print(f"{part}: {time.monotonic() - took:.0f} s", flush=True)
            peak()
    finally:
        shutil.rmtree(bench.model.parent)
    whole = {part: json.loads(file.read_text()) for part in PARTS if (file := results / f"{part}.json").exists()}
    (results / "gpu.json").write_text(json.dumps(whole, indent=2), encoding="utf-8")
    return failed


def main() -> None:
    """Measure, and print all of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=[*PARTS])
    arguments = parser.parse_args()
    failed = measure(arguments.folder, arguments.scale, arguments.parts)
    print((arguments.folder / "gpu.json").read_text(encoding="utf-8"))
    sys.exit(min(failed, 1))


if __name__ == "__main__":
    main()
