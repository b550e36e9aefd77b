"""SocialIQA: a question about what people do and feel, three answers.

Files: its development file.
"""

from xit.core.task import Files, Hub, Task

DEV = "siqa/socialIQa_v1.4_dev.jsonl"
SIQA = (  # the Hub's export of the official data, then a re-upload
    "allenai/social_i_qa@537a2ec8ec565adc0b70b70752893e59e024df26 "
    "tasksource/social_i_qa@c5e31ad2d8d6b2aec4cf6491653a1fe1640dd647"
)
FIELDS = "context question answerA answerB answerC label"

task = Task(
    title="SocialIQA",
    format="multiple_choice",
    metric="accuracy",
    languages=("en",),
    micro="cause",
    files={
        "train": (Files("siqa", DEV, (0.0, 0.9), count=1_954),),
        "validation": (Files("siqa", DEV, (0.9, 1.0), count=1_954),),
    },
    hub={
        "train": (Hub("social", SIQA, "default/train", FIELDS, 33_410),),
        "validation": (Hub("social", SIQA, "default/validation", FIELDS, 1_954),),
    },
    published={"train": 33_410, "validation": 1_954},
    faults=("Labels are 1, 2, 3 in the original and count from 0 in a re-upload (tasksource/social_i_qa).",),
    citation="Sap et al. 2019, arXiv 1904.09728",
    licence="CC BY 4.0",
    record={
        "id": "0",
        "language": "en",
        "prompt": "Ida lent Bo her boat. How does Bo feel?",
        "choices": ["thankful", "seasick", "hungry"],
        "label": 0,
    },
)
