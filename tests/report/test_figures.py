"""What figures draw: the data of their artists, labels and limits."""

import re
from dataclasses import replace

import numpy as np
import pytest
import torch

import seqjepa as sj
from seqjepa.diagnostics import Diagnosis, diagnose, factor_subspace
from seqjepa.diagnostics.estimate import Estimate
from seqjepa.diagnostics.ideals import ideal_text
from seqjepa.diagnostics.measures.subspaces import centre_orbits
from seqjepa.diagnostics.registry import METRICS
from seqjepa.diagnostics.swept import grid_kernel
from seqjepa.report import FIGURES, RunRecord, curves, neighbours, orbits, readouts, subspaces, views
from seqjepa.report.explorer import explorer_data
from seqjepa.report.figures import save_figures
from seqjepa.report.style import COLUMN, FORMATS, in_column, rendered, save_figure
from seqjepa.sweeps import Sweeps
from seqjepa.types import InputError, NotIdentifiable
from tests.ground_truths import FACTORS, additive
from tests.report.conftest import LENGTHS, ROWS


def lines(axis):
    return {line.get_label(): (list(line.get_xdata()), list(line.get_ydata())) for line in axis.get_lines()}


def texts(axis):
    return [text.get_text() for text in axis.texts]


def test_training_curves():
    axes = curves.training_curves(ROWS, ("prediction", "rate")).axes
    assert lines(axes[0])["training"] == ([1, 2, 3, 4], [1, 1 / 2, 1 / 3, 1 / 4])
    assert lines(axes[1])["held out"][1][0] == 0.6
    assert lines(axes[2]) == {"z_agg": ([1, 2, 3, 4], [41, 42, 43, 44])}  # without the rate over unit
    assert [axis.get_xlabel() for axis in axes] == ["epoch"] * 3
    assert [axis.get_ylabel() for axis in axes] == ["loss", "prediction", "rate"]


def test_terms_of_ones_own_are_drawn():
    rows = [{"epoch": float(e), "loss": 1.0, "spread": 10.0**-e, "spread_test": 1.0, "speed": 2.0} for e in range(4)]
    axes = [axis for axis in curves.training_curves(rows, ("spread", "absent")).axes if axis.get_visible()]
    assert [axis.get_ylabel() for axis in axes] == ["loss", "spread"]
    assert set(lines(axes[1])) == {"training", "held out"}
    assert [axis.get_yscale() for axis in axes] == ["linear", "log"]


@pytest.mark.parametrize(
    ("logged", "found"),
    [
        (["rate_z", "rate_z_agg", "rate_z_over_unit"], {"rate_z": "z", "rate_z_agg": "z_agg"}),
        (["rate", "rate_test", "rates"], {"rate": "training", "rate_test": "held out"}),
        (["rate_z", "rate_z_test"], {"rate_z": "z", "rate_z_test": "z, held out"}),
    ],
)
def test_columns_of_a_term(logged, found):
    assert curves.columns_of("rate", logged) == found


def test_probe_curves_leave_the_old_habit_out():
    axes = curves.probe_curves(ROWS).axes
    assert set(lines(axes[1])) >= {"mean", "log scale"}
    assert not any("columns" in label for label in lines(axes[1]))
    assert axes[0].get_ylim()[0] == 0


def test_rate_and_norm():
    axes = curves.rate_and_norm(ROWS).axes
    assert lines(axes[0])["z_agg"][1] == pytest.approx([0.7, 0.9, 1.1, 1.3])
    assert 1.0 in [line.get_ydata()[0] for line in axes[0].get_lines()]
    with pytest.raises(NotIdentifiable, match="no coding rate"):
        curves.rate_and_norm([{"epoch": 1.0}])


def test_rank_monitor_shows_both_modes_where_they_were_logged():
    axes = curves.rank_monitor(ROWS).axes
    assert lines(axes[0])["held out"] == ([2, 4], [18, 16])
    assert lines(axes[0])["as in training"][1] == [25, 25]
    assert axes[1].get_ylabel() == "effective rank of z_agg"
    assert axes[0].get_ylim() == (0, pytest.approx(1.06 * 25))  # no curve lies on the frame
    assert axes[0].get_xlim()[0] < 1  # all epochs, not only those that were measured
    assert all(tick == int(tick) for tick in axes[0].get_xticks())


