"""XTREME-R: ten tasks in fifty languages.

Differs from the evaluator of the benchmark, which ends in an error where all ten tasks are there: the overall score is
built from the paper's definition, and LAReQA, which it has no reader for, is submitted as Mewsli-X is and scored as
google-research-datasets/lareqa does.
"""

from xit.benchmarks import RULES, Benchmark

benchmark = Benchmark(
    title="XTREME-R",
    citation="Ruder et al. 2021, arXiv 2104.07412",
    tasks=("xnli", "xcopa", "udpos", "panx", "xquad", "mlqa", "tydiqa", "tatoeba", "mewslix", "lareqa"),
    groups={
        "classification": ("xnli", "xcopa"),
        "multi_choice": ("xcopa",),
        "tagging": ("udpos", "panx"),
        "qa": ("xquad", "mlqa", "tydiqa"),
        "retrieval": ("tatoeba", "mewslix"),
    },
    rules=(
        *RULES,
        "Mewsli-X: the reciprocal rank of the right entity among the first 20, which the benchmark prints as mAP@20.",
        "LAReQA: mAP@20 over all questions of all languages at once, not the mean over languages.",
        "Group: the plain mean over its tasks; XCOPA is in two groups, LAReQA in none.",
        "Overall: the plain mean over the ten tasks, each counted once, not over groups.",
    ),
    pooled=("lareqa",),
)
