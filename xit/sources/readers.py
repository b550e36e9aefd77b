"""Readers of the formats in which the data sets are published: a file in, groups of example rows out.

A reader is a function of a file and a `Reading`; `xit.tasks` names it. It gives groups, lists of rows that a split of
the file never separates (the questions on one paragraph; a query and its candidates), without their language. What is
wrong with a file is never guessed around: every fault goes to `Reading.faults`, with file and line or record, and the
caller raises them together. What was repaired or left out by rule is counted in `Reading.notes`.

Python's csv, pydantic and conllu do the parsing; records are declared as types. Rules: BENCHMARK facts 1.5 to 1.7, that
is google-research/xtreme:utils_preprocess.py and third_party/, and nyu-mll/jiant for the intermediate tasks.
"""

import collections
import csv
import dataclasses
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from xit.core.errors import near
from xit.core.task import Split

Row = dict[str, Any]
Group = list[Row]

NO_LABEL = "no label"
EMPTY_SENTENCE = "a sentence is empty"


@dataclasses.dataclass(frozen=True)
class Table:
    """Rows that somebody else has read, in place of a file: those of the Hub.

    Attributes:
        name: For messages.
        rows: With the fields that a reader's record asks for.
        sibling: The same rows in another language, for data sets that are parallel.
    """

    name: str
    rows: Sequence[Mapping[str, Any]]
    sibling: "Callable[[str], Table]"

    def __str__(self) -> str:
        return self.name


Source = Path | Table


@dataclasses.dataclass
class Reading:
    """The rules by which the files of a split are read, and what was found in them.

    Attributes:
        split: A row of the test split is never left out, since that would change the denominator of scores.
        labels: What a file calls each label → what the task calls it; of classification and tagging.
        repairs_answers: Whether an answer that is not at its offset is moved to its nearest occurrence.
        repairs_questions: Whether XCOPA's wrong `question` fields are replaced by the Estonian ones.
        sums: The SHA-256 that files should have, of those of which it is known.
        faults: Messages, each with file and line or record.
        notes: How often each rule changed or left out something.
    """

    split: Split
    labels: Mapping[str, str] = dataclasses.field(default_factory=dict)
    repairs_answers: bool = False
    repairs_questions: bool = False
    sums: Mapping[Path, str] = dataclasses.field(default_factory=dict)
    faults: list[str] = dataclasses.field(default_factory=list)
    notes: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)

    def fault(self, where: str, message: str) -> None:
        """Note a fault."""
        self.faults.append(f"{where}: {message}")

    def label(self, where: str, label: str) -> str:
        """The task's name of a file's label; an unknown one is a fault."""
        if label not in self.labels:
            known = ", ".join(self.labels)
            self.fault(where, f"label {_shown(label)} is unknown.{near(label, self.labels)} Labels: {known}.")
        return self.labels.get(label, label)

    def left_out(self, where: str, why: str) -> None:
        """Count a record that is left out; in the test split it is a fault."""
        if self.split == "test":
            self.fault(where, f"{why}.")
        else:
            self.notes[f"records left out: {why}"] += 1


# --- text, lines and columns ---


def text(file: Path, reading: Reading) -> str:
    """A file's text with `\\n` line ends and without byte order mark; empty, with a fault, where it cannot be read."""
    try:
        raw = file.read_bytes()
        found = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        byte = raw[error.start]
        reading.fault(f"{file}, line {line}", f"byte 0x{byte:02x} is not UTF-8. Convert the file to UTF-8.")
        return ""
    except OSError as error:
        reading.fault(str(file), f"cannot be read: {error.strerror}.")
        return ""
    expected = reading.sums.get(file)
    if expected and (own := hashlib.sha256(raw).hexdigest()) != expected:
        reading.fault(str(file), f"its SHA-256 is {own}; in SHA256SUMS it is {expected}. Fetch it again.")
    if not found.strip():
        reading.fault(str(file), "is empty. Fetch it again.")
    if "\0" in found:
        reading.fault(
            f"{file}, line {found[: found.index(chr(0))].count(chr(10)) + 1}", "has a NUL byte. Fetch it again."
        )
        return ""
    return found.replace("\r\n", "\n")


def lines(file: Path, reading: Reading) -> list[str]:
    """A file's lines; only line feeds end a line, as sentences may hold other separators of Unicode."""
    found = text(file, reading)
    return found.removesuffix("\n").split("\n") if found else []


