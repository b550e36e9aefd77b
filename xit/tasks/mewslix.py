"""Mewsli-X: for a mention in its sentence, the description of the entity, in any language.

The release lacks the text of its news, which has to be rebuilt from archives. The Hub's izhx/mewsli-x has it, partly in
.tar.gz files of one member. Files: the same, unpacked, in the folders below. The fields are those that the training
code of its author reads (izhx/nlu-evals); that its mentions are marked as in `record` is unverified.
"""

from xit.core.task import Files, Hub, Task

LANGUAGES = ("en", "ar", "de", "es", "fa", "ja", "pl", "ro", "ta", "tr", "uk")
COUNTS = (1_490, 1_501, 1_551, 1_552, 458, 1_519, 1_562, 672, 1_567, 1_215, 1_537)
PLACE = "izhx/mewsli-x@7e3723faa15c6d84cfd56d66cf6cd347be8ad00e"
ENTITY = "entity_id description"
TEST = dict(zip(LANGUAGES, COUNTS, strict=True))

task = Task(
    title="Mewsli-X",
    format="retrieval",
    metric="mrr_at_20",
    languages=LANGUAGES,
    group="retrieval",
    pool="all",
    micro="linking",
    files={
        "train": (Files("linked", "mewslix/wikipedia_pairs/train.jsonl"),),
        "validation": (Files("linked", "mewslix/wikipedia_pairs/dev.jsonl"),),
        "test": (
            Files(
                "mentions",
                "mewslix/wikinews_mentions/{language}/test.jsonl",
                beside=("mewslix/candidate_entities.jsonl",),
            ),
        ),
    },
    hub={
        "train": (Hub("linked", PLACE, "wikipedia_pairs/train.jsonl.tar.gz", "mention entity", 167_719),),
        "validation": (Hub("linked", PLACE, "wikipedia_pairs/dev.jsonl.tar.gz", "mention entity", 14_051),),
        "test": (
            Hub("mentions", PLACE, "wikinews_mentions/{language}/test.jsonl", "mention entity_id", TEST),
            Hub("entities", PLACE, "candidate_entities.jsonl.tar.gz", ENTITY, 1_003_893, language="en"),
        ),
    },
    published={"train": 167_719, "validation": 14_051, "test": TEST},
    faults=("Counts are of release 20220518; the paper's numbers are of another and not comparable.",),
    citation="Ruder et al. 2021, arXiv 2104.07412",
    licence="CC BY-SA 3.0 (Wikipedia), CC BY 2.5 (Wikinews)",
    record={"id": "0", "language": "en", "role": "query", "text": "She left { Turin } by train.", "gold": ["Q495"]},
)