def test_a_single_epoch_has_whole_numbers():
    axis = curves.rank_monitor([{"epoch": 2.0, "rank_eq_eff": 5.0}]).axes[0]
    assert [tick for tick in axis.get_xticks() if tick != int(tick)] == []


def test_subspaces_over_epochs():
    axes = curves.subspaces_over_epochs(ROWS).axes
    assert lines(axes[0])["rotation"] == ([2, 4], pytest.approx([0.2, 0.4]))
    assert lines(axes[2])["rotation"] == ([4], [0.8])
    with pytest.raises(NotIdentifiable, match="no diagnosis was made"):
        curves.subspaces_over_epochs([{"epoch": 1.0, "loss": 1.0}])


@pytest.mark.parametrize("logarithmic", [False, True])
def test_spectra(diagnosis, logarithmic):
    axes = [axis for axis in subspaces.spectra(diagnosis, logarithmic).axes if axis.get_visible()]
    of = diagnosis["explained_variance"]["translate_x"]
    axis = next(axis for axis in axes if axis.get_title().startswith("x:"))
    assert axis.get_title() == "x: 100 % [100, 100] in 1\nideal 100 %"
    assert axis.figure.get_supxlabel().endswith("n = 12 test identities; brackets: 95 % intervals over test identities")
    drawn = lines(axis)
    assert drawn["held out"][1] == of.details["held_out"]
    assert drawn["permuted grids, 95 %"][1][0] == of.details["null_share"]
    assert drawn["expected dimension"][0][0] == 1.5
    assert axis.get_yscale() == ("log" if logarithmic else "linear")
    rendered(axis.figure)
    assert not any("$" in label.get_text() for label in axis.get_yticklabels())  # no mathematics in this style


def test_the_overlap_heatmap_has_values_nulls_and_abstentions(diagnosis):
    unknown = Estimate(None, reason="halves disagree")
    overlap = dict(diagnosis["overlap"]) | {("rotation", "scale"): unknown, ("scale", "rotation"): unknown}
    axis = subspaces.pair_heatmap(Diagnosis({"overlap": overlap})).axes[0]
    assert [label.get_text() for label in axis.get_xticklabels()][:4] == ["rotation", "x", "y", "scale"]
    shown = axis.images[0].get_array()
    assert shown[1, 2] == pytest.approx(diagnosis["overlap"]["translate_x", "translate_y"].value)
    assert np.ma.getmaskarray(shown)[0, 3] or np.isnan(shown[0, 3])
    assert texts(axis).count("?") == 2
    assert any(text.endswith("separate") for text in texts(axis))
    of = overlap["translate_x", "translate_y"]
    written = f"{of.value:.2f}\n[{of.interval[0]:.2f}, {of.interval[1]:.2f}]\nnull {of.null:.2f}\nideal 0.00\nseparate"
    assert written in texts(axis)
    assert axis.images[0].get_clim() == (0, 1)


def test_principal_angles(diagnosis):
    axis = subspaces.principal_angles(diagnosis).axes[0]
    drawn = lines(axis)["x · y"]
    assert drawn[1] == diagnosis["overlap"]["translate_x", "translate_y"].details["angles_deg"]
    assert axis.get_ylabel() == "principal angle [°]"
    assert len(axis.get_lines()) == len({frozenset(k) for k, f in diagnosis["overlap"].items() if f.value is not None})


def test_the_leakage_matrix(diagnosis):
    axis = readouts.leakage_matrix(diagnosis).axes[0]
    rows = [label.get_text() for label in axis.get_yticklabels()]
    columns = [label.get_text().split("\n")[0] for label in axis.get_xticklabels()]
    shown = axis.images[0].get_array()
    of = diagnosis["leakage"]["translate_x", "without translate_x", "linear"]
    assert shown[rows.index("without x"), columns.index("x")] == pytest.approx(of.value)
    assert columns[-1] == "class"
    written = f"{of.value:.2f}\n[{of.interval[0]:.2f}, {of.interval[1]:.2f}]"
    assert f"{written}\nideal {ideal_text(of)}" in texts(axis)
    assert any(text.endswith("ideal 1.00") or "ideal 1.00 /" in text for text in texts(axis))