def _columns(
    file: Path,
    reading: Reading,
    names: Sequence[str],
    delimiter: str,
    *,
    is_quoted: bool,
    has_header: bool,
    may_lack: bool = False,
) -> Iterator[tuple[str, list[str]]]:
    """Where a row is, and its columns: exactly those named, in that order, none empty.

    Where `may_lack`, a row with fewer or with empty columns is left out by rule; else it is a fault.
    """
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if is_quoted else csv.QUOTE_NONE
    raw = lines(file, reading)
    rows = csv.reader((f"{line}\n" for line in raw), delimiter=delimiter, quoting=quoting, strict=True)
    before = 0
    while True:
        try:
            row = next(rows, None)
        except csv.Error as error:
            reading.fault(f"{file}, line {before + 1}", f"quotes or line ends do not match: {error}.")
            return
        if row is None:
            return
        where, line, before, size = f"{file}, line {before + 1}", raw[before], rows.line_num, rows.line_num - before
        if has_header and before == size:
            if row != list(names):
                reading.fault(where, f"the header is {_shown(row)}; it should be {_shown(list(names))}.")
                return
        elif size > 1:
            reading.fault(where, f"a row runs over {size} lines. Is a quote not closed?")
        elif may_lack and len(row) < len(names):
            reading.left_out(where, "columns are missing")
        elif len(row) != len(names):
            reading.fault(where, f"{len(row)} columns; {len(names)} are needed: {', '.join(names)}.")
        elif may_lack and not all(value.strip() for value in row):
            reading.left_out(where, "a column is empty")
        elif empty := [name for name, value in zip(names, row, strict=True) if not value.strip()]:
            reading.fault(where, f"{', '.join(empty)} is empty.")
        elif is_quoted and (bare := [name for name, value in zip(names, row, strict=True) if _lacks(value, line)]):
            reading.fault(where, f"{', '.join(bare)} has a quote but is not in quotes. Is one lost?")
        else:
            yield where, row


def _lacks(value: str, line: str) -> bool:
    """Whether a value with quotes is not written in quotes."""
    doubled = value.replace('"', '""')
    return doubled != value and f'"{doubled}"' not in line


# --- classification ---


def xtreme_pairs(file: Path, reading: Reading) -> Iterator[Group]:
    """XNLI, PAWS-X as XTREME writes them: two sentences and a label a line, no header, quotes where needed."""
    names = ("first sentence", "second sentence", "label")
    found = _columns(file, reading, names, "\t", is_quoted=True, has_header=False)
    for number, (where, (text_a, text_b, label)) in enumerate(found):
        yield [pair(str(number), text_a, text_b, reading.label(where, label))]


def sick(file: Path, reading: Reading) -> Iterator[Group]:
    """SICK: a table with a header; the judgement of entailment is the label."""
    names = ("pair_ID", "sentence_A", "sentence_B", "relatedness_score", "entailment_judgment")
    found = _columns(file, reading, names, "\t", is_quoted=False, has_header=True)
    for where, (name, text_a, text_b, _, label) in found:
        yield [pair(name, text_a, text_b, reading.label(where, label))]


def qqp(file: Path, reading: Reading) -> Iterator[Group]:
    """QQP as GLUE writes it: a table with a header, not read as quoted.

    A few training rows are broken in two by a line end in a question, and two have an empty question
    (huggingface/datasets, issue 277; nyu-mll/GLUE-baselines, issue 5): they are left out.
    """
    names = ("id", "qid1", "qid2", "question1", "question2", "is_duplicate")
    found = _columns(file, reading, names, "\t", is_quoted=False, has_header=True, may_lack=True)
    for number, (where, (_, _, _, text_a, text_b, label)) in enumerate(found):
        yield [pair(str(number), text_a, text_b, reading.label(where, label))]


def pair(name: str, text_a: str, text_b: str, label: str) -> Row:
    return {"id": name, "text_a": text_a, "text_b": text_b, "label": label}


# --- JSON lines ---

Text = Annotated[str, Field(pattern=r"\S")]


class Record(BaseModel):
    """A published record: the fields that are read, strictly typed; others are ignored."""

    model_config = ConfigDict(strict=True)


Kind = TypeVar("Kind", bound=BaseModel)


def _record(kind: type[Kind], source: str | Mapping[str, Any], where: str, reading: Reading) -> Kind | None:
    """JSON text or a row as a record; None, with a fault for each thing that is wrong, where it is none."""
    try:
        return kind.model_validate_json(source) if isinstance(source, str) else kind.model_validate(source)
    except ValidationError as error:
        for fault in error.errors():
            reading.fault(where, _message(fault))
        return None


