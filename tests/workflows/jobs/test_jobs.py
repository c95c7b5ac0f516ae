"""Processes at once, here and through a cluster's engine: they overlap, fail alone, and end with whoever began them."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from seqjepa.types import InputError
from seqjepa.workflows.jobs import check_jobs, run_jobs
from seqjepa.workflows.jobs import local as here
from seqjepa.workflows.jobs.cluster import LOST, Job, code_file
from seqjepa.workflows.jobs.work import Outcome, last_words


@dataclass(frozen=True)
class Script:
    name: str
    folder: Path
    text: str

    @property
    def log(self):
        return self.folder / f"{self.name}.txt"

    def command(self):
        return [sys.executable, "-c", self.text]


def ended(members, folder, **where):
    outcomes = {}
    run_jobs(members, folder, lambda outcome: outcomes.update({outcome.member.name: outcome}), **where)
    return outcomes


def test_as_many_at_once_as_are_asked_for(tmp_path):
    meets = "import pathlib, time\npathlib.Path({mine!r}).touch()\n"
    meets += "while not pathlib.Path({other!r}).exists(): time.sleep(0.01)"
    one, two = str(tmp_path / "1"), str(tmp_path / "2")
    members = [
        Script("a", tmp_path, meets.format(mine=one, other=two)),
        Script("b", tmp_path, meets.format(mine=two, other=one)),  # neither ends without the other
    ]
    assert [outcome.code for outcome in ended(members, tmp_path, jobs=2).values()] == [0, 0]
    seen = []
    alone = [Script(name, tmp_path, "") for name in "cde"]
    run_jobs(alone, tmp_path, lambda outcome: None, jobs=1, meanwhile=lambda running: seen.append(len(running)))
    assert max(seen) == 1


@pytest.mark.parametrize("cluster", [None, "local"])
def test_one_that_fails_says_why_and_stops_no_other(tmp_path, engine, cluster):
    members = [
        Script("wrong", tmp_path, "import sys; print('it began'); sys.exit('no such thing')"),
        Script("right", tmp_path, "print('well')"),
    ]
    found = ended(members, tmp_path, cluster=cluster)
    assert (found["wrong"].code, found["right"].code) == (1, 0)
    assert found["wrong"].reason() == f"no such thing (exit code 1, {members[0].log})"
    assert len(engine.submitted) == (2 if cluster else 0)


def test_a_cluster_is_asked_as_the_options_say(tmp_path, engine):
    options = {"timeout_min": "7", "slurm_partition": "gpu"}
    ended([Script("one", tmp_path, "")], tmp_path, jobs=3, cluster="slurm", options=options)
    assert engine.parameters == {"timeout_min": 7, "slurm_partition": "gpu", "slurm_array_parallelism": 3}
    assert (engine.cluster, engine.folder) == ("slurm", tmp_path / "submitit")
    assert engine.submitted[0].job == Job("one", (sys.executable, "-c", ""), tmp_path / "one.txt")


def test_a_job_that_was_lost_has_failed_whatever_an_earlier_one_left(tmp_path, engine, monkeypatch):
    member = Script("lost", tmp_path, "")
    code_file(member.log).write_text("0")
    monkeypatch.setattr(Job, "__call__", lambda self: None)  # its machine was switched off
    assert ended([member], tmp_path, cluster="slurm")["lost"].code == LOST


def test_interrupted_all_of_a_cluster_s_jobs_are_cancelled(tmp_path, engine):
    engine.ends = lambda job: job.name == "first"

    def interrupted(outcome):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_jobs([Script(n, tmp_path, "") for n in ("first", "b", "c")], tmp_path, interrupted, cluster="slurm")
    assert [job.cancelled for job in engine.submitted] == [False, True, True]


def test_interrupted_all_processes_of_this_machine_end(tmp_path):
    def pids():
        return [int(file.read_text()) for file in tmp_path.glob("*.pid") if file.read_text()]

    waits = "import os, pathlib, time\npathlib.Path({file!r}).write_text(str(os.getpid()))\ntime.sleep(600)"
    members = [Script(name, tmp_path, waits.format(file=str(tmp_path / f"{name}.pid"))) for name in "ab"]

    def interrupted(running):
        if len(pids()) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_jobs(members, tmp_path, lambda outcome: None, jobs=2, meanwhile=interrupted)
    for pid in pids():
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_several_at_once_share_cores_and_gpus(monkeypatch):
    monkeypatch.setattr(here.os, "cpu_count", lambda: 8)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(here.torch.cuda, "device_count", lambda: 2)
    assert [here._environment(3, slot)["CUDA_VISIBLE_DEVICES"] for slot in range(3)] == ["0", "1", "0"]
    assert here._environment(3, 0)["OMP_NUM_THREADS"] == "2"
    assert "OMP_NUM_THREADS" not in here._environment(1, 0)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,7")
    assert [here._environment(2, slot)["CUDA_VISIBLE_DEVICES"] for slot in range(2)] == ["4", "7"]
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    assert here._environment(2, 0)["OMP_NUM_THREADS"] == "5"


def test_a_failure_is_told_by_its_last_words(tmp_path):
    member = Script("mute", tmp_path, "")
    assert "it said nothing (exit code -9" in Outcome(member, -9, 1.0).reason()
    member.log.write_text("one\nlast words\n\n")
    assert last_words(member.log) == "last words"
    assert Outcome(member, 1, 1.0).reason() == f"last words (exit code 1, {member.log})"


@pytest.mark.parametrize("jobs", [0, True, 10**9])
def test_a_number_of_jobs_that_cannot_be(jobs):
    with pytest.raises(InputError, match="--jobs is a number from 1"):
        check_jobs(jobs, None, None)
