"""What figures draw: the data of their artists, labels and limits."""

import numpy as np
import pytest
import torch

from seqjepa.diagnostics import Diagnosis
from seqjepa.diagnostics.estimate import Estimate
from seqjepa.diagnostics.measures.subspaces import centre_orbits
from seqjepa.report import FIGURES, RunRecord, curves, orbits, pictures, subspaces
from seqjepa.report.style import FORMATS, rendered, save_figure
from seqjepa.sweeps import Sweeps
from seqjepa.types import InputError, NotIdentifiable
from tests.ground_truths import FACTORS, additive
from tests.report.conftest import ROWS


def lines(axis):
    return {line.get_label(): (list(line.get_xdata()), list(line.get_ydata())) for line in axis.get_lines()}


def texts(axis):
    return [text.get_text() for text in axis.texts]


def test_training_curves():
    axes = curves.training_curves(ROWS).axes
    assert lines(axes[0])["loss"] == ([1, 2, 3, 4], [1, 1 / 2, 1 / 3, 1 / 4])
    assert lines(axes[1])["held out"][1][0] == 0.6
    assert lines(axes[2])["of z_agg"][1] == [41, 42, 43, 44]
    assert [axis.get_xlabel() for axis in axes] == ["epoch"] * 3
    assert axes[2].get_ylabel() == "coding rate [nat]"


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
    assert all(tick == int(tick) for tick in axes[0].get_xticks())


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
    assert axis.get_title() == "x: 100 % [100, 100] in 1"
    assert axis.figure.get_supxlabel().endswith("n = 12 held-out images; brackets: 95 % interval over them")
    drawn = lines(axis)
    assert drawn["held out"][1] == of.details["held_out"]
    assert drawn["noise, 95 %"][1][0] == of.details["null_share"]
    assert drawn["expected dimension"][0][0] == 1.5
    assert axis.get_yscale() == ("log" if logarithmic else "linear")
    rendered(axis.figure)
    assert not any("$" in label.get_text() for label in axis.get_yticklabels())  # no mathematics in this style


def test_the_overlap_heatmap_has_values_nulls_and_abstentions(diagnosis):
    unknown = Estimate(None, reason="halves disagree")
    overlap = dict(diagnosis["overlap"]) | {("rotation", "scale"): unknown, ("scale", "rotation"): unknown}
    axis = subspaces.overlap_heatmap(Diagnosis({"overlap": overlap})).axes[0]
    assert [label.get_text() for label in axis.get_xticklabels()][:4] == ["rotation", "x", "y", "scale"]
    shown = axis.images[0].get_array()
    assert shown[1, 2] == pytest.approx(diagnosis["overlap"]["translate_x", "translate_y"].value)
    assert np.ma.getmaskarray(shown)[0, 3] or np.isnan(shown[0, 3])
    assert texts(axis).count("?") == 2
    assert any(text.endswith("sep.") for text in texts(axis))
    of = overlap["translate_x", "translate_y"]
    assert f"{of.value:.2f}\n[{of.interval[0]:.2f}, {of.interval[1]:.2f}]\nnull {of.null:.2f}\nsep." in texts(axis)
    assert axis.images[0].get_clim() == (0, 1)


def test_principal_angles(diagnosis):
    axis = subspaces.principal_angles(diagnosis).axes[0]
    drawn = lines(axis)["x · y"]
    assert drawn[1] == diagnosis["overlap"]["translate_x", "translate_y"].details["angles_deg"]
    assert axis.get_ylabel() == "principal angle [°]"
    assert len(axis.get_lines()) == len({frozenset(k) for k, f in diagnosis["overlap"].items() if f.value is not None})


def test_the_leakage_matrix(diagnosis):
    axis = subspaces.leakage_matrix(diagnosis).axes[0]
    rows = [label.get_text() for label in axis.get_yticklabels()]
    columns = [label.get_text().split("\n")[0] for label in axis.get_xticklabels()]
    shown = axis.images[0].get_array()
    of = diagnosis["leakage"]["translate_x", "without translate_x", "linear"]
    assert shown[rows.index("without x"), columns.index("x")] == pytest.approx(of.value)
    assert columns[-1] == "class"
    assert f"{of.value:.2f}\n[{of.interval[0]:.2f}, {of.interval[1]:.2f}]" in texts(axis)


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
    axis = subspaces.harmonics(diagnosis).axes[0]
    energy = diagnosis["orbit_leading"]["rotation"].details["energy"]
    assert [bar.get_height() for bar in axis.patches] == pytest.approx(energy)
    assert axis.get_ylim() == (0, 1)
    labels = [text.get_text() for text in axis.get_legend().get_texts()]
    assert any(label.startswith(f"rotation: {diagnosis['orbit_leading']['rotation'].value:.2f} [") for label in labels)