def _message(fault: Mapping[str, Any]) -> str:
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in fault["loc"]).lstrip(".") or "it"
    found = fault["input"]
    match fault["type"]:
        case "json_invalid":
            return f"not JSON: {fault['ctx']['error']}. Is the file cut off?"
        case "missing":
            return f"{place} is missing.{near(str(fault['loc'][-1]), found) if isinstance(found, dict) else ''}"
        case "string_pattern_mismatch":
            return f"{place} is empty."
        case "literal_error":
            expected = fault["ctx"]["expected"]
            words = re.findall(r"'([^']*)'", expected)
            return f"{place} {_shown(found)} is unknown.{near(str(found), words)} It is one of {expected}."
        case _:
            return f"{place} is {_shown(found)}: {fault['msg']}."


def records(file: Source, kind: type[Kind], reading: Reading) -> Iterator[tuple[str, int, Kind]]:
    """Where a record is, its number from 0, and itself: one on each line of a file, or a row of a table."""
    found: Sequence[Any] = file.rows if isinstance(file, Table) else lines(file, reading)
    for number, source in enumerate(found):
        where = f"{file}, row {number}" if isinstance(file, Table) else f"{file}, line {number + 1}"
        record = _record(kind, source, where, reading)
        if record is not None:
            yield where, number, record


class Anli(Record):
    """A record of ANLI."""

    uid: str
    context: Text
    hypothesis: Text
    label: str


def anli(file: Path, reading: Reading) -> Iterator[Group]:
    """ANLI: labels are the letters e, n, c."""
    for where, _, record in records(file, Anli, reading):
        yield [pair(record.uid, record.context, record.hypothesis, reading.label(where, record.label))]


class Nli(Record):
    """A record of MultiNLI and SNLI."""

    sentence1: str
    sentence2: str
    gold_label: str


def nli(file: Path, reading: Reading) -> Iterator[Group]:
    """MultiNLI, SNLI: the label is `-` where annotators did not agree, and the pair is then left out (facts 2.1)."""
    for where, number, record in records(file, Nli, reading):
        if record.gold_label == "-":
            reading.left_out(where, NO_LABEL)
        elif not record.sentence1.strip() or not record.sentence2.strip():
            reading.left_out(where, EMPTY_SENTENCE)
        else:
            label = reading.label(where, record.gold_label)
            yield [pair(str(number), record.sentence1, record.sentence2, label)]


class Copa(Record):
    """A record of COPA and XCOPA."""

    premise: Text
    choice1: Text
    choice2: Text
    question: Literal["cause", "effect"]
    label: Literal[0, 1]
    idx: int


COPA_QUESTIONS = {"cause": "What was the cause?", "effect": "What was the effect?"}


def copa(file: Source, reading: Reading) -> Iterator[Group]:
    """COPA, XCOPA: the question is put in English in every language, as the benchmark does (facts 1.5.9)."""
    for _, _, record in records(file, Copa, reading):
        prompt = f"{record.premise} {COPA_QUESTIONS[record.question]}"
        yield [choice(str(record.idx), prompt, [record.choice1, record.choice2], record.label)]


def xcopa(file: Source, reading: Reading) -> Iterator[Group]:
    """XCOPA; where `repairs_questions`, with the question of the Estonian record of the same index.

    The released question is wrong in up to half of the records in Thai, Turkish, Swahili, Indonesian and Italian;
    Estonian and five other languages agree with one another (facts 1.5.9).
    """
    if not reading.repairs_questions:
        yield from copa(file, reading)
        return
    reference = _estonian(file)
    questions = {record.idx: record.question for _, _, record in records(reference, Copa, reading)}
    for where, _, record in records(file, Copa, reading):
        question = questions.get(record.idx)
        if question is None:
            reading.fault(where, f"idx {record.idx} is not in {reference}, which has the right question.")
            continue
        reading.notes["XCOPA questions repaired"] += question != record.question
        prompt = f"{record.premise} {COPA_QUESTIONS[question]}"
        yield [choice(str(record.idx), prompt, [record.choice1, record.choice2], record.label)]


def _estonian(file: Source) -> Path | Table:
    if isinstance(file, Table):
        return file.sibling("et")
    split, _, kind = file.name.split(".")
    return file.parents[1] / "et" / f"{split}.et.{kind}"


class Siqa(Record):
    """A record of SocialIQA 1.4."""

    context: Text
    question: Text
    answerA: Text  # noqa: N815, the published name
    answerB: Text  # noqa: N815
    answerC: Text  # noqa: N815
    correct: Literal["A", "B", "C"]


def siqa(file: Path, reading: Reading) -> Iterator[Group]:
    """SocialIQA: context and question, three answers."""
    for _, number, record in records(file, Siqa, reading):
        answers = [record.answerA, record.answerB, record.answerC]
        yield [choice(str(number), f"{record.context} {record.question}", answers, "ABC".index(record.correct))]


