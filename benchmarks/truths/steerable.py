"""Steerable networks of escnn: untrained, with given irreps at their output."""

from __future__ import annotations

from typing import Any

import torch

from truths.pictures import IDENTITIES, SIDE, blobs, irreps_of, turned


def escnn_networks() -> dict[str, Any]:
    """Untrained steerable networks with given irreps at their output: the value at the centre of the last map."""
    from escnn import gspaces, nn  # pyright: ignore[reportMissingImports]

    found: dict[str, Any] = {}
    pictures = turned(blobs(IDENTITIES, SIDE), 25)

    def swept(group, fields, label):
        torch.manual_seed(0)
        start = nn.FieldType(group, [group.trivial_repr])
        middle = nn.FieldType(group, [group.trivial_repr] * 4 + [group.irrep(*i) for i in one_of_each] * 3)
        end = nn.FieldType(group, [group.irrep(*i) for i in fields])
        net = nn.SequentialModule(
            nn.R2Conv(start, middle, 9, padding=0),
            nn.NormNonLinearity(middle, function="n_sigmoid", bias=False),
            nn.R2Conv(middle, end, 9, padding=0),
        ).eval()
        with torch.no_grad():
            flat = pictures.flatten(0, 1)
            maps = torch.cat([net(nn.GeometricTensor(part, start)).tensor for part in flat.split(200)])
        middle_of = maps.shape[-1] // 2
        codes = maps[..., middle_of, middle_of].unflatten(0, pictures.shape[:2])[:, None]
        found[label] = irreps_of(codes)
        print(label, found[label], flush=True)

    so2, one_of_each = gspaces.rot2dOnR2(-1, maximum_frequency=4), [(1,), (2,), (3,)]
    for k in (0, 1, 2, 3):
        swept(so2, [(k,)] * 4, f"SO(2), 4 fields of frequency {k}")
    swept(so2, [(0,)] * 3 + [(1,)] * 4 + [(2,)] * 2, "SO(2), 3 × k0 ⊕ 4 × k1 ⊕ 2 × k2")
    swept(so2, [(0,)] * 2 + [(3,)] * 3 + [(1,)] * 1, "SO(2), 2 × k0 ⊕ 1 × k1 ⊕ 3 × k3")
    one_of_each = [(1,)]
    swept(gspaces.rot2dOnR2(4), [(0,)] * 3 + [(1,)] * 4, "C4, 3 × type 0 ⊕ 4 × type 1")
    one_of_each = [(1,), (2,), (3,)]
    swept(gspaces.rot2dOnR2(8), [(0,)] * 2 + [(1,)] * 3 + [(3,)] * 2, "C8, 2 × type 0 ⊕ 3 × type 1 ⊕ 2 × type 3")
    return found
