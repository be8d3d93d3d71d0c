"""The flagembedding engine: BGE-M3 with its three ways to match, tuned by FlagEmbedding's own trainer.

Its flags are those that its 1.4.2 accepts on today's transformers: steps of warm-up, no overwriting. What it leaves out is
done here: the folder says CLS pooling and normalisation, so that sentence-transformers doesn't fall back to the mean; heads
that are missing are refused instead of drawn; validation runs during training. Its resume is broken, so a killed run starts
again. Checkpoints hold safetensors, JSON and the two heads as FlagEmbedding reads them.
"""

import random
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling
from torch.utils.checkpoint import checkpoint

from haechi.guards.rules import rules_of
from haechi.guards.status import Report
from haechi.models.load import device
from haechi.models.m3_heads import HEADS, folder_of, require_heads
from haechi.records.mined import MinedExample
from haechi.runtime.errors import HaechiError
from haechi.runtime.files import atomic_folder, write_json, write_jsonl
from haechi.runtime.progress import say
from haechi.scoring.validation import Validation
from haechi.training.checkpointing import METRIC, Watch
from haechi.training.checks import check_launch, check_params
from haechi.training.examples import choose_examples
from haechi.training.guard_callback import Guard
from haechi.training.memory import MemoryLog, MiniBatch, told
from haechi.training.monitor import Monitor
from haechi.training.objective import CachedObjective
from haechi.training.outcome import outcome
from haechi.training.recipe import Recipe
from haechi.training.retention import announce
from haechi.training.retry import Retry
from haechi.training.tracker_callback import Onlooker
from haechi.training.trackers import Tracked
from haechi.training.validation_loss import HeldOut, logged, rows_of_held_out


