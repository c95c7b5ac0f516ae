"""A package with one formula made wrong, and the first test that sees it.

Each run is a process of its own, forked from one that has read PyTorch but no line of the package, which saves most of
a start. What it imports is a tree of links to this package's files; only the file that is made wrong is another.
"""

import contextlib
import io
import os
import shutil
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FORKS = get_context("forkserver")
FORKS.set_forkserver_preload(["torch", "scipy.stats", "sklearn.linear_model", "beartype", "pytest"])


def linked_package(to: Path) -> Path:
    """A tree of links to the package's files, compiled ones included."""
    return shutil.copytree(ROOT / "src", to, copy_function=os.symlink)


def make_wrong(package: Path, file: str, right: str, wrong: str) -> None:
    """In place of the link to a module of the diagnostics, the module with another text."""
    module = package / "seqjepa" / "diagnostics" / file
    text = module.read_text(encoding="utf-8")
    assert right in text, f"{file} has changed, say anew how to make it wrong: {right!r} is not in it"
    module.unlink()  # the link, not what it leads to
    module.write_text(text.replace(right, wrong), encoding="utf-8")


def first_failure(package: Path, tests: list[str]) -> tuple[str | None, str]:
    """Which of the tests fails first with the package in a folder, None if none does, and what pytest said.

    The tests are files, folders or single tests, as pytest is told of them, and run in this order.
    """
    with ProcessPoolExecutor(1, FORKS) as processes:
        return processes.submit(_first_failure, package, tests).result()


class _Failure:
    """Keeps the name of the test that fails. A file that cannot even be read is no test."""

    name: str | None = None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.name = self.name or report.nodeid


def _first_failure(package: Path, tests: list[str]) -> tuple[str | None, str]:
    os.chdir(ROOT)
    sys.path.insert(0, str(package))
    os.environ["PYTHONPATH"] = str(package)  # for the processes that tests start
    failure, said = _Failure(), io.StringIO()
    options = ["-q", "-x", "-m", "not slow", "-p", "no:cacheprovider"]
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        pytest.main([*options, *tests], plugins=[failure])
    return failure.name, said.getvalue()
