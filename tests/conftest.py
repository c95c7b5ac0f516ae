"""Shapes and types are checked in every call while the tests run (jaxtyping with beartype)."""

import os
import signal
from pathlib import Path

import pytest

from tests import typechecker

typechecker.install()

# Begun first: at the end no process waits while another has half a minute to go.
LONGEST = (
    "tests/training/test_export.py::test_a_split_encoder_with_its_canonicalization_can_be_exported",
    "tests/training/test_ranks.py::test_two_processes_equal_one",
    "tests/training/test_split_run.py::test_the_pose_is_learnt",
    "tests/workflows/grid/test_grid.py::test_a_grid_is_stopped_and_continued",
    "tests/workflows/grid/test_grid.py::test_the_same_through_a_cluster_engine",
    "tests/hostile/test_disk.py::test_tensorboard_without_room_costs_its_own_log_alone",
    "tests/hostile/test_properties.py::test_mutated_files_are_accepted_or_refused",
    "tests/test_bench.py::test_every_row_runs_and_is_written",
    "tests/test_notebooks.py::test_a_notebook_runs",
)


def pytest_configure():
    """Ctrl-C reaches the processes that tests start, also where a shell's background job was told to ignore it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.nodeid.partition("[")[0] not in LONGEST)


@pytest.fixture(autouse=True)
def nothing_left_out(request, caplog):
    """What fails in a diagnosis is left out of it; in a test that does not mean it to, that is a failure."""
    yield
    if request.node.get_closest_marker("left_out") is None:
        records = [r for when in ("setup", "call") for r in caplog.get_records(when)]
        assert not [r.getMessage() for r in records if r.name == "seqjepa.diagnostics.guard"]


@pytest.fixture
def tiny():
    """A run of seconds on the embedded digits; float32, so that it is the same on every machine's kind of CPU."""
    from seqjepa.recipes import change, digits  # not above: the process that hands out the tests runs none

    return change(
        digits(),
        name="tiny",
        epochs=2,
        batch_size=32,
        precision="float32",
        evaluate_every=2,
        images=dict(train=96, test=64),
        model=dict(encoder="convnet", width=4, layers=1, hidden=32, action_embedding=16),
        probes=dict(hidden=32),
    )


@pytest.fixture
def mnist_root():
    """A folder with MNIST's files, where SEQJEPA_DATA names one."""
    root = os.environ.get("SEQJEPA_DATA")
    if root is None or not (Path(root) / "MNIST" / "raw").is_dir():
        pytest.skip("real MNIST is not at hand: SEQJEPA_DATA names no folder with MNIST/raw")
    return Path(root)
