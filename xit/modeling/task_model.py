"""An encoder with a head, for training and for prediction; the face that formats use, whatever the encoder."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from xit import heads
from xit.core import registry
from xit.core.errors import CheckpointError
from xit.core.settings import RetrievalSettings
from xit.core.task import task_of
from xit.heads import PREDICTION_TOKENS, Batch, Head, Row, batches_by_length, collate
from xit.heads._layers import pool
from xit.modeling import encoders, sentence_modules, tokenization
from xit.modeling.checkpoints import HeadConfig
from xit.modeling.released_heads import TaskHead
from xit.modeling.sentence_modules import SentenceModules
from xit.modeling.tokenization import Tokenizer


class TaskModel(nn.Module):
    """An encoder and a head. `forward` is the loss of a batch, so that a wrapper (autocast, DDP) covers it."""

    def __init__(self, encoder: nn.Module, head: nn.Module, padding_id: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = head
        self.padding_id = padding_id

    def forward(self, batch: Batch) -> Tensor:
        """The mean loss of a batch from `xit.heads.collate` with the labels of its format."""
        return self._scored(batch)[0]

    def _scored(self, batch: Batch) -> tuple[Tensor, Tensor]:
        head: Head = self.head  # type: ignore[assignment]
        logits = head(
            self.encoder(batch["input_ids"], batch["attention_mask"]), _with_pooling_mask(self.encoder, batch)
        ).float()
        return head.loss(logits, batch), logits

    def loss_and_logits(self, batch: Batch) -> tuple[float, Tensor]:
        """The mean loss of a batch, and the head's output for each of its rows, on the CPU; without gradients."""
        device = next(self.parameters()).device
        with _predicting(self):
            loss, logits = self._scored({name: value.to(device) for name, value in batch.items()})
        return float(loss), logits.cpu()

    def logits(self, rows: Sequence[Row]) -> list[Tensor]:
        """The head's output for each row, in the order given, on the CPU."""
        result: dict[int, Tensor] = {}
        for indices, batch, hidden_states in _encoded(self.encoder, rows, self.padding_id, self):
            output = self.head(hidden_states, batch).float().cpu()
            result.update(zip(indices, output, strict=True))
        return [result[index] for index in range(len(rows))]


class EncoderModel(nn.Module):
    """An encoder alone: its own states as vectors of texts, made as the settings say, or as its modules.json does."""

    def __init__(self, encoder: nn.Module, padding_id: int, modules: SentenceModules | None = None) -> None:
        super().__init__()
        self.encoder = encoder
        self.padding_id = padding_id
        self.sentence_modules = modules

    @property
    def own_pooling(self) -> str:
        """How its modules.json makes vectors, where that is followed; else nothing."""
        return self.sentence_modules.title if self.sentence_modules else ""

    @property
    def layers(self) -> tuple[int, ...]:
        """The hidden states that it makes vectors of: 0, the embeddings', and each layer's; or the last alone."""
        last: Any = self.encoder.layers
        return (last,) if self.sentence_modules else tuple(range(last + 1))

    def layer(self, settings: RetrievalSettings) -> int:
        """The hidden state that the settings name: number round(layer x depth)."""
        return self.layers[round(settings.layer * (len(self.layers) - 1))]

    def vectors(self, rows: Sequence[Row], settings: RetrievalSettings, layers: Sequence[int]) -> list[Tensor]:
        """A vector of each of some hidden states a row, <float>[layers, hidden]: their mean over real tokens, say."""
        result: dict[int, Tensor] = {}
        for indices, batch, hidden_states in _encoded(self.encoder, rows, self.padding_id, self):
            pooling: Any = self.encoder.pooling or settings.pooling
            if self.sentence_modules is not None:
                vectors = self.sentence_modules(hidden_states[-1].float(), batch["attention_mask"])[:, None]
            else:
                states = [hidden_states[layer].float() for layer in layers]
                vectors = torch.stack([pool(each, batch["pooling_mask"], pooling) for each in states], dim=1)
            result.update(zip(indices, vectors.cpu(), strict=True))
        return [result[index] for index in range(len(rows))]


