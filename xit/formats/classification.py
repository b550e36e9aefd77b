"""Classification of a pair of texts, such as natural-language inference or paraphrase: a label for each example.

Scored by accuracy (google-research/xtreme: evaluate.py, `acc`).
"""

from typing import ClassVar

from xit import formats
from xit.core.examples import Example
from xit.formats import unknown


class Format(formats.Format):
    """Predictions: `list[str]`, a label for each example. A line is a label."""

    columns: ClassVar = {"text_a": "text", "text_b": "text", "label": "text"}
    text_columns = unique_columns = ("text_a", "text_b")
    texts = 2
    has_labels = True
    untranslatable = ""

    def faults(self, example: Example) -> list[str]:
        return [*super().faults(example), *unknown("label", [example["label"]], self.task)]
