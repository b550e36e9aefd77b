"""All readers of published files by name, as tasks name them; each stands in the file of its tasks' format."""

from xit.sources.read_any import examples
from xit.sources.read_classification import anli, nli, qqp, sick, xtreme_pairs
from xit.sources.read_multiple_choice import commonsenseqa, copa, cosmosqa, hellaswag, siqa, xcopa
from xit.sources.read_retrieval import aligned, comparable, linked, mentions, squad_answers, squad_sentences
from xit.sources.read_span import squad
from xit.sources.read_tagging import conllu_tags, supertags, xtreme_tags

__all__ = [
    "aligned",
    "anli",
    "commonsenseqa",
    "comparable",
    "conllu_tags",
    "copa",
    "cosmosqa",
    "examples",
    "hellaswag",
    "linked",
    "mentions",
    "nli",
    "qqp",
    "sick",
    "siqa",
    "squad",
    "squad_answers",
    "squad_sentences",
    "supertags",
    "xcopa",
    "xtreme_pairs",
    "xtreme_tags",
]
