"""A diagnosis in sentences: what to know before looking at anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from seqjepa.diagnostics import Diagnosis
from seqjepa.diagnostics.estimate import Estimate, Key
from seqjepa.diagnostics.ideals import ideal_text
from seqjepa.diagnostics.nearest import nearest_ideal
from seqjepa.report import irreps
from seqjepa.report.style import legible

READABLE, HARDLY = 0.8, 0.2  # R²
CONCENTRATED = 0.8  # explained variance
COMMON, PARTLY_COMMON = 0.8, 0.2  # share of the orbits' variance
UNITS = {"deg": "°", "px": " px"}
PROBES = {"linear": "a linear probe", "mlp": "an MLP probe"}
OVERLAPS = {
    "separate": "Separate subspaces",
    "shared": "Shared directions",
    "shared in part": "Directions shared in part",
    "": "Overlap not identifiable",
}
KNOWN_OVERLAPS = {
    "separate": "Separate subspaces",
    "shared": "Overlapping subspaces",
    "shared in part": "Subspaces that overlap in part",
}
SHARED = {
    "separate": "Separate directions",
    "shared": "Shared directions",
    "": "Shared variance not identifiable",
}


NEAREST = {
    "disentangled": "disentangled, it moves all images alike",
    "equivariant": "linear-equivariant, it moves each image in its own way, by one matrix",
    "between": "between the two",
    "both": "both, which are the same here",
    "neither": "neither, no linear operator fits",
}


def headline(diagnosis: Diagnosis) -> list[str]:
    """A sentence for each factor, for overlaps of each verdict, for the class, and for the effective rank."""
    names = [str(name) for name in diagnosis.estimates.get("explained_variance", {}) if name != "translation"]
    sentences = [_factor(diagnosis, name) for name in names]
    return [*sentences, *_nearest(diagnosis, names), *_pairs(diagnosis), *_class(diagnosis), *_health(diagnosis)]


def _nearest(diagnosis: Diagnosis, names: Sequence[str]) -> list[str]:
    """Which ideal each factor's effect is closer to."""
    found: dict[str, list[str]] = {}
    for name in names:
        if (ideal := nearest_ideal(diagnosis, name)) is not None:
            found.setdefault(ideal, []).append(legible(name))
    told = [f"{NEAREST[ideal]} ({', '.join(of)})" for ideal, of in found.items()]
    return [f"Closest ideal: {'; '.join(told)}."] if told else []


def _ideal(estimate: Estimate, percent: bool = False) -> str:
    """The computed ideal, to stand within brackets or after a value; "" where there is none."""
    text = ideal_text(estimate, percent)
    return f", ideal {text}{' %' * percent}" if text else ""


def _get(diagnosis: Diagnosis, metric: str, key: Key) -> Estimate | None:
    """The estimate; None where there is none, or none with a value."""
    found = diagnosis.estimates.get(metric, {}).get(key)
    return None if found is None or found.value is None else found


def _factor(diagnosis: Diagnosis, name: str) -> str:
    said = [*_read(diagnosis, name), *_concentrated(diagnosis, name), *_common(diagnosis, name)]
    said += irreps.in_words(diagnosis, name)
    title = {"translate_x": "shift in x", "translate_y": "shift in y"}.get(name, legible(name))
    return f"{title[0].upper()}{title[1:]}: " + ("; ".join(said) if said else "not identifiable") + "."


def _read(diagnosis: Diagnosis, name: str) -> list[str]:
    """How well the better probe reads the factor's change from two views."""
    found = {p: e for p in PROBES if (e := _get(diagnosis, "action", (name, p))) is not None}
    if not found:
        return []
    probe = max(found, key=lambda p: found[p].value or 0)
    value, error = found[probe].value or 0.0, _get(diagnosis, "action_error", (name, probe))
    how = "read" if value >= READABLE else "hardly read" if value < HARDLY else "partly read"
    low, high = found[probe].interval or (value, value)
    off = ""
    if error is not None:
        unit = str(error.details.get("unit", ""))
        size = (
            f"a factor of {error.value:.3g}" if unit == "times" else f"{error.value:.3g}{UNITS.get(unit, ' ' + unit)}"
        )
        off = f", median error {size}"
    read = f"R² {value:.2f} [{low:.2f}, {high:.2f}]{_ideal(found[probe])}{off}"
    return [f"{how} by {PROBES[probe]} from two views ({read})"]


