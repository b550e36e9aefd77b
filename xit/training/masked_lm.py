"""Masked language modelling on packed blocks of monolingual text, the pretraining of encoders from scratch.

Devlin et al. 2019, arXiv 1810.04805, section 3.1; languages are drawn as in Conneau et al. 2020, arXiv 1911.02116,
section 3.1.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from xit.core import distributed
from xit.core.batches import IGNORED, Batch
from xit.core.errors import CheckpointError, TrainingError
from xit.core.plan import Plan, TextBatches
from xit.modeling import encoders
from xit.modeling.checkpoints import MASKED_LM_HEAD
from xit.modeling.encoder import Encoder
from xit.modeling.tokenization import Tokenizer
from xit.training.loop import Step
from xit.training.ranking import ranking_loss

Blocks = npt.NDArray[np.int32]
"""Packed text of one language, [blocks, block_tokens]."""


class MaskedLanguageModel(nn.Module):
    """An encoder that predicts masked pieces, through a layer of its own and the embedding's weights.

    The head of a released encoder may have weights of its own for the pieces (`decoder`), or no layer before them.
    """

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.transform: nn.Linear | None = nn.Linear(encoder.dimension, encoder.embedding.embedding_dim)
        self.norm: nn.LayerNorm | None = nn.LayerNorm(encoder.embedding.embedding_dim)
        self.decoder: nn.Embedding | None = None
        self.bias = nn.Parameter(torch.zeros(encoder.embedding.num_embeddings))

    def forward(self, batch: Batch) -> Tensor:
        """The mean loss over masked tokens; no logits are computed for the others.

        A batch of translation ranking, which has `is_same` (`xit.training.translation`), adds the loss of that.
        """
        states = self.encoder(batch["input_ids"], batch["attention_mask"])[-1]
        is_masked = batch["labels"] != IGNORED
        logits = self.logits(states[is_masked])  # [masked, vocabulary]
        loss = F.cross_entropy(logits.float(), batch["labels"][is_masked], reduction="sum")
        loss = loss / is_masked.sum().clamp(min=1)
        if "is_same" not in batch:
            return loss
        weights = self.encoder.pooling_mask(batch["attention_mask"]).to(states.dtype)[..., None]
        return loss + ranking_loss((states * weights).sum(1) / weights.sum(1), batch["is_same"])

    def logits(self, states: Tensor) -> Tensor:
        """Scores of all pieces, `<float>[..., vocabulary]`, for output states, `<float>[..., dimension]`."""
        if self.transform is not None and self.norm is not None:
            states = self.norm(F.gelu(self.transform(states)))
        pieces = self.encoder.embedding if self.decoder is None else self.decoder
        return F.linear(states, pieces.weight, self.bias)

    def save_head(self, folder: Path) -> None:
        """Write what is not the encoder's beside it."""
        own = {name: tensor for name, tensor in self.state_dict().items() if not name.startswith("encoder.")}
        save_file({name: tensor.detach().cpu().contiguous() for name, tensor in own.items()}, folder / MASKED_LM_HEAD)

    def load_head(self, folder: Path) -> bool:
        """Take over the head of a checkpoint, and its form; whether it has one.

        Raises:
            CheckpointError: it is there but cannot be read, or does not fit.
        """
        path = folder / MASKED_LM_HEAD
        if not path.is_file():
            return False
        try:
            with safe_open(path, "pt") as file:
                epsilon = float((file.metadata() or {}).get("epsilon", 1e-5))
            tensors = load_file(path)
            if "transform.weight" not in tensors:
                self.transform = self.norm = None
            if self.norm is not None:
                self.norm.eps = epsilon
            if "decoder.weight" in tensors:
                self.decoder = nn.Embedding(*self.encoder.embedding.weight.shape)
            found = self.load_state_dict(tensors, strict=False)
        except (SafetensorError, RuntimeError, ValueError) as error:
            raise CheckpointError(f"{path}: does not fit, or was cut short: {error}. Pretrain again.") from None
        if lacking := [name for name in found.missing_keys if not name.startswith("encoder.")]:
            raise CheckpointError(f"{path}: does not fit, or was cut short: it lacks {lacking[0]}. Pretrain again.")
        return True


def from_scratch(encoder: str, plan: Plan, tokenizer: Tokenizer, folder: Path) -> MaskedLanguageModel:
    """An encoder with random weights, and its head, for a tokenizer and its folder.

    A table that lies beside the tokenizer is a released embedding: it is taken, and not trained.
    """
    assert plan.size is not None
    made = encoders.build(encoder, plan.size, tokenizer.vocabulary_size, tokenizer.padding_id)
    if plan.compute.gradient_checkpointing:
        made.checkpoint_gradients()
    if (folder / "table.safetensors").is_file():
        made.freeze_table(load_file(folder / "table.safetensors")["weight"])
    return MaskedLanguageModel(made)


