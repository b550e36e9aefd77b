"""Multiple choice: which continuation, cause, effect or answer fits a prompt. Scored by accuracy."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from xit import formats
from xit.core.examples import Example
from xit.formats import LostError, Translation, empty
from xit.formats._submission import SubmissionFile, json_line

if TYPE_CHECKING:
    from numpy.random import Generator


class Format(formats.Format):
    """Predictions: `list[int]`, the number of a choice, from 0, for each example. A line is `{"label": 0}`."""

    columns: ClassVar = {"prompt": "text", "choices": "texts", "label": "number"}
    text_columns = ("prompt", "choices")
    unique_columns = ("prompt",)
    texts = 2
    extension = "jsonl"
    untranslatable = ""

    def faults(self, example: Example) -> list[str]:
        choices = example["choices"]
        faults = empty(example, "prompt")
        if len(choices) < 2:
            faults.append(f"{len(choices)} choices; at least 2 are needed.")
        if any(not choice.strip() for choice in choices):
            faults.append("a choice is empty.")
        if not 0 <= example["label"] < len(choices):
            faults.append(f"label {example['label']} is not the index of one of {len(choices)} choices.")
        return faults

    def lengths(self, example: Example) -> dict[str, int]:
        return {"length": len(example["prompt"])}

    def shuffled(self, examples: Sequence[Example], generator: "Generator") -> list[Example]:
        """The indices of the right choice permuted, modulo the number of choices where that differs."""
        return [{**row, "label": row["label"] % len(row["choices"])} for row in super().shuffled(examples, generator)]

    def shown(self, example: Example) -> dict[str, str]:
        return {"prompt": example["prompt"], "choices": " · ".join(example["choices"])}

    def translated(self, example: Example, translation: Translation) -> dict[str, Any]:
        choices = [translation.text(choice) for choice in example["choices"]]
        if len(set(choices)) < len(set(example["choices"])):
            raise LostError("choices that became equal")
        return {"prompt": translation.text(example["prompt"]), "choices": choices}

    def text(self, predictions: Sequence[int]) -> str:
        return "".join(json.dumps({"label": label}) + "\n" for label in predictions)

    def parse(self, file: SubmissionFile) -> list[int]:
        labels = file.each_line(_label, 'as {"label": 0}')
        known = [str(number) for number in range(len(self.task.record["choices"]))] if self.task.record else []
        if len(labels) == len(file.lines):
            file.check_labels(enumerate(map(str, labels), 1), known)
        return labels

    def as_texts(self, predictions: Any, asked: Sequence[Example], texts: Mapping[str, str]) -> list[str]:
        return [example["choices"][number] for example, number in zip(asked, predictions, strict=True)]


def _label(line: str) -> int:
    label = json_line(line)["label"]
    if type(label) is not int:
        raise TypeError
    return label
