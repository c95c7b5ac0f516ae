"""A diagnosis in sentences: what to know before looking at anything."""

from __future__ import annotations

from seqjepa.diagnostics import Diagnosis
from seqjepa.diagnostics.estimate import Estimate, Key
from seqjepa.report.style import legible

READABLE, HARDLY = 0.8, 0.2  # R²
UNITS = {"deg": "°", "px": " px"}


def headline(diagnosis: Diagnosis) -> list[str]:
    """A sentence for each factor, and one for the class and for the code as a whole."""
    names = [str(name) for name in diagnosis.estimates.get("explained_variance", {}) if name != "translation"]
    sentences = [_factor(diagnosis, name) for name in names]
    return [*sentences, *_overlaps(diagnosis), *_class(diagnosis), *_health(diagnosis)]


def _get(diagnosis: Diagnosis, metric: str, key: Key) -> Estimate | None:
    figure = diagnosis.estimates.get(metric, {}).get(key)
    return None if figure is None or figure.value is None else figure


def _factor(diagnosis: Diagnosis, name: str) -> str:
    said = []
    action = [f for probe_name in ("linear", "mlp") if (f := _get(diagnosis, "action", (name, probe_name))) is not None]
    if action:
        best = max(range(len(action)), key=lambda i: action[i].value or 0)
        probe_name = [f for f in ("linear", "mlp") if _get(diagnosis, "action", (name, f)) is not None][best]
        said.append(_readable(action[best], probe_name, _get(diagnosis, "action_error", (name, probe_name))))
    concentrated = _get(diagnosis, "explained_variance", name)
    dimension = _get(diagnosis, "dimension", name)
    if concentrated is not None and dimension is not None:
        k = concentrated.details["k"]
        word = "concentrated" if (concentrated.value or 0) >= 0.8 else "spread"
        share = f"{100 * (concentrated.value or 0):.0f} % in {k} dimension{'s' * (k > 1)}"
        said.append(f"{word} ({share}, {dimension.value:.0f} above noise)")
    share = _get(diagnosis, "orbit_share", name)
    if share is not None:
        common = share.value or 0
        words = (
            "shared by all images"
            if common >= 0.8
            else "partly shared"
            if common >= 0.2
            else "not shared across images"
        )
        bound = share.details.get("bound")
        said.append(f"{words} ({100 * common:z.0f} %" + (f" of {100 * bound:.0f} % possible)" if bound else ")"))
    title = {"translate_x": "shift in x", "translate_y": "shift in y"}.get(name, legible(name))
    return f"{title[0].upper()}{title[1:]}: " + ("; ".join(said) if said else "not identifiable") + "."


def _readable(figure: Estimate, probe_name: str, error: Estimate | None) -> str:
    value = figure.value or 0.0
    how = "linearly" if probe_name == "linear" else "by a network"
    words = (
        f"readable {how}" if value >= READABLE else "hardly readable" if value < HARDLY else f"partly readable {how}"
    )
    low, high = figure.interval or (value, value)
    unit = "" if error is None else str(error.details.get("unit", ""))
    off = "" if error is None else f", {error.value:.3g}{UNITS.get(unit, ' ' + unit)} off"
    return f"{words} between two views (R² {value:.2f} [{low:.2f}, {high:.2f}]{off})"


def _overlaps(diagnosis: Diagnosis) -> list[str]:
    words: dict[str, list[str]] = {}
    seen: set[frozenset[str]] = set()
    for key, figure in diagnosis.estimates.get("overlap", {}).items():
        if (pair := frozenset(map(str, key))) in seen:
            continue
        seen.add(pair)
        verdict = "not known" if figure.value is None else figure.verdict
        words.setdefault(verdict, []).append(" with ".join(legible(str(name)) for name in key))
    titles = {
        "separate": "Separate subspaces",
        "shared": "Shared directions",
        "no more than covariance-matched chance": "No more than covariance-matched chance",
        "not known": "Overlap not known",
    }
    return [f"{titles[v]}: {', '.join(words[v])}." for v in titles if v in words]


def _class(diagnosis: Diagnosis) -> list[str]:
    figure = _get(diagnosis, "class_probe", "linear") or _get(diagnosis, "leakage", ("class", "z", "linear"))
    if figure is None:
        return []
    value, chance = figure.value or 0.0, figure.null or 0.0
    low, high = figure.interval or (value, value)
    return [f"Class: read at {100 * value:.0f} % [{100 * low:.0f}, {100 * high:.0f}], {100 * chance:.0f} % by chance."]


def _health(diagnosis: Diagnosis) -> list[str]:
    rank = _get(diagnosis, "health", "eigen_entropy")
    if rank is None:
        return []
    return [f"The code fills {rank.value:.0f} of {rank.details['D']} dimensions (eigenvalue rank)."]
