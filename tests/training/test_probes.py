import numpy as np
import pytest
import torch
from sklearn.metrics import r2_score

from seqjepa.factors import affine_factors
from seqjepa.training.probes import OnlineProbes, ProbeScores, column_r2, probe_loss
from seqjepa.types import Outputs


def outputs(views=3):
    random = torch.Generator().manual_seed(0)
    make = lambda *shape: torch.randn(*shape, generator=random).requires_grad_()  # noqa: E731
    return Outputs(z=make(32, views, 6), z_agg=make(32, 10), prediction=make(32, 6), target=make(32, 6).detach())


def test_probes_never_reach_the_model():
    out, probes = outputs(), OnlineProbes(6, 10, 5, 4, 16)
    loss = probe_loss(probes(out), torch.arange(32) % 4, torch.randn(32, 5))
    loss.backward()
    assert out.z.grad is None
    assert out.z_agg.grad is None
    assert all(p.grad is not None for p in probes.parameters())


def test_probes_read_what_they_say():
    out, probes = outputs(), OnlineProbes(6, 10, 5, 4, 16)
    said = probes(out)
    torch.testing.assert_close(said["class_z_agg"], probes.class_z_agg(out.z_agg))
    torch.testing.assert_close(said["class_z"], probes.class_z(out.z[:, 0]))
    torch.testing.assert_close(said["action_pair"], probes.action_pair(torch.cat([out.z[:, 0], out.z[:, 1]], 1)))


def test_with_one_observed_view_the_pair_takes_the_targets_code():
    out, probes = outputs(views=1), OnlineProbes(6, 10, 5, 4, 16)
    expected = probes.action_pair(torch.cat([out.z[:, 0], out.target], 1))
    torch.testing.assert_close(probes(out)["action_pair"], expected)


def test_r2_equals_scikit_learns():
    random = np.random.default_rng(0)
    true = random.normal(size=(50, 3)) + 2
    said = true + random.normal(size=(50, 3)) * [0.1, 1, 5]
    expected = r2_score(true, said, multioutput="raw_values")
    np.testing.assert_allclose(column_r2(torch.from_numpy(said), torch.from_numpy(true)), expected, rtol=1e-9)


def test_scores_count_only_columns_that_vary_beside_the_old_habit():
    random = torch.Generator().manual_seed(1)
    action = torch.zeros(40, 5)
    action[:, 0] = torch.randn(40, generator=random)
    action[:, 1] = torch.randn(40, generator=random)
    said = action + 0.1 * torch.randn(40, 5, generator=random)
    logits = torch.nn.functional.one_hot(torch.arange(40) % 4, 4).float()
    labels = torch.arange(40) % 4
    labels[:10] = (labels[:10] + 1) % 4  # a quarter is wrong
    scores = ProbeScores(affine_factors(rotation=(-180, 180)))
    for part in (slice(0, 15), slice(15, 40)):
        probes = dict(
            class_z_agg=logits[part], class_z=-logits[part], action_z_agg=0 * said[part], action_pair=said[part]
        )
        scores.update(probes, labels[part], action[part])
    result = scores.compute()
    expected = r2_score(action[:, :2].numpy(), said[:, :2].numpy())
    assert result["r2_test"] == pytest.approx(expected, abs=1e-6)
    assert result["r2_test_all_columns"] == pytest.approx(expected * 2 / 5, abs=1e-6)
    assert result["linacc_test"] == 75
    assert result["leakage_linacc_test"] < 30
    assert result["leakage_r2_test"] < 0.01
    assert {name for name in result if name.startswith("r2_test_")} == {
        "r2_test_all_columns",
        "r2_test_sin_rotation",
        "r2_test_cos_rotation",
    }
