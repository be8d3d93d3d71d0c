"""The flagembedding engine: BGE-M3 with its three ways to match, tuned by FlagEmbedding's own trainer.

Its flags are those that its 1.4.2 accepts on today's transformers: steps of warm-up, no overwriting. What it leaves out is
done here: the folder says CLS pooling and normalisation, so that sentence-transformers doesn't fall back to the mean; heads
that are missing are refused instead of drawn; validation runs during training. Its resume is broken, so a killed run starts
again. Checkpoints hold safetensors, JSON and the two heads as FlagEmbedding reads them.
"""

import random
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling
from torch.utils.checkpoint import checkpoint

from haechi.guards.rules import rules_of
from haechi.guards.status import TrainingStatus
from haechi.models.load import device, folder_of, save_encoder
from haechi.models.m3_heads import require_heads
from haechi.models.registry import HEADS
from haechi.records.mined import MinedExample
from haechi.runtime.errors import HaechiError
from haechi.runtime.files import atomic_folder, write_jsonl
from haechi.training.adapters import merged
from haechi.training.checks import check_launch, check_params
from haechi.training.examples import peak_rate
from haechi.training.memory import MiniBatch, wanted_size
from haechi.training.objective import CachedObjective
from haechi.training.recipe import Recipe
from haechi.training.replay import replayed, with_replay
from haechi.training.retention import announce
from haechi.training.retry import Retry
from haechi.training.session import Listeners, Session, Shown, Subject, TrainingInputs
from haechi.training.trainer import shared_arguments
from haechi.training.validation_loss import ValidationLoss, logged, rows_of_held_out