class Choices(Record):
    """The answers of a CommonsenseQA question."""

    label: list[str]
    text: list[Text]


class Commonsense(Record):
    """A record of CommonsenseQA in the flat layout of the Hub."""

    id: str
    question: Text
    choices: Choices
    answerKey: str  # noqa: N815, the published name


def commonsenseqa(file: Source, reading: Reading) -> Iterator[Group]:
    """CommonsenseQA: a question, five answers with letters."""
    for where, _, record in records(file, Commonsense, reading):
        letters, answers = record.choices.label, record.choices.text
        if len(letters) != len(answers):
            reading.fault(where, f"{len(letters)} letters for {len(answers)} choices.")
        elif record.answerKey not in letters:
            reading.fault(where, f"answerKey {_shown(record.answerKey)} is not one of {', '.join(letters)}.")
        else:
            yield [choice(record.id, record.question, answers, letters.index(record.answerKey))]


class Hellaswag(Record):
    """A record of HellaSwag."""

    ind: int
    ctx_a: Text
    ctx_b: str
    endings: list[Text]
    label: int


def hellaswag(file: Path, reading: Reading) -> Iterator[Group]:
    """HellaSwag: the second half of the context opens each ending (nyu-mll/jiant:jiant/tasks/lib/hellaswag.py)."""
    for where, _, record in records(file, Hellaswag, reading):
        if not 0 <= record.label < len(record.endings):
            reading.fault(where, f"label {record.label} is not the index of one of {len(record.endings)} endings.")
            continue
        yield [ending(str(record.ind), record.ctx_a, record.ctx_b, record.endings, record.label)]


def ending(name: str, first: str, second: str, endings: Sequence[str], label: int) -> Row:
    return choice(name, first, [f"{second} {ending}".strip() for ending in endings], label)


def cosmosqa(file: Path, reading: Reading) -> Iterator[Group]:
    """Cosmos QA: a table with a header and quotes; context and question, four answers."""
    answers = ("answer0", "answer1", "answer2", "answer3")
    names = ("id", "context", "question", *answers, "label")
    for where, row in _columns(file, reading, names, ",", is_quoted=True, has_header=True):
        name, context, question, *choices, label = row
        if label not in ("0", "1", "2", "3"):
            reading.fault(where, f"label {_shown(label)} is unknown. Labels: 0, 1, 2, 3.")
        else:
            yield [choice(name, f"{context} {question}", choices, int(label))]


def choice(name: str, prompt: str, choices: Sequence[str], label: int) -> Row:
    return {"id": name, "prompt": prompt, "choices": list(choices), "label": label}


# --- tagging ---


def xtreme_tags(file: Path, reading: Reading) -> Iterator[Group]:
    """PAN-X as XTREME writes it: a word, a tab and a tag a line, a blank line after each sentence."""
    number, words, tags = 0, [], []
    for index, line in enumerate([*lines(file, reading), ""]):
        where = f"{file}, line {index + 1}"
        columns = line.split("\t")
        if line and len(columns) != 2:
            reading.fault(where, f"{len(columns)} columns; 2 are needed: word, tag.")
        elif line and not columns[0].strip():
            reading.fault(where, "word is empty.")
        elif line:
            words.append(columns[0])
            tags.append(reading.label(where, columns[1]))
        elif words:
            yield [{"id": str(number), "words": words, "tags": tags}]
            number, words, tags = number + 1, [], []


def supertags(file: Path, reading: Reading) -> Iterator[Group]:
    """CCG: a sentence a line, its words, a tab and as many supertags, all with blanks between; or, as CCGbank's own
    pipe format, `word|POS|supertag` with blanks between. Every supertag is a label (facts 5.4)."""
    for number, line in enumerate(_sentences(file, reading)):
        where = f"{file}, line {number + 1}"
        columns = line.split("\t")
        if not line:
            continue
        if len(columns) == 2:
            words, tags = (column.split() for column in columns)
        elif len(columns) == 1 and all(len(token.split("|")) == 3 for token in line.split()):
            words, _, tags = (
                list(column) for column in zip(*(token.split("|") for token in line.split()), strict=True)
            )
        else:
            shape = f"{len(columns)} columns; 2 are needed: words, supertags"
            reading.fault(where, f"{shape}. Or one, of word|POS|supertag with blanks between.")
            continue
        if len(words) != len(tags):
            reading.fault(where, f"{len(words)} words but {len(tags)} supertags.")
        elif not all([*words, *tags]):
            reading.fault(where, "a word or a supertag is empty.")
        else:
            yield [{"id": str(number), "words": words, "tags": tags}]


CONLLU_COLUMNS = ("ID", "FORM", "LEMMA", "UPOS", "XPOS", "FEATS", "HEAD", "DEPREL", "DEPS", "MISC")

