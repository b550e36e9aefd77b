"""What params.yaml holds, as frozen values: a dataclass a section, a line a field (unit, range, where it is from).

This file imports nothing heavy: the command line validates params.yaml without torch (`xit.pipeline.config`).
"""

import dataclasses
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le, Lt

Fraction = Annotated[float, Ge(0), Le(1)]
Positive = Annotated[int, Gt(0)]
Count = Annotated[int, Ge(0)]
Rate = Annotated[float, Gt(0), Lt(1)]


@dataclasses.dataclass(frozen=True)
class MicroSettings:
    """The micro source: a small world in the words of CLDR."""

    train: Positive
    """English training examples of a task."""
    validation: Positive
    """English validation examples of a task."""
    test: Positive
    """Test examples of a task in each language, the same ones in all."""
    territories: Annotated[int, Ge(10), Le(60)]
    """Places of the world, with their currencies and languages; two of five are held out of training."""
    units: Annotated[int, Ge(10), Le(17)]
    """Units of measure; two of five are held out of training."""
    documents_per_language: Positive
    """Lines of text for pretraining in a language."""
    anchor_fraction: Fraction
    """Of documents, rows of phrases beside the signs that all languages share (they align the languages)."""
    seed: Count
    """Of everything that is drawn; the seeds of the experiment do not change the data."""
    languages: tuple[str, ...] = ()
    """Not in params.yaml: those of languages.evaluation, for which CLDR must have enough (it has not for ht and wo)."""


@dataclasses.dataclass(frozen=True)
class FilesSettings:
    """The files source: published files in a folder."""

    folder: str
    """The data folder; absolute, or relative to the folder of params.yaml."""
    sha256: str
    """Of the data folder's names and contents, so that a change of the files is a change of parameters; set by `xit
    reproduce`."""
    most_test: Count
    """The grid evaluates the first so many test examples of a task and language; 0 for all. Retrieval keeps every
    candidate. `xit eval`, `xit submit` and `xit analyse` take all examples, or as many as their --most says."""
    misplaced_answers: Literal["error", "repair"]
    """What becomes of an answer that is not at its offset: an error; or it is moved to its nearest occurrence, and a
    training question without one is left out (both counted in the audit)."""
    xcopa_questions: Literal["released", "repaired"]
    """XCOPA's `question` field is wrong in th, tr, sw, id and it: as released, or as in Estonian, where it is right."""


@dataclasses.dataclass(frozen=True)
class HubSettings:
    """The hub source: data sets of the Hugging Face Hub."""

    cache: str
    """Folder of downloads; absolute, or relative to the folder of params.yaml; empty for Hugging Face's own."""
    is_offline: bool
    """Whether only what is in the cache is used; no socket is opened then."""
    most_test: Count
    """As that of files."""
    misplaced_answers: Literal["error", "repair"]
    """As that of files; contexts of google/xtreme are stripped, so that answers are off by some characters."""
    xcopa_questions: Literal["released", "repaired"]
    """As that of files."""
    sha256: dict[str, str]
    """Of contents, `task split language` → hash, as audit.json of the data stage has them; compared where given."""


@dataclasses.dataclass(frozen=True)
class EncoderSize:
    """The shape of an encoder from scratch."""

    dimension: Positive
    """Width of token states."""
    layers: Positive
    """Layers of blocks."""
    inner: Positive
    """Feed-forward width of a transformer; cells per direction of a recurrence; the embedding's width of LASER."""
    heads: Count
    """Attention heads; 0 for a recurrence."""


@dataclasses.dataclass(frozen=True)
class VocabularySettings:
    """What an encoder from scratch takes of a released one."""

    source: str
    """Of the tokenizer: the id of a released encoder, `owner/name@commit` of the Hub, or a folder."""
    has_frozen_table: bool
    """Whether the embedding is taken too and not trained, read through a trained layer of the encoder's own width."""


@dataclasses.dataclass(frozen=True)
class EncoderSettings:
    """One encoder: where it starts, its size, and the learning rates tuned for it on English validation."""

    weights: str
    """Where it starts: `random`; or, not pretrained here, `released` (the place that its file in xit/encoders names),
    `owner/name@commit` of the Hub, or a folder."""
    vocabulary: VocabularySettings | None
    """Of an encoder that starts `random`: the tokenizer of a released one; null takes that of the tokenizer stage."""
    size: EncoderSize | None
    """Matched between encoders of one table within 5 % of parameters; null where weights are not random."""
    pretraining_learning_rate: Rate | None
    """Peak, of Muon and AdamW alike; null where weights are not random."""
    learning_rate: Rate
    """Peak, of AdamW, in intermediate training and fine-tuning; a task may set its own."""


