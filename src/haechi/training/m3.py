"""The flagembedding engine: BGE-M3 with its three ways to match, tuned by FlagEmbedding's own trainer.

Its flags are those that its 1.4.2 accepts on today's transformers: steps of warm-up, no overwriting. What it leaves out is
done here: the folder says CLS pooling and normalisation, so that sentence-transformers doesn't fall back to the mean; heads
that are missing are refused instead of drawn; validation runs during training. Its resume is broken, so a killed run starts
again. Checkpoints hold safetensors, JSON and the two heads as FlagEmbedding reads them.
"""

import os
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

from haechi.errors import HaechiError
from haechi.files import atomic_folder, write_json, write_jsonl
from haechi.models.heads import HEADS, folder_of, require_heads
from haechi.models.load import device
from haechi.progress import say
from haechi.records.mined import MinedExample
from haechi.training.checks import check_params
from haechi.training.examples import choose_examples
from haechi.training.recipe import Recipe
from haechi.training.validation import Validation
from haechi.training.watch import HISTORY, METRIC, Watch


def train_m3(
    model: SentenceTransformer, examples: Sequence[MinedExample], validation: Validation, folder: Path, recipe: Recipe, base: str
) -> dict[str, object]:
    """Tune the model at `base`; leaves what the other engine leaves, with the heads in every checkpoint."""
    params = recipe.params
    check_params(params, recipe.loss, recipe.lora, device())
    source = folder_of(base)
    require_heads(source)
    chosen = [example for example in choose_examples(examples, params) if example.neg]
    if not chosen:
        raise HaechiError("train: the flagembedding engine needs mined negatives, and no example has one")
    steps = -(-len(chosen) // (params.batch_size * params.accumulation)) * params.epochs
    with atomic_folder(folder) as temporary, tempfile.TemporaryDirectory() as scratch:
        m3, trainer = _trainer(model, source, chosen, recipe, Path(scratch), steps)
        whole = SentenceTransformer(
            modules=[model[0], Pooling(m3.config.hidden_size, pooling_mode="cls"), Normalize()],
            prompts={side: prompt or "" for side, prompt in model.prompts.items()},
            device=device(),
        )
        whole[0].model = m3.model  # the very weights that are trained
        watch = Watch(whole, validation, temporary, params, steps, also=lambda place: _save_heads(m3, place), learns=m3)
        trainer.add_callback(watch)
        watch.validate(0)
        say(f"train: {len(chosen)} examples, {steps} steps; validation {METRIC} of the base {watch.start:.4f}")
        trainer.train()
        write_jsonl(temporary / HISTORY, watch.history)
        config = {**recipe.asdict(), "rows": len(chosen), "steps": steps, "checkpoints": [asdict(c) for c in watch.kept]}
        write_json(temporary / "training_config.json", config)
    return {
        "examples": {"mined": len(examples), "used": len(chosen), "rows": len(chosen)},
        "steps": steps,
        "validation": {"base": round(watch.start, 6), "best": round(watch.kept[0].score, 6), "metric": METRIC},
    }


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
    if params.checkpointing:
        m3.enable_input_require_grads()
    arguments = EncoderOnlyEmbedderM3TrainingArguments(
        output_dir=str(scratch / "out"),
        num_train_epochs=params.epochs,
        per_device_train_batch_size=params.batch_size,
        gradient_accumulation_steps=params.accumulation,
        activation_checkpointing=params.checkpointing,
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
        disable_tqdm=not os.isatty(2),
        remove_unused_columns=False,
        use_cpu=device() == "cpu",
        dataloader_pin_memory=torch.cuda.is_available(),
        temperature=params.temperature,
    )
    trainer = EncoderOnlyEmbedderM3Trainer(
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