# coastalcph/ud-conversion-tools:conllu_to_conll.py, the default, with SYM, which it lacks
PRECEDENCE = (
    *("VERB", "NOUN", "PROPN", "PRON", "ADJ", "NUM", "ADV", "INTJ"),
    *("AUX", "ADP", "DET", "PART", "CCONJ", "SCONJ", "X", "SYM", "PUNCT"),
)


def conllu_tags(file: Path, reading: Reading) -> Iterator[Group]:
    """Universal Dependencies: surface words with universal parts of speech, as XTREME prepares them (facts 1.6).

    A multiword token keeps its surface form and takes the tag of its part nearest to the root, of equally near ones the
    first in `PRECEDENCE`. Empty nodes go; blanks and zero-width non-joiners inside a word go; a sentence whose words
    are mostly `_` (licensed text) goes.

    Differs from the benchmark: it has lists of precedence of their own for Spanish, French and Italian.
    """
    found = text(file, reading)
    if found.strip() and not found.endswith("\n\n"):
        reading.fault(str(file), "does not end with a blank line. Is it cut off?")
    line = 1
    for block in found.split("\n\n"):
        start, line = line, line + block.count("\n") + 2
        if not block.strip():
            continue
        before = len(reading.faults)
        row = _sentence(file, start, block, reading)
        if len(reading.faults) > before:
            continue
        if row is None:
            reading.notes["sentences left out: their words are not released"] += 1
        else:
            yield [row]


def _sentence(file: Path, start: int, block: str, reading: Reading) -> Row | None:
    """A sentence in CoNLL-U; None where its words are not released, or where it has faults."""
    import conllu

    where = f"{file}, line {start}"
    for number, line in enumerate(block.strip("\n").split("\n"), start + len(block) - len(block.lstrip("\n"))):
        size = line.count("\t") + 1
        if not line.startswith("#") and size != len(CONLLU_COLUMNS):
            reading.fault(f"{file}, line {number}", f"{size} columns; 10 are needed: {', '.join(CONLLU_COLUMNS)}.")
            return None
        if not line.startswith("#") and "  " in line:  # the library would take two blanks for a tab
            reading.fault(f"{file}, line {number}", "has two blanks in a row, which CoNLL-U does not allow.")
            return None
    try:
        (tokens,) = conllu.parse(block)
    except (conllu.exceptions.ParseException, ValueError) as error:
        reading.fault(where, f"not CoNLL-U: {error}.")
        return None
    name = tokens.metadata.get("sent_id")
    if not name or len(name.split()) > 1:
        reading.fault(where, f"sent_id {_shown(name)} is not one word." if name else "the sentence has no sent_id.")
        return None
    where = f"{where}, sentence {name}"
    parts = {token["id"]: token for token in tokens if isinstance(token["id"], int)}
    numbers = [token["id"] for token in tokens if isinstance(token["id"], int)]
    if numbers != list(range(1, len(numbers) + 1)) or not numbers:
        reading.fault(where, f"its {len(numbers)} words are not numbered from 1 to {len(numbers)}.")
        return None
    upos = {number: reading.label(where, token["upos"]) for number, token in parts.items()}
    for number, token in parts.items():
        if token["head"] is None or not 0 <= token["head"] <= len(parts):
            reading.fault(
                where, f"word {number} has head {token['head']}; the sentence has {len(parts)} words. Cut off?"
            )
            return None
    words, tags, last = [], [], 0
    for token in tokens:
        match token["id"]:
            case (first, "-", end):
                inside = range(first, end + 1)
                reading.notes["multiword tokens kept as surface words"] += 1
            case int(number) if number > last:
                inside = range(number, number + 1)
            case _:  # a part of a multiword token, or an empty node
                continue
        if inside[0] != last + 1 or inside[-1] > len(parts):
            reading.fault(where, f"the range {inside[0]}-{inside[-1]} does not fit its words.")
            return None
        last = inside[-1]
        words.append(token["form"].replace("\u200c", "").replace(" ", ""))
        tags.append(upos[_head(inside, parts)])
    if not all(words):
        reading.fault(where, "a word is empty.")
    if is_withheld(words):
        return None
    written = "".join(tokens.metadata.get("text", "").replace("\u200c", "").split())
    if written and written != "".join(words):
        reading.fault(where, f"its words are not those of its text {_shown(tokens.metadata['text'])}.")
    return {"id": name, "words": words, "tags": tags}


def is_withheld(words: Sequence[str]) -> bool:
    """Whether a treebank gives `_` for the words, whose text is licensed."""
    return 0 < words.count("_") >= len(words) - 1


