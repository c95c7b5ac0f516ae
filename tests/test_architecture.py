"""Who may import whom. Data flows one way."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "seqjepa"
LEAVES = {"types", "reading", "files", "randomness", "records", "sweep_design", "sweeps"}  # nouns and their ground
MAY_IMPORT = {
    "types": set(),
    "reading": {"types"},
    "files": {"types", "reading"},
    "randomness": set(),
    "sweep_design": {"types", "randomness"},
    "records": {"types"},
    "sweeps": {"types", "reading", "files", "records", "sweep_design"},
    "images": LEAVES,
    "factors": LEAVES,
    "model": LEAVES | {"factors"},
    "objective": LEAVES | {"factors"},
    "diagnostics": LEAVES,
    "representations": LEAVES | {"images", "factors"},
    "training": LEAVES | {"images", "factors", "model", "objective", "diagnostics"},
    "report": LEAVES | {"diagnostics", "factors", "comparison"},
    "any_encoder": LEAVES | {"representations", "training"},
    "comparison": LEAVES | {"diagnostics"},
    "monitor": LEAVES | {"training", "representations", "diagnostics"},
    "grid": LEAVES | {"training"},
    "logged_figures": LEAVES | {"training", "diagnostics", "report", "monitor"},
    "recipes": LEAVES | {"training"},
    "__init__": None,  # None: anything
    "__main__": None,
    "cli": None,
    "cli_compare": None,
    "cli_diagnose": None,
    "cli_grid": None,
    "cli_images": None,
    "cli_report": None,
}


def imported(path):
    """The parts of the package that a file imports, wherever in the file."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        modules += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module == "seqjepa":
            modules = [f"seqjepa.{alias.name}" for alias in node.names]
        names |= {module.split(".")[1] for module in modules if module.startswith("seqjepa.")}
        assert not (isinstance(node, ast.ImportFrom) and node.level), f"{path}: relative import"
    return names


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda p: str(p.relative_to(SOURCE)))
def test_imports_follow_the_flow(path):
    part = path.relative_to(SOURCE).parts[0].removesuffix(".py")
    assert part in MAY_IMPORT, f"{part} is new: say here what it may import"
    if MAY_IMPORT[part] is not None:
        assert imported(path) - {part} <= MAY_IMPORT[part]


def test_nothing_imports_the_command_line_or_the_recipes():
    for path in SOURCE.rglob("*.py"):
        if path.name not in ("cli.py", "__init__.py", "__main__.py"):
            command_line = {"cli", "cli_compare", "cli_diagnose", "cli_grid", "cli_images", "cli_report", "recipes"}
            assert not imported(path) & (command_line - {path.stem})