def test_a_table_of_layers(diagnosis):
    other = Diagnosis({"explained_variance": {"rotation": Estimate(0.25)}})
    axis = subspaces.layer_table({"one": diagnosis, "two": other}).axes[0]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["one", "two"]
    assert axis.images[0].get_array()[1, 0] == 0.25
    assert "–" in texts(axis)
    unknown = Diagnosis({"explained_variance": {"rotation": Estimate(None, reason="constant")}})
    assert "?" in texts(subspaces.layer_table({"one": diagnosis, "two": unknown}).axes[0])
    with pytest.raises(NotIdentifiable, match="several layers"):
        subspaces.layer_table({"one": diagnosis})


def test_harmonics(diagnosis):
    axis = orbits.harmonics(diagnosis).axes[0]
    energy = diagnosis["orbit_leading"]["rotation"].details["energy"]
    assert [bar.get_height() for bar in axis.patches] == pytest.approx(energy)
    assert axis.get_ylim() == (0, 1)
    labels = [text.get_text() for text in axis.get_legend().get_texts()]
    assert any(label.startswith(f"rotation: {diagnosis['orbit_leading']['rotation'].value:.2f} [") for label in labels)


def test_orbits_are_ordered_centred_and_of_test_identities(sweeps, diagnosis):
    found = orbits.orbits_of(diagnosis, sweeps, "translate_x")
    assert found.who.tolist() == list(diagnosis.split.test[: orbits.SHOWN])
    codes = centre_orbits(sweeps.values["translate_x"][found.who, :1])[:, 0]
    torch.testing.assert_close(found.points.norm(dim=-1), codes.norm(dim=-1), atol=1e-7, rtol=0)
    steps = found.points.diff(dim=1)
    torch.testing.assert_close(steps, steps[:, :1].expand_as(steps), atol=1e-7, rtol=0)  # a straight, even line
    assert found.share == pytest.approx(1)
    axes = orbits.true_orbits(diagnosis, sweeps).axes
    assert axes[0].get_title().startswith("rotation: ")
    grey = [line for line in axes[1].get_lines() if line.get_color() == "#b5b5b5"]
    assert len(grey) == orbits.SHOWN
    circle = next(line for line in axes[0].get_lines() if line.get_color() == "#b5b5b5")
    assert circle.get_xdata()[0] == circle.get_xdata()[-1]  # a full circle closes
    assert {axis.get_ylabel() for axis in axes} >= {"rotation [deg]", "x [px]", "scale [ratio]"}


@pytest.fixture(scope="module")
def seeded(sweeps):
    """A diagnosis with another split, over noise, in which every split has planes of its own; a grey a identity."""
    random = torch.Generator().manual_seed(0)

    def noisy(codes):
        return codes + torch.randn(codes.shape, generator=random, dtype=torch.float64)

    greys = torch.arange(10, 10 + 8 * len(sweeps.labels), 8, dtype=torch.uint8)
    images = greys[:, None, None, None].expand(-1, 1, 12, 12).clone()
    made = replace(sweeps, values={name: noisy(of) for name, of in sweeps.values.items()}, images=images)
    return made, greys, [diagnose(made, seed=seed, skip=SKIPPED, ideals=False) for seed in (0, 3)]


SKIPPED = ("group", "leakage", "actions", "classes", "contents", "retrieval", "health")


def test_orbits_are_of_the_diagnosis_own_split_and_subspaces(seeded):
    made, _, (other, diagnosis) = seeded
    assert diagnosis.split.test[:3] != other.split.test[:3]
    found = orbits.orbits_of(diagnosis, made, "rotation")
    assert found.who.tolist() == list(diagnosis.split.test[: orbits.SHOWN])
    mask = _mask(made, diagnosis.split.train + diagnosis.split.validation)
    fitted = factor_subspace(made.values["rotation"], mask, grid_kernel(made, "rotation"))
    inside = centre_orbits(made.values["rotation"][list(diagnosis.split.test)]) @ fitted.directions(2)
    torch.testing.assert_close(found.points, inside[: orbits.SHOWN, 0], atol=1e-6, rtol=0)
    torch.testing.assert_close(found.mean, inside.mean((0, 1)), atol=1e-6, rtol=0)
    assert found.share == pytest.approx(float(fitted.held_out[:2].sum()), abs=1e-6)
    data = explorer_data(diagnosis, made)
    np.testing.assert_allclose(data["factors"][0]["orbits"], found.points.numpy(), atol=1e-4)
    points = orbits.true_orbits(diagnosis, made, "rotation").axes[0].collections[0].get_offsets()
    np.testing.assert_allclose(points, found.points.flatten(0, 1).numpy())