@dataclasses.dataclass(frozen=True)
class PretrainingSettings:
    """Masked language modelling on packed blocks, the same for every encoder from scratch."""

    steps: Positive
    """Optimizer steps; 0 would leave the encoder random."""
    batch_size: Positive
    """Blocks a step."""
    block_tokens: Positive
    """Tokens a block; documents are packed, so there is no padding."""
    masked_fraction: Rate
    """Of tokens; 80 % of them become <mask>, 10 % a random piece, 10 % stay (Devlin et al. 2019, section 3.1)."""
    language_exponent: Fraction
    """Languages are drawn in proportion to (their tokens) ** this (Conneau et al. 2020, section 3.1: 0.3)."""
    warmup_fraction: Fraction
    """Of steps, linear."""
    final_fraction: Fraction
    """Of the peak learning rate, at the last step; linear decay."""
    weight_decay: Annotated[float, Ge(0)]
    """Decoupled, on matrices only."""
    gradient_clip: Annotated[float, Gt(0)]
    """Largest global norm."""


@dataclasses.dataclass(frozen=True)
class TaskSettings:
    """Training on one task, intermediate or target, the same for every encoder."""

    steps: Positive | None
    """Optimizer steps at most; null where `epochs` says how long."""
    batch_size: Positive
    """Examples a step."""
    micro_batches: Positive
    """Forward passes a step (gradient accumulation); divides the batch size."""
    max_length_tokens: Positive
    """Longer inputs are cut, or read in windows (span)."""
    learning_rate: Rate | None
    """Peak; null takes the encoder's own."""
    validate_every: Count
    """Steps between looks at the English validation split; 0 for the last step only, whose weights are kept."""
    patience: Count
    """Looks without a better score before training stops; 0 for never."""
    epochs: Positive | None = None
    """Passes over the training examples at most; may be left out, as those below."""
    warmup_steps: Count | None = None
    """Of linear warm-up; null takes `training.warmup_fraction`."""
    weight_decay: Annotated[float, Ge(0)] | None = None
    """As that of `training`, which null takes."""


@dataclasses.dataclass(frozen=True)
class TrainingSettings:
    """What intermediate training and fine-tuning share."""

    warmup_fraction: Fraction
    """Of steps, linear (jiant guide: 0.1)."""
    weight_decay: Annotated[float, Ge(0)]
    """Decoupled, on matrices only."""
    gradient_clip: Annotated[float, Gt(0)]
    """Largest global norm."""
    head: Literal["linear", "matching"]
    """The head of every encoder: the papers' linear one, or a matching one for small encoders (xit.formats)."""
    precision: Literal["float32", "bfloat16"]
    """bfloat16 is used on a device that has it; float32 everywhere."""
    threads: Positive
    """CPU threads of a process; a parameter since it changes bits."""
    save_every: Positive
    """Steps between resumable states."""
    gradient_checkpointing: bool
    """Whether blocks keep their input only, and compute the rest again for the gradient (Chen et al. 2016, arXiv
    1604.06174): less memory, a third more computing, the same gradients. `xit show --memory` says how much less."""
    compile: bool
    """Whether torch.compile makes kernels for the model, which needs a C++ compiler; pays with GPUs and long runs."""


@dataclasses.dataclass(frozen=True)
class MultitaskSettings:
    """The condition `multitask`: several intermediate tasks at once, a head each on the shared encoder."""

    tasks: tuple[str, ...]
    """Intermediate tasks; each has its batches as `intermediate.<task>` says."""
    most_examples: Positive
    """Of a task's examples, as many count at most when tasks are drawn in proportion (Raffel et al. 2020, section
    3.5.2; 2**17 in Phang et al. 2020 [mem])."""
    steps: Positive
    """Optimizer steps at most; each is a batch of one task."""
    validate_every: Positive
    """Steps between looks at the mean of the tasks' main metrics on English validation (jiant)."""
    patience: Positive
    """Looks without a better mean before training stops."""


@dataclasses.dataclass(frozen=True)
class MaskedRecipeSettings:
    """Masked LM after pretraining, in all languages: the control `mlm`, and `+mlm` between the batches of tasks."""

    share: Rate
    """Of the steps of a `+mlm` condition; those of the task stay as many as without."""
    steps: Positive
    """Of `mlm`: as many as an intermediate task has."""
    batch_size: Positive
    """Blocks of `pretraining.block_tokens` a step."""
    language_exponent: Fraction
    """Languages are drawn in proportion to (their tokens) ** this (0.3 in Phang et al. 2020 [mem])."""


@dataclasses.dataclass(frozen=True)
class RecipeSettings:
    """What grid.recipes do beside training on one intermediate task (xit/core/conditions.py has their ids)."""

    multitask: MultitaskSettings
    """Several tasks at once."""
    mlm: MaskedRecipeSettings
    """Masked LM."""
    subset_budget: Literal["steps", "epochs"]
    """Whether a subset such as mnli-300 is trained for as many steps as the whole, or for as many epochs."""