def _head(inside: range, parts: Mapping[int, Mapping[str, Any]]) -> int:
    """The part of a multiword token that gives its tag."""

    def rank(number: int) -> tuple[int, int]:
        tag = parts[number]["upos"]
        return _depth(number, parts), PRECEDENCE.index(tag) if tag in PRECEDENCE else len(PRECEDENCE)

    return min(inside, key=rank)


def _depth(number: int, parts: Mapping[int, Mapping[str, Any]]) -> int:
    """Steps from a word to the root; a circle counts as the deepest."""
    for depth in range(len(parts)):
        number = parts[number]["head"]
        if number == 0:
            return depth
    return len(parts)


# --- questions with answers in a text ---


class Answer(Record):
    """An answer: its text, and its first character in the context."""

    text: str = Field(min_length=1)
    answer_start: int


class Question(Record):
    """A question with its right answers; none where it has none, in SQuAD 2.0."""

    id: str
    question: Text
    answers: list[Answer]
    is_impossible: bool | None = None


class Paragraph(Record):
    """A context with its questions; XQuAD-R adds its sentences and their places."""

    context: Text
    qas: list[Question]
    sentences: list[str] = []
    sentence_breaks: list[tuple[int, int]] = []


class Article(Record):
    """Paragraphs of one article."""

    paragraphs: list[Paragraph]


class Squad(Record):
    """A file in the layout of SQuAD."""

    data: list[Article]


class Answers(Record):
    """The answers of a question, and their first characters in the context, in the layout of the Hub."""

    text: list[str]
    answer_start: list[int]


class FlatQuestion(Record):
    """A row of a SQuAD-like set in the layout of the Hub."""

    id: str
    question: Text
    context: Text
    answers: Answers


def squad(file: Source, reading: Reading, *, allows_none: bool = False, has_own_ids: bool = True) -> Iterator[Group]:
    """SQuAD 1.1 or 2.0, XQuAD, MLQA, TyDiQA: the questions on one context are a group.

    An answer has to be at its offset. Where `repairs_answers`, one that is not is moved to its nearest occurrence;
    without one, the question is left out of training, and is a fault in the test split.

    Args:
        file: A JSON file, or a table of flat questions.
        reading: How, and what was found.
        allows_none: Whether a question may have no answer (SQuAD 2.0).
        has_own_ids: False where the ids of the file are not unique (the English part of TyDiQA): rows are numbered.
    """
    groups: dict[str, Group] = {}
    for number, (context, question) in enumerate(_questions(file, reading)):
        answers = _answers(file, context, question, reading, allows_none=allows_none)
        if answers is not None:
            name = question.id if has_own_ids else str(number)
            row: Row = {"id": name, "question": question.question, "context": context}
            row |= {"answers": [answer for answer, _ in answers], "starts": [start for _, start in answers]}
            groups.setdefault(context, []).append(row)
    yield from groups.values()


def _questions(file: Source, reading: Reading) -> Iterator[tuple[str, Question]]:
    """Contexts and their questions."""
    if isinstance(file, Path):
        for paragraph in _paragraphs(file, reading):
            yield from ((paragraph.context, question) for question in paragraph.qas)
        return
    for where, _, flat in records(file, FlatQuestion, reading):
        texts, starts = flat.answers.text, flat.answers.answer_start
        if len(texts) != len(starts):
            reading.fault(where, f"{len(texts)} answers but {len(starts)} offsets.")
        elif not all(texts):
            reading.fault(where, "an answer is empty.")
        else:
            placed = [Answer(text=text, answer_start=start) for text, start in zip(texts, starts, strict=True)]
            yield flat.context, Question(id=flat.id, question=flat.question, answers=placed)


def _paragraphs(file: Path, reading: Reading) -> list[Paragraph]:
    source = text(file, reading)
    found = _record(Squad, source, str(file), reading) if source.strip() else None
    return [paragraph for article in found.data for paragraph in article.paragraphs] if found else []


