"""How often a training step looks at a number on the device: each look makes a GPU wait."""

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from seqjepa.objective import compute_loss
from seqjepa.training.preparing import prepare
from seqjepa.training.probes import probe_loss
from seqjepa.training.views import epoch_poses, make_batch


class Looks(TorchDispatchMode):
    """Counts what brings a number to the host: item(), float(), bool(), if."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.count += func is torch.ops.aten._local_scalar_dense.default
        return func(*args, **(kwargs or {}))


def test_a_step_looks_twice_at_its_device(tiny, tmp_path):
    run = prepare(tiny, tmp_path)
    poses, index = epoch_poses(tiny.factors, len(run.images), 0, 1), torch.arange(tiny.batch_size)
    with Looks() as making:
        batch = make_batch(run.images, index, poses, tiny.factors, run.normalise)
    with Looks() as learning:
        outputs = run.model(batch.views, batch.actions)
        compute_loss(outputs, tiny.terms()).loss.backward()
        run.optimiser.step()
        run.optimiser.zero_grad()
        run.model.teacher.update(run.model.encoder, 0.996)
        probe_loss(run.probes(outputs), batch.labels, batch.actions[:, 0]).backward()
        run.probe_optimiser.step()
    assert making.count == 0
    assert learning.count == 2  # the Cholesky decomposition worked; all terms are finite
