"""A model of transformers with the head that it was fine-tuned with, in the place of `xit.modeling.task_model`."""

import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import Tensor, nn

from xit import heads
from xit.core import hub
from xit.core.errors import CheckpointError, counted
from xit.heads import Batch, Row, batches_by_length, collate
from xit.modeling import tokenization
from xit.modeling.released import ReleasedEncoder, load_model, refuse_unfit
from xit.modeling.released_heads import TaskHead
from xit.modeling.tokenization import Tokenizer


class ReleasedTaskModel(nn.Module):
    """An encoder and its head as transformers has them; for prediction only."""

    def __init__(self, model: Any, head: TaskHead, padding_id: int, has_token_types: bool, batch_tokens: int) -> None:
        super().__init__()
        self.model = model
        self.encoder = ReleasedEncoder(model.base_model)
        self.task_head = head
        self.padding_id = padding_id
        self.has_token_types = has_token_types
        self.batch_tokens = batch_tokens

    def logits(self, rows: Sequence[Row]) -> list[Tensor]:
        """What the heads of `xit.heads` give for each row, in the order given, on the CPU: labels in the task's
        order."""
        result: dict[int, Tensor] = {}
        device = next(self.model.parameters()).device
        with torch.inference_mode():
            for indices in batches_by_length([len(row.input_ids) for row in rows], self.batch_tokens):
                chosen = [rows[index] for index in indices]
                batch = collate(chosen, self.padding_id)
                inputs = {key: batch[key].to(device) for key in ("input_ids", "attention_mask")}
                if self.has_token_types:
                    inputs["token_type_ids"] = _token_types(chosen, batch["input_ids"]).to(device)
                output = self._logits(inputs).float().cpu()
                result.update(zip(indices, output, strict=True))
        return [result[index] for index in range(len(rows))]

    def _logits(self, inputs: Batch) -> Tensor:
        released = heads.load(self.task_head.head.format).RELEASED
        assert released is not None
        logits = released.logits(self.model, inputs)
        return logits[..., list(self.task_head.order)] if self.task_head.order else logits


def _token_types(rows: Sequence[Row], input_ids: Tensor) -> Tensor:
    """The tokenizer's own segments <int64>[rows, length], 0 in padding."""
    found = torch.zeros_like(input_ids)
    for index, row in enumerate(rows):
        if row.token_types is not None:
            found[index, : len(row.token_types)] = torch.from_numpy(row.token_types)
    return found


def load(source: Path | str, head: TaskHead, batch_tokens: int) -> tuple[ReleasedTaskModel, Tokenizer]:
    """The whole model with its head, and its tokenizer.

    Raises:
        CheckpointError: as `xit.modeling.released.load_released`; or the head is not that of config.json or the task.
    """
    folder = Path(source)
    name, revision = (str(folder), None) if folder.is_dir() else hub.repository(str(source))
    tokenizer = tokenization.load(source)
    model = load_model(name, revision, getattr(transformers, f"AutoModelFor{head.head.kind}"))
    if type(model).__name__ != head.head.architecture:
        raise CheckpointError(
            f"{source}: its head is a {head.head.architecture} by config.json; transformers has a "
            f"{type(model).__name__} for it, whose outputs may mean something else. Such a head is not read."
        )
    if head.order and model.config.num_labels != len(head.order):
        raise CheckpointError(
            f"{source}: its head has {counted(model.config.num_labels, 'output')}, for {len(head.order)} labels: "
            f"{', '.join(head.labels)}. Take a checkpoint that was fine-tuned on {head.task}."
        )
    refuse_unfit(str(source), model.base_model)
    tokenization.refuse_unlike(source, tokenizer, model.get_input_embeddings().num_embeddings)
    if model.config.pad_token_id is None:
        model.config.pad_token_id = tokenizer.padding_id  # some heads look for the last token before it
    takes = "token_type_ids" in inspect.signature(model.forward).parameters
    has_types = takes and getattr(model.config, "type_vocab_size", 0) > 1 and _gives_token_types(name, revision)
    return ReleasedTaskModel(model.eval(), head, tokenizer.padding_id, has_types, batch_tokens), tokenizer


def _gives_token_types(name: str, revision: str | None) -> bool:
    """Whether transformers' tokenizer gives the model its segments."""
    found = transformers.AutoTokenizer.from_pretrained(name, revision=revision, trust_remote_code=False)
    return "token_type_ids" in found.model_input_names