def _mask(sweeps, places):
    mask = torch.zeros(sweeps.identities, dtype=torch.bool)
    mask[list(places)] = True
    return mask


def test_queries_are_of_the_diagnosis_own_split(seeded):
    made, greys, (_, diagnosis) = seeded
    axes = neighbours.nearest_neighbours(diagnosis, made, rows=2, count=3).axes
    queries = [axis for axis in axes if axis.get_xlabel().startswith("query")]
    seen = [255 * float(axis.images[0].get_array().max()) for axis in queries]
    assert seen == pytest.approx([float(greys[i]) for i in diagnosis.split.test[:2]], abs=1)


def test_without_a_split_or_a_subspace_there_is_no_orbit(sweeps, diagnosis):
    with pytest.raises(NotIdentifiable, match="which identities it was tested on"):
        orbits.orbits_of(replace(diagnosis, split=None), sweeps, "rotation")
    with pytest.raises(NotIdentifiable, match="no subspace of rotation was fitted"):
        orbits.orbits_of(Diagnosis({}, split=diagnosis.split), sweeps, "rotation")


def test_views_are_those_that_the_encoder_was_shown():
    """Every view of the figures is one that an encoder got, with as many anti-aliasing samples."""
    shown = []

    def encoder(views):
        shown.append(views.flatten(1).clone())
        return views.flatten(1)[:, ::17]

    factors = sj.affine_factors(rotation=(-90, 90), scale=(0.3, 1.0))
    images = sj.Images(
        torch.randint(0, 255, (6, 1, 16, 16), dtype=torch.uint8), torch.zeros(6, dtype=torch.int64), ("a",)
    )
    made = sj.represent(encoder, images, factors, 4, 5, 2, joint=4, border="reflection", progress=False)
    assert made.metadata["taps"] == 4
    poses = torch.cat([*(views.sweep_poses(made, f.name).flatten(1, 2) for f in factors), views.joint_poses(made)], 1)
    again = views.as_seen(made, made.images, poses).flatten(0, 1).flatten(1)
    assert _apart(again, torch.cat(shown)) < 1e-5
    drawn = torch.tensor(views.view_sequences(made, rows=2, views=3).axes[0].images[0].get_array())
    assert _apart(drawn.reshape(1, -1), torch.cat(shown)) < 1e-5


def _apart(these, others):
    """The greatest difference of a pixel, between each of these and the most alike of the others."""
    return (these[:, None] - others).abs().amax(-1).amin(1).max()


def test_angle_confusion_counts_around_the_circle():
    axis = readouts.angle_confusion([170.0, 0.0, 10.0], [-170.0, 10.0, 10.0]).axes[0]
    assert axis.collections[0].get_offsets().tolist() == [[170, -170], [0, 10], [10, 10]]
    assert axis.get_title() == "3 pairs of views, median error 10.0°"
    whole = readouts.angle_confusion([0.0], [5.0], Estimate(7.25, (6.0, 8.0)))
    assert whole.get_supxlabel().startswith("over all pairs: 7.2 [6.0, 8.0] degrees")


def test_view_sequences_say_their_actions(sweeps):
    figure = views.view_sequences(sweeps, rows=2, views=3)
    assert len(figure.axes) == 6
    values = sweeps.joint_values[0]
    turn = float(values[1, 0] - values[0, 0])
    turn = (turn + 180) % 360 - 180
    said = figure.axes[1].get_xlabel()
    assert said.startswith(f"{turn:+.0f}°")
    assert f"x {float(values[1, 1] - values[0, 1]):+.1f}" in said
    assert f"×{float(values[1, 3] / values[0, 3]):.2f}" in said
    assert figure.axes[0].get_xlabel() == "first view"


