"""What params.yaml holds, as frozen values: a dataclass a section, and under each field a sentence that error messages
print (what it is, its unit, its range, where it is from). What one field may hold is said by its type.

This file imports nothing heavy: the command line validates params.yaml without torch (`xit.pipeline.config`).
"""

import dataclasses
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le, Lt

from xit.core.conditions import BASELINE
from xit.core.values import (
    BareTask,
    Codes,
    Control,
    Count,
    Decay,
    EncoderId,
    Fraction,
    Once,
    Positive,
    Rate,
    Rates,
    Recipe,
    Seeds,
    Some,
    TrainedTask,
    among,
    having,
)

STAGES = (
    "text", "parallel", "data", "tokenizer", "translate", "pretrain", "tune", "control", "intermediate", "recipe",
    "finetune", "evaluate", "retrieve", "forgetting", "upper_bound", "collect", "paper",
)  # fmt: skip
"""The stages of dvc.yaml, in their order."""

Stage = Annotated[str, among(lambda: ("default", *STAGES), "stage")]


@dataclasses.dataclass(frozen=True)
class MicroSettings:
    """The micro source: a small world in the words of CLDR."""

    train: Positive
    """Each task has this many English training examples."""
    validation: Positive
    """Each task has this many English validation examples."""
    test: Positive
    """Each task has this many test examples in each language: its own, but the same ones in all where answers are
    retrieved from all languages (LAReQA)."""
    territories: Annotated[int, Ge(10), Le(60)]
    """The world has this many places, from 10 to 60, with their currencies and languages; two of five are held out of
    training."""
    units: Annotated[int, Ge(10), Le(17)]
    """The world has this many units of measure, from 10 to 17; two of five are held out of training."""
    documents_per_language: Positive
    """The text for pretraining has this many lines in each language."""
    anchor_fraction: Fraction
    """This fraction of the documents, from 0 to 1, are rows of phrases beside the signs that all languages share, which
    align the languages."""
    seed: Count
    """The data are drawn from this seed; the seeds of the experiment do not change them."""
    languages: tuple[str, ...] = ()
    """This is not in params.yaml: the languages are those of languages.evaluation, and CLDR must have enough of each
    (it has not for ht and wo)."""


@dataclasses.dataclass(frozen=True)
class FilesSettings:
    """The files source: published files in a folder."""

    folder: str
    """The published files lie in this folder; the path is absolute, or relative to the folder of params.yaml."""
    sha256: str
    """This is the SHA-256 of the data folder's names and contents, so that changed files are a changed parameter; `xit
    reproduce` sets it."""
    most_test: Count
    """The grid evaluates at most this many test examples of a task and language, the first ones; 0 takes all. Retrieval
    keeps every candidate. `xit eval`, `xit submit` and `xit analyse` take all examples, or as many as their --most
    says."""
    misplaced_answers: Literal["error", "repair"]
    """This says what becomes of an answer that is not at its offset: `error` refuses it; `repair` moves it to its
    nearest occurrence, and leaves out a training question without one (the audit counts both)."""
    xcopa_questions: Literal["released", "repaired"]
    """XCOPA's `question` field is wrong in th, tr, sw, id and it: `released` takes it as it is, `repaired` as in the
    Estonian file, where it is right."""
    most_train: Count = 0
    """The grid trains on at most this many English examples of a task, drawn once for all seeds; 0, or nothing said,
    takes all."""
    most_validation: Count = 0
    """The grid validates on at most this many English examples of a task, drawn alike; 0, or nothing said, takes
    all."""
    most_candidates: Count = 0
    """Where all languages share a pool (Mewsli-X, LAReQA), it has the candidates that are asked for and this many
    others; 0, or nothing said, takes all."""


