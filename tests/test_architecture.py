"""The floor plan: who may import whom. Data flows one way, from top to bottom."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "seqjepa"
GROUND = {"types", "settings", "rng", "io"}
FLOOR_PLAN = {
    "types": set(),
    "settings": {"types"},
    "rng": set(),
    "io": {"types"},
    "images": GROUND,
    "factors": GROUND,
    "sweeps": GROUND | {"factors"},
    "model": GROUND | {"factors"},
    "objective": GROUND | {"factors", "model"},
    "encoders": GROUND,
    "extraction": GROUND | {"factors", "sweeps", "encoders"},
    "diagnostics": GROUND | {"sweeps"},
    "training": GROUND | {"images", "factors", "model", "objective", "diagnostics"},
    "report": GROUND | {"factors", "sweeps", "diagnostics"},
    "recipes": {"images", "training"},
}
FLOOR_PLAN["workflows"] = set(FLOOR_PLAN)
FLOOR_PLAN["cli"] = {*FLOOR_PLAN}
FLOOR_PLAN["__main__"] = {"cli"}
FILES = sorted(SOURCE.rglob("*.py"))


def imported(path):
    """The modules of the package that a file imports, wherever in the file, and the names it takes from them."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: relative import"
            for alias in node.names:
                yield f"{node.module}.{alias.name}"
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def part(path):
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_imports_follow_the_floor_plan(path):
    if path != SOURCE / "__init__.py":
        wanted = {name.split(".")[1] for name in imported(path) if name.startswith("seqjepa.")}
        assert wanted - {part(path)} <= FLOOR_PLAN[part(path)]


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_no_module_is_named_as_what_it_defines(path):
    defined = [node.name for node in ast.parse(path.read_text()).body if hasattr(node, "name")]
    assert path.stem not in defined
