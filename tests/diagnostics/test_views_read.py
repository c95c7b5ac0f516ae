"""A block reads what it says that it reads, and nothing else."""

from dataclasses import asdict, replace

import pytest
import torch

import seqjepa as sj
from seqjepa.diagnostics.assembly import BLOCKS
from seqjepa.diagnostics.context import Context
from seqjepa.diagnostics.views import VIEWS, views_read
from seqjepa.sweeps.containers import Predictions, ProbeSet
from tests.ground_truths import FACTORS, additive

COUNT = 48  # identities: of fewer no class is left to transfer to


@pytest.fixture(scope="module")
def sweeps():
    """Noisy, so that nothing is read without loss, and with everything that sweeps can hold."""
    made = sj.Sweeps.from_function(
        additive(COUNT), FACTORS, COUNT, torch.arange(COUNT) % 2, steps=5, base_poses=1, joint=4
    )
    random = torch.Generator().manual_seed(0)

    def noisy(z):
        return z + 0.3 * torch.randn(z.shape, generator=random, dtype=z.dtype)

    values, joint = {name: noisy(z) for name, z in made.values.items()}, noisy(made.joint)
    group = {name: noisy(z) for name, z in made.group_values.items()}
    labels, pairs, at = made.labels, noisy(joint[:, :2]), made.joint_values[:, :2]
    probe = ProbeSet(pairs, at, labels, noisy(pairs), at, labels)
    source = torch.zeros(COUNT, next(iter(group.values())).shape[1], 3, dtype=torch.int64)
    target = source + torch.tensor([1, 2, 4])
    predictions = {
        name: Predictions(noisy(z.gather(2, target[..., None].expand(-1, -1, -1, z.shape[-1]))), source, target)
        for name, z in group.items()
    }
    return replace(made, values=values, joint=joint, group_values=group, probe=probe, predictions=predictions)


def without(sweeps, views):
    changes = {
        "group sweeps": dict(group_values={}, group_poses={}),
        "joint design": dict(
            joint=sweeps.joint[:, :0], joint_values=sweeps.joint_values[:, :0], joint_poses=sweeps.joint_poses[:, :0]
        ),
        "probe set": dict(probe=None),
        "predictions": dict(predictions={}),
    }
    return replace(sweeps, **{key: value for view in views for key, value in changes[view].items()})


def rounded(what):
    """To eight decimals: where tensors lie in memory changes the last ones."""
    if isinstance(what, float):
        return round(what, 8) + 0.0
    if isinstance(what, dict):
        return {key: rounded(value) for key, value in what.items()}
    return [rounded(value) for value in what] if isinstance(what, list | tuple) else what


def told(block, sweeps):
    return {
        (metric, key): rounded(asdict(estimate))
        for metric, of in BLOCKS[block](replace(Context.of(sweeps, 0, ("linear",)), networks=False)).items()
        for key, estimate in of.items()
    }


@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_is_told_the_same_without_what_it_does_not_read(sweeps, block):
    read = views_read([BLOCKS[block]])
    kept = read | {"group sweeps"} if "predictions" in read else read  # of which predictions are made
    whole = told(block, sweeps)
    assert told(block, without(sweeps, [view for view in VIEWS if view not in kept])) == whole
    # These sweeps are of an encoder without aggregator, of which there is nothing to tell of sequences.
    assert not read or block == "sequences" or told(block, without(sweeps, read)) != whole


def test_a_block_that_does_not_say_reads_everything():
    assert views_read([lambda context: {}]) == set(VIEWS)
    assert views_read([]) == frozenset()
