"""What the README and the docs tell a user to type works."""

import importlib
import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from seqjepa.cli import app as cli
from seqjepa.recipes import RECIPES
from tests.hurried import hurry  # noqa: F401  (a page's own process is in no hurry)

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page, language):
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


def commands():
    """Every ``seqjepa train`` in a code block of a page, without its comment."""
    for page in PAGES:
        for block in blocks(page, ""):
            for line in block.splitlines():
                if line.startswith("seqjepa train"):
                    yield re.split(r"\s{2,}|#|>", line)[0].strip()


@pytest.mark.parametrize("command", sorted(set(commands())))
def test_train_commands_resolve(command, capsys):
    arguments = [a for a in shlex.split(command)[1:] if a != "--dry-run"]
    if "--help" in arguments:
        with pytest.raises(SystemExit):
            cli.main(arguments)
    else:
        assert cli.main([*arguments, "--dry-run"]) == 0, capsys.readouterr().err


def test_the_readme_tells_of_commands_that_exist(capsys):
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    listed = capsys.readouterr().out
    told = "\n".join(blocks(ROOT / "README.md", ""))
    for name in re.findall(r"^seqjepa (\w+)", told, re.MULTILINE):
        assert re.search(rf"^    {name} ", listed, re.MULTILINE), name


def test_make_targets_of_the_readme_exist():
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^make (\w+)", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)


def test_the_readmes_python_runs(tmp_path):
    code = "\n".join(blocks(ROOT / "README.md", "python"))
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    [told] = blocks(ROOT / "README.md", "text")
    printed = next(line for line in done.stdout.splitlines() if "null" in line)
    told, printed = (re.findall(r"[-\d.]+", line) for line in (told, printed))
    assert [float(number) for number in printed] == pytest.approx([float(number) for number in told], abs=0.01)
    assert (tmp_path / "runs/teacherless/model.safetensors").exists()


EXTENDING = blocks(ROOT / "docs" / "extending.md", "python")


@pytest.mark.parametrize("code", EXTENDING, ids=lambda code: code.splitlines()[-1][:40])
def test_what_extending_shows_runs(code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(code)
    runpy.run_path("mine.py", run_name="__main__")
    mine = [line for line in code.splitlines() if line.strip() and not re.match(r"import |from |@?sj\.|print", line)]
    assert len(mine) < 15


@pytest.mark.parametrize("page", ["training-loop", "for-a-paper", "sharing"])
def test_what_a_page_shows_runs(page, tmp_path, monkeypatch, capsys):
    """All blocks of a page one after the other, as its reader types them; pages that are notebooks run as such."""
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text("\n".join(blocks(ROOT / "docs" / f"{page}.md", "python")))
    runpy.run_path("mine.py", run_name="__main__")
    assert capsys.readouterr().out


def test_the_tutorials_table_says_what_its_words_say():
    page = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\w[\w ]+) \| [^|]+\| ([-\d.]+) \[[^|]+\| [^|]+\|[^|]*\| ([-\d.]+) \[", page, re.MULTILINE)
    told = {name: (float(value), float(before)) for name, value, before in rows}
    assert f"names {100 * told['class probe'][0]:.0f} % of unseen" in page
    assert f"network moves {told['sensitivity'][1]:.2f}, the classifier {told['sensitivity'][0]:.2f}" in page
    assert f"R² {told['action'][0]:.2f}; from the untrained network's, {told['action'][1]:.2f}" in page
    assert f"hold {100 * told['explained variance'][0]:.0f} % of its movement" in page


def test_what_the_page_of_gates_shows_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text("\n".join(blocks(ROOT / "docs" / "gates.md", "python")))
    runpy.run_path("mine.py", run_name="__main__")
    assert capsys.readouterr().out.startswith("0 {'explained_variance[rotation] >= 0.1': 'pass'}")


@pytest.mark.parametrize("code", blocks(ROOT / "docs" / "equivariance.md", "python"), ids=["audit"])
def test_the_audit_that_is_shown_runs(code, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(code)
    runpy.run_path("mine.py", run_name="__main__")
    assert "interpolation alone" in capsys.readouterr().out


def test_extending_opens_every_door():
    text = "\n".join(EXTENDING)
    for door in ("from_dataset", "from_arrays", "terms=[", "metrics=[", "encoder=", "images=("):
        assert door in text


def test_tables_made_from_the_code_are_as_the_code_has_them(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "docs")
    tables = importlib.import_module("tables")
    for path, text in tables.pages().items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name}: run python docs/tables.py"


def test_every_function_of_the_longest_trip_is_there():
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    steps = re.findall(r"^\| \d+ \| `([\w/]+)\.py` \| `([\w.]+)` \|", page, re.MULTILINE)
    assert len(steps) > 10
    for file, name in steps:
        found = importlib.import_module(f"seqjepa.{file.replace('/', '.')}")
        for part in name.split("."):
            found = getattr(found, part)
        assert callable(found)


def test_links_within_the_pages_lead_somewhere():
    for page in [*PAGES, ROOT / "CONTRIBUTING.md"]:
        for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_recipe_is_documented():
    assert all(make.__doc__ for make in RECIPES.values())


def test_contributing_is_short():
    assert len((ROOT / "CONTRIBUTING.md").read_text().splitlines()) < 50
