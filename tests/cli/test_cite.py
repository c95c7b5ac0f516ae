"""``seqjepa cite`` says what CITATION.cff says."""

import re
from pathlib import Path

import yaml

import seqjepa
from seqjepa.cli import app as cli

CITATION = Path(__file__).parents[2] / "CITATION.cff"


def test_bibtex_agrees_with_the_citation_file(capsys):
    assert cli.main(["cite"]) == 0
    text = capsys.readouterr().out
    entries = dict(zip(re.findall(r"^@(\w+)\{", text, re.MULTILINE), text.split("\n@"), strict=True))
    known = yaml.safe_load(CITATION.read_text())
    assert list(entries) == ["software", "article"]
    assert f"version = {{{seqjepa.__version__}}}" in entries["software"]
    assert known["version"] == seqjepa.__version__
    assert known["title"] in entries["software"]
    [method] = known["references"]
    assert method["title"] in entries["article"]
    assert method["url"] in entries["article"]
    for author in method["authors"]:
        assert f"{author['family-names']}, {author['given-names']}" in entries["article"]
    assert text.count("{") == text.count("}")