def _concentrated(diagnosis: Diagnosis, name: str) -> list[str]:
    """How much of the factor's variance its expected dimensions hold."""
    found, dimension = (_get(diagnosis, metric, name) for metric in ("explained_variance", "dimension"))
    if found is None or dimension is None:
        return []
    k, share = found.details["k"], found.value or 0.0
    word = "concentrated" if share >= CONCENTRATED else "spread"
    held = f"{100 * share:.0f} % of its variance in {k} dimension{'s' * (k > 1)}"
    return [f"{word}: {held}{_ideal(found, percent=True)}; {dimension.value:.0f} above noise{_whole(dimension)}"]


def _whole(dimension: Estimate) -> str:
    """The ideal number of dimensions."""
    told = [f"{value:.0f}" for value in dimension.ideals.values()]
    return f", ideal {' / '.join(dict.fromkeys(told))}" if told else ""


def _common(diagnosis: Diagnosis, name: str) -> list[str]:
    """Whether all images move along one orbit."""
    found = _get(diagnosis, "orbit_share", name)
    if found is None:
        return []
    share, bound = found.value or 0.0, found.details.get("bound")
    how = "the same" if share >= COMMON else "partly the same" if share >= PARTLY_COMMON else "not the same"
    possible = f", at most {100 * bound:.0f} % possible" if bound else ""
    return [f"{how} orbit for all images ({100 * share:z.0f} % in common{_ideal(found, percent=True)}{possible})"]


def _pairs(diagnosis: Diagnosis) -> list[str]:
    """What is said of two factors: their shared variance first, then overlaps where subspaces are known."""
    if "shared_variance" not in diagnosis.estimates:
        return _by_verdict(diagnosis, "overlap", OVERLAPS)
    return _by_verdict(diagnosis, "shared_variance", SHARED) + _by_verdict(diagnosis, "overlap", KNOWN_OVERLAPS)


def _by_verdict(diagnosis: Diagnosis, metric: str, titles: Mapping[str, str]) -> list[str]:
    """The pairs of factors of each verdict; those without a value last, where ``titles`` has a word for them."""
    pairs: dict[str, list[str]] = {verdict: [] for verdict in titles if verdict}
    unknown: list[str] = []
    seen: set[frozenset[str]] = set()
    for key, found in diagnosis.estimates.get(metric, {}).items():
        if (pair := frozenset(map(str, key))) in seen:
            continue
        seen.add(pair)
        into = unknown if found.value is None else pairs.setdefault(found.verdict, [])
        value = "" if found.value is None or found.verdict == "separate" else f" ({found.value:z.2f}{_ideal(found)})"
        into.append(" with ".join(legible(str(name)) for name in key) + value)
    name = metric.replace("_", " ").capitalize()
    told = {titles.get(verdict, f"{name} {verdict}"): names for verdict, names in pairs.items()}
    told |= {titles[""]: unknown} if "" in titles else {}
    return [f"{title}: {', '.join(names)}." for title, names in told.items() if names]


def _class(diagnosis: Diagnosis) -> list[str]:
    found = _get(diagnosis, "class_probe", "linear") or _get(diagnosis, "leakage", ("class", "z", "linear"))
    if found is None:
        return []
    value = found.value or 0.0
    low, high = found.interval or (value, value)
    null = "" if found.null is None else f"; {found.null_is or 'null'}: {100 * found.null:.0f} %"
    return [f"Class: a linear probe reads {100 * value:.0f} % right [{100 * low:.0f}, {100 * high:.0f}]{null}."]


def _health(diagnosis: Diagnosis) -> list[str]:
    rank = _get(diagnosis, "health", "eigen_entropy")
    if rank is None:
        return []
    return [f"Effective rank: {rank.value:.0f} of {rank.details['D']} dimensions (entropy of the eigenvalues)."]
