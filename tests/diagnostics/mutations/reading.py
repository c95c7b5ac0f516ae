"""What probes read: their rows, penalties, nulls and scores, and retrieval."""

WRONG = {
    "probes split by view": (
        "context.py",
        "return Rows(train, ~train & ~test, test)",
        "return Rows(train | test, ~train & ~test, test)",
    ),
    "a class probe judged on what fits it": (
        "context.py",
        "(place < count), place >= count + held_out)",
        "(place < count), place < count + held_out)",
    ),
    "probes tuned where they report": (
        "measures/ridge.py",
        "train, validation, test)\n    return principal_ridge(x, targets[train], targets[validation], targets[test])",
        "train, test, test)\n    return principal_ridge(x, targets[train], targets[test], targets[test])",
    ),
    "penalties that stop short": ("measures/ridge.py", "range(-24, 7)", "range(-6, 5)"),
    "no constant among what ridge may say": ("measures/ridge.py", "if low < p < high), inf]", "if low < p < high)]"),
    "rounding is read": ("measures/principal.py", "max(rounding, LEAST_SHARE", "max(0.0, LEAST_SHARE"),
    "whitened on those that are judged": ("measures/principal.py", "mean = x[train].mean(0)", "mean = x.mean(0)"),
    "directions as loud as they come": (
        "measures/principal.py",
        "whitening = directions / deviations",
        "whitening = directions",
    ),
    "the scale of a penalty by the offset": (
        "measures/principal.py",
        "principal_directions(x[train] - mean,",
        "principal_directions(x[train],",
    ),
    "penalties that know the codes' unit": (
        "measures/principal.py",
        "last, deviations / typical)",
        "last, deviations)",
    ),
    "directions by the squares alone": (
        "measures/principal.py",
        "kept = deviations > least",
        "kept = deviations > 1e-8 * deviations.max()",
    ),
    "a class null under the best constant": ("measures/leakage.py", "which.bincount().max()", "which.bincount().min()"),
    "more is lost than was read": ("measures/leakage.py", "- other.clamp(min=0)", "- other"),
    "permutations that are none": (
        "measures/leakage.py",
        "where[torch.randperm(len(where), generator=random)]",
        "where",
    ),
    "products of a view with itself": (
        "measures/relative_probe.py",
        "((second - mean) @ whitening)[..., None, :]",
        "((first - mean) @ whitening)[..., None, :]",
    ),
    "pairs of two identities": ("measures/relative_probe.py", "codes.roll(-1, 1)", "codes.roll(-1, 0)"),
    "medians that are not resampled": (
        "measures/relative_probe.py",
        "part[:, owner].cumsum(1)",
        "torch.ones_like(part[:, owner]).cumsum(1)",
    ),
    "the source among the candidates": (
        "measures/ranking.py",
        "predictions.source[..., None], False",
        "predictions.source[..., None], True",
    ),
    "equals all take the best place": ("measures/ranking.py", "/ (found.equal + 1)\n    scores", "* 1.0\n    scores"),
    "a drop of nothing that is read": (
        "blocks/contents.py",
        "if not (_is_read(cross) or _is_read(control)):",
        "if False:",
    ),
    "judged on classes that were seen": ("blocks/contents.py", "test & ~seen", "test & seen"),
    "actions read though they were given": ("blocks/leakage.py", "if source == ACTIONS_GIVEN:", "if False:"),
    "errors the long way round": ("../types/kinds.py", "torch.minimum(apart, self.period - apart)", "apart"),
}
