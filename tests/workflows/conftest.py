"""Digits for the tests of workflows, and a stand-in of a cluster's engine."""

import sys
import time
from contextlib import nullcontext, suppress
from types import SimpleNamespace

import pytest

import seqjepa as sj
from tests.hurried import few_figures, hurry  # noqa: F401


@pytest.fixture(scope="module")
def images():
    return tuple(sj.load_images("digits", split) for split in ("train", "test"))


class FakeJob:
    """Of the engine: runs in the submitting process, when it is first asked whether it is done."""

    def __init__(self, job, ends=True):
        self.job, self.ends, self.cancelled, self.ran = job, ends, False, False

    def done(self, force_check):
        if self.ends and not self.ran:
            self.ran = True
            with suppress(RuntimeError):  # it stands in the job's files
                self.job()
        return self.ends

    def cancel(self, check):
        self.cancelled = True


@pytest.fixture
def engine(monkeypatch):
    """A stand-in of submitit; what is submitted is in ``submitted``, what it was asked in ``parameters``."""
    told = SimpleNamespace(submitted=[], parameters={}, ends=lambda job: True)

    class AutoExecutor:
        def __init__(self, folder, cluster):
            told.folder, told.cluster = folder, cluster

        def update_parameters(self, **parameters):
            told.parameters = parameters

        def batch(self):
            return nullcontext()

        def submit(self, job):
            told.submitted.append(FakeJob(job, told.ends(job)))
            return told.submitted[-1]

    monkeypatch.setitem(sys.modules, "submitit", SimpleNamespace(AutoExecutor=AutoExecutor, __spec__=sys.__spec__))
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    return told
