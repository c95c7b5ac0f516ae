"""Representations whose answer is known: functions of identity and pose."""

import torch

from seqjepa.factors import affine_factors

FACTORS = affine_factors(rotation=(-180, 180), translate_x=(-7, 7), translate_y=(-7, 7), scale=(0.5, 1.0))


def orthogonal(dim, seed):
    random = torch.Generator().manual_seed(seed)
    return torch.linalg.qr(torch.randn(dim, dim, generator=random, dtype=torch.float64)).Q


def contents(identities, dim, seed):
    return torch.randn(identities, dim, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def additive(identities=40, content_dim=8, extra=4, seed=0, scales=(3.0, 0.5, 0.5, 4.0)):
    """S1: Q [content; sin θ, cos θ; x; y; log s], embedded in a few more dimensions."""
    content, dim = contents(identities, content_dim, seed), content_dim + 5 + extra
    q = orthogonal(dim, seed + 1)
    rotation, x, y, scale = scales

    def f(who, pose):
        parts = [
            content[who],
            rotation * pose[:, :1].sin(),
            rotation * pose[:, :1].cos(),
            x * pose[:, 1:2],
            y * pose[:, 2:3],
            scale * pose[:, 3:],
            torch.zeros(len(who), extra, dtype=torch.float64),
        ]
        return torch.cat(parts, 1) @ q.T

    return f


def multiplicative(identities=40, blocks=8, seed=0):
    """S2: blocks e^{iωθ} · content_ω, ω in {1, 2}, mean-free contents, plus content."""
    content = contents(identities, 2 * blocks, seed).reshape(identities, blocks, 2)
    content = torch.view_as_complex((content - content.mean(0)).contiguous())
    frequencies = torch.arange(blocks) % 2 + 1
    still = contents(identities, 4, seed + 1)

    def f(who, pose):
        turned = content[who] * torch.exp(1j * frequencies * pose[:, :1])
        return torch.cat([torch.view_as_real(turned).flatten(1), still[who]], 1)

    return f


def noise(dim=12, seed=0):
    """S4: independent for every view."""
    random = torch.Generator().manual_seed(seed)

    def f(who, pose):
        return torch.randn(len(who), dim, generator=random, dtype=torch.float64)

    return f