@dataclasses.dataclass(frozen=True)
class HubSettings:
    """The hub source: data sets of the Hugging Face Hub."""

    cache: str
    """Downloads are kept in this folder; the path is absolute, or relative to the folder of params.yaml, and an empty
    one is Hugging Face's own."""
    is_offline: bool
    """If true, only what is in the cache is used, and no connection is opened."""
    most_test: Count
    """The grid evaluates at most this many test examples of a task and language, the first ones; 0 takes all. Retrieval
    keeps every candidate. `xit eval`, `xit submit` and `xit analyse` take all examples, or as many as their --most
    says."""
    misplaced_answers: Literal["error", "repair"]
    """This says what becomes of an answer that is not at its offset: `error` refuses it; `repair` moves it to its
    nearest occurrence. Contexts of google/xtreme are stripped, so that their answers are off by some characters."""
    xcopa_questions: Literal["released", "repaired"]
    """XCOPA's `question` field is wrong in th, tr, sw, id and it: `released` takes it as it is, `repaired` as in
    Estonian, where it is right."""
    sha256: dict[str, str]
    """These are the expected SHA-256 hashes of the splits, by `task split language` (audit.json of the data stage has
    them); a split is checked where its hash is given."""
    most_train: Count = 0
    """The grid trains on at most this many English examples of a task, drawn once for all seeds; 0, or nothing said,
    takes all."""
    most_validation: Count = 0
    """The grid validates on at most this many English examples of a task, drawn alike; 0, or nothing said, takes
    all."""
    most_candidates: Count = 0
    """Where all languages share a pool (Mewsli-X, LAReQA), it has the candidates that are asked for and this many
    others; 0, or nothing said, takes all."""


@dataclasses.dataclass(frozen=True)
class EncoderSize:
    """The shape of an encoder from scratch."""

    dimension: Positive
    """Each token's state has this many numbers (the hidden size)."""
    layers: Positive
    """The encoder has this many layers."""
    inner: Positive
    """This is the width inside a layer: of a transformer's feed-forward part, of one direction of a recurrence (cells),
    or of LASER's embedding."""
    heads: Count
    """Each layer of a transformer has this many attention heads; a recurrence has none, so 0."""


@dataclasses.dataclass(frozen=True)
class VocabularySettings:
    """What an encoder from scratch takes of a released one."""

    source: str
    """The tokenizer is taken from here: the id of a released encoder, `owner/name@commit` of the Hub, or a folder."""
    has_frozen_table: bool
    """If true, the released embedding matrix is copied too, frozen, and projected to this encoder's hidden size by a
    trained linear layer."""


@dataclasses.dataclass(frozen=True)
class EncoderSettings:
    """One encoder: where it starts, its size, and the learning rates tuned for it on English validation."""

    weights: str
    """The encoder starts here: `random`; or, not pretrained here, `released` (the place that its file in xit/encoders
    names), `owner/name@commit` of the Hub, or a folder of the project or elsewhere."""
    vocabulary: VocabularySettings | None
    """An encoder that starts `random` reads with the tokenizer of a released one if it is named here; null takes that
    of the tokenizer stage."""
    size: EncoderSize | None
    """This is the shape of an encoder that starts `random`, equal between the encoders of a table within 5 % of their
    parameters; null where weights are not random."""
    pretraining_learning_rate: Rate | None
    """Pretraining reaches this peak learning rate, between 0 and 1, of Muon and AdamW alike; null where weights are not
    random."""
    learning_rate: Rate
    """Intermediate training and fine-tuning reach this peak learning rate of AdamW, between 0 and 1; `learning_rates`
    and a task may say otherwise."""
    learning_rates: dict[TrainedTask, Rate] | None = None
    """These tasks, intermediate and target, have peak learning rates of their own with this encoder, as
    `{xnli: 0.002}`; it may be left out. A task's own `learning_rate` goes before it."""


@dataclasses.dataclass(frozen=True)
class ObjectiveSettings:
    """The share of the steps of each objective of pretraining; the shares sum to 1."""

    masked_lm: Fraction
    """This share of the steps, from 0 to 1, reads packed blocks of text and predicts masked tokens (Devlin et al. 2019,
    section 3.1)."""
    translation_lm: Fraction
    """This share of the steps, from 0 to 1, predicts masked tokens of rows that hold an English text and its
    translation, in an order that is drawn (Conneau and Lample 2019, arXiv 1901.07291)."""
    translation_ranking: Fraction
    """This share of the steps, from 0 to 1, finds the translations of English texts among those of the batch by their
    mean states (Feng et al. 2022, arXiv 2007.01852), and predicts masked tokens of both in the same forward pass: the
    two losses are added."""


