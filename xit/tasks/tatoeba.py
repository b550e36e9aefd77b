"""Tatoeba: for an English sentence, its translation among the sentences of a language; by the bare encoder."""

from xit.tasks import Files, Task

LANGUAGES = """
ar he vi id jv tl eu ml ta te af nl de el bn hi mr ur fa fr it pt es bg ru ja ka ko th sw zh kk tr et fi hu az lt pl
uk ro
"""

task = Task(
    title="Tatoeba",
    format="retrieval",
    metric="accuracy",
    languages=tuple(LANGUAGES.split()),
    group="retrieval",
    is_trained=False,
    micro="aligned",
    files={
        "test": (Files("aligned", "tatoeba/tatoeba.{iso3}-eng.{iso3}"),),
    },
    citation="Artetxe and Schwenk 2019, arXiv 1812.10464",
    licence="CC BY 2.0 FR",
    record={"id": "0", "language": "de", "role": "query", "text": "The lamp is green.", "gold": ["0"]},
)
