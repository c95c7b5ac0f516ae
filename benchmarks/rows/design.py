"""What the two kinds of sweep cost: views that are encoded, and the diagnosis beside reading them."""

from __future__ import annotations

from statistics import median

import torch
from torch import Tensor

from rows.effort import Effort
from rows.row import Row, Target
from rows.timing import interleaved, said
from seqjepa.diagnostics import diagnose
from seqjepa.factors import affine_factors
from seqjepa.sweeps import Sweeps

FACTORS = affine_factors(rotation=(-180, 180), translate_x=(-7, 7), translate_y=(-7, 7), scale=(0.5, 1.0))
STEPS, POSES, JOINT, DIM = 25, 5, 20, 64  # as ``represent`` has them; D of small encoders


def rows(effort: Effort) -> list[Row]:
    four, one = swept(4, effort.identities), swept(1, effort.identities)
    took = interleaved({"diagnosis": lambda: diagnose(four), "floor": lambda: floor(four)}, effort.few, warm=0)
    own, least = median(took["diagnosis"]), median(took["floor"])
    return [
        *(views(of, limit) for of, limit in ((four, 1.5), (one, 1.0))),
        Row(
            f"a diagnosis of {four.identities} images, four factors, D = {DIM}, ideals and all blocks (linear)",
            f"second moments of every view, float64: {said(least)}",
            said(own),
            own / least,
            values={"measured_s": own, "floor_s": least},
        ),
    ]


def swept(factors: int, identities: int) -> Sweeps:
    """The default design over a code of poses and content."""
    random = torch.Generator().manual_seed(0)
    mix, content = torch.randn(4, DIM, generator=random), torch.randn(identities, DIM, generator=random)

    def f(who: Tensor, pose: Tensor) -> Tensor:
        return content[who] + pose.float().sin() @ mix + 0.1 * torch.randn(len(who), DIM, generator=random)

    return Sweeps.from_function(f, FACTORS[:factors], identities, steps=STEPS, base_poses=POSES, joint=JOINT)


def views(sweeps: Sweeps, limit: float) -> Row:
    """Views an identity, with the group sweeps and without, as before there were two kinds."""
    isolated = sum(codes.shape[1] * codes.shape[2] for codes in sweeps.values.values()) + sweeps.joint.shape[1]
    moved = sum(codes.shape[1] * codes.shape[2] for codes in sweeps.group_values.values())
    ratio = (isolated + moved) / isolated
    return Row(
        f"views an image, default design, factors: {len(sweeps.factors)}",
        f"one kind of sweep: {isolated}",
        f"two kinds: {isolated + moved}",
        ratio,
        Target(limit),
        ratio,
        {"views": isolated + moved, "floor": isolated},
    )


def floor(sweeps: Sweeps) -> list[Tensor]:
    """One product of every sweep's codes with themselves, and its eigenvectors."""
    flat = [codes.double().flatten(0, -2) for codes in (*sweeps.values.values(), *sweeps.group_values.values())]
    return [torch.linalg.eigh(codes.T @ codes).eigenvectors for codes in flat]
