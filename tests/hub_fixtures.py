"""Repositories in the layouts of those on the Hub, with invented rows: card, Parquet with the names of labels, JSON."""

import gzip
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from typing import Any

import babel
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from datasets import ClassLabel, Features, List, Translation, Value
from hub_server import Repository

from xit.core import registry
from xit.core.hub import is_commit
from xit.core.languages import facts
from xit.core.task import task_of
from xit.sources.hub import NAMES, OPUS100, WIKIPEDIA

TEXT = Value("string")
NUMBER = Value("int64")
TEXTS = List(TEXT)
NLI = ClassLabel(names=["entailment", "neutral", "contradiction"])
PAIR = Features({"premise": TEXT, "hypothesis": TEXT, "label": NLI})
COPA = Features({"premise": TEXT, "choice1": TEXT, "choice2": TEXT, "question": TEXT, "idx": NUMBER, "label": NUMBER})
SQUAD = Features(
    {"id": TEXT, "context": TEXT, "question": TEXT, "answers": {"text": TEXTS, "answer_start": List(NUMBER)}}
)
SIQA = Features(dict.fromkeys(["context", "question", "answerA", "answerB", "answerC", "label"], TEXT))
COSMOS = Features(
    {**dict.fromkeys(["id", "context", "question", "answer0", "answer1", "answer2", "answer3"], TEXT), "label": NUMBER}
)
UPOS = "NOUN PUNCT ADP NUM SYM SCONJ ADJ PART DET CCONJ PROPN PRON X _ ADV INTJ VERB AUX".split()  # noqa: SIM905
UD27 = ("pl_pdb", "ro_rrt", "uk_iu", "wo_wtb")
IOB = "O B-PER I-PER B-ORG I-ORG B-LOC I-LOC".split()  # noqa: SIM905


def parquet(rows: Sequence[Mapping[str, Any]], features: Features, **options: Any) -> bytes:
    """Rows as `datasets` writes them, with its features in the file's schema."""
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([dict(row) for row in rows], schema=features.arrow_schema), buffer, **options)
    return buffer.getvalue()


