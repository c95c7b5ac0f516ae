"""Write the pages that are also notebooks as such: ``python docs/notebooks.py``. They are kept without outputs."""

import re
from pathlib import Path

import nbformat

ROOT = Path(__file__).parents[1]
PAGES = {"tutorial": "tutorial", "your-encoder": "diagnose_your_encoder"}
BLOCK = re.compile(r"```python\n(.*?)```\n", re.DOTALL)


def notebook(page: str) -> str:
    """A page as a notebook: a cell for each text between blocks of Python, and one for each block."""
    text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    text = re.sub(r" As a \[notebook\][^.]*\.", "", text)
    text = re.sub(r"\[([^\]]+)\]\((?!https?:)([^)]+)\)", r"\1", text)  # links to pages lead nowhere from a notebook
    book = nbformat.v4.new_notebook(metadata={"language_info": {"name": "python"}})
    for number, part in enumerate(BLOCK.split(text)):
        if part.strip():
            make = nbformat.v4.new_code_cell if number % 2 else nbformat.v4.new_markdown_cell
            book.cells.append(make(part.strip(), id=f"{page}-{number}"))
    return nbformat.writes(book) + "\n"


def notebooks() -> dict[Path, str]:
    """Each notebook as it should be, by its path."""
    return {ROOT / "notebooks" / f"{name}.ipynb": notebook(page) for page, name in PAGES.items()}


if __name__ == "__main__":
    for path, text in notebooks().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
