"""Terms against collapse: each against its formula written out, a known answer, and where everything is the same."""

import math
from itertools import pairwise

import pytest
import torch
from scipy.integrate import quad

from seqjepa.objective import (
    TERMS,
    barlow_twins_loss,
    compute_loss,
    contrastive_loss,
    covariance_loss,
    cross_correlation,
    epps_pulley,
    random_directions,
    sliced_epps_pulley,
    variance_loss,
)
from seqjepa.recipes import change
from seqjepa.rng import derive_seed
from seqjepa.training.building import build_model
from seqjepa.training.loop import train
from seqjepa.training.views import Normalisation
from seqjepa.types import InputError, Outputs

NEW = ("vicreg", "sigreg", "barlow_twins", "contrastive")


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def outputs(**changes):
    parts = dict(z=draw(16, 3, 8), z_agg=draw(16, 12, seed=1), halves=draw(16, 2, 12, seed=2), key=(0, 1, 2))
    return Outputs(**(parts | dict(prediction=draw(16, 8), target=draw(16, 8, seed=3)) | changes))


def of_term(name, out, **settings):
    return compute_loss(out, [TERMS[name].with_settings(weight=1.0, **settings)])


def test_vicreg_written_out():
    z = 0.5 * draw(20, 5) + 2
    total = 0.0
    for j in range(5):
        mean = sum(float(z[b, j]) for b in range(20)) / 20
        variance = sum((float(z[b, j]) - mean) ** 2 for b in range(20)) / 19
        total += max(0.0, 1 - math.sqrt(variance + 1e-4))
    assert float(variance_loss(z)) == pytest.approx(total / 5)
    covariance = torch.cov(z.T)
    off = sum(float(covariance[i, j]) ** 2 for i in range(5) for j in range(5) if i != j)
    assert float(covariance_loss(z)) == pytest.approx(off / 5)


def test_vicreg_of_known_codes():
    orthogonal = torch.linalg.qr(torch.cat([torch.ones(9, 1), draw(9, 4)], 1)).Q[:, 1:] * math.sqrt(8)
    assert float(covariance_loss(orthogonal)) == pytest.approx(0, abs=1e-20)
    assert float(variance_loss(orthogonal)) == 0  # standard deviation 1 and a little
    assert float(variance_loss(torch.ones(9, 4))) == pytest.approx(1 - 0.01)
    assert float(variance_loss(torch.ones(9, 4), deviation=3.0)) == pytest.approx(3 - 0.01)
    same = draw(500, 1).repeat(1, 4)
    assert float(covariance_loss(same)) == pytest.approx(3 * float(same[:, 0].var()) ** 2)


def test_epps_pulley_equals_its_closed_form():
    """The integral over all t, of Gaussians only."""
    x = draw(12, 3)
    for column, found in zip(x.T, epps_pulley(x, knots=2001, limit=10.0), strict=True):
        apart = column[:, None] - column[None]
        pairs = math.sqrt(2 * math.pi) / 12 * (-apart.square() / 2).exp().sum()
        alone = 2 * math.sqrt(math.pi) * (-column.square() / 4).exp().sum()
        torch.testing.assert_close(found, pairs - alone + 12 * math.sqrt(2 * math.pi / 3), rtol=1e-10, atol=0)
        coarse = float(epps_pulley(column[:, None]))  # as training takes it: 17 knots in [-5, 5]
        assert coarse == pytest.approx(float(found), rel=1e-4)


def test_epps_pulley_written_out():
    x = draw(7, 1)

    def integrand(t):
        mean = sum(complex(math.cos(t * float(v)), math.sin(t * float(v))) for v in x[:, 0]) / 7
        return abs(mean - math.exp(-t * t / 2)) ** 2 * math.exp(-t * t / 2)

    assert float(epps_pulley(x, knots=4001)) == pytest.approx(7 * quad(integrand, -5, 5)[0], rel=1e-6)


@pytest.mark.parametrize("batch", [32, 512])
def test_sigreg_of_a_gaussian_is_small_and_of_anything_else_is_large(batch):
    directions = random_directions(24, 64, 0)
    expected = math.sqrt(2 * math.pi) - math.sqrt(2 * math.pi / 3)
    draws = torch.stack([sliced_epps_pulley(draw(batch, 24, seed=seed), directions) for seed in range(30)])
    assert float(draws.mean()) == pytest.approx(expected, rel=0.1)
    collapsed = batch * (math.sqrt(2 * math.pi) - 2 * math.sqrt(math.pi) + math.sqrt(2 * math.pi / 3))
    assert float(sliced_epps_pulley(torch.zeros(batch, 24), directions)) == pytest.approx(collapsed, rel=1e-3)
    others = draw(batch, 24) + 3, 4 * draw(batch, 24), draw(batch, 1) * torch.ones(24)
    for other in others:  # moved, stretched, of one dimension
        assert sliced_epps_pulley(other, directions) > 3 * draws.max()