def test_neighbours_in_a_representation_of_pose_share_its_angle(sweeps, diagnosis):
    def pose_alone(who, pose):
        return torch.stack([pose[:, 0].sin(), pose[:, 0].cos(), 1e-3 * who], 1)

    made = Sweeps.from_function(pose_alone, FACTORS[:1], 24, steps=12, joint=0)
    made = replace(made, images=sweeps.images, metadata={"taps": 1})
    figure = neighbours.nearest_neighbours(Diagnosis({}, split=diagnosis.split), made, rows=2, count=3)
    for row in range(2):
        labels = [axis.get_xlabel().removeprefix("query, ") for axis in figure.axes[4 * row : 4 * row + 4]]
        assert len(set(labels)) == 1


def test_views_need_images_poses_and_how_they_were_made(sweeps):
    bare = Sweeps.from_function(additive(24), FACTORS, 24, steps=5, joint=4)
    with pytest.raises(NotIdentifiable, match="no images"):
        views.view_sequences(bare)
    with pytest.raises(NotIdentifiable, match="do not say how their views were anti-aliased"):
        views.view_sequences(replace(bare, images=sweeps.images))
    arrays = Sweeps.from_arrays(dict(bare.values.items()), FACTORS, bare.grids)
    for poses in (views.joint_poses, lambda of: views.sweep_poses(of, "rotation")):
        with pytest.raises(NotIdentifiable, match="hold no poses"):
            poses(arrays)
    hue = (sj.Factor("hue", 0, 1),)
    with pytest.raises(NotIdentifiable, match="affine factors only"):
        views.joint_poses(Sweeps.from_function(lambda who, pose: pose, hue, 24, steps=5, joint=4))


def test_every_figure_is_drawn_or_says_why(record):
    for name, entry in FIGURES.items():
        assert entry.title
        assert entry.shows.endswith(".")
        assert not entry.metric or entry.metric in METRICS
        if name in ("layers", *LENGTHS):
            with pytest.raises(NotIdentifiable):
                entry.make(record)
        else:
            assert entry.make(record).axes
        with pytest.raises(NotIdentifiable):
            entry.make(RunRecord(Diagnosis({})))


@pytest.mark.parametrize("kind", FORMATS)
def test_a_figure_is_saved_the_same_twice(tmp_path, kind):
    figure = curves.training_curves(ROWS)
    save_figure(figure, tmp_path / f"curves.{kind}")
    assert (tmp_path / f"curves.{kind}").read_bytes() == rendered(curves.training_curves(ROWS), kind)


def test_an_unknown_format_is_named(tmp_path):
    with pytest.raises(InputError, match="'gif' is not one of svg, png, pdf"):
        save_figure(curves.training_curves(ROWS), tmp_path / "curves.gif")


def test_figures_for_a_column_are_exactly_as_wide(record, tmp_path):
    """Read from the files, as a journal would."""
    for name, width in COLUMN.items():
        (tmp_path / name).mkdir()
        missing = save_figures(record, tmp_path / name, ["pdf"], width)
        files = list((tmp_path / name).iterdir())
        assert len(files) == len(FIGURES) - len(missing) > 5
        for file in files:
            box = re.search(rb"/MediaBox \[ ?0 0 ([\d.]+) ([\d.]+) ?\]", file.read_bytes())
            assert float(box[1]) == pytest.approx(72 * width, abs=0.5), file.name
            assert float(box[2]) < 72 * 20, file.name


def test_the_print_of_a_column_is_fine_and_that_of_a_screen_stays(record):
    screen = FIGURES["spectra"].make(record)
    with in_column(COLUMN["single"]):
        narrow = FIGURES["spectra"].make(record)
    again = FIGURES["spectra"].make(record)
    size, fine, after = (figure.axes[0].title.get_fontsize() for figure in (screen, narrow, again))
    assert size == after == 9
    assert fine == 7
    assert again.get_figwidth() == screen.get_figwidth() > narrow.get_figwidth()
    assert len(narrow.axes) == len(screen.axes)
