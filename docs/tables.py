"""Write the tables of the docs that are made from the code into their pages: ``python docs/tables.py``."""

import json
import sys
from pathlib import Path

from seqjepa.diagnostics import metrics_markdown
from seqjepa.objective import TERMS
from seqjepa.types.limits import limits_markdown

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS.parent))
sys.path.insert(0, str(DOCS))
from reference import api, command_line  # noqa: E402

from tests.test_architecture import FLOOR_PLAN  # noqa: E402


def floor_plan() -> str:
    """Which folder may import which."""
    lines = ["| folder | may import |", "|---|---|"]
    for place, (part, allowed) in enumerate(FLOOR_PLAN.items()):
        above = list(FLOOR_PLAN)[:place]
        names = ", ".join(f"`{other}`" for other in FLOOR_PLAN if other in allowed)
        lines.append(f"| `{part}` | {'everything above' if len(above) > 3 and set(above) == set(allowed) else names} |")
    return "\n".join(lines)


def terms() -> str:
    """The terms of the objective, their default weights and their settings."""
    lines = ["| term | weight | settings | meaning |", "|---|---|---|---|"]
    for name, term in TERMS.items():
        settings = ", ".join(f"`{field}`: {value}" for field, value in term.settings if field != "weight")
        lines.append(f"| `{name}` | {'−' * term.maximised}{term.weight:g} | {settings} | {term.meaning} |")
    return "\n".join(lines)


def literature() -> str:
    """Scores of the literature beside ours, as benchmarks/literature.py measured them."""
    measured = json.loads((DOCS / "literature.json").read_text(encoding="utf-8"))
    columns = [*measured["ours"], *measured["literature"]]
    lines = [f"| | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for name, row in measured["rows"].items():
        cells = [row[of] for of in columns]
        shown = ["–" if cell is None else cell if isinstance(cell, str) else f"{cell:.2f}" for cell in cells]
        lines.append(f"| {name} | {' | '.join(shown)} |")
    return "\n".join(lines)


TABLES = {
    ("metrics.md", "metrics"): metrics_markdown,
    ("metrics.md", "terms"): terms,
    ("architecture.md", "floor plan"): floor_plan,
    ("api.md", "api"): api,
    ("command-line.md", "commands"): command_line,
    ("external-truth.md", "literature"): literature,
    ("reliability.md", "limits"): limits_markdown,
}


def pages() -> dict[Path, str]:
    """Each page as it should be: its table between the comments that name it."""
    found: dict[Path, str] = {}
    for (name, what), table in TABLES.items():
        path = DOCS / name
        text = found.get(path) or path.read_text(encoding="utf-8")
        start, end = f"<!-- {what} -->", f"<!-- /{what} -->"
        before, rest = text.split(start)
        found[path] = f"{before}{start}\n\n{table().strip()}\n\n{end}{rest.split(end)[1]}"
    return found


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
