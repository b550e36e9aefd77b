"""Extractive question answering: the answer is a span of the context, or there is none.

Scored by the mean of exact match and F1, by the rules of SQuAD or those of MLQA.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from xit.core.errors import shortened
from xit.core.examples import Example
from xit.formats import Translation, _metrics
from xit.formats._by_id import ById
from xit.formats._submission import SubmissionFile

if TYPE_CHECKING:
    from numpy.random import Generator


class Format(ById):
    """Predictions: `dict[str, str]`, an answer for each id. The gold is as SQuAD writes it; ids may repeat (TyDiQA).

    The main metric is the benchmark's task score, `em_f1`: the mean of exact match and F1. Training chooses its
    checkpoint by it too, as nyu-mll/jiant does (jiant/tasks/evaluate/core.py).
    """

    columns: ClassVar = {"question": "text", "context": "text", "answers": "texts", "starts": "numbers"}
    text_columns = ("question", "context")
    unique_columns = ("context",)
    texts = 2
    untranslatable = ""

    def faults(self, example: Example) -> list[str]:
        context, answers, starts = example["context"], example["answers"], example["starts"]
        faults = super().faults(example)
        if len(answers) != len(starts):
            faults.append(f"{len(answers)} answers but {len(starts)} offsets.")
        if not answers and not self.task.has_unanswerable:
            faults.append("there is no answer.")
        for answer, start in zip(answers, starts, strict=False):
            if not answer or context[start : start + len(answer)] != answer:
                faults.append(f"answer {answer!r} is not in its context at {start}.")
        return faults

    def lengths(self, example: Example) -> dict[str, int]:
        answer = {"answer length": len(example["answers"][0])} if example["answers"] else {}
        return {"length": len(example["context"]), **answer}

    def shuffled(self, examples: Sequence[Example], generator: "Generator") -> list[Example]:
        """Each answer moved to a word of its own context drawn at random, of as many characters; none stays none."""
        return [_moved(example, generator) for example in examples]

    def translated(self, example: Example, translation: Translation) -> dict[str, Any]:
        """The first answer, which is the one that is trained on; in the published training sets it is the only one."""
        question, context = translation.text(example["question"]), example["context"]
        if not example["answers"]:
            return {"question": question, "context": translation.text(context), "answers": [], "starts": []}
        start = example["starts"][0]
        context, answer, start = translation.marked(context, start, start + len(example["answers"][0]))
        return {"question": question, "context": context, "answers": [answer], "starts": [start]}

    def facts(self) -> dict[str, str]:
        unanswerable = {"unanswerable questions": "yes"} if self.task.has_unanswerable else {}
        return {**unanswerable, "answers normalised as": self.task.answer_rules}

    def parse(self, file: SubmissionFile) -> dict[str, str]:
        return file.by_id(lambda answer: isinstance(answer, str), "a text")

    def gold(self, examples: Sequence[Example]) -> list[tuple[str, list[str]]]:
        return [(example["id"], list(example["answers"])) for example in examples]

    def gold_text(self, examples: Sequence[Example]) -> str:
        paragraphs = []
        for e in examples:
            pairs = zip(e["answers"], e["starts"], strict=True)
            answers = [{"text": text, "answer_start": start} for text, start in pairs]
            question = {"id": e["id"], "question": e["question"], "answers": answers}
            paragraphs.append({"context": e["context"], "qas": [question]})
        squad = {"version": "1.1", "data": [{"title": self.task.title, "paragraphs": paragraphs}]}
        return json.dumps(squad, ensure_ascii=False) + "\n"

    def parse_gold(self, file: SubmissionFile) -> list[tuple[str, list[str]]]:
        content = file.json()
        try:
            questions = [
                (question["id"], [answer["text"] for answer in question["answers"]])
                for article in (content["data"] if isinstance(content, dict) else content)
                for paragraph in article["paragraphs"]
                for question in paragraph["qas"]
            ]
        except (KeyError, TypeError) as error:
            file.fault(f"not as SQuAD writes questions, data → paragraphs → qas → answers: {error}.")
            return []
        values = [value for name, answers in questions for value in (name, *answers)]
        if wrong := [json.dumps(value) for value in values if not isinstance(value, str)]:
            others = f", nor are {len(wrong) - 1} more" * (len(wrong) > 1)
            file.fault(f"ids and right answers should be texts; {shortened(wrong[0], quotes='')} is none{others}.")
        elif not self.task.has_unanswerable:
            file.check_answers(questions)
        return questions

    @property
    def reported(self) -> tuple[str, ...]:
        return ("em_f1", "exact_match", "f1")

    def score(self, predictions: Any, gold: Any, language: str) -> dict[str, float]:
        right = {str(number): answers for number, (_, answers) in enumerate(gold)}
        said = {str(number): predictions[name] for number, (name, _) in enumerate(gold) if name in predictions}
        is_mlqa = self.task.answer_rules == "mlqa"
        found = _metrics.mlqa(said, right, language) if is_mlqa else _metrics.squad(said, right)
        return {"em_f1": (found.exact_match + found.f1) / 2, **found._asdict()}

    def blind(self, examples: Sequence[Example], gold: Any) -> Iterable[Any]:
        """The whole passage for every question, or "no answer" where there may be none."""
        yield {example["id"]: example["context"] for example in examples}
        if self.task.has_unanswerable:
            yield {example["id"]: "" for example in examples}

    def as_texts(self, predictions: Any, asked: Sequence[Example], texts: Mapping[str, str]) -> list[str]:
        return [predictions.get(example["id"], "") for example in asked]

    def gold_as_texts(self, example: Example, texts: Mapping[str, str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(example["answers"]))


def _moved(example: Example, generator: "Generator") -> Example:
    if not example["answers"]:
        return example
    context, size = example["context"], len(example["answers"][0])
    starts = [word.start() for word in re.finditer(r"\S+", context) if word.start() + size <= len(context)] or [0]
    start = starts[generator.integers(len(starts))]
    return {**example, "answers": [context[start : start + size]], "starts": [start]}