def pack(documents: Iterable[Sequence[int]], block_tokens: int) -> Blocks:
    """Documents one after another, cut into blocks without padding; what fills no block at the end is left out."""
    stream = np.fromiter((token for document in documents for token in document), dtype=np.int32)
    return stream[: len(stream) // block_tokens * block_tokens].reshape(-1, block_tokens)


def packed(languages: Sequence[str], text: Path, tokenizer: Tokenizer, block_tokens: int) -> dict[str, Blocks]:
    """Each language's documents, with the special tokens of a single text around each, packed."""
    blocks = {}
    for language in languages:
        lines = (text / f"{language}.txt").read_text(encoding="utf-8").splitlines()
        blocks[language] = pack((encoding.ids for encoding in tokenizer.backend.encode_batch(lines)), block_tokens)
    return blocks


def mask(input_ids: Tensor, fraction: float, tokenizer: Tokenizer, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Input and labels of masked language modelling: a pure function of the generator's state.

    Each token that stands for text is chosen with probability `fraction`; a chosen one becomes the mask piece (80 %),
    any piece of text (10 %) or stays (10 %).

    Args:
        input_ids: `<int64>[...]`, left as it is.
        fraction: From 0 to 1.
        tokenizer: Knows the mask piece and the special ones.
        generator: Of the CPU, as is `input_ids`.

    Returns:
        `<int64>[...]` to read, and `<int64>[...]` to predict, `IGNORED` where not chosen.
    """
    if tokenizer.mask_id is None:
        raise CheckpointError("tokenizer: it has no mask piece, which masked language modelling needs.")
    special = torch.tensor(tokenizer.special_ids)
    pieces = torch.arange(tokenizer.vocabulary_size)
    text_pieces = pieces[~torch.isin(pieces, special)]
    chosen = torch.rand(input_ids.shape, generator=generator) < fraction
    chosen &= ~torch.isin(input_ids, special)
    fate = torch.rand(input_ids.shape, generator=generator)
    others = text_pieces[torch.randint(len(text_pieces), input_ids.shape, generator=generator)]
    read = torch.where(chosen & (fate < 0.8), tokenizer.mask_id, input_ids)
    read = torch.where(chosen & (fate >= 0.9), others, read)
    return read, torch.where(chosen, input_ids, IGNORED)


def language_shares(tokens: Mapping[str, int], exponent: float) -> dict[str, float]:
    """How often each language is drawn: in proportion to its tokens to the power of the exponent.

    Examples:
        >>> language_shares({"en": 900, "sw": 100}, 0.5)
        {'en': 0.75, 'sw': 0.25}
    """
    weights = {language: count**exponent for language, count in tokens.items()}
    return {language: weight / sum(weights.values()) for language, weight in weights.items()}


def masked_lm_steps(
    blocks: Mapping[str, Blocks], settings: TextBatches, tokenizer: Tokenizer, seed: int
) -> Callable[[int], Step]:
    """`step_at` for `xit.training.loop.train`: languages, blocks and masks of a step, a pure function of (seed, step).

    Raises:
        TrainingError: a language has no text for a single block.
    """
    languages = sorted(blocks)
    for language in languages:
        if len(blocks[language]) == 0:
            raise TrainingError(
                f"pretraining: the text of {language} does not fill one block of {settings.block_tokens} tokens. "
                "Give it more text, or lower pretraining.block_tokens."
            )
    shares = language_shares({code: blocks[code].size for code in languages}, settings.language_exponent)
    weights = torch.tensor([shares[code] for code in languages], dtype=torch.float64)

    def step_at(step: int) -> Step:
        drawn = int(np.random.SeedSequence((seed, step)).generate_state(1)[0])
        generator = torch.Generator().manual_seed(drawn)
        chosen = torch.multinomial(weights, settings.batch_size, replacement=True, generator=generator).tolist()
        places = torch.rand(settings.batch_size, generator=generator, dtype=torch.float64).tolist()
        rows = [(languages[i], int(at * len(blocks[languages[i]]))) for i, at in zip(chosen, places, strict=True)]
        text = torch.from_numpy(np.stack([blocks[code][row] for code, row in rows]).astype(np.int64))
        input_ids, labels = mask(text, settings.masked_fraction, tokenizer, generator)
        batch = {"input_ids": input_ids, "attention_mask": torch.ones_like(input_ids), "labels": labels}
        parts = zip(*(value.tensor_split(distributed.count()) for value in batch.values()), strict=True)
        batches = [dict(zip(batch, part, strict=True)) for part in parts if len(part[0])]  # one a process
        return Step(batches, [f"{code} block {row}" for code, row in rows])

    return step_at