def _answers(
    file: Source, context: str, question: Question, reading: Reading, *, allows_none: bool
) -> list[tuple[str, int]] | None:
    """Answers and their offsets; None where the question is left out or has a fault."""
    where = f"{file}, record {question.id}"
    if not question.answers and not allows_none:
        reading.fault(
            where, "has no answer. (The benchmark's test files have theirs blanked; the originals have them.)"
        )
        return None
    if question.is_impossible is not None and question.is_impossible == bool(question.answers):
        reading.fault(where, f"is_impossible is {question.is_impossible}, but it has {len(question.answers)} answers.")
        return None
    placed = []
    for answer in question.answers:
        start = answer.answer_start
        if start < 0 or not context.startswith(answer.text, start):
            places = [match.start() for match in re.finditer(f"(?={re.escape(answer.text)})", context)]
            nearest = min(places, key=lambda place: abs(place - start), default=None)
            if not reading.repairs_answers or (nearest is None and reading.split == "test"):
                hint = "It is nowhere in it." if nearest is None else f"Its nearest place is {nearest}."
                advice = "" if reading.repairs_answers else " misplaced_answers: repair would go on."
                reading.fault(where, f"answer {_shown(answer.text)} is not in its context at {start}. {hint}{advice}")
                return None
            if nearest is None:
                reading.notes["questions left out of training: their answer is not in the context"] += 1
                return None
            reading.notes["answers moved to their nearest occurrence"] += 1
            start = nearest
        placed.append((answer.text, start))
    return placed


# --- retrieval ---


def aligned(file: Path, reading: Reading) -> Iterator[Group]:
    """Tatoeba: line i of the file translates line i of the English file beside it; the queries are the English lines.

    The benchmark indexes the foreign sentences and asks for the nearest one of each English sentence (facts 1.5.5).
    """
    english = file.with_suffix(".eng")
    candidates, queries = _sentences(file, reading), _sentences(english, reading)
    if candidates and queries and len(candidates) != len(queries):
        sizes = f"{len(candidates)} lines, but {english.name} has {len(queries)}"
        reading.fault(str(file), f"{sizes}. Line i of one must translate line i of the other.")
        return
    for number, (query, candidate) in enumerate(zip(queries, candidates, strict=False)):  # none where unreadable
        yield translation(number, query, candidate)


def translation(number: int, english: str, foreign: str) -> Group:
    """The English sentence as a query, and its translation as the right candidate."""
    return [query(str(number), english, [str(number)]), candidate(str(number), foreign)]


def _sentences(file: Path, reading: Reading) -> list[str]:
    found = text(file, reading)
    if found.strip() and not found.endswith("\n"):
        reading.fault(str(file), "the last line has no line end. Is the file cut off?")
    sentences = [line.strip() for line in found.removesuffix("\n").split("\n")] if found.strip() else []
    for number, sentence in enumerate(sentences, 1):
        if not sentence:
            reading.fault(f"{file}, line {number}", "is empty.")
    return sentences


def comparable(file: Path, reading: Reading) -> Iterator[Group]:
    """BUCC 2018: sentences with their ids, the English ones beside them, and which are translations (`.gold`).

    The queries are those of the language, the candidates the English ones; most have no partner.
    """
    english, gold = file.with_suffix(".en"), file.with_suffix(".gold")
    queries, candidates = _two(file, "sentence", reading), _two(english, "sentence", reading)
    partners: dict[str, list[str]] = collections.defaultdict(list)
    known = {side: {name for _, name, _ in rows} for side, rows in ((file, queries), (english, candidates))}
    for where, own, partner in _two(gold, f"id in {english.name}", reading):
        for name, side in ((own, file), (partner, english)):
            if name not in known[side]:
                reading.fault(where, f"id {_shown(name)} is not in {side.name}.")
        if partner in partners[own]:
            reading.fault(where, f"{own} and {partner} are a pair already.")
        partners[own].append(partner)
    yield from ([candidate(name, sentence)] for _, name, sentence in candidates)
    yield from ([query(name, sentence, partners[name])] for _, name, sentence in queries)


def _two(file: Path, second: str, reading: Reading) -> list[tuple[str, str, str]]:
    """Where a line is, and its columns, an id and another."""
    found = []
    for number, line in enumerate(_sentences(file, reading), 1):
        where, columns = f"{file}, line {number}", line.split("\t")
        if len(columns) == 2:
            found.append((where, columns[0], columns[1]))
        elif line:
            reading.fault(where, f"{len(columns)} columns; 2 are needed: id, {second}.")
    return found


def squad_sentences(file: Path, reading: Reading) -> Iterator[Group]:
    """XQuAD-R: questions, and as candidates every sentence followed by its paragraph (facts 1.5.7).

    The right candidates of a question are the sentences in which its answer begins, in every language that has a file
    beside this one. A candidate's id is language, paragraph, sentence.
    """
    gold: dict[str, list[str]] = collections.defaultdict(list)
    siblings = sorted({file, *file.parent.glob(f"*{file.suffix}")})
    paragraphs = {sibling: _paragraphs(sibling, reading) for sibling in siblings}
    for sibling in siblings:
        for number, paragraph in enumerate(paragraphs[sibling]):
            if [paragraph.context[first:last] for first, last in paragraph.sentence_breaks] != paragraph.sentences:
                reading.fault(f"{sibling}, paragraph {number}", "sentence_breaks are not the places of its sentences.")
            for question in paragraph.qas:
                sentence = _answer_sentence(sibling, paragraph, question, reading)
                gold[question.id].append(f"{sibling.stem}-{number}-{sentence}")
    for number, paragraph in enumerate(paragraphs[file]):
        group = [
            candidate(f"{file.stem}-{number}-{index}", sentence + paragraph.context)
            for index, sentence in enumerate(paragraph.sentences)
        ]
        for question in paragraph.qas:
            if len(gold[question.id]) != len(siblings):
                names = ", ".join(sibling.name for sibling in siblings)
                reading.fault(f"{file}, record {question.id}", f"is not once in each of the parallel files {names}.")
            group.append(query(question.id, question.question, gold[question.id]))
        yield group