def test_directions_are_unit_vectors_and_a_function_of_their_key():
    found = random_directions(16, 300, 1, 2, 3)
    torch.testing.assert_close(found.norm(dim=0), torch.ones(300))
    assert torch.equal(found, random_directions(16, 300, 1, 2, 3))
    assert not torch.equal(found, random_directions(16, 300, 1, 2, 4))
    assert (found.mean(1).abs() < 5 / math.sqrt(16 * 300)).all()


def test_sigreg_draws_other_directions_in_every_step():
    first = of_term("sigreg", outputs(), slices=4)
    assert of_term("sigreg", outputs(), slices=4).loss == first.loss
    assert of_term("sigreg", outputs(key=(0, 1, 3)), slices=4).loss != first.loss


def test_barlow_twins_written_out():
    first, second = draw(20, 4) + 1, 3 * draw(20, 4, seed=1)
    total = 0.0
    for i in range(4):
        for j in range(4):
            a, b = first[:, i] - first[:, i].mean(), second[:, j] - second[:, j].mean()
            scale = math.sqrt((float(a.square().mean()) + 1e-5) * (float(b.square().mean()) + 1e-5))
            c = float((a * b).mean()) / scale
            total += (1 - c) ** 2 if i == j else 0.1 * c**2
    assert float(barlow_twins_loss(first, second, 0.1)) == pytest.approx(total / 4)


def test_barlow_twins_of_known_codes():
    orthogonal = torch.linalg.qr(torch.cat([torch.ones(9, 1), draw(9, 4)], 1)).Q[:, 1:] * 30
    torch.testing.assert_close(cross_correlation(orthogonal, orthogonal), torch.eye(4).double(), atol=1e-6, rtol=0)
    assert float(barlow_twins_loss(orthogonal, 7 * orthogonal + 5)) == pytest.approx(0, abs=1e-9)
    assert float(barlow_twins_loss(torch.ones(9, 4), torch.ones(9, 4))) == 1
    assert float(barlow_twins_loss(orthogonal, -orthogonal)) == pytest.approx(4, abs=1e-5)


@pytest.mark.parametrize("target", ["z", "z_agg", "both"])
def test_what_each_is_taken_of(target):
    out = outputs()
    views = out.z.unbind(1)
    vicreg = {
        name: sum(variance_loss(v) + 0.04 * covariance_loss(v) for v in batches) / len(batches)
        for name, batches in {"z": views, "z_agg": [out.z_agg]}.items()
    }
    directions = {"z": random_directions(8, 256, 0, 1, 2), "z_agg": random_directions(12, 256, 0, 1, 2)}
    sigreg = {
        "z": sum(sliced_epps_pulley(v, directions["z"]) for v in views) / 3,
        "z_agg": sliced_epps_pulley(out.z_agg, directions["z_agg"]),
    }
    barlow = {
        "z": sum(barlow_twins_loss(a, b) for a, b in pairwise(views)) / 2,
        "z_agg": barlow_twins_loss(*out.halves.unbind(1)),
    }
    contrastive = {"z": contrastive_loss(out.z), "z_agg": contrastive_loss(out.halves)}
    names = {"both": ("z_agg", "z")}.get(target, (target,))
    for term, by_hand in zip(NEW, (vicreg, sigreg, barlow, contrastive), strict=True):
        found = of_term(term, out, target=target)
        torch.testing.assert_close(found.loss, sum(by_hand[name] for name in names))
        assert [name for name in found.logged if name.removeprefix(term) in ("_z", "_z_agg")] == [
            f"{term}_{name}" for name in names
        ]


@pytest.mark.parametrize("term", NEW)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_gradient_is_finite_where_everything_is_the_same(term, dtype):
    for value in (0.0, 1.0, 100.0):
        leaves = {
            "z": torch.full((16, 3, 8), value, dtype=dtype, requires_grad=True),
            "z_agg": torch.full((16, 12), value, dtype=dtype, requires_grad=True),
            "halves": torch.full((16, 2, 12), value, dtype=dtype, requires_grad=True),
        }
        loss = of_term(term, outputs(**leaves), target="both").loss
        assert loss.dtype == torch.float32
        assert loss.isfinite()
        loss.backward()
        assert all(leaf.grad is None or leaf.grad.isfinite().all() for leaf in leaves.values())
        assert any(leaf.grad is not None for leaf in leaves.values())