def train_m3(
    model: SentenceTransformer,
    examples: Sequence[MinedExample],
    validation: Validation,
    folder: Path,
    recipe: Recipe,
    base: str,
    *,
    held_out: Sequence[MinedExample] = (),
    report: Report = lambda facts: None,
    memory_file: Path | None = None,
    tracked: Tracked | None = None,
) -> dict[str, Any]:
    """Tune the model at `base`; leaves what the other engine leaves, with the heads in every checkpoint.

    The validation loss is that of the dense vectors alone.
    """
    params = recipe.params
    check_launch()
    check_params(params, recipe.loss, recipe.lora, device())
    source = folder_of(base)
    require_heads(source)
    chosen = [example for example in choose_examples(examples, params) if example.neg]
    if not chosen:
        raise HaechiError("train: the flagembedding engine needs mined negatives, and no example has one")
    steps = -(-len(chosen) // (params.batch_size * params.gradient_accumulation)) * params.epochs
    with atomic_folder(folder) as temporary, tempfile.TemporaryDirectory() as scratch:
        m3, trainer = _trainer(model, source, chosen, recipe, Path(scratch), steps)
        whole = SentenceTransformer(
            modules=[model[0], Pooling(m3.config.hidden_size, pooling_mode="cls"), Normalize()],
            prompts={side: prompt or "" for side, prompt in model.prompts.items()},
            device=device(),
        )
        whole[0].model = m3.model  # the very weights that are trained
        valid_rows = rows_of_held_out(held_out, recipe)
        held = HeldOut(CachedObjective(whole, valid_rows, recipe.loss, params), params) if valid_rows else None
        rules = rules_of(recipe.guards, logged(recipe, validation, held is not None))
        mini_batch = _mini_batch(m3, held, params.batch_size * (1 + params.negatives))
        watch = Watch(
            whole,
            validation,
            temporary,
            params,
            steps,
            also=lambda place: _save_heads(m3, place),
            learns=m3,
            valid_loss=held,
            mini_batch=mini_batch,
            report=report,
        )
        guard = Guard(m3, watch, rules, recipe.guards, Path(scratch), lambda inputs: _queries(trainer, inputs))
        monitor = Monitor(m3, steps, params.expected_params)
        announce(folder, m3, steps, params, resumes=False, rolls_back=any(rule.action == "rollback" for rule in rules))
        trainer.mini_batch = mini_batch
        guard.trainer = monitor.trainer = trainer
        memory_log = MemoryLog(mini_batch, memory_file)
        onlooker = Onlooker(watch, tracked or Tracked({}))
        for part in (watch, guard, monitor, memory_log, onlooker):
            trainer.add_callback(part)
        watch.validate(0)
        say(f"train: {len(chosen)} examples, {steps} steps; validation {METRIC} of the base {watch.start:.4f}")
        try:
            trainer.train()
        finally:
            onlooker.close()
            memory_log.write()
        if not watch.kept:
            raise HaechiError(f"train: stopped before the first validation: {guard.reason.en or 'no step'}")
        facts = outcome(watch, guard, monitor, recipe, temporary, static=False)
        config = {**recipe.asdict(), "rows": len(chosen), "steps": steps, "checkpoints": [asdict(c) for c in watch.kept]}
        write_json(temporary / "training_config.json", config)
    return {
        "examples": {"mined": len(examples), "used": len(chosen), "rows": len(chosen), "held_out": len(held_out)}
        | {"with_negatives": len(chosen), "never_shown": 0},
        "steps": steps,
        **facts,
    }


def _mini_batch(m3: Any, held: HeldOut | None, most: int) -> MiniBatch:
    """Groups of texts, whose activations are computed again in the backward pass: one group's live at a time."""
    embed = m3._encode  # of one group, or of the whole batch

    def again(features: dict[str, torch.Tensor]) -> Any:
        grouped = m3.sub_batch_size and m3.sub_batch_size > 0 and torch.is_grad_enabled()
        return checkpoint(embed, features, use_reentrant=False) if grouped else embed(features)

    def apply(size: int) -> None:
        m3.sub_batch_size = size or -1
        if held:
            held.objective.mini_batch_size = size  # type: ignore[assignment]

    m3._encode = again
    mini_batch = MiniBatch(0, most, apply)
    asked = told()
    if asked == "auto":
        raise HaechiError(
            "HAECHI_MINI_BATCH=auto: the flagembedding engine is not probed; name a number, or let it shrink when it must"
        )
    if asked:
        mini_batch.set(int(asked))
        mini_batch.start = mini_batch.size
    return mini_batch


def _queries(trainer: Any, inputs: Sequence[dict[str, Any]]) -> list[str]:
    """The queries of a batch as texts: ids don't travel through FlagEmbedding's collator."""
    found: list[str] = []
    for batch in inputs:
        queries = batch["queries"]
        for part in queries if isinstance(queries, list) else [queries]:
            found += trainer.processing_class.batch_decode(part["input_ids"], skip_special_tokens=True)
    return found


def _trainer(
    model: SentenceTransformer, source: Path, chosen: Sequence[MinedExample], recipe: Recipe, scratch: Path, steps: int
) -> tuple[Any, Any]:
    """FlagEmbedding's model and trainer; imported here, since the package is an extra."""
    try:
        from FlagEmbedding.abc.finetune.embedder import (
            AbsEmbedderCollator,
            AbsEmbedderDataArguments,
            AbsEmbedderTrainDataset,
        )
        from FlagEmbedding.finetune.embedder.encoder_only.m3.arguments import EncoderOnlyEmbedderM3TrainingArguments
        from FlagEmbedding.finetune.embedder.encoder_only.m3.modeling import EncoderOnlyEmbedderM3Model
        from FlagEmbedding.finetune.embedder.encoder_only.m3.runner import EncoderOnlyEmbedderM3Runner
        from FlagEmbedding.finetune.embedder.encoder_only.m3.trainer import EncoderOnlyEmbedderM3Trainer
    except ImportError as error:
        raise HaechiError("train: the flagembedding engine needs FlagEmbedding; pip install 'haechi[flagembedding]'") from error
    from transformers import AutoTokenizer
    from transformers.trainer_callback import PrinterCallback

    params, loss = recipe.params, recipe.loss
    random.seed(params.seed)  # FlagEmbedding draws negatives from here
    np.random.seed(params.seed)
    torch.manual_seed(params.seed)
    data = scratch / "train.jsonl"
    write_jsonl(data, [_row(example, loss.teacher_temperature) for example in chosen])
    tokenizer = AutoTokenizer.from_pretrained(str(source), trust_remote_code=False)
    longest = int(model.max_seq_length or 512)
    wanted = AbsEmbedderDataArguments(
        train_data=[str(data)],
        cache_path=str(scratch / "cache"),
        train_group_size=1 + params.negatives,
        query_max_len=longest,
        passage_max_len=longest,
        query_instruction_for_retrieval=model.prompts.get("query") or None,
        passage_instruction_for_retrieval=model.prompts.get("document") or None,
        knowledge_distillation=loss.name == "kl",
    )
    m3 = EncoderOnlyEmbedderM3Model(
        EncoderOnlyEmbedderM3Runner.get_model(str(source)),
        tokenizer=tokenizer,
        temperature=params.temperature,
        kd_loss_type="m3_kd_loss" if loss.name == "kl" else "kl_div",
        sentence_pooling_method="cls",
        normalize_embeddings=True,
        unified_finetuning=True,
        use_self_distill=True,
    )
    if params.gradient_checkpointing:
        m3.enable_input_require_grads()
    arguments = EncoderOnlyEmbedderM3TrainingArguments(
        output_dir=str(scratch / "out"),
        num_train_epochs=params.epochs,
        per_device_train_batch_size=params.batch_size,
        gradient_accumulation_steps=params.gradient_accumulation,
        activation_checkpointing=params.gradient_checkpointing,
        bf16=params.precision == "bf16",
        fp16=params.precision == "fp16",
        learning_rate=params.lr,
        lr_scheduler_type=params.scheduler,
        warmup_steps=round(steps * params.warmup_ratio),
        weight_decay=params.weight_decay,
        max_grad_norm=params.max_grad_norm,
        seed=params.seed,
        data_seed=params.seed,
        save_strategy="no",
        logging_steps=max(1, steps // 50),
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        use_cpu=device() == "cpu",
        dataloader_pin_memory=torch.cuda.is_available(),
        temperature=params.temperature,
    )
    trainer = type("M3Trainer", (Retry, EncoderOnlyEmbedderM3Trainer), {})(
        model=m3,
        args=arguments,
        train_dataset=AbsEmbedderTrainDataset(args=wanted, tokenizer=tokenizer),
        data_collator=AbsEmbedderCollator(
            tokenizer=tokenizer, query_max_len=longest, passage_max_len=longest, padding=True, return_tensors="pt"
        ),
        processing_class=tokenizer,
    )
    trainer.remove_callback(PrinterCallback)
    return m3, trainer


def _row(example: MinedExample, teacher_temperature: float) -> dict[str, object]:
    """FlagEmbedding's own fields; it takes the softmax of scores as they are."""
    return {
        "query": example.query,
        "pos": list(example.pos),
        "neg": list(example.neg),
        "pos_scores": [score / teacher_temperature for score in example.pos_scores],
        "neg_scores": [score / teacher_temperature for score in example.neg_scores],
    }


def _save_heads(m3: Any, folder: Path) -> None:
    for name, head in zip(HEADS, (m3.colbert_linear, m3.sparse_linear), strict=True):
        torch.save({key: value.detach().cpu().clone() for key, value in head.state_dict().items()}, folder / name)
