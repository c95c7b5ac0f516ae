"""What a run leaves and says when it cannot go on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from jaxtyping import Int64
from torch import Tensor, nn

from seqjepa.training.checkpoint import write_tensors
from seqjepa.training.config import Config
from seqjepa.training.scene_views import DrawnViews, SceneViews, scene_batch
from seqjepa.types import Images, OutOfMemory, Pose, WriteFailed

FAILURE_FILE = "failure.safetensors"


@contextmanager
def kept_on_failure(
    folder: Path,
    epoch: int,
    step: int,
    images: Images | SceneViews,
    index: Int64[Tensor, " B"],
    poses: Pose | DrawnViews,
    model: nn.Module,
    writes: bool,
) -> Iterator[None]:
    """Within, a loss that is not finite leaves what reproduces it in the run's folder, and the error says so.

    The file holds ``index`` (B,) of the batch's images in the run's training subset, their ``pixels`` and ``labels``,
    their ``poses`` (B, V, 4), and ``model.…``, the weights that the step began with (batch norm has
    counted the batch already). Of a scene ``views`` (B, V, C, H, W) in [0, 1] and ``values`` (B, V, F) of its factors
    take the place of pixels and poses.

    Args:
        folder: the run's.
        epoch, step: where the run is, for the message.
        images: the run's training images, or a scene's identities.
        index: of the batch's.
        poses: of all images in this epoch, (N, V, 4), or the views drawn of a scene.
        model: whose weights are kept.
        writes: whether this process is the one that writes.
    """
    try:
        yield
    except FloatingPointError as error:
        where = f"{error} (epoch {epoch}, step {step + 1})"
        if writes:
            tensors = {"index": index, **_batch(images, index, poses)}
            tensors |= {f"model.{name}": value for name, value in model.state_dict().items()}
            write_tensors(folder / FAILURE_FILE, tensors, {"epoch": epoch, "step": step, "error": str(error)})
            where += f"; batch and weights are in {folder / FAILURE_FILE}, and the checkpoints before it are kept"
        raise FloatingPointError(where) from error


def _batch(images: Images | SceneViews, index: Int64[Tensor, " B"], poses: Pose | DrawnViews) -> dict[str, Tensor]:
    """What a step was shown."""
    if isinstance(images, SceneViews):
        assert isinstance(poses, DrawnViews)
        views, _, labels, _ = scene_batch(images, index, poses)
        return {"views": views, "values": poses.values[index], "labels": labels}
    batch = images[index.to(images.pixels.device)]
    return {"poses": poses.values[index], "pixels": batch.pixels, "labels": batch.labels}


@contextmanager
def told_in_a_line(config: Config, folder: Path) -> Iterator[None]:
    """Within, memory or a disk that does not suffice is told with what to do."""
    try:
        yield
    except WriteFailed as error:
        again = f"seqjepa resume {folder}" if (folder / "config.yaml").exists() else "the same command again"
        raise WriteFailed(f"{error}; when the cause is mended: {again}") from error
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError | torch.OutOfMemoryError) and not _of_cpu_allocator(error):
            raise
        raise OutOfMemory(
            f"out of memory: make batch_size ({config.batch_size}), model.width ({config.model.width}) or "
            f"factors.views ({config.factors.views}) smaller, or the images (images.train, images.test) fewer"
        ) from error


def _of_cpu_allocator(error: Exception) -> bool:
    """Whether memory of the CPU ran out: PyTorch's allocator raises a plain RuntimeError, told by its name alone."""
    return "DefaultCPUAllocator" in str(error)