def train_m3(inputs: TrainingInputs[SentenceTransformer], folder: Path, *, listeners: Listeners | None = None) -> TrainingStatus:
    """Tune the model at `inputs.base`; leaves what the other engine leaves, with the heads in every checkpoint.

    The validation loss is that of the dense vectors alone.
    """
    recipe, params = inputs.recipe, inputs.recipe.params
    check_launch()
    check_params(params, recipe.loss, recipe.lora, device())
    source = folder_of(inputs.base)
    require_heads(source)
    chosen = [example for example in with_replay(inputs.examples, inputs.earlier, params) if example.neg]
    if not chosen:
        raise HaechiError("train: the flagembedding engine needs mined negatives, and no example has one")
    steps = -(-len(chosen) // (params.batch_size * params.gradient_accumulation)) * params.epochs
    with atomic_folder(folder) as temporary, tempfile.TemporaryDirectory() as scratch:
        library = _library()
        m3 = _m3(library, source, recipe)
        whole = _whole(inputs.model, m3)
        valid_rows = rows_of_held_out(inputs.held_out, recipe)
        valid_loss = ValidationLoss(CachedObjective(whole, valid_rows, recipe.loss, params), params) if valid_rows else None
        rules = rules_of(recipe.guards, logged(recipe, inputs.validation, valid_loss is not None))
        mini_batch = _mini_batch(m3, valid_loss, params.batch_size * (1 + params.negatives))
        subject = Subject(
            whole,
            lambda place: _save(whole, m3, place),
            m3,
            mini_batch,
            valid_loss,
            lambda batches: _queries(m3.tokenizer, batches),
        )
        session = Session(inputs, subject, rules, steps, temporary, Path(scratch), listeners or Listeners())
        announce(folder, m3, session.looks, params, resumes=False, rolls_back=session.guard.rolls_back)
        trainer = _trainer(library, m3, session, chosen, Path(scratch))
        session.begin(f"{len(chosen)} examples")
        session.run(trainer.train)
        return session.close(Shown(len(chosen), len(chosen), len(chosen), 0, replayed(chosen, inputs.earlier)), static=False)


def _whole(model: SentenceTransformer, m3: Any) -> SentenceTransformer:
    """The dense part as a model of its own, with the very weights that are trained."""
    whole = SentenceTransformer(
        modules=[model[0], Pooling(m3.config.hidden_size, pooling_mode="cls"), Normalize()],
        prompts={side: prompt or "" for side, prompt in model.prompts.items()},
        device=device(),
    )
    whole[0].model = m3.model
    return whole


def _mini_batch(m3: Any, valid_loss: ValidationLoss | None, most: int) -> MiniBatch:
    """Groups of texts, whose activations are computed again in the backward pass: one group's live at a time."""
    embed = m3._encode  # of one group, or of the whole batch

    def again(features: dict[str, torch.Tensor]) -> Any:
        grouped = m3.sub_batch_size and m3.sub_batch_size > 0 and torch.is_grad_enabled()
        return checkpoint(embed, features, use_reentrant=False) if grouped else embed(features)

    def apply(size: int) -> None:
        m3.sub_batch_size = size or -1
        if valid_loss:
            valid_loss.objective.mini_batch_size = size

    m3._encode = again
    mini_batch = MiniBatch(0, most, apply)
    wanted = wanted_size()
    if wanted == "auto":
        raise HaechiError(
            "HAECHI_MINI_BATCH=auto: the flagembedding engine is not probed; name a number, or let it shrink when it must"
        )
    if wanted:
        mini_batch.begin_with(int(wanted))
    return mini_batch


def _queries(tokenizer: Any, inputs: Sequence[dict[str, Any]]) -> list[str]:
    """The queries of a batch as texts: ids don't travel through FlagEmbedding's collator."""
    texts: list[str] = []
    for batch in inputs:
        queries = batch["queries"]
        for part in queries if isinstance(queries, list) else [queries]:
            texts += tokenizer.batch_decode(part["input_ids"], skip_special_tokens=True)
    return texts


def _library() -> SimpleNamespace:
    """FlagEmbedding's own classes; imported here, since the package is an extra."""
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
    return SimpleNamespace(
        Arguments=EncoderOnlyEmbedderM3TrainingArguments,
        Collator=AbsEmbedderCollator,
        DataArguments=AbsEmbedderDataArguments,
        Dataset=AbsEmbedderTrainDataset,
        Model=EncoderOnlyEmbedderM3Model,
        Runner=EncoderOnlyEmbedderM3Runner,
        Trainer=EncoderOnlyEmbedderM3Trainer,
    )


def _m3(library: SimpleNamespace, source: Path, recipe: Recipe) -> Any:
    """FlagEmbedding's model, every draw of whose training is seeded from here on."""
    from transformers import AutoTokenizer

    params, loss = recipe.params, recipe.loss
    random.seed(params.seed)  # FlagEmbedding draws negatives from here
    np.random.seed(params.seed)
    torch.manual_seed(params.seed)
    m3 = library.Model(
        library.Runner.get_model(str(source)),
        tokenizer=AutoTokenizer.from_pretrained(str(source), trust_remote_code=False),
        temperature=params.temperature,
        kd_loss_type="m3_kd_loss" if loss.name == "kl" else "kl_div",
        sentence_pooling_method="cls",
        normalize_embeddings=True,
        unified_finetuning=True,
        use_self_distill=True,
    )
    if params.gradient_checkpointing:
        m3.enable_input_require_grads()
    return m3


def _trainer(library: SimpleNamespace, m3: Any, session: Session, chosen: Sequence[MinedExample], scratch: Path) -> Any:
    """FlagEmbedding's trainer with everything that stands around it, in the order in which a step meets it."""
    from transformers.trainer_callback import PrinterCallback

    model, params, loss = session.inputs.model, session.inputs.recipe.params, session.inputs.recipe.loss
    data = scratch / "train.jsonl"
    write_jsonl(data, [_row(example, loss.teacher_temperature) for example in chosen])
    longest = int(model.max_seq_length or 512)
    of_query = getattr(model[0], "query_length", None) or longest
    wanted = library.DataArguments(
        train_data=[str(data)],
        cache_path=str(scratch / "cache"),
        train_group_size=1 + params.negatives,
        query_max_len=of_query,
        passage_max_len=longest,
        query_instruction_for_retrieval=model.prompts.get("query") or None,
        passage_instruction_for_retrieval=model.prompts.get("document") or None,
        knowledge_distillation=loss.name == "kl",
    )
    arguments = library.Arguments(
        output_dir=str(scratch / "out"),
        num_train_epochs=params.epochs,
        learning_rate=peak_rate(session.inputs.examples, params),
        remove_unused_columns=False,
        temperature=params.temperature,
        **shared_arguments(params, session.steps),
    )
    trainer = type("M3Trainer", (Retry, library.Trainer), {})(
        model=m3,
        args=arguments,
        train_dataset=library.Dataset(args=wanted, tokenizer=m3.tokenizer),
        data_collator=library.Collator(
            m3.tokenizer, query_max_len=of_query, passage_max_len=longest, padding=True, return_tensors="pt"
        ),
        processing_class=m3.tokenizer,
        record=session.record,
        mini_batch=session.subject.mini_batch,
    )
    trainer.remove_callback(PrinterCallback)
    for part in (session.validation, session.guard, session.monitor, session.memory_log, session.trackers):
        trainer.add_callback(part)
    return trainer


def _row(example: MinedExample, teacher_temperature: float) -> dict[str, object]:
    """FlagEmbedding's own fields; it takes the softmax of scores as they are."""
    return {
        "query": example.query,
        "pos": list(example.pos),
        "neg": list(example.neg),
        "pos_scores": [score / teacher_temperature for score in example.pos_scores],
        "neg_scores": [score / teacher_temperature for score in example.neg_scores],
    }


def _save(whole: SentenceTransformer, m3: Any, folder: Path) -> None:
    save_encoder(merged(whole), folder)
    for name, head in zip(HEADS, (m3.colbert_linear, m3.sparse_linear), strict=True):
        torch.save({key: value.detach().cpu().clone() for key, value in head.state_dict().items()}, folder / name)
