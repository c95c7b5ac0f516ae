"""Formulas made wrong on purpose: for each, a test of the diagnostics must fail. Seconds each: ``make slow``.

`killers.json` remembers which test saw which mutation. It says only which test to try first: where that one no longer
fails, all are run, and the file is written anew with the test that does.
"""

import json
from pathlib import Path

import pytest
from filelock import FileLock

from seqjepa.io.files import write_atomic
from tests.diagnostics.mutating import ROOT, first_failure, linked_package, make_wrong
from tests.diagnostics.mutations import MUTATIONS

KILLERS = Path(__file__).with_name("killers.json")
TESTS = ["tests/diagnostics", "tests/sweeps"]


def killers() -> dict[str, str]:
    found = json.loads(KILLERS.read_text(encoding="utf-8"))
    return {name: killer for name, killer in found.items() if name in MUTATIONS}


def remember(name: str, killer: str, lock: Path) -> None:
    with FileLock(lock):  # several processes may run the mutations
        found = dict(sorted((killers() | {name: killer}).items()))
        write_atomic(KILLERS, json.dumps(found, indent=1, ensure_ascii=False) + "\n")


def nearest_first(file: str) -> list[str]:
    """Files of tests: the module's own, those that saw another mutation of it, and those that import it."""
    own = str(Path("tests/diagnostics", file).with_name(f"test_{Path(file).name}"))
    saw = {killer.partition("::")[0] for name, killer in killers().items() if MUTATIONS[name][0] == file}
    module = f"seqjepa.diagnostics.{file.removesuffix('.py').replace('/', '.')} import"
    all_tests = {str(path.relative_to(ROOT)): path for tests in TESTS for path in (ROOT / tests).rglob("test_*.py")}
    near = [name for name, path in all_tests.items() if module in path.read_text(encoding="utf-8")]
    return [name for name in dict.fromkeys([own, *sorted(saw), *sorted(near)]) if name in all_tests]


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.mark.slow
@pytest.mark.parametrize("name", MUTATIONS)
def test_a_mutation_is_caught(name, tmp_path, tmp_path_factory):
    file, right, wrong = MUTATIONS[name]
    package = linked_package(tmp_path / "src")
    make_wrong(package, file, right, wrong)
    remembered, killer, said = killers().get(name), None, ""
    for tests in ([remembered], nearest_first(file), TESTS):
        if killer is None and any(tests):
            killer, said = first_failure(package, tests)
    assert killer is not None, f"no test sees {wrong!r} for {right!r} in {file}\n{said[-2000:]}"
    if killer != remembered:
        remember(name, killer, tmp_path_factory.getbasetemp().parent / "killers.lock")


@pytest.mark.slow
def test_without_a_mutation_they_pass(tmp_path):
    """What fails anyway sees no mutation."""
    killer, said = first_failure(linked_package(tmp_path / "src"), sorted(set(killers().values())))
    assert killer is None, said[-2000:]
    assert " passed" in said, said[-2000:]


def test_mutations_still_fit_the_source():
    for file, right, _ in MUTATIONS.values():
        assert right in (ROOT / "src" / "seqjepa" / "diagnostics" / file).read_text(encoding="utf-8"), (file, right)