@pytest.mark.parametrize(
    "function",
    [
        variance_loss,
        covariance_loss,
        lambda z: barlow_twins_loss(z, z.flip(0)),
        lambda z: sliced_epps_pulley(z, random_directions(4, 5, 0)),
    ],
)
def test_gradients(function):
    assert torch.autograd.gradcheck(function, (0.3 * draw(6, 4)).requires_grad_())


@pytest.mark.parametrize("term", ["vicreg", "sigreg"])
@pytest.mark.parametrize("target", ["z", "z_agg"])
def test_a_step_downhill_leaves_collapse(term, target):
    """From nearly nothing, the term alone makes representations vary. (Barlow Twins and NT-Xent do not see norm.)"""
    z = (0.05 * draw(64, 3, 6)).requires_grad_()
    z_agg = (0.05 * draw(64, 6)).requires_grad_()
    leaf = z if target == "z" else z_agg
    optimiser = torch.optim.Adam([leaf], lr=0.05)
    for step in range(200):
        optimiser.zero_grad()
        of_term(term, outputs(z=z, z_agg=z_agg, key=(0, 0, step)), target=target).loss.backward()
        optimiser.step()
    deviations = leaf.detach().flatten(0, -2).std(0)
    assert (deviations > 0.8).all()


def test_autocast_does_not_touch_them():
    out = outputs()
    for term in NEW:
        want = of_term(term, out, target="both").loss
        with torch.autocast("cpu", torch.bfloat16):
            assert torch.equal(of_term(term, out, target="both").loss, want)


@pytest.mark.parametrize("term", NEW)
def test_weight_0_is_absent(term, tiny, tmp_path):
    settings = {term: dict(weight=0.0, target="both")}
    with_it, without = train(change(tiny, objective=settings), tmp_path / "with"), train(tiny, tmp_path / "without")
    assert with_it.rows == without.rows
    assert not any(name.startswith(term) for row in with_it.rows for name in row)


@pytest.mark.parametrize("term", NEW)
def test_each_is_trained_and_logged_and_resumes(term, tiny, tmp_path):
    config = change(tiny, epochs=1, objective={"rate": dict(kind="none"), term: dict(weight=0.1, target="both")})
    row = train(config, tmp_path / "run").rows[0]
    assert row["loss"] == pytest.approx(row["prediction"] + 0.1 * (row[f"{term}_z"] + row[f"{term}_z_agg"]), rel=1e-5)


def model_of(config):
    torch.manual_seed(derive_seed(0))
    normalise = Normalisation((0.5,), (0.5,))
    return build_model(config, 1, (28, 28), normalise).eval()


def test_halves_are_computed_where_a_term_compares_them_and_nowhere_else(tiny):
    views, moved = torch.rand(4, 4, 1, 28, 28), torch.randn(4, 3, 5)
    plain = model_of(tiny)
    for term in ("barlow_twins", "contrastive"):
        for target, asked in {"z": False, "z_agg": True, "both": True}.items():
            model = model_of(change(tiny, objective={term: dict(weight=1.0, target=target)}))
            with torch.no_grad():
                out, alone = model(views, moved), plain(views, moved)
            assert (out.halves is not None) == asked
            torch.testing.assert_close(out.z_agg, alone.z_agg)
    embedded = plain.embed_action(moved)
    first = plain.aggregate(alone.z[:, :1], embedded[:, :0])
    second = plain.aggregate(alone.z[:, 1:], embedded[:, 1:2])
    torch.testing.assert_close(out.halves, torch.stack([first, second], 1))
    assert not model_of(change(tiny, objective=dict(barlow_twins=dict(weight=0.0)))).halves


@pytest.mark.parametrize("term", ["barlow_twins", "contrastive"])
def test_two_observed_views_are_needed(term, tiny):
    settings = {term: dict(weight=1.0, target="z")}
    with pytest.raises(InputError, match=f"factors.views: objective.{term} compares observed views; give 3 or more"):
        change(tiny, factors=dict(views=2), objective=settings)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: variance_loss(draw(1, 3)), "at least two representations"),
        (lambda: covariance_loss(draw(1, 3)), "at least two representations"),
        (lambda: barlow_twins_loss(draw(1, 3), draw(1, 3)), "at least two representations"),
        (lambda: of_term("barlow_twins", outputs(halves=None), target="z_agg"), "the outputs have no halves"),
        (lambda: of_term("contrastive", outputs(halves=None), target="both"), "the outputs have no halves"),
    ],
)
def test_what_cannot_be_computed(call, says):
    with pytest.raises(ValueError, match=says):
        call()