@dataclasses.dataclass(frozen=True)
class PretrainingSettings:
    """Pretraining on text, the same for every encoder from scratch."""

    steps: Positive
    """Pretraining takes this many optimizer steps; at least 1, since 0 would leave the encoder random."""
    objectives: ObjectiveSettings
    """This section says which share of the steps each objective has; the shares sum to 1."""
    batch_size: Positive
    """Each step reads this many blocks; of translations, as many pairs as have that many tokens in the mean."""
    block_tokens: Positive
    """Each block has this many tokens; documents are packed into blocks, so there is no padding. Of a pair of
    translations, each side is cut to this many."""
    masked_fraction: Rate
    """This fraction of the tokens, between 0 and 1, is predicted: 80 % of them become <mask>, 10 % a random piece, 10 %
    stay (Devlin et al. 2019, section 3.1)."""
    language_exponent: Fraction
    """Languages are drawn in proportion to (their tokens) ** this, from 0 to 1 (Conneau et al. 2020, section 3.1:
    0.3)."""
    warmup_fraction: Fraction
    """The learning rate rises linearly from 0 to its peak over this fraction of the steps, from 0 to 1."""
    final_fraction: Fraction
    """The learning rate then falls linearly to this fraction of its peak, from 0 to 1, at the last step."""
    weight_decay: Decay
    """Matrices decay by this, at least 0, decoupled from the gradient."""
    gradient_clip: Annotated[float, Gt(0)]
    """Gradients are scaled down to this global norm, above 0, where theirs is larger."""
    optimizer: Literal["adamw", "muon", "muon_float32"] = "muon"
    """AdamW for all weights; or Muon for matrices beside it, as torch has it (in bfloat16, slow on processors without
    instructions for it), or in float32."""


@dataclasses.dataclass(frozen=True)
class TaskSettings:
    """Training on one task, intermediate or target, the same for every encoder."""

    steps: Positive | None
    """Training takes at most this many optimizer steps; null where `epochs` says how long it is."""
    batch_size: Positive
    """Each step reads this many examples."""
    micro_batches: Positive
    """Each step of retrieval makes this many forward passes, in each of which the examples are one another's negatives;
    the number divides the batch size. Other tasks make as many as `compute.most_tokens` lets them."""
    max_length_tokens: Positive
    """Each input has at most this many tokens; longer ones are cut, or read in windows (question answering)."""
    learning_rate: Rate | None
    """Training reaches this peak learning rate, between 0 and 1; null takes the encoder's."""
    validate_every: Count
    """English validation is scored every so many steps; 0 scores the last step only, whose weights are kept."""
    patience: Count
    """Training stops after this many validations without a better score, or without a lower loss at an equal score; 0
    never stops it."""
    epochs: Positive | None = None
    """Training passes over the examples at most this many times; it may be left out, as those below."""
    warmup_steps: Count | None = None
    """The learning rate rises linearly over this many steps; null takes `training.warmup_fraction`."""
    weight_decay: Decay | None = None
    """Matrices decay by this, at least 0, decoupled from the gradient; null takes that of `training`."""


@dataclasses.dataclass(frozen=True)
class TrainingSettings:
    """What intermediate training and fine-tuning share."""

    warmup_fraction: Fraction
    """The learning rate rises linearly from 0 to its peak over this fraction of the steps, from 0 to 1 (jiant guide:
    0.1)."""
    weight_decay: Decay
    """Matrices decay by this, at least 0, decoupled from the gradient."""
    gradient_clip: Annotated[float, Gt(0)]
    """Gradients are scaled down to this global norm, above 0, where theirs is larger."""
    restarts: Count
    """A training that fails is started again at most this many times, with another head and order of batches; it fails
    where its score on English validation is not above chance by two standard errors (xit/training/validation.py)."""
    head: Literal["linear", "matching"]
    """Every encoder has this head: the papers' `linear` one, or a `matching` one for small encoders (xit.heads)."""


@dataclasses.dataclass(frozen=True)
class ComputeSettings:
    """How the machine computes, the same in every stage that uses torch."""

    precision: Literal["float32", "bfloat16"]
    """Training computes in this precision; bfloat16 is used on a device that has it, float32 everywhere."""
    threads: Positive
    """Each process computes with this many CPU threads; it is a parameter since it changes bits."""
    instructions: Literal["compatible", "avx2", "native"]
    """A CPU computes with these instructions (xit.core.instructions), which change bits: `compatible`, which gives
    equal bits on every x86-64 processor with AVX2; `avx2`, which is faster and gives them on processors of one maker;
    `native`, all that it has."""
    save_every: Positive
    """A state from which training can go on is saved every so many steps; a change trains nothing again."""
    gradient_checkpointing: bool
    """If true, blocks keep their input only, and compute the rest again for the gradient (Chen et al. 2016, arXiv
    1604.06174): less memory, a third more computing, the same gradients. benchmarks/memory.py says how much less."""
    compile: bool
    """If true, torch.compile makes kernels for the model, which needs a C++ compiler and pays with GPUs and long
    runs."""
    most_tokens: Positive = 16_384
    """A forward pass of training has at most this many tokens, padding included, as memory allows; a step of more takes
    several. Retrieval, whose passes are one another's negatives, keeps to `micro_batches`. It may be left out."""


