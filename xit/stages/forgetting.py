"""Encoders after intermediate training → masked LM in every language, by the head of pretraining: what was forgotten.

The text is the test pairs of aligned retrieval (Tatoeba), whose sentences mean the same in English, and which no text
for pretraining from micro or files holds. The masks are the same for every encoder, so that differences are the
encoders'. Conditions that go on with masked LM move its head too, which is not kept, and random weights have none: they
are left out.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from xit.core.batches import IGNORED
from xit.core.conditions import parse
from xit.core.examples import Example, read_examples
from xit.core.files import write_json
from xit.core.plan import Cell, Places
from xit.core.progress import Report
from xit.core.task import task_of
from xit.modeling import checkpoints
from xit.modeling.checkpoints import MASKED_LM_HEAD, Run
from xit.modeling.task_model import load_encoder
from xit.modeling.tokenization import Tokenizer
from xit.training.masked_lm import MaskedLanguageModel, mask, pack

MASKS = 4
"""How often every block is masked, each time elsewhere: sentences for tests are few."""
BATCH_BLOCKS = 64


def forgetting(
    cells: Mapping[str, Cell], places: Places, heads: Path, block_tokens: int, masked_fraction: float, report: Report
) -> list[str]:
    """Score masked LM of the encoder of every cell in every language, by the head of its pretraining.

    Args:
        cells: The conditions and seeds of an encoder on an aligned target.
        places: The encoders, the folder of all data, and where the losses go.
        heads: Holds the pretrained checkpoint of each seed.
        block_tokens: Sentences are packed into blocks of as many tokens, as in pretraining.
        masked_fraction: As in pretraining.
        report: Progress.
    """
    target = next(iter(cells.values())).target
    measured = {name: cell for name, cell in cells.items() if _keeps_head(cell.condition)}
    needed = [heads / str(cell.seed) / MASKED_LM_HEAD for cell in cells.values()]
    lacking = next((path for path in needed if not path.is_file()), None)
    if lacking is not None or not task_of(target).is_aligned:
        checkpoints.keep_only(places.out, ())
        places.out.mkdir(parents=True, exist_ok=True)
        why = f"{target} has no parallel sentences" if lacking is None else f"{lacking}: there is no masked-LM head"
        return [f"{places.out}: nothing is measured, since {why}"]
    data = places.data / target / "test.parquet"
    texts = sentences(read_examples(data))

    def lineage_of(cell: Cell, parent: Path) -> dict[str, Any]:
        code = ("xit.stages.forgetting", f"xit.encoders.{cell.encoder}", f"xit.tasks.{target}")
        head = heads / str(cell.seed) / MASKED_LM_HEAD
        inputs = {**checkpoints.encoder_files(parent), "head": head, "test": data}
        more = {"block_tokens": block_tokens, "masked_fraction": masked_fraction}
        return checkpoints.lineage("forgetting", code, inputs, **dataclasses.asdict(cell), **more)

    def make(run: Run) -> str:
        bare, tokenizer = load_encoder(run.parent)
        encoder: Any = bare.encoder
        model = MaskedLanguageModel(encoder)
        model.load_head(heads / str(run.cell.seed))
        rows = losses(model.eval(), tokenizer, texts, block_tokens, masked_fraction)
        write_json(run.folder / "losses.json", rows)
        report(f"{run.cell.encoder} masked LM", list(measured.values()).index(run.cell) + 1, len(measured))
        others = [row["loss"] for row in rows if row["language"] != "en"]
        mean = sum(others) / len(others) if others else float("nan")
        return f"masked-LM loss {mean:.2f}, mean of {len(others)} languages but English"

    return checkpoints.each(measured, places, lineage_of, make)


def _keeps_head(condition: str) -> bool:
    """Whether the head of pretraining still belongs to an encoder."""
    return condition != "untrained" and not parse(condition).has_mlm


def sentences(examples: Sequence[Example]) -> dict[str, list[str]]:
    """The sentences of each language: candidates, and for English the queries of the first language."""
    found: dict[str, list[str]] = {"en": []}
    for row in examples:
        if row["role"] == "candidate":
            found.setdefault(row["language"], []).append(row["text"])
        elif row["language"] == examples[0]["language"]:
            found["en"].append(row["text"])
    return found


def losses(
    model: MaskedLanguageModel,
    tokenizer: Tokenizer,
    texts: Mapping[str, Sequence[str]],
    block_tokens: int,
    masked_fraction: float,
) -> list[dict[str, Any]]:
    """Rows with `language`, `loss` in nats, `accuracy` from 0 to 100 and `masked`, the tokens that these are means of.

    A language whose sentences fill no block has no row.
    """
    rows = []
    for language, lines in texts.items():
        blocks = pack((encoding.ids for encoding in tokenizer.backend.encode_batch(list(lines))), block_tokens)
        loss, right, count = 0.0, 0, 0
        for number in range(MASKS):
            generator = torch.Generator().manual_seed(number)
            for start in range(0, len(blocks), BATCH_BLOCKS):
                text = torch.from_numpy(blocks[start : start + BATCH_BLOCKS].astype(np.int64))
                read, labels = mask(text, masked_fraction, tokenizer, generator)
                is_masked = labels != IGNORED
                with torch.inference_mode():
                    states = model.encoder(read, torch.ones_like(read))[-1]
                    logits = model.logits(states[is_masked]).float()
                    loss += float(F.cross_entropy(logits, labels[is_masked], reduction="sum"))
                right += int((logits.argmax(-1) == labels[is_masked]).sum())
                count += int(is_masked.sum())
        if count:
            row = {"language": language, "loss": loss / count, "accuracy": 100 * right / count, "masked": count}
            rows.append(row)
    return rows
