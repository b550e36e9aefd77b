"""Chromium: for an English segment of a browser, its translation among those of a language; by the bare encoder.

Of no benchmark: a second retrieval set beside Tatoeba, of another domain. A thousand segments of 4 to 25 English words
are the same in all languages; a few lack up to nine of them, which are not asked for there. None of them is in the
pairs that encoders from scratch are pretrained on, but others of the same browser are: it is nearer to that text than
Tatoeba is.
"""

from xit.core.task import Files, Task

LANGUAGES = "af ar bg de el es fa fr he hi id it ja ko mr nl pt ru sw ta te tl tr uk vi zh"
LACKING = {"bg": 1, "fr": 1, "he": 1, "hi": 3, "ja": 6, "ko": 1, "nl": 2, "ru": 9, "uk": 5, "vi": 1}
COUNTS = {code: 1_000 - LACKING.get(code, 0) for code in LANGUAGES.split()}
FOLDER = "text-parallel/heldout"

task = Task(
    title="Chromium segments",
    format="retrieval",
    metric="accuracy",
    languages=tuple(LANGUAGES.split()),
    group="retrieval",
    is_trained=False,
    micro="aligned",
    files={
        "test": (
            Files(
                "aligned",
                f"{FOLDER}/{{language}}.txt",
                options={"english_name": "en.txt", "missing": "-"},
                count=COUNTS,
                beside=(f"{FOLDER}/en.txt",),
            ),
        ),
    },
    published={"test": COUNTS},
    faults=("Near-duplicates of a segment, such as another button of the same dialogue, are in the pairs.",),
    citation="The Chromium Authors 2026, chromium-l10n 156.0.8078.108 of Debian",
    licence="BSD-3-Clause (parts Unicode, MIT, others)",
    record={"id": "0", "language": "de", "role": "query", "text": "Open the lamp in a new tab", "gold": ["0"]},
)
