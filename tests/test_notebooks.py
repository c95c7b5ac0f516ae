"""The notebooks are their pages, and run from the first cell to the last."""

import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NAMES = ("tutorial", "diagnose_your_encoder")


@pytest.fixture
def made(monkeypatch):
    pytest.importorskip("nbformat")
    monkeypatch.syspath_prepend(ROOT / "docs")
    return importlib.import_module("notebooks").notebooks()


def test_the_notebooks_are_their_pages(made):
    assert {path.stem for path in made} == set(NAMES)
    for path, text in made.items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name}: run python docs/notebooks.py"


@pytest.mark.filterwarnings("ignore")  # of the notebook's own libraries
@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_runs(name, tmp_path):
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    book = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
    nbclient.NotebookClient(book, timeout=600, resources={"metadata": {"path": tmp_path}}).execute()
    shown = [output for cell in book.cells if cell.cell_type == "code" for output in cell.outputs]
    assert shown
    assert "for Jupyter support" not in str(shown)  # what rich says at every refresh of a bar without ipywidgets
    assert "IProgress" not in str(shown)  # what tqdm says where it is imported without them
    if name == "diagnose_your_encoder":
        pages = [output.data["text/html"] for output in shown if "text/html" in output.get("data", {})]
        assert len(pages) == 4  # sweeps, diagnosis, an estimate, the explorer
        assert sum("<iframe" in page for page in pages) == 1
        assert sum("<table" in page for page in pages) == 3
