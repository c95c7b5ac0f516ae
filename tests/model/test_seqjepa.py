import math

import pytest
import torch
from torch import nn

from seqjepa.model import AggregatorSpec, Ema, SeqJEPA, StopGradient, build_aggregation, build_teacher
from seqjepa.model.aggregators import ActionEmbedding, Aggregator
from seqjepa.model.teachers import decay_at


def model(teacher="ema", **changes):
    torch.manual_seed(0)
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(36, 8), nn.BatchNorm1d(8))
    spec = AggregatorSpec(8, 5, {"z": slice(None)}, action_embedding=4, layers=1, heads=2, hidden=16, dropout=0.0)
    aggregation = build_aggregation("transformer", spec)
    return SeqJEPA(encoder, 8, aggregation, build_teacher(teacher, encoder), **changes)


def batch(views=4, size=16):
    random = torch.Generator().manual_seed(1)
    return torch.randn(size, views, 1, 6, 6, generator=random), torch.randn(size, views - 1, 5, generator=random)


@pytest.mark.parametrize("views", [2, 3, 4, 7])
@pytest.mark.parametrize("teacher", ["ema", "stop_gradient"])
def test_outputs_for_any_number_of_views(views, teacher):
    out = model(teacher=teacher)(*batch(views))
    assert out.z.shape == (16, views - 1, 8)
    assert out.z_agg.shape == (16, 12)
    assert out.prediction.shape == out.target.shape == (16, 8)
    assert dict(out.parts) == {"z": slice(None)}


@pytest.mark.parametrize("teacher", ["ema", "stop_gradient"])
def test_the_target_has_no_gradient_and_the_prediction_has(teacher):
    out = model(teacher=teacher)(*batch())
    assert not out.target.requires_grad
    assert out.prediction.requires_grad


def test_the_target_view_is_seen_by_the_teacher_only():
    m, (views, actions) = model().eval(), batch()
    other = views.clone()
    other[:, -1] += 1
    one, two = m(views, actions), m(other, actions)
    torch.testing.assert_close(one.z_agg, two.z_agg)
    torch.testing.assert_close(one.prediction, two.prediction)
    assert (one.target - two.target).abs().max() > 0.1


def test_the_last_action_reaches_the_predictor_but_not_the_aggregate():
    m, (views, actions) = model().eval(), batch()
    other = actions.clone()
    other[:, -1] += 1
    one, two = m(views, actions), m(views, other)
    torch.testing.assert_close(one.z_agg, two.z_agg)
    assert (one.prediction - two.prediction).abs().max() > 1e-3


def test_earlier_actions_reach_the_aggregate_unless_conditioning_is_off():
    views, actions = batch()
    other = actions.clone()
    other[:, 0] += 1
    on, off = model().eval(), model(action_conditioning=False).eval()
    assert (on(views, actions).z_agg - on(views, other).z_agg).abs().max() > 1e-3
    torch.testing.assert_close(off(views, actions).z_agg, off(views, other).z_agg)
    torch.testing.assert_close(off(views, actions).prediction, off(views, actions * 2).prediction)


def test_observed_views_go_through_the_encoder_as_one_batch():
    m, (views, actions) = model(), batch()
    out = m(views, actions)
    by_hand = m.encoder(views[:, :-1].reshape(-1, 1, 6, 6)).reshape(16, 3, 8)
    torch.testing.assert_close(out.z, by_hand)


def test_embedded_actions_have_unit_variance_over_the_batch():
    embedded = ActionEmbedding(5, 6)(torch.randn(64, 3, 5) * 10 + 3).flatten(0, 1)
    torch.testing.assert_close(embedded.mean(0), torch.zeros(6), atol=1e-5, rtol=0)
    torch.testing.assert_close(embedded.var(0, correction=0), torch.ones(6), atol=1e-3, rtol=0)


def test_ema_starts_as_the_encoder_and_follows_it():
    encoder = nn.Linear(3, 3)
    teacher = Ema(encoder)
    before = [p.clone() for p in teacher.encoder.parameters()]
    with torch.no_grad():
        for p in encoder.parameters():
            p.add_(1)
    teacher.update(encoder, 0.9)
    for old, new, parameter in zip(before, teacher.encoder.parameters(), encoder.parameters(), strict=True):
        torch.testing.assert_close(new, 0.9 * old + 0.1 * parameter)
        assert not new.requires_grad


def test_a_teacherless_target_is_the_encoders_own():
    m, (views, actions) = model(teacher="stop_gradient").eval(), batch()
    torch.testing.assert_close(m(views, actions).target, m.encoder(views[:, -1]))
    assert isinstance(m.teacher, StopGradient)


def test_decay_schedules():
    assert decay_at(0.7, 0.996, "constant") == 0.996
    assert decay_at(0.0, 0.996, "cosine") == pytest.approx(0.996)
    assert decay_at(0.5, 0.996, "cosine") == pytest.approx(0.998)
    assert decay_at(1.0, 0.996, "cosine") == pytest.approx(1.0)
    assert math.isclose(decay_at(1.0, 0.9, "constant"), 0.9)


@pytest.mark.parametrize("layers", [1, 3])
def test_the_last_layer_computes_what_is_read_of_the_whole_transformer(layers):
    torch.manual_seed(layers)
    aggregator = Aggregator(dim=12, layers=layers, heads=3, dropout=0.0).double()
    with torch.no_grad():
        aggregator.token.normal_()
    tokens = torch.randn(5, 4, 12, dtype=torch.float64, requires_grad=True)
    whole = aggregator.transformer(torch.cat([aggregator.token.expand(5, -1, -1), tokens], 1))[:, 0]
    read = aggregator(tokens)
    torch.testing.assert_close(read, whole, atol=1e-12, rtol=0)
    inputs = [tokens, *aggregator.parameters()]
    of_whole, of_read = (torch.autograd.grad(z.square().sin().sum(), inputs) for z in (whole, read))
    for one, other in zip(of_whole, of_read, strict=True):
        torch.testing.assert_close(one, other, atol=1e-12, rtol=0)


def test_each_dropout_of_the_last_layer_is_at_work():
    """With all others of probability 0, the one that is left makes two passes differ."""
    torch.manual_seed(0)
    tokens = torch.randn(5, 4, 12)
    for name in ("dropout", "dropout1", "dropout2", "self_attn"):
        aggregator = Aggregator(dim=12, layers=1, heads=3, dropout=0.0)
        layer = aggregator.transformer.layers[-1]
        if name == "self_attn":
            layer.self_attn.dropout = 0.5
        else:
            getattr(layer, name).p = 0.5
        assert not torch.equal(aggregator(tokens), aggregator(tokens)), name
        aggregator.eval()
        assert torch.equal(aggregator(tokens), aggregator(tokens)), name
