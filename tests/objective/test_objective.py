import pytest
import torch

from seqjepa.objective import (
    Objective,
    Rate,
    coding_rate,
    coding_rate_at_unit_gain,
    compute_loss,
    cosine_prediction_loss,
    unit_norm_coding_rate,
)
from seqjepa.types import Outputs


def outputs(**changes):
    random = torch.Generator().manual_seed(0)
    parts = dict(
        z=torch.randn(16, 3, 8, generator=random),
        z_agg=torch.randn(16, 12, generator=random),
        prediction=torch.randn(16, 8, generator=random),
        target=torch.randn(16, 8, generator=random),
    )
    return Outputs(**(parts | changes))


def rate(kind="coding_rate", target="z_agg", weight=0.01):
    return Rate(kind=kind, weight=weight, target=target, alpha=1.0, eps=0.5)


def test_prediction_loss_by_hand():
    prediction = torch.tensor([[3.0, 4.0], [1.0, 0.0], [2.0, 0.0]])
    target = torch.tensor([[6.0, 8.0], [0.0, 5.0], [-1.0, 0.0]])
    torch.testing.assert_close(cosine_prediction_loss(prediction, target), torch.tensor((0.0 + 1.0 + 2.0) / 3))


def test_prediction_loss_is_computed_in_float32_at_least():
    out = outputs()
    assert cosine_prediction_loss(out.prediction.bfloat16(), out.target.bfloat16()).dtype == torch.float32
    assert cosine_prediction_loss(out.prediction.double(), out.target.double()).dtype == torch.float64


def test_the_seed_runs_loss():
    out = outputs()
    terms = compute_loss(out, Objective(rate()))
    expected = cosine_prediction_loss(out.prediction, out.target) - 0.01 * coding_rate(out.z_agg)
    torch.testing.assert_close(terms.loss, expected)
    torch.testing.assert_close(terms.logged["loss"], expected)
    torch.testing.assert_close(terms.logged["rate_z_agg"], coding_rate(out.z_agg))
    torch.testing.assert_close(
        terms.logged["rate_z_agg_over_unit"], coding_rate(out.z_agg) / coding_rate_at_unit_gain(16, 12)
    )
    torch.testing.assert_close(terms.logged["norm_z_agg"], out.z_agg.norm(dim=1).mean())


def test_the_rate_of_z_is_taken_for_each_view_then_averaged():
    out = outputs()
    by_hand = sum(coding_rate(out.z[:, v]) for v in range(3)) / 3
    terms = compute_loss(out, Objective(rate(target="z")))
    torch.testing.assert_close(terms.logged["rate_z"], by_hand)
    assert "rate_z_agg" not in terms.logged
    both = compute_loss(out, Objective(rate(target="both")))
    torch.testing.assert_close(both.loss, both.logged["prediction"] - 0.01 * (by_hand + coding_rate(out.z_agg)))


def test_other_rates_and_weights():
    out = outputs()
    unit = compute_loss(out, Objective(rate("unit_norm_coding_rate", weight=0.1), prediction=2.0))
    expected = 2 * cosine_prediction_loss(out.prediction, out.target) - 0.1 * unit_norm_coding_rate(out.z_agg)
    torch.testing.assert_close(unit.loss, expected)
    none = compute_loss(out, Objective(rate("none")))
    torch.testing.assert_close(none.loss, none.logged["prediction"])
    assert not any(name.startswith("rate") for name in none.logged)


def test_the_loss_has_gradient_and_the_log_has_none():
    terms = compute_loss(outputs(z_agg=torch.randn(16, 12, requires_grad=True)), Objective(rate()))
    assert terms.loss.requires_grad
    assert not any(value.requires_grad for value in terms.logged.values())


def test_a_term_that_is_not_finite_is_named():
    with pytest.raises(FloatingPointError, match="'prediction'"):
        compute_loss(outputs(prediction=torch.full((16, 8), float("nan"))), Objective(rate()))
