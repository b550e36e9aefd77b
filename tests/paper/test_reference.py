"""The folders of paper/reference."""

from pathlib import Path

from xit.paper.reference import standard


def test_the_reference_of_a_source_has_its_name_or_names_it_and_an_encoder_in_its_parameters(tmp_path: Path) -> None:
    references = tmp_path / "paper/reference"
    for name, source, encoder in (("another", "micro", "lstm"), ("micro", "micro", "lstm"), ("text", "files", "gru")):
        (references / name / "tables").mkdir(parents=True)
        values = f"source: {source}\ngrid: {{encoders: [{encoder}, transformer]}}\n"
        for file, text in (("params.yaml", values), ("scores.csv", ""), ("tables/answer.csv", "")):
            (references / name / file).write_text(text, encoding="utf-8")
    (references / "hub").mkdir()  # as a version before left it, empty

    found = {source: standard(tmp_path, source, ["transformer"]) for source in ("micro", "files", "hub")}

    assert found == {"micro": references / "micro", "files": references / "text", "hub": None}
    assert standard(tmp_path, "files", ["lstm"]) is standard(tmp_path, "micro", ["gru"]) is None
    assert standard(tmp_path / "nowhere", "micro", ["gru"]) is None