@dataclasses.dataclass(frozen=True)
class MultitaskSettings:
    """The condition `multitask`: several intermediate tasks at once, a head each on the shared encoder."""

    tasks: Annotated[tuple[TrainedTask, ...], Some, Once]
    """These intermediate tasks are trained together; each has its batches as `intermediate.<task>` says."""
    most_examples: Positive
    """A task counts at most this many of its examples when tasks are drawn in proportion to them (Raffel et al. 2020,
    section 3.5.2; Phang et al. 2020 are said to take 2**17)."""
    steps: Positive
    """Training takes at most this many optimizer steps; each is a batch of one task."""
    validate_every: Positive
    """The mean of the tasks' main metrics on English validation is taken every so many steps (jiant)."""
    patience: Positive
    """Training stops after this many validations without a better mean."""


@dataclasses.dataclass(frozen=True)
class MaskedRecipeSettings:
    """Masked LM after pretraining, in all languages: the control `mlm`, and `+mlm` between the batches of tasks."""

    share: Rate
    """Masked LM has this fraction of the steps of a `+mlm` condition, between 0 and 1; the task keeps as many as
    without it."""
    steps: Positive
    """The condition `mlm` takes this many optimizer steps: as many as an intermediate task has."""
    batch_size: Positive
    """Each step reads this many blocks of `pretraining.block_tokens`."""
    language_exponent: Fraction
    """Languages are drawn in proportion to (their tokens) ** this, from 0 to 1 (Phang et al.
    2020 are said to take 0.3)."""


@dataclasses.dataclass(frozen=True)
class RecipeSettings:
    """What grid.recipes do beside training on one intermediate task (xit/core/conditions.py has their ids)."""

    multitask: MultitaskSettings
    """This section is about several tasks at once."""
    mlm: MaskedRecipeSettings
    """This section is about masked LM."""
    subset_budget: Literal["steps", "epochs"]
    """A subset such as mnli-300 is trained for as many steps as the whole, or for as many epochs."""


@dataclasses.dataclass(frozen=True)
class RetrievalSettings:
    """How sentences become vectors for retrieval."""

    layer: Fraction
    """Vectors are made of this hidden state of the bare encoder, as a fraction of its depth from 0, the embeddings, to
    1, the last layer (jiant: 14 of 24, which is 7/12; XTREME: that, or 8 of 12). Of depths that are no multiple the
    nearest counts: with 7/12 layer 1 of 2, 2 of 3, 7 of 12."""
    pooling: Literal["mean", "max", "first"]
    """The states of real tokens, special ones included, become one vector by this (XTREME: mean); LASER keeps to its
    own, max."""


@dataclasses.dataclass(frozen=True)
class LanguageSettings:
    """Languages by ISO code."""

    pretraining: Codes
    """Tokenizer, pretraining and masked LM read text in these languages; none where no encoder of the grid does."""
    evaluation: Annotated[Codes, Some, having("en", "English is what training is on")]
    """Tasks are scored in these languages where they have them; English is among them for the transfer gap."""


@dataclasses.dataclass(frozen=True)
class GridSettings:
    """What is compared: ids, in the order of the tables."""

    encoders: Annotated[tuple[EncoderId, ...], Some, Once]
    """These encoders are compared; each is a file of xit/encoders."""
    controls: Annotated[tuple[Control, ...], Once, having(BASELINE, "every gain is measured against it")]
    """These conditions are not trained: `none` (the baseline) and `untrained` (not even pretraining)."""
    intermediates: Annotated[tuple[TrainedTask, ...], Some, Once]
    """These are the intermediate tasks, at least one, since a gain is theirs over none; each is a file of xit/tasks."""
    recipes: Annotated[tuple[Recipe, ...], Once]
    """These conditions are made of intermediate tasks, or control for them: multitask, mlm, mnli+mlm, mnli-300, …
    (xit/core/conditions.py)."""
    conditions: tuple[str, ...]
    """These are the rows of the tables: controls, intermediates and recipes, in this order."""
    targets: Annotated[tuple[TrainedTask, ...], Once]
    """These tasks are fine-tuned on English and scored in every language."""
    bare_targets: Annotated[tuple[BareTask, ...], Once]
    """These retrieval tasks are scored on the encoder as it is, without training."""
    tasks: tuple[str, ...]
    """The data stage makes these: all of the tasks above, each once."""
    translated_tasks: Annotated[tuple[TrainedTask, ...], Once]
    """The training examples of these intermediate tasks are translated into every one of `translation_languages`."""
    translation_languages: Codes
    """Training examples are translated into these languages, for conditions such as `mnli+de`; where both lists are
    empty, nothing is."""


