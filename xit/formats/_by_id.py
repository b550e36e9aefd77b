"""Predictions by the ids of examples, as questions and rankings have them."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from xit import formats
from xit.core.errors import some


class ById(formats.Format):
    """Predictions are a mapping from ids; gold is `list[tuple[str, list[str]]]`, ids and their right answers."""

    extension = "json"

    def text(self, predictions: Mapping[str, Any]) -> str:
        if not isinstance(predictions, Mapping):
            raise TypeError(f"predictions of {self.task.format} do not come as a {type(predictions).__name__}")
        return json.dumps(predictions, ensure_ascii=False) + "\n"

    def check(self, predictions: Any, gold: Any, language: str) -> list[str]:
        known = {name for name, _ in gold}
        unknown = [name for name in predictions if name not in known]
        return [f"{some(unknown)}: no such id in the gold."] if unknown else []

    def unanswered(self, predictions: Any, gold: Any) -> int:
        return sum(name not in predictions for name, _ in gold)

    def part(self, predictions: Any, gold: Any, numbers: Sequence[int]) -> tuple[Any, Any]:
        return predictions, [gold[number] for number in numbers]
