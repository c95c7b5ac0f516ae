"""A page of factors that are no affine ones, and of records that were never swept."""

import pytest
import torch

import seqjepa as sj
from seqjepa.types.rotations import matrix

TURN, GLOW, GROUND = sj.Factor.rotation("orientation"), sj.Factor("glow", -1, 1), sj.Factor.levels("ground", 3)
SKIP = ["group", "irreps", "literature", "contents", "classes", "actions", "shared"]


def code(who, values):
    ground = torch.nn.functional.one_hot(values[:, 5].long(), 3)
    return torch.cat([matrix(values[:, :4]).flatten(1), values[:, 4:5], ground, (who % 7)[:, None]], 1).double()


@pytest.mark.parametrize("recorded", [False, True])
def test_a_page_is_written(tmp_path, recorded):
    factors = (TURN, GLOW, GROUND)
    sweeps = sj.Sweeps.from_function(code, factors, identities=24, steps=5, base_poses=2, joint=30)
    if recorded:
        who = torch.arange(24).repeat_interleave(30)
        sweeps = sj.Sweeps.from_recorded(sweeps.joint.flatten(0, 1), who, sweeps.joint_values.flatten(0, 1), factors)
    diagnosis = sj.diagnose(sweeps, skip=SKIP, ideals=False)
    page = sj.write_report(diagnosis, tmp_path / "report.html", sweeps=sweeps).read_text()
    for name in ("orientation", "glow", "ground"):
        assert name in page
    assert diagnosis["dimension"]["orientation"].value == 9