def json_lines(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """A row a line."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def archive(name: str, content: bytes) -> bytes:
    """A .tar.gz of one member, beside which macOS has left a file."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as packed:
        for path, inner in ((f"._{name}", b"macOS"), (name, content)):
            member = tarfile.TarInfo(path)
            member.size = len(inner)
            packed.addfile(member, io.BytesIO(inner))
    return buffer.getvalue()


def card(**configs: Mapping[str, str]) -> bytes:
    """The header of a README, which says which files are a split."""
    entries = [
        {"config_name": name, "data_files": [{"split": split, "path": path} for split, path in splits.items()]}
        for name, splits in configs.items()
    ]
    return f"---\n{yaml.safe_dump({'configs': entries})}---\n# Invented\n".encode()


def sharded(folder: str, splits: Mapping[str, bytes]) -> dict[str, bytes]:
    """Files as `push_to_hub` names them."""
    return {f"{folder}/{split}-00000-of-00001.parquet": content for split, content in splits.items()}


def exported(config: str, splits: Mapping[str, bytes]) -> dict[str, bytes]:
    """Files as the Hub's export to Parquet names them."""
    return {f"{config}/{split}/0000.parquet": content for split, content in splits.items()}


def with_card(configs: Mapping[str, Mapping[str, bytes]], folder: str = "") -> dict[str, bytes]:
    """A repository of several configurations, with its card."""
    paths = {name: {split: f"{folder or name}/{split}-*" for split in splits} for name, splits in configs.items()}
    files = {"README.md": card(**paths)}
    for name, splits in configs.items():
        files |= sharded(folder or name, splits)
    return files


def pinned(task_id: str, name: str) -> str:
    """The commit that a task names for a repository."""
    sources = [source for split in task_of(task_id).hub.values() for source in split]
    places = [place for source in sources for s in (source, *source.fallbacks) for place in s.repository.split()]
    return next(place.partition("@")[2] for place in places if place.partition("@")[0] == name)


def question(name: str, context: str, text: str, *answers: tuple[str, int]) -> dict[str, Any]:
    """A flat question."""
    found = {"text": [answer for answer, _ in answers], "answer_start": [start for _, start in answers]}
    return {"id": name, "context": context, "question": text, "answers": found}


LAMP = "It is late. The lamp is green."
ASKED = [
    question("a", LAMP, "Which colour?", ("green", 24)),
    question("b", LAMP, "When?", ("late", 6)),
    question("c", "Ida came.", "Who?", ("Ida", 0)),
]


class Repositories(dict[str, Repository]):
    """By `datasets/owner/name`; the commit of each is the one that a task names."""

    def put(self, task_id: str, name: str, files: dict[str, bytes], export: dict[str, bytes] | None = None) -> None:
        """Add one."""
        revision = pinned(task_id, name)
        if revision and not is_commit(revision):
            self[f"datasets/{name}"] = Repository(SCRIPT, branches={revision: files})
        else:
            self[f"datasets/{name}"] = Repository(files, revision, export or {})


def languages(task_id: str) -> tuple[str, ...]:
    """Those of a task."""
    found: tuple[str, ...] = task_of(task_id).languages
    return found


def each(content: bytes, *splits: str) -> dict[str, bytes]:
    """The same content in several splits."""
    return dict.fromkeys(splits, content)


LACKING = ("az", "lt", "pl", "ro", "uk", "wo")
"""Languages that google/xtreme lacks of Tatoeba and of the parts of speech."""
ENGLISH = ("train", "validation")
ALL = (*ENGLISH, "test")
SCRIPT = {"README.md": b"# Invented\n", "loader.py": b"raise SystemExit('a loading script was run')\n"}


def repositories() -> Repositories:
    """All of those that the tasks name."""
    found = Repositories()
    put_pairs(found)
    put_choices(found)
    put_questions(found)
    put_words(found)
    put_translations(found)
    put_entities(found)
    put_text(found)
    return found


def put_pairs(found: Repositories) -> None:
    """XNLI, PAWS-X, and the sets of GLUE, SNLI and ANLI."""
    rows = [{"premise": f"Lamp {n}.", "hypothesis": "It shines.", "label": n} for n in range(3)]
    nli = parquet(rows, PAIR)
    found.put("xnli", "facebook/xnli", with_card({code: each(nli, *ALL) for code in languages("xnli")}))
    snli = parquet([*rows, rows[0] | {"label": -1}], PAIR)
    found.put("anli_plus", "stanfordnlp/snli", with_card({"plain_text": each(snli, *ENGLISH)}))
    rounds = [f"{split}_r{number}" for split in ("train", "dev") for number in (1, 2, 3)]
    found.put("anli_plus", "facebook/anli", with_card({"plain_text": each(nli, *rounds)}))
    names = ClassLabel(names=["not_duplicate", "duplicate"])
    features = Features({"question1": TEXT, "question2": TEXT, "label": names, "idx": NUMBER})
    asked = [{"question1": "How?", "question2": other, "label": 1, "idx": 0} for other in ("In what way?", "")]
    glue = {
        "mnli": each(nli, "train", "validation_matched", "validation_mismatched"),
        "qqp": each(parquet(asked, features), *ENGLISH),
    }
    found.put("mnli", "nyu-mll/glue", with_card(glue))
    features = Features({"id": NUMBER, "sentence1": TEXT, "sentence2": TEXT, "label": ClassLabel(names=["0", "1"])})
    twice = [{"id": n, "sentence1": "Ida left.", "sentence2": "Ida went.", "label": n} for n in range(2)]
    pawsx = {code: each(parquet(twice, features), *ALL) for code in languages("pawsx")}
    found.put("pawsx", "google-research-datasets/paws-x", with_card(pawsx))
    features = Features({"sentence_A": TEXT, "sentence_B": TEXT, "label": NLI})
    boats = parquet([{"sentence_A": "A boat.", "sentence_B": "No boat.", "label": n} for n in range(3)], features)
    found.put("sick", "tasksource/sick", sharded("data", each(boats, *ALL)))


def put_choices(found: Repositories) -> None:
    """COPA, XCOPA, SocialIQA (labels from 0 in one repository, from 1 in the other), HellaSwag and the two QA sets."""
    copa = [
        {"premise": "Rain fell.", "choice1": "Wet.", "choice2": "Dry.", "question": "effect", "idx": n, "label": n}
        for n in range(2)
    ]
    found.put("copa", "aps/super_glue", with_card({"copa": each(parquet(copa, COPA), *ENGLISH)}))
    wrong = [row | {"question": "cause"} for row in copa]
    xcopa = {code: {"test": parquet(wrong if code == "tr" else copa, COPA)} for code in languages("xcopa")}
    found.put("xcopa", "cambridgeltl/xcopa", with_card(xcopa))
    social = {"context": "Ida ran.", "question": "Why?", "answerA": "late", "answerB": "bored", "answerC": "ill"}
    from_0 = parquet([social | {"label": label} for label in (2, 0)], Features(SIQA | {"label": NUMBER}))
    from_1 = parquet([social | {"label": label} for label in "31"], SIQA)
    found.put("siqa", "tasksource/social_i_qa", sharded("data", each(from_0, *ENGLISH)))
    found.put("siqa", "allenai/social_i_qa", exported("default", each(from_1, *ENGLISH)))
    features = Features({"ind": NUMBER, "ctx_a": TEXT, "ctx_b": TEXT, "endings": TEXTS, "label": TEXT})
    swag = {"ind": 7, "ctx_a": "A sink.", "ctx_b": "she", "endings": ["x", "y", "z", "w"]}
    swags = parquet([swag | {"label": label} for label in "30"], features)
    found.put("hellaswag", "Rowan/hellaswag", with_card({"default": each(swags, *ENGLISH)}, "data"))
    features = Features({"id": TEXT, "question": TEXT, "choices": {"label": TEXTS, "text": TEXTS}, "answerKey": TEXT})
    csqa = {"id": "q", "question": "Where?", "choices": {"label": ["A", "B"], "text": ["desk", "soup"]}}
    content = parquet([csqa | {"answerKey": "B"}], features)
    found.put("commonsenseqa", "tau/commonsense_qa", with_card({"default": each(content, *ENGLISH)}, "data"))
    cosmos = {"id": "c", "context": "It rained.", "question": "So?", "answer0": "a", "answer1": "b", "answer2": "c"}
    content = parquet([cosmos | {"answer3": "d", "label": 2}], COSMOS)
    found.put("cosmosqa", "Samsoup/cosmos_qa", sharded("data", each(content, *ENGLISH)))
    found.put("cosmosqa", "allenai/cosmos_qa", exported("default", each(content, *ENGLISH)))


def put_questions(found: Repositories) -> None:
    """SQuAD, XQuAD, TyDiQA with all languages in one, MLQA in google/xtreme, its offsets wrong, and by export."""
    asked = parquet(ASKED, SQUAD)
    found.put("squad", "rajpurkar/squad", with_card({"plain_text": each(asked, *ENGLISH)}))
    unanswerable = parquet([*ASKED, question("d", "Ida came.", "When?")], SQUAD)
    found.put("squad2", "rajpurkar/squad_v2", with_card({"squad_v2": each(unanswerable, *ENGLISH)}))
    xquad = {f"xquad.{code}": {"validation": asked} for code in languages("xquad")}
    found.put("xquad", "google/xquad", with_card(xquad))
    names = ("arabic", "bengali", "english", "finnish", "indonesian", "korean", "russian", "swahili", "telugu")
    tydiqa = [
        question(f"{name}-{n}", f"The tower of {name} is {n} m high.", "How high?", (f"{n} m", 17 + len(name)))
        for name in names
        for n in range(10, 30)
    ]
    content = parquet(tydiqa, SQUAD)
    repository = with_card({"secondary_task": each(content, *ENGLISH)})
    found.put("tydiqa", "google-research-datasets/tydiqa", repository)
    mlqa = {f"mlqa.{code}.{code}": {"test": parquet(ASKED[:1], SQUAD)} for code in languages("mlqa")}
    export = {path: file for config, splits in mlqa.items() for path, file in exported(config, splits).items()}
    found.put("mlqa", "facebook/mlqa", SCRIPT, export)


def put_words(found: Repositories) -> None:
    """PAN-X, and parts of speech: two treebanks of Lithuanian and one each of the others of UD 2.7; a re-upload."""
    features = Features({"tokens": TEXTS, "ner_tags": List(ClassLabel(names=IOB)), "langs": TEXTS, "spans": TEXTS})
    named = {"tokens": ["Ida", "Holm", "left", "Turin"], "ner_tags": [1, 2, 0, 5], "langs": [], "spans": []}
    wikiann = {code: each(parquet([named] * 2, features), *ALL) for code in languages("panx")}
    found.put("panx", "unimelb-nlp/wikiann", with_card(wikiann))
    features = Features({"tokens": TEXTS, "pos_tags": TEXTS})
    again = parquet([{"tokens": ["Two", "lamps"], "pos_tags": ["NUM", "NOUN"]}], features)
    found.put("udpos", "izhx/xtreme-r-udpos", {f"{code}/test.parquet": again for code in languages("udpos")})
    surface = List({"id": TEXT, "form": TEXT, "misc": TEXT})
    features = Features({"sent_id": TEXT, "tokens": TEXTS, "upos": TEXTS, "head": TEXTS, "mwt": surface})
    row = {"sent_id": "a", "tokens": ["de", "el", "mar", "."], "upos": ["ADP", "DET", "NOUN", "PUNCT"]}
    row |= {"head": ["3", "3", "0", "3"], "mwt": [{"id": "1-2", "form": "del", "misc": ""}]}
    plain = row | {"sent_id": "b", "mwt": []}
    treebanks = {"lt_alksnis": [row], "lt_hse": [plain], **{name: [row, plain] for name in UD27}}
    files = {f"parquet/{name}/test.parquet": parquet(rows, features) for name, rows in treebanks.items()}
    found.put("udpos", "universal-dependencies/universal_dependencies", files)


def put_translations(found: Repositories) -> None:
    """google/xtreme, of which MLQA, parts of speech and Tatoeba are used, all of Tatoeba, and the texts of BUCC."""
    features = Features({"tokens": TEXTS, "pos_tags": List(ClassLabel(names=UPOS))})
    parsed = [{"tokens": ["Two", "lamps", "."], "pos_tags": [3, 0, 1]}, {"tokens": ["_", "_"], "pos_tags": [0, 1]}]
    stripped = parquet([question("m", LAMP, "Which colour?", ("green", 26))], SQUAD)
    xtreme = {f"MLQA.{code}.{code}": {"test": stripped} for code in languages("mlqa")}
    for code in languages("udpos"):
        if code not in LACKING:
            name = NAMES.get(code, facts(code).name)
            xtreme[f"udpos.{name}"] = each(parquet(parsed, features), *ALL)
    columns = ("source_sentence", "target_sentence", "source_lang", "target_lang")
    for code in languages("tatoeba"):
        iso3, sides = facts(code).iso3, ("Late: " + code, "It is late.")
        row = dict(zip(columns, (*sides, iso3, "eng") if code != "zh" else (*sides[::-1], "eng", iso3), strict=True))
        if code not in LACKING:
            xtreme[f"tatoeba.{iso3}"] = {"validation": parquet([row], Features(dict.fromkeys(columns, TEXT)))}
    found.put("mlqa", "google/xtreme", with_card(xtreme))
    tatoeba = {
        f"test/{facts(code).iso3}-eng.jsonl.gz": gzip.compress(
            json_lines([{"sentence1": f"Late: {code}\n", "sentence2": "It is late.\n"}])
        )
        for code in languages("tatoeba")
    }
    header = card(**{path[5:-9]: {"test": path} for path in tatoeba})
    found.put("tatoeba", "mteb/tatoeba-bitext-mining", {"README.md": header, **tatoeba})
    pairs = Features({"sentence1": TEXTS, "sentence2": TEXTS, "gold": List(List(NUMBER))})
    numbers = range(1, 31)
    gold = [[n, 31 - n] for n in numbers if n % 5 == 0]
    texts = {"sentence1": [f"Satz {n}." for n in numbers], "sentence2": [f"Sentence {n}." for n in numbers]}
    bucc = {f"{code}-en": {"test": parquet([texts | {"gold": gold}], pairs)} for code in languages("bucc2018")}
    found.put("bucc2018", "mteb/BUCC", with_card(bucc))


def put_entities(found: Repositories) -> None:
    """Mewsli-X, partly in archives; its mentions in Turkish are of an entity that is missing."""
    linked = [{"mention": f"She saw {{ {place} }}.", "entity": f"{place}: a town."} for place in ("Turin", "Bonn")]
    pairs = json_lines([*linked, linked[0]])
    files = {f"wikipedia_pairs/{name}.jsonl.tar.gz": archive(f"{name}.jsonl", pairs) for name in ("train", "dev")}
    described = json_lines([{"entity_id": f"Q{n}", "description": f"Town\n{n}."} for n in (1, 2)])
    files["candidate_entities.jsonl.tar.gz"] = archive("candidate_entities.jsonl", described)
    for code in languages("mewslix"):
        mention = {"mention": f"{code}: {{ Bonn }}", "entity_id": "Q9" if code == "tr" else "Q2"}
        for split in ("dev", "test"):
            files[f"wikinews_mentions/{code}/{split}.jsonl"] = json_lines([mention])
    found.put("mewslix", "izhx/mewsli-x", files)


NO_PAIRS = ("ht", "jv", "qu", "sw", "tl", "wo")
"""Languages of XTREME-R that OPUS-100 lacks."""
SAID = {"el": "το φως", "zh": "灯"}
"""In the pairs of some languages; in those of the others stands their code, or their name where that is not Latin."""


def put_text(found: Repositories) -> None:
    """Wikipedia, of which the first file of a language is read; and OPUS-100, whose folders name two languages each."""
    wikipedia: dict[str, bytes] = {}
    for code in sorted({code for name in registry.names("tasks") for code in languages(name)}):
        articles = [{"title": f"{code} {n}", "text": f"The lamp {n}\n\nis a lamp in {code}."} for n in range(200)]
        if code == "de":  # with sentences of PAWS-X, Tatoeba and PAN-X
            articles[0]["text"] = "Intro.\n\nIda went. A lamp. Late: de\nLate: de\nIda Holm left Turin"
        content = parquet(articles, Features({"title": TEXT, "text": TEXT}))
        wikipedia[f"20231101.{code}/train-00000-of-00002.parquet"] = content
        wikipedia[f"20231101.{code}/train-00001-of-00002.parquet"] = b"not read"
    name, _, commit = WIKIPEDIA.partition("@")
    found[f"datasets/{name}"] = Repository(wikipedia, commit)
    pairs: dict[str, Mapping[str, bytes]] = {}
    for code in sorted({code for name in registry.names("tasks") for code in languages(name)} - {"en", *NO_PAIRS}):
        ends = sorted(("en", code))
        name = code if facts(code).script == "Latin" else str(babel.Locale.parse(code).get_display_name(code))
        sides = [{code: f"{n} {SAID.get(code, name)}", "en": f"The lamp {n}\tis on."} for n in range(3)]
        rows = [{"translation": {end: side[end] for end in ends}} for side in sides]
        features = Features({"translation": Translation(languages=ends)})
        pairs["-".join(ends)] = each(parquet(rows, features, row_group_size=2), *ALL)
    pairs["ar-zh"] = each(b"not read", "test")
    name, _, commit = OPUS100.partition("@")
    found[f"datasets/{name}"] = Repository(with_card(pairs), commit)


def xquad_r() -> dict[str, bytes]:
    """XQuAD-R, whose files are not on the Hub, by language."""
    breaks = {"sentences": ["It is late. ", "The lamp is green."], "sentence_breaks": [[0, 12], [12, 30]]}
    asked = {"id": "a", "question": "Which colour?", "answers": [{"text": "green", "answer_start": 24}]}
    content = json.dumps({"data": [{"paragraphs": [{"context": LAMP, "qas": [asked], **breaks}]}]}).encode()
    return dict.fromkeys(languages("lareqa"), content)
