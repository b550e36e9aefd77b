"""XTREME: nine tasks in forty languages."""

from xit.benchmarks import RULES, Benchmark

benchmark = Benchmark(
    title="XTREME",
    citation="Hu et al. 2020, arXiv 2003.11080",
    tasks=("xnli", "pawsx", "udpos", "panx", "xquad", "mlqa", "tydiqa", "bucc2018", "tatoeba"),
    groups={
        "classification": ("xnli", "pawsx"),
        "tagging": ("udpos", "panx"),
        "qa": ("xquad", "mlqa", "tydiqa"),
        "retrieval": ("bucc2018", "tatoeba"),
    },
    rules=(
        *RULES,
        "BUCC 2018: F1 of the pairs, as a set.",
        "Group: the plain mean over its tasks.",
        "Overall: the plain mean over the nine tasks, not over groups.",
    ),
    without={
        "panx": "qu pl uk az lt pa gu ro",
        "udpos": "lt pl uk wo ro",
        "tatoeba": "az lt pl uk ro",
        "xquad": "ro",
    },
)
