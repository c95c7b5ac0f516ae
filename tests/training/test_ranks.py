"""Several processes: equal to one, refused where they cannot be, and never left hanging."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from unittest.mock import Mock

import lightning_fabric as lf
import pytest
import torch
from torch import nn
from torch.distributed import DistBackendError

import seqjepa as sj
from seqjepa.diagnostics.measures.subspaces import OrbitCovariance, within_orbit_covariance
from seqjepa.recipes import change
from seqjepa.training.hardware import build_fabric
from seqjepa.training.ranks import (
    check_ranks,
    desynchronise_batch_norm,
    gather_outputs,
    keys_of_rank,
    naming_lost_ranks,
    share_of_rank,
    synchronise_batch_norm,
)
from seqjepa.types import LostProcess, Outputs

ROOT = Path(__file__).parents[2]
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]


def rank(number, of, device="cpu"):
    """Fabric as a process of several sees it."""
    metadata = dict(global_rank=number, world_size=of, is_global_zero=number == 0, device=torch.device(device))
    return Mock(spec=lf.Fabric, **metadata)


def test_two_processes_equal_one():
    cases = ["coding_rate of both", "sigreg of both", "control: representations not gathered"]
    command = [sys.executable, ROOT / "benchmarks" / "ranks.py", *cases]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "resumed on one" in done.stdout


@pytest.mark.slow
def test_two_processes_equal_one_for_every_term():
    done = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "ranks.py"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_batch_is_shared_out_whole_and_in_order():
    batch = torch.randperm(64)
    assert torch.equal(torch.cat([share_of_rank(rank(r, 4), batch) for r in range(4)]), batch)
    assert share_of_rank(rank(0, 1), batch) is not None
    assert torch.equal(share_of_rank(rank(0, 1), batch), batch)


def test_one_process_gathers_nothing():
    outputs = Outputs(*(torch.zeros(2, 3, 4), torch.zeros(2, 5), torch.zeros(2, 4), torch.zeros(2, 4)))
    assert gather_outputs(rank(0, 1), outputs) is outputs


def test_every_rank_draws_its_own_and_the_first_draws_as_one_alone():
    assert keys_of_rank(rank(0, 2)) == keys_of_rank(rank(0, 1)) == ()
    assert keys_of_rank(rank(1, 2)) != keys_of_rank(rank(2, 3))


def test_a_batch_that_cannot_be_shared_evenly_is_refused():
    with pytest.raises(sj.InputError, match="batch_size: 64 sequences cannot be shared evenly by 3 processes"):
        check_ranks(rank(0, 3), 64)
    check_ranks(rank(0, 4), 64)


def test_sharded_weights_are_refused(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("LT_STRATEGY", "fsdp")
    with pytest.raises(sj.InputError, match="strategy 'fsdp': every process holds the whole model"):
        sj.train(tiny, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_processes_that_know_nothing_of_one_another_are_refused(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "4")
    with pytest.raises(sj.InputError, match="srun started 4 processes; have it start one torchrun a machine instead"):
        sj.train(tiny, tmp_path / "run")


def test_batch_norm_of_several_ranks():
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Sequential(nn.BatchNorm1d(4, affine=False)))
    synchronise_batch_norm(rank(0, 1), model)
    with pytest.warns(UserWarning, match="batch norm is synchronised on GPUs only: each of the 2 processes"):
        synchronise_batch_norm(rank(0, 2), model)
    assert not any(isinstance(module, nn.SyncBatchNorm) for module in model.modules())
    x = torch.randn(8, 3)
    model(x)
    want = model(x)
    synchronise_batch_norm(rank(0, 2, "cuda"), model)
    assert isinstance(model[1], nn.SyncBatchNorm)
    assert isinstance(model[2][0], nn.SyncBatchNorm)
    state = {name: value.clone() for name, value in model.state_dict().items()}
    desynchronise_batch_norm(model)
    assert not any(isinstance(module, nn.SyncBatchNorm) for module in model.modules())
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    torch.testing.assert_close(model(x), want)
    torch.testing.assert_close(model.eval()(x), model(x))


def test_float64_reaches_the_loss(tiny):
    fabric = build_fabric(change(tiny, precision="float64"))
    model = fabric.setup(nn.Linear(3, 4))
    assert model(torch.zeros(2, 3)).dtype == torch.float64


def test_covariances_of_shares_merge():
    sweep = torch.randn(6, 2, 5, 8)
    covariance = OrbitCovariance(8)
    for share in sweep.split(2):
        other = OrbitCovariance(8)
        other.update(share)
        covariance.merge(other)
    torch.testing.assert_close(covariance.compute(), within_orbit_covariance(sweep))


def test_the_loss_of_a_rank_is_told_in_a_line_and_other_errors_are_not_touched(tmp_path):
    lost = "[gloo/transport/tcp/pair.cc:535] Connection closed by peer [127.0.0.1]:1234\nmore"
    for error in (RuntimeError(lost), DistBackendError("NCCL: closed by peer")):
        with (
            pytest.raises(LostProcess, match=f"process 0 of 2 stops.*closed by peer.*seqjepa resume {tmp_path}$"),
            naming_lost_ranks(rank(0, 2), tmp_path),
        ):
            raise error
    others = ("shapes do not match", "a database's connection timed out", "images/gloomy.npz is broken")
    for fabric, message in ((rank(0, 1), lost), *((rank(0, 2), other) for other in others)):
        with pytest.raises(RuntimeError) as caught, naming_lost_ranks(fabric, tmp_path):
            raise RuntimeError(message)
        assert type(caught.value) is RuntimeError


def children(process):
    return [int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]


def variable(pid, name):
    pairs = (pair.partition("=") for pair in Path(f"/proc/{pid}/environ").read_text().split("\0"))
    return {key: value for key, _, value in pairs}.get(name)


@pytest.mark.parametrize("victim", [1, pytest.param(0, marks=pytest.mark.slow)])
def test_a_rank_that_dies_takes_the_others_down_and_the_run_goes_on_without_them(tiny, tmp_path, victim):
    config = tmp_path / "config.yaml"
    config.write_text(change(tiny, epochs=2000, evaluate_every=2000).to_yaml())
    run = tmp_path / "run"
    with (tmp_path / "output.txt").open("w") as output:
        process = subprocess.Popen(
            [*TORCHRUN, "-m", "seqjepa", "train", "--config", str(config), "--out", str(run)],
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    printed = (tmp_path / "output.txt").read_text
    until = time.monotonic() + 120
    while not (run / "metrics.jsonl").exists():
        assert process.poll() is None, printed()
        assert time.monotonic() < until
        time.sleep(0.05)
    pids = {int(variable(pid, "RANK")): pid for pid in children(process)}
    assert set(pids) == {0, 1}
    killed = time.monotonic()
    os.kill(pids[victim], signal.SIGKILL)
    assert process.wait(timeout=60) != 0
    while any(Path(f"/proc/{pid}").exists() for pid in pids.values()):
        assert time.monotonic() - killed < 60
        time.sleep(0.05)
    assert f"rank      : {victim} " in printed()  # torchrun names whose end was the first
    assert "seqjepa resume" in printed() or victim == 0  # and the others say how to go on
    rows = len((run / "metrics.jsonl").read_text().splitlines())
    edited = change(tiny, epochs=rows + 2, evaluate_every=2000)
    (run / "config.yaml").write_text(edited.to_yaml())
    resumed = sj.resume(run)
    assert resumed.complete
    assert [row["epoch"] for row in resumed.rows] == list(range(1, rows + 3))
