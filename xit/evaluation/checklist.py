"""Small questions asked of a checkpoint of question answering: how many cases it fails, by test and language."""

import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xit import heads
from xit.core.errors import CheckpointError
from xit.core.progress import Report
from xit.core.task import task_of
from xit.evaluation import evaluate
from xit.evaluation.checklist_templates import Suite
from xit.heads import EncodingOptions
from xit.modeling import checkpoints, released_heads, task_model

# After google-research/xtreme:multichecklist/generate_test_utils.py, as whole words
ARTICLES: Mapping[str, str] = {
    "af": "’n",
    "bn": "একটি একজন",
    "de": "ein eine einen",
    "el": "ο ένα μια",
    "en": "a an the in at",
    "es": "un una unos unas el la los las",
    "eu": "bat",
    "fa": "یک",
    "fr": "un une le la en",
    "hi": "एक",
    "hu": "egy",
    "it": "un una",
    "ml": "ഒരു",
    "mr": "एक",
    "my": "တစ်ဦး",
    "nl": "een",
    "pa": "ਇੱਕ ਇਕ",
    "pt": "um uma",
    "ta": "ஒரு",
    "tl": "si",
    "tr": "bir",
    "vi": "một",
    "wo": "dafa",
    "yo": "kan",
}


def clean(answer: str, language: str) -> str:
    """An answer as it is compared: small letters, without articles and without punctuation around words.

    Differs from the benchmark: letters are made small, since an answer may be cut from the beginning of a sentence.
    """
    words = (_bare(word) for word in answer.lower().split())
    if language == "ar":
        words = (re.sub("^ال", "", word) for word in words)
    articles = ARTICLES.get(language, "").split()
    return " ".join(word for word in words if word and word not in articles)


def _bare(word: str) -> str:
    inside = [index for index, c in enumerate(word) if c == "’" or unicodedata.category(c)[0] != "P"]
    return word[inside[0] : inside[-1] + 1] if inside else ""


def ask(checkpoint: Path, suite: Suite, report: Report) -> dict[str, dict[str, dict[str, float]]]:
    """How much of each test a checkpoint fails in each language.

    Args:
        checkpoint: A folder with a head of a task of extractive question answering.
        suite: The cases.
        report: Takes how many tests and languages are done, and of how many.

    Returns:
        By test and language: `cases` and `failed_cases` (in percent: with any wrong answer), `questions` and
        `failed_questions` (in percent), and `not_in_context`, the questions that no part of the context answers.

    Raises:
        CheckpointError: it has no head, or one of another format.
    """
    own = checkpoints.head_config(checkpoint)
    is_there = Path(checkpoint).is_dir()
    released = released_heads.read(checkpoint) if is_there and own is None else None
    if (own or released is None or released.format != "span") and (own is None or own.format != "span"):
        named = f"of {own.task}" if own else f"a {released.architecture}" if released else ""
        head = f"its head is {named}" if named else "it has no head" if is_there else "no such folder"
        raise CheckpointError(
            f"{checkpoint}: {head}; the checklist takes one fine-tuned on questions: xquad, mlqa, tydiqa, squad."
        )
    task = task_of(own.task if own else "xquad")
    facts = own or evaluate.head_for(checkpoint, task.id)
    model, tokenizer = task_model.load_task(checkpoint, facts)
    max_length_tokens = int(min(facts.max_length_tokens, model.encoder.max_positions))
    options = EncodingOptions(tokenizer, task, max_length_tokens)
    form: Any = heads.load("span")
    failures: dict[str, dict[str, dict[str, float]]] = {}
    total = sum(map(len, suite.values()))
    for name, by_language in suite.items():
        for language, cases in by_language.items():
            examples = [
                {"id": f"{number}-{index}", "question": each.question, "context": each.context}
                for number, case in enumerate(cases)
                for index, each in enumerate(case)
            ]
            answers = form.predict(model, examples, options)
            wrong = [
                [
                    clean(answers[f"{number}-{index}"], language) != clean(each.answer, language)
                    for index, each in enumerate(case)
                ]
                for number, case in enumerate(cases)
            ]
            failures.setdefault(name, {})[language] = {
                "cases": len(cases),
                "failed_cases": 100.0 * sum(map(any, wrong)) / len(cases),
                "questions": len(examples),
                "failed_questions": 100.0 * sum(map(sum, wrong)) / len(examples),
                "not_in_context": sum(
                    each.answer.lower() not in each.context.lower() for case in cases for each in case
                ),
            }
            report("checklist", sum(map(len, failures.values())), total)
    return failures