def test_true_orbits_are_ordered_centred_and_of_images_that_did_not_fit(sweeps):
    found = orbits.orbits_of(sweeps, "translate_x")
    codes = centre_orbits(sweeps.values["translate_x"][found.who, :1])[:, 0]
    torch.testing.assert_close(found.points.norm(dim=-1), codes.norm(dim=-1), atol=1e-9, rtol=0)
    steps = found.points.diff(dim=1)
    torch.testing.assert_close(steps, steps[:, :1].expand_as(steps), atol=1e-9, rtol=0)  # a straight, even line
    assert found.share == pytest.approx(1)
    axes = orbits.true_orbits(sweeps).axes
    assert axes[0].get_title().startswith("rotation: ")
    grey = [line for line in axes[1].get_lines() if line.get_color() == "#b5b5b5"]
    assert len(grey) == orbits.SHOWN
    circle = next(line for line in axes[0].get_lines() if line.get_color() == "#b5b5b5")
    assert circle.get_xdata()[0] == circle.get_xdata()[-1]  # a full circle closes
    assert {axis.get_ylabel() for axis in axes} >= {"rotation [deg]", "x [px]", "scale [ratio]"}


def test_angle_confusion_counts_around_the_circle():
    axis = orbits.angle_confusion([170.0, 0.0, 10.0], [-170.0, 10.0, 10.0]).axes[0]
    assert axis.collections[0].get_offsets().tolist() == [[170, -170], [0, 10], [10, 10]]
    assert axis.get_title() == "3 pairs of views, median error 10.0°"
    whole = orbits.angle_confusion([0.0], [5.0], Estimate(7.25, (6.0, 8.0)))
    assert whole.get_supxlabel().startswith("over all pairs: 7.2 [6.0, 8.0] degrees")


def test_view_sequences_say_their_actions(sweeps):
    figure = pictures.view_sequences(sweeps, rows=2, views=3)
    assert len(figure.axes) == 6
    values = sweeps.joint_values[0]
    turn = float(values[1, 0] - values[0, 0])
    turn = (turn + 180) % 360 - 180
    said = figure.axes[1].get_xlabel()
    assert said.startswith(f"{turn:+.0f}°")
    assert f"x {float(values[1, 1] - values[0, 1]):+.1f}" in said
    assert f"×{float(values[1, 3] / values[0, 3]):.2f}" in said
    assert figure.axes[0].get_xlabel() == "first view"


def test_neighbours_of_a_code_of_pose_share_its_angle(sweeps):
    def pose_alone(who, pose):
        return torch.stack([pose[:, 0].sin(), pose[:, 0].cos(), 1e-3 * who], 1)

    made = Sweeps.from_function(pose_alone, FACTORS[:1], 24, steps=12, joint=0)
    from dataclasses import replace

    figure = pictures.nearest_neighbours(replace(made, images=sweeps.images), rows=2, count=3)
    for row in range(2):
        labels = [axis.get_xlabel().removeprefix("query, ") for axis in figure.axes[4 * row : 4 * row + 4]]
        assert len(set(labels)) == 1


def test_pictures_need_pictures_and_poses():
    bare = Sweeps.from_function(additive(24), FACTORS, 24, steps=5, joint=4)
    with pytest.raises(NotIdentifiable, match="no pictures"):
        pictures.view_sequences(bare)
    arrays = Sweeps.from_arrays(dict(bare.values.items()), FACTORS, bare.grids)
    with pytest.raises(NotIdentifiable, match="come from arrays"):
        pictures.design_of(arrays)


def test_every_figure_is_drawn_or_says_why(record):
    for name, entry in FIGURES.items():
        assert entry.title
        assert entry.shows.endswith(".")
        if name == "layers":
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
