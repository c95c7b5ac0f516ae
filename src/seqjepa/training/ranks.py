"""What a run on several processes (ranks) does otherwise than a run on one.

Every rank holds the whole model and takes its share of each batch. The representations are gathered, with gradient,
before the loss is computed, so each rank computes the loss of the *whole* batch, whatever its terms: batch statistics
need no treatment of their own. The gradient of the gathered representations is summed over ranks and that of the
weights averaged, which together is the gradient of one process with the whole batch.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lightning_fabric as lf
from jaxtyping import Int64
from lightning_fabric.plugins.precision import Precision
from torch import Tensor, nn
from torch.distributed import DistError
from torch.nn.modules.batchnorm import _BatchNorm

from seqjepa.types import InputError, LostProcess, Outputs


def share_of_rank(fabric: lf.Fabric, batch: Int64[Tensor, " B"]) -> Int64[Tensor, " K"]:
    """The consecutive part of a batch that this rank takes; all of it in a run of one process."""
    return batch.chunk(fabric.world_size)[fabric.global_rank]


def keys_of_rank(fabric: lf.Fabric) -> tuple[int, ...]:
    """What tells the draws of ranks apart (dropout's); nothing for the first, which draws as one process does."""
    return (fabric.global_rank,) if fabric.global_rank else ()


def gather_outputs(fabric: lf.Fabric, outputs: Outputs) -> Outputs:
    """The outputs of the whole batch, in its order and with gradient to every rank's share."""
    if fabric.world_size == 1:
        return outputs

    def whole(share: Tensor) -> Tensor:
        return fabric.all_gather(share, sync_grads=True).flatten(0, 1)  # pyright: ignore[reportAttributeAccessIssue]

    shares = {name: share for name, share in outputs._asdict().items() if isinstance(share, Tensor)}
    return outputs._replace(**{name: whole(share) for name, share in shares.items()})


def check_ranks(fabric: lf.Fabric, batch_size: int) -> None:
    """Raises InputError when a batch cannot be shared out evenly."""
    if batch_size % fabric.world_size:
        raise InputError(
            f"batch_size: {batch_size} sequences cannot be shared evenly by {fabric.world_size} processes; "
            "it counts those of all processes together"
        )


def synchronise_batch_norm(fabric: lf.Fabric, model: nn.Module) -> None:
    """Let the model's batch norms take their statistics over all ranks: on GPUs, for which alone PyTorch can."""
    if fabric.world_size == 1:
        return
    if fabric.device.type == "cuda":
        nn.SyncBatchNorm.convert_sync_batchnorm(model)  # in place, but for a model that is itself a batch norm
    elif fabric.is_global_zero and any(isinstance(module, _BatchNorm) for module in model.modules()):
        warnings.warn(
            f"batch norm is synchronised on GPUs only: each of the {fabric.world_size} processes normalises by its own "
            "share of the batch, so metrics depend on their number",
            stacklevel=2,
        )


class _BatchNormOfAnyShape(_BatchNorm):
    def _check_input_dim(self, input: Tensor) -> None:
        pass  # SyncBatchNorm took whatever came


def desynchronise_batch_norm(module: nn.Module) -> nn.Module:
    """The module, changed in place to do without other ranks."""
    for name, child in module.named_children():
        if isinstance(child, nn.SyncBatchNorm):
            alone = _BatchNormOfAnyShape(child.num_features, child.eps, child.momentum, child.affine)
            alone.to(next(iter(child.state_dict().values()))).load_state_dict(child.state_dict())
            setattr(module, name, alone.train(child.training))
        else:
            desynchronise_batch_norm(child)
    return module


class OnOneRank(nn.Module):
    """A module in the run's precision, as Fabric applies it, but callable by one rank while the others wait."""

    def __init__(self, module: nn.Module, precision: Precision) -> None:
        super().__init__()
        self.module, self.precision = module, precision

    def forward(self, *inputs: Any) -> Any:
        """What the module returns, in the run's precision."""
        with self.precision.forward_context():
            return self.precision.convert_output(self.module(*self.precision.convert_input(inputs)))


@contextmanager
def naming_lost_ranks(fabric: lf.Fabric, folder: Path) -> Iterator[None]:
    """Within, the failure of a collective operation because another rank is gone raises ``LostProcess``."""
    try:
        yield
    except RuntimeError as error:
        if fabric.world_size == 1 or not (isinstance(error, DistError) or _of_gloo(error)):
            raise
        raise LostProcess(
            f"process {fabric.global_rank} of {fabric.world_size} stops, since another one is gone "
            f"({str(error).splitlines()[0].partition('. ')[0]}); when the cause is mended: seqjepa resume {folder}"
        ) from error


def _of_gloo(error: RuntimeError) -> bool:
    """Whether Gloo raised it, which collects on CPUs: PyTorch gives its errors no type, only the source file's name."""
    return re.match(r"\[\S*\bgloo/", str(error)) is not None
