from typing import Annotated

import pytest
import torch
from pydantic import Field

from seqjepa.objective import (
    TERMS,
    coding_rate,
    coding_rate_at_unit_gain,
    compute_loss,
    cosine_prediction_loss,
    term,
    unit_norm_coding_rate,
)
from seqjepa.types import InputError, Outputs


def outputs(**changes):
    random = torch.Generator().manual_seed(0)
    parts = dict(
        z=torch.randn(16, 3, 8, generator=random),
        z_agg=torch.randn(16, 12, generator=random),
        prediction=torch.randn(16, 8, generator=random),
        target=torch.randn(16, 8, generator=random),
    )
    return Outputs(**(parts | changes))


def objective(prediction=1.0, **rate):
    return [TERMS["prediction"].with_settings(weight=prediction), TERMS["rate"].with_settings(**rate)]


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
    terms = compute_loss(out, objective())
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
    terms = compute_loss(out, objective(target="z"))
    torch.testing.assert_close(terms.logged["rate_z"], by_hand)
    assert "rate_z_agg" not in terms.logged
    both = compute_loss(out, objective(target="both"))
    torch.testing.assert_close(both.loss, both.logged["prediction"] - 0.01 * (by_hand + coding_rate(out.z_agg)))


def test_other_rates_and_weights():
    out = outputs()
    unit = compute_loss(out, objective(2.0, kind="unit_norm_coding_rate", weight=0.1))
    expected = 2 * cosine_prediction_loss(out.prediction, out.target) - 0.1 * unit_norm_coding_rate(out.z_agg)
    torch.testing.assert_close(unit.loss, expected)
    none = compute_loss(out, objective(kind="none"))
    torch.testing.assert_close(none.loss, none.logged["prediction"])
    assert not any(name.startswith("rate") for name in none.logged)


def test_the_loss_has_gradient_and_the_log_has_none():
    terms = compute_loss(outputs(z_agg=torch.randn(16, 12, requires_grad=True)), objective())
    assert terms.loss.requires_grad
    assert not any(value.requires_grad for value in terms.logged.values())


def test_a_term_that_is_not_finite_is_named():
    with pytest.raises(FloatingPointError, match="'prediction'"):
        compute_loss(outputs(prediction=torch.full((16, 8), float("nan"))), objective())


def test_a_rate_that_is_not_finite_is_named():
    with pytest.raises(FloatingPointError, match="the term 'rate': of z_agg: coding rate"):
        compute_loss(outputs(z_agg=torch.full((16, 12), float("inf"))), objective())


def test_the_columns_are_those_of_saved_runs_in_their_order():
    logged = compute_loss(outputs(), objective(target="both")).logged
    names = "loss prediction norm_z norm_z_agg rate_z_agg rate_z_agg_over_unit rate_z rate_z_over_unit"
    assert list(logged) == names.split()


def test_the_order_of_the_sum():
    """Floating-point sums depend on it."""
    assert list(TERMS)[:5] == ["prediction", "pose_anchor", "equivariance", "contrastive", "rate"]


def test_rates_of_weight_0_are_logged_and_do_not_enter():
    terms = compute_loss(outputs(), objective(weight=0.0))
    assert terms.logged["rate_z_agg"] > 0
    assert terms.loss == terms.logged["prediction"]


def test_a_term_of_ones_own():
    @term(weight=0.5, maximised=True)
    def spread(outputs: Outputs, power: float = 2.0) -> torch.Tensor:
        """Mean norm of z to a power."""
        return outputs.z.norm(dim=-1).pow(power).mean()

    out = outputs()
    found = compute_loss(out, [*objective(), spread.with_settings(power=1.0)])
    assert list(found.logged)[-1] == "spread"
    torch.testing.assert_close(found.logged["spread"], out.z.norm(dim=-1).mean())
    torch.testing.assert_close(found.loss, compute_loss(out, objective()).loss - 0.5 * out.z.norm(dim=-1).mean())
    assert "spread" not in compute_loss(out, [*objective(), spread.with_settings(weight=0.0)]).logged
    assert "spread" not in TERMS
    assert spread.meaning == "Mean norm of z to a power."
    assert "Mean norm of z to a power" in spread.settings.__class__.model_fields["weight"].description


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (dict(weight=-1.0), "'contrastive': weight: Input should be greater than or equal to 0"),
        (dict(temperature=0.0), "'contrastive': temperature: Input should be greater than 0"),
        (dict(heat=1.0), "'contrastive': heat: Extra inputs"),
    ],
)
def test_settings_of_a_term_are_checked(changes, says):
    with pytest.raises(InputError, match=says):
        TERMS["contrastive"].with_settings(**changes)


def test_a_setting_without_default_is_refused():
    with pytest.raises(InputError, match="its setting 'power' needs a default"):

        @term(weight=1.0)
        def bare(outputs: Outputs, power: float) -> torch.Tensor:
            return outputs.z.sum() * power


def test_an_objective_of_nothing_is_refused():
    with pytest.raises(ValueError, match="at least one term"):
        compute_loss(outputs(), [TERMS["contrastive"]])


@pytest.mark.parametrize(
    ("returned", "says"),
    [
        (3.0, "the term 'wrong' returned a float, not a scalar tensor"),
        ([1.0], "the term 'wrong' returned a list, not a scalar tensor"),
    ],
)
def test_a_term_that_is_no_scalar_is_refused_by_its_name(returned, says):
    def wrong(_):
        return returned

    with pytest.raises(InputError, match=says):
        term(weight=1.0)(wrong)(outputs())


@pytest.mark.parametrize("default", ["2", None, [1.0], float("nan"), -1.0])
def test_a_default_is_of_the_type_and_in_the_limits_that_the_setting_says(default):
    def bare(outputs: Outputs, power: Annotated[float, Field(gt=0, strict=True)] = default):
        return outputs.z.mean()

    with pytest.raises(InputError, match="the term 'bare': its default of power: "):
        term(weight=1.0)(bare)


@pytest.mark.parametrize("weight", [-1.0, float("inf")])
def test_a_default_weight_is_a_weight(weight):
    def bare(outputs: Outputs):
        return outputs.z.mean()

    with pytest.raises(InputError, match="the term 'bare': its default of weight: "):
        term(weight=weight)(bare)