@dataclasses.dataclass(frozen=True)
class RetrievalSettings:
    """How sentences become vectors for retrieval."""

    layer: Fraction
    """Which hidden state of the bare encoder, as a fraction of its depth (XTREME: 8 of 12 or 14 of 24, about 7/12)."""
    pooling: Literal["mean", "max", "first"]
    """Over real tokens, special ones included (XTREME: mean); LASER keeps to its own, max."""
    is_centered: bool
    """Whether the mean vector of each language is subtracted before ranking, after training too; XTREME does not."""


@dataclasses.dataclass(frozen=True)
class LanguageSettings:
    """Languages by ISO code."""

    pretraining: tuple[str, ...]
    """Of the text of tokenizer and pretraining."""
    evaluation: tuple[str, ...]
    """Scored, where a task has them; English among them for the transfer gap."""


@dataclasses.dataclass(frozen=True)
class GridSettings:
    """What is compared: ids, in the order of the tables."""

    encoders: tuple[str, ...]
    """Files of xit/encoders."""
    controls: tuple[str, ...]
    """Conditions that are not trained: `none` (the baseline) and `untrained` (not even pretraining)."""
    intermediates: tuple[str, ...]
    """Intermediate tasks, files of xit/tasks."""
    recipes: tuple[str, ...]
    """Conditions that are made of intermediate tasks, or control for them: multitask, mlm, mnli+mlm, mnli-300, …
    (xit/core/conditions.py)."""
    conditions: tuple[str, ...]
    """Controls, intermediates, recipes: the rows of the tables."""
    targets: tuple[str, ...]
    """Tasks that are fine-tuned on English and scored in every language."""
    bare_targets: tuple[str, ...]
    """Retrieval tasks scored on the encoder as it is, without training."""
    tasks: tuple[str, ...]
    """All of the tasks above, each once: what the data stage makes."""
    translated_tasks: tuple[str, ...]
    """Intermediate tasks whose training examples are translated, each into every one of `translation_languages`."""
    translation_languages: tuple[str, ...]
    """Languages that they are translated into, for conditions such as `mnli+de`; both empty: nothing is."""


@dataclasses.dataclass(frozen=True)
class TranslationSettings:
    """The model that translates training examples; the micro source needs none, it says the same in every language."""

    model: str
    """An encoder-decoder of transformers (OPUS-MT, M2M100, NLLB): a folder, or `owner/name` of the Hub."""
    commit: str
    """Of the Hub; empty for a folder, and for the branch main as it is on arrival."""
    batch_size: Positive
    """Sentences at once, of about equal length."""
    beams: Positive
    """Of beam search; 1 is greedy. There is no sampling."""
    max_length_tokens: Positive
    """Of a sentence and of its translation; an example with a longer one is left out and counted."""


@dataclasses.dataclass(frozen=True)
class TokenizerSettings:
    """One tokenizer for all encoders from scratch."""

    vocabulary: Positive
    """Pieces asked for, special tokens included; Unigram (Kudo 2018)."""
    lines: Positive
    """Documents of each language that it is trained on."""


@dataclasses.dataclass(frozen=True)
class TuningSettings:
    """`xit tune`: the trials of learning rates, the same for every encoder, on English validation alone."""

    encoders: tuple[str, ...]
    """Whose trials are stages of the pipeline; none by default, since the rates above are chosen already."""
    pretraining_learning_rates: tuple[Rate, ...]
    """Peaks tried in pretraining."""
    pretraining_steps: Positive
    """Of a trial of pretraining."""
    learning_rates: tuple[Rate, ...]
    """Peaks tried on tasks, from the encoder of the best trial of pretraining."""
    tasks: tuple[str, ...]
    """Target tasks whose mean decides, with their steps and batches; of several formats."""
    seeds: tuple[Count, ...]
    """Each trial is run with every one of them."""


STAGES = (
    "text",
    "data",
    "tokenizer",
    "translate",
    "pretrain",
    "tune",
    "control",
    "intermediate",
    "recipe",
    "finetune",
    "evaluate",
    "retrieve",
    "collect",
    "paper",
)
"""Of dvc.yaml, in their order."""


@dataclasses.dataclass(frozen=True)
class ResourceSettings:
    """What an instance of a stage asks of a worker of the grid; it changes no result and makes nothing stale."""

    cpus: Positive
    """Threads of its own; training itself uses training.threads."""
    gpus: Count
    """Devices; a worker offers those that CUDA_VISIBLE_DEVICES shows it."""
    memory_gib: Annotated[float, Gt(0)]
    """Main memory."""