def _answer_sentence(file: Path, paragraph: Paragraph, question: Question, reading: Reading) -> int:
    """The number of the sentence in which a question's first answer begins."""
    answers = _answers(file, paragraph.context, question, reading, allows_none=False)
    start = answers[0][1] if answers else -1
    numbers = [n for n, (first, last) in enumerate(paragraph.sentence_breaks) if first <= start < last]
    if answers and not numbers:
        reading.fault(f"{file}, record {question.id}", f"its answer at {start} is in none of the sentences.")
    return numbers[0] if numbers else -1


SENTENCE_START = re.compile(r"(?<=[.!?])[\"”)\]]*(?:\[\d+\](?::\d+)?)*\s+(?=[\"“(\[]?[A-Z0-9])")


def squad_answers(file: Source, reading: Reading) -> Iterator[Group]:
    """Training pairs for answer retrieval: questions, and the sentence of the answer before its paragraph.

    Differs from the benchmark: it trains on SQuAD. The file has no sentences; they are cut after `.`, `!` or `?` (with
    quotes and reference numbers) where a blank and a capital or a digit follow. In validation every sentence is a
    candidate; in training, where the negatives are the batch's other answers, only the right ones are.
    """
    for number, questions in enumerate(squad(file, reading, has_own_ids=False)):
        context = questions[0]["context"]
        starts = [0, *(match.end() for match in SENTENCE_START.finditer(context))]
        ends = [*starts[1:], len(context)]
        right = [sum(start <= row["starts"][0] for start in starts) - 1 for row in questions]
        kept = sorted(set(right)) if reading.split == "train" else range(len(starts))
        group = [candidate(f"{number}-{index}", context[starts[index] : ends[index]] + context) for index in kept]
        for row, index in zip(questions, right, strict=True):
            group.append(query(row["id"], row["question"], [f"{number}-{index}"]))
        yield group


class Linked(Record):
    """A mention in its text and the text of its entity."""

    mention: Text
    entity: Text


def linked(file: Source, reading: Reading) -> Iterator[Group]:
    """Mewsli-X, Wikipedia: mentions and texts of their entities; equal texts, which have no id, are one candidate."""
    numbers: dict[str, str] = {}
    for _, number, record in records(file, Linked, reading):
        is_new = record.entity not in numbers
        name = numbers.setdefault(record.entity, str(number))
        asked = query(str(number), record.mention, [name])
        yield [asked, candidate(name, record.entity)] if is_new else [asked]


class Mention(Record):
    """A mention in its text and the id of its entity."""

    mention: Text
    entity_id: Text


class Entity(Record):
    """An entity and what describes it."""

    entity_id: Text
    description: Text


def mentions(file: Path, reading: Reading) -> Iterator[Group]:
    """Mewsli-X, Wikinews: mentions of a language, and, with the English ones, the candidates of all languages.

    With every language, the one pool would hold them eleven times. A mention whose entity is no candidate stays, and is
    never found.
    """
    known = set()
    for _, _, entity in records(file.parents[2] / "candidate_entities.jsonl", Entity, reading):
        known.add(entity.entity_id)
        if file.parent.name == "en":
            yield [candidate(entity.entity_id, entity.description)]
    for _, number, record in records(file, Mention, reading):
        reading.notes["mentions whose entity is no candidate"] += record.entity_id not in known
        yield [query(str(number), record.mention, [record.entity_id])]


def query(name: str, text: str, gold: list[str]) -> Row:
    """A row of retrieval: a query, and the ids of its right candidates."""
    return {"id": name, "role": "query", "text": text, "gold": gold}


def candidate(name: str, text: str) -> Row:
    """A row of retrieval: a candidate, on one line."""
    return {"id": name, "role": "candidate", "text": text.replace("\n", ""), "gold": []}


def _shown(value: object) -> str:
    """A value as it is shown in a message."""
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:59]}…"