@dataclasses.dataclass(frozen=True)
class AnalysisSettings:
    """What the scores are asked, declared before they are there (xit/statistics/gains.py)."""

    intermediates: Annotated[tuple[TrainedTask, ...], Once]
    """The primary gain of an encoder is the mean over these of grid.intermediates; over all, where the list is
    empty."""
    margin: Annotated[float, Gt(0)]
    """Gains that differ by fewer points than this count as equal."""
    level: Annotated[float, Gt(0.5), Lt(1)]
    """Intervals have this level; what is tested may be wrong in one minus this of families."""
    fewest_seeds: Annotated[int, Ge(3)]
    """With fewer seeds there are estimates and no verdicts: `xit show power` says how many the margin needs."""
    not_averaged: Annotated[tuple[str, ...], Once] = ()
    """These targets are shown and are in no mean: the second one of a kind, for one."""


@dataclasses.dataclass(frozen=True)
class UpperBoundSettings:
    """What there would be without transfer: targets fine-tuned on training data of the language that they are scored
    in, which the micro source can make."""

    languages: Codes
    """Each target is fine-tuned in each of these languages too; none by default."""
    seeds: Seeds
    """It is done with each of these seeds, which are some of `seeds`."""


@dataclasses.dataclass(frozen=True)
class TranslationSettings:
    """The model that translates training examples; the micro source needs none, it says the same in every language."""

    model: str
    """This model translates: an encoder-decoder of transformers (OPUS-MT, M2M100, NLLB), as a folder or `owner/name` of
    the Hub."""
    commit: str
    """This commit of the model is taken from the Hub; it is empty for a folder, and for the branch main as it is on
    arrival."""
    batch_size: Positive
    """This many sentences of about equal length are translated at once."""
    beams: Positive
    """Beam search keeps this many beams; 1 is greedy. There is no sampling."""
    max_length_tokens: Positive
    """A sentence and its translation have at most this many tokens; an example with a longer one is left out and
    counted."""


@dataclasses.dataclass(frozen=True)
class TokenizerSettings:
    """One tokenizer for all encoders from scratch."""

    vocabulary: Positive
    """The tokenizer has at most this many pieces, special tokens included; Unigram (Kudo 2018)."""
    lines: Positive
    """The tokenizer is trained on this many documents of each language, the first ones, and on both sides of as many
    pairs of translations, which are spread over all that there are."""


@dataclasses.dataclass(frozen=True)
class TuningSettings:
    """`xit tune`: the trials of learning rates, the same for every encoder, on English validation alone."""

    encoders: Annotated[tuple[EncoderId, ...], Once]
    """The trials of these encoders are stages of the pipeline; none are by default, since the rates above are chosen
    already."""
    pretraining_learning_rates: Rates
    """These peak learning rates, each between 0 and 1, are tried in pretraining; where the list is empty, or has one,
    nothing is searched there: the encoder's own `pretraining_learning_rate` is taken, or that one."""
    pretraining_steps: Positive | None
    """A trial of pretraining takes this many optimizer steps; null takes as many as `pretraining.steps`."""
    learning_rates: Annotated[Rates, Some]
    """These peak learning rates, each between 0 and 1, are tried on each task, from the encoders of the best trial of
    pretraining."""
    tasks: Annotated[tuple[TrainedTask, ...], Once]
    """A rate is chosen for each of these tasks, targets or intermediate ones, which have their own steps and batches;
    where the list is empty, for every one of the grid."""
    seeds: Seeds
    """Each trial is run with every one of these seeds, whole numbers from 0 to 2**32 - 1, which are none of `seeds`."""


@dataclasses.dataclass(frozen=True)
class ResourceSettings:
    """What a run of a stage asks of a worker of the grid; it changes no result and makes nothing stale."""

    cpus: Positive
    """The run has this many CPU threads; training itself uses compute.threads."""
    gpus: Count
    """The run has this many GPUs; a worker offers those that CUDA_VISIBLE_DEVICES shows it."""
    memory_gib: Annotated[float, Gt(0)]
    """The run has this much main memory, in GiB."""
    gpu_peak_tflops: Annotated[float, Gt(0)] = 312.0
    """A GPU of the run computes at most this many TFLOP/s in bfloat16, as its data sheet says (312 is an A100); nothing
    but the estimate of `xit grid plan` reads it, and it may be left out."""