def load_encoder(source: Path | str, has_own_pooling: bool = False) -> tuple[EncoderModel, Tokenizer]:
    """The encoder of a checkpoint or Hub id, and its tokenizer; perhaps with the pooling of its modules.json.

    Raises:
        CheckpointError: it is incomplete, unreadable, or has no tokenizer.
    """
    if Path(source).is_dir():
        encoders.read_config(Path(source))  # what is no checkpoint at all is told as that
    tokenizer = tokenization.load(source)
    encoder = encoders.load(source)
    tokenization.refuse_unlike(source, tokenizer, encoder.embedding.num_embeddings)
    modules = sentence_modules.read(source) if has_own_pooling else None
    if has_own_pooling and modules is None:
        raise CheckpointError(f"{source}: --own-pooling: it has no modules.json, which would say how. Leave it out.")
    return EncoderModel(encoder, tokenizer.padding_id, modules), tokenizer


def load_task(folder: Path | str, facts: HeadConfig | TaskHead) -> tuple[Any, Tokenizer]:
    """A fine-tuned checkpoint, encoder with head, ours or of transformers: a `TaskModel`, or what has its `logits`.

    Raises:
        CheckpointError: it is incomplete, or the head is of another size than task or encoder ask for.
    """
    if isinstance(facts, TaskHead):
        found: tuple[Any, Tokenizer] = registry.load("modeling", "released_task_model").load(
            folder, facts, PREDICTION_TOKENS
        )  # by name, as in `xit.modeling.encoders`
        return found
    bare, tokenizer = load_encoder(folder)
    encoder: Any = bare.encoder
    form = heads.load(facts.format)
    task = task_of(facts.task).with_labels(facts.labels)
    if task.format != facts.format:
        raise CheckpointError(
            f"{folder}/head.json: its head is of the format {facts.format}; {facts.task} is of {task.format}. "
            "Fine-tune again: `xit finetune`."
        )
    if tuple(task.labels) != facts.labels:
        raise CheckpointError(
            f"{folder}/head.json: its head answers {', '.join(facts.labels)}; "
            f"{facts.task} has {', '.join(task.labels)}."
        )
    head = form.head(facts.kind, encoder.dimension, encoder.layers, task)
    path = Path(folder) / "head.safetensors"
    try:
        head.load_state_dict(load_file(path))
    except FileNotFoundError:
        raise CheckpointError(f"{folder}: head.json is there but head.safetensors is not. Fine-tune again.") from None
    except SafetensorError as error:
        raise CheckpointError(f"{path}: cannot be read as safetensors, perhaps cut short: {error}.") from None
    except RuntimeError as error:
        raise CheckpointError(f"{path}: does not fit this encoder and {facts.task}: {error}") from None
    return TaskModel(encoder, head, tokenizer.padding_id), tokenizer


def _encoded(
    encoder: nn.Module, rows: Sequence[Row], padding_id: int, module: nn.Module
) -> Iterator[tuple[list[int], Batch, tuple[Tensor, ...]]]:
    """Rows through the encoder without gradients, in batches of like length: indices, batch, hidden states."""
    device = next(module.parameters()).device
    with _predicting(module):
        for indices in batches_by_length([len(row.input_ids) for row in rows]):
            batch = {k: v.to(device) for k, v in collate([rows[i] for i in indices], padding_id).items()}
            yield indices, _with_pooling_mask(encoder, batch), encoder(batch["input_ids"], batch["attention_mask"])


@contextlib.contextmanager
def _predicting(module: nn.Module) -> Iterator[None]:
    """Without gradients and dropout."""
    was_training = module.training
    module.eval()
    try:
        with torch.inference_mode():
            yield
    finally:
        module.train(was_training)


def _with_pooling_mask(encoder: Any, batch: Batch) -> Batch:
    """The batch with `pooling_mask`, the tokens that heads average for a vector of the whole text."""
    return {**batch, "pooling_mask": encoder.pooling_mask(batch["attention_mask"])}
