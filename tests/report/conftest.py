"""A diagnosis of a representation whose answer is known, with images, made once."""

import shutil
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser

import pytest
import torch

from seqjepa.diagnostics import diagnose
from seqjepa.report import RunRecord
from seqjepa.sweeps import Sweeps
from tests.ground_truths import FACTORS, additive
from tests.hurried import hurried, hurry  # noqa: F401

I = 24  # noqa: E741
LENGTHS = ("length_heatmaps", "path_integration")  # figures of encoders with an aggregator
ROWS = [
    {
        "epoch": float(epoch),
        "loss": 1 / epoch,
        "prediction": 0.5 / epoch,
        "prediction_test": 0.6 / epoch,
        "rate_z_agg": 40.0 + epoch,
        "rate_z_agg_over_unit": 0.5 + epoch / 5,
        "norm_z_agg": 5.0 + epoch,
        "norm_z": 3.0,
        "linacc_test": 20.0 + epoch,
        "leakage_linacc_test": 50.0,
        "r2_test": 0.1 * epoch,
        "r2_test_log_scale": 0.2 * epoch,
        "r2_test_all_columns": 0.0,
    }
    | (
        {
            "rank_eq_eff": 20.0 - epoch,
            "rank_inv_eff": 10.0,
            "rank_eq_eff_train_mode": 25.0,
            "subspace_ev_rot_2": 0.1 * epoch,
            "dimension_rotation": 9.0,
        }
        | ({"stability_rotation": 0.8} if epoch == 4 else {})
        if epoch % 2 == 0
        else {}
    )
    for epoch in range(1, 5)
]

CONFIG = "seed: 0\nobjective:\n  prediction: {weight: 1.0}\n  rate: {weight: 0.01}\n"

VOID = {"meta", "img", "input", "br", "link"}


class Elements(HTMLParser):
    """Every element with its attributes; unbalanced tags fail."""

    def __init__(self, text):
        super().__init__()
        self.open, self.found = [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def of(self, *tags):
        return [attrs for tag, attrs in self.found if tag in tags]


@cache  # and not the fixtures: tests of other folders take these too, as fixtures of their own
def _sweeps():
    made = Sweeps.from_function(additive(I), FACTORS, I, torch.arange(I) % 3, steps=9, base_poses=2, joint=6, seed=0)
    images = torch.zeros(I, 1, 12, 12, dtype=torch.uint8)
    images[:, :, 2:10, 5:7] = 255
    return replace(made, images=images, metadata=dict(made.metadata) | {"taps": 2})


@cache
def _diagnosis():
    with hurried():
        made = diagnose(_sweeps(), probes=("linear", "mlp"), skip=("contents",))
    return replace(made, baselines={"itself": made})


@pytest.fixture(scope="session")
def sweeps():
    return _sweeps()


@pytest.fixture(scope="session")
def diagnosis():
    return _diagnosis()


@pytest.fixture(scope="session")
def light(diagnosis):
    """The same with the estimates of one metric, whose page has few figures."""
    return replace(diagnosis, estimates={"explained_variance": diagnosis["explained_variance"]}, baselines={})


@pytest.fixture(scope="session")
def record(sweeps, diagnosis):
    return RunRecord(diagnosis, sweeps, ROWS, {}, {"config.yaml": CONFIG})


@pytest.fixture(scope="session")
def chromium():
    selenium = pytest.importorskip("selenium.webdriver")
    binary, driver = (shutil.which(name) for name in ("chromium", "chromedriver"))
    if not (binary and driver):
        pytest.skip("there is no chromium with its chromedriver")
    options = selenium.ChromeOptions()
    options.binary_location = binary
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    opened = selenium.Chrome(options, selenium.ChromeService(driver))
    yield opened
    opened.quit()


@pytest.fixture
def browser(chromium):
    yield chromium
    chromium.get("about:blank")  # nothing of the page goes on moving
