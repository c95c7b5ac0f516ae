"""Formulas made wrong, by what they answer: for each what is wrong, and the file, as it is, and as it is not."""

SHARED = {
    "shared by how loud the factors are": (
        "measures/signal.py",
        "(ff.clamp(min=0) * gg.clamp(min=0)).sqrt()",
        "ff.clamp(min=0)",
    ),
    "orbits' means are left in": ("measures/signal.py", "(-diagonal - total) / (size - 2)", "(-diagonal) / size"),
    "a covariance of an offset's digits": ("measures/signal.py", "z = z - z.mean(2, keepdim=True)", "z = z"),
    "the index for the factor's value": (
        "measures/signal.py",
        "at = values.double()",
        "at = torch.arange(size).double()",
    ),
    "a similarity of noise is told": ("measures/signal.py", ".double().mean() > 0.025", ".double().mean() > 2"),
    "turned as if the representation were white": (
        "measures/signal.py",
        "root[:, None] * (q @ (moved / root[:, None] / root) @ q.T) * root",
        "q @ moved @ q.T",
    ),
    "content with its mean": ("blocks/shared.py", "(means - means.mean(0)) @ basis", "means @ basis"),
    "a quiet factor's own directions left out": (
        "blocks/shared.py",
        "pooled, dim, COMPONENTS",
        "moved, dim, COMPONENTS",
    ),
}
OPERATORS = {
    "a ceiling that noise does not lower": (
        "measures/operators.py",
        "max(0.0, 1 - floor /",
        "max(0.0, 1 - 0 * floor /",
    ),
    "what the source's noise hides is forgotten": (
        "measures/operators.py",
        "noise.trace() + hidden.trace().clamp(min=0)",
        "noise.trace()",
    ),
    "linear without regard to the ceiling": ("blocks/group.py", "0.5 * max(ceiling, found.network)", "0.5"),
    "alike with oneself": ("measures/movements.py", "sweep.shape[2] - mean) / (count - 1)", "sweep.shape[2]) / count"),
}
HETEROGENEITY = {
    "a variance over identities by I": ("measures/movements.py", "* count / (count - 1) / squared", "/ squared"),
    "the null pairs halves of one identity": ("measures/movements.py", "halves[1][order]", "halves[1]"),
    "still by either half": (
        "measures/movements.py",
        "halves.mean(1, keepdim=True)).all(0)",
        "halves.mean(1, keepdim=True)).any(0)",
    ),
    "a class's movement over its own distance": (
        "blocks/effects.py",
        "found.denominator.mean().expand_as(found.numerator)",
        "found.denominator",
    ),
}
IRREPS = {
    "frequencies in one plane counted twice": ("measures/irreps.py", "if gain <= self._gain:", "if False:"),
    "noise counted as irreps": ("measures/irreps.py", "spread.sqrt() * float", "0 * spread.sqrt() * float"),
    "directions tested on those that chose them": (
        "measures/irreps.py",
        "found = [_tested_directions(signals[k], noise, second,",
        "found = [_tested_directions(signals[k], noise, first,",
    ),
    "noise left in the spectra": (
        "measures/irreps.py",
        "first.covariance(k) - noise for k",
        "first.covariance(k) for k",
    ),
    "half of what turns is still": (
        "measures/irreps.py",
        "(self.directions @ self.filters).real * 2",
        "(self.directions @ self.filters).real",
    ),
    "what turns counted as still": ("measures/irreps.py", "half.values @ still.T", "half.values"),
    "filters that hear other irreps": (
        "measures/irreps.py",
        "torch.linalg.solve(gram, both.mH @ self._inverse)[:count]",
        "torch.linalg.solve(gram * torch.eye(len(gram)), both.mH @ self._inverse)[:count]",
    ),
    "filters that hear content and noise": (
        "measures/irreps.py",
        "torch.linalg.inv(self._total + noise + ridge)",
        "torch.eye(dim, dtype=noise.dtype)",
    ),
    "a movement that one half alone has": ("measures/irreps.py", "min(held) if", "max(held) if"),
    "counted in resamples though it was not taken": (
        "measures/irreps.py",
        "if i >= tested.rank or i in taken[k]",
        "if True",
    ),
    "the error of both directions": ("measures/irreps_error.py", "for j in of), wrong) / 2", "for j in of), wrong)"),
    "content within the planes let in once": (
        "measures/irreps_error.py",
        "(content + own[0] - own_noise[0]) / 2",
        "content / 2",
    ),
    "a pixel grid of three": ("measures/irreps_error.py", "GRID = 4", "GRID = 3"),
    "as many pairs of frequencies elsewhere": (
        "measures/irreps_error.py",
        "off_grid * pairs_on / max(1, pairs_off)",
        "off_grid",
    ),
    "any high frequency is noise": ("measures/irreps_error.py", "return bool((differ", "return True or bool((differ"),
    "noise left in the error": ("measures/irreps_error.py", "own[j] - own_noise[j]", "own[j]"),
    "half of the energy": ("measures/irreps_error.py", "Ratio(2 * (energy", "Ratio((energy"),
    "a representation of what noise moves": (
        "measures/irreps_error.py",
        "if float(signal.mean()) <= RESOLVED",
        "if float(signal.mean()) <= -RESOLVED",
    ),
}
BESIDE = {  # what stands beside an estimate: ideals, nearness, correction, range, copies
    "a circle in degrees": ("ideals.py", "values * 2 * math.pi / factor.period if", "values if"),
    "a ratio not in its logarithm": ("ideals.py", "turned.log() if factor.logarithmic", "turned if factor.logarithmic"),
    "points that turn the other way": ("ideals.py", "points @ Pose(pose).linear().mT", "points @ Pose(pose).linear()"),
    "key points that do not shift": ("ideals.py", "+ Pose(pose).translation[..., None, :]", ""),
    "one content for all": ("ideals.py", "return drawn[who]", "return drawn[who * 0]"),
    "key points alike for all": (
        "ideals.py",
        "_contents(who, 2 * POINTS).unflatten",
        "_contents(who * 0, 2 * POINTS).unflatten",
    ),
    "ideals of what is a choice": ("ideals.py", "metric not in WITHOUT and not any", "not any"),
    "the two ideals shown where they agree": ("ideals.py", "abs(one - other) <= SAME", "abs(one - other) > SAME"),
    "group sweeps at the isolated poses": ("ideals.py", "in sweeps.group_poses.items()", "in sweeps.poses.items()"),
    "the ideals' classes are read": ("ideals.py", "torch.full_like(known.labels, -1)", "known.labels"),
    "no network, nothing linear": ("nearest.py", 'float(operator.details.get("network", 1.0))', "1.0"),
    "noise taken for images that move their own way": ("nearest.py", "if alike is None else alike", ""),
    "the ends exchanged": ("nearest.py", "place > 1 - THIRD", "place < THIRD"),
    "where the ideals agree one is nearer": ("nearest.py", "if high - low <= SAME:", "if False:"),
    "no correction": (
        "many.py",
        "(false_discovery_control(ps) <= RATE).tolist()",
        "[p <= RATE for p in ps]",
    ),
    "what does not survive is kept": ("many.py", "said = {of: e if kept[of]", "said = {of: e if True"),
    "differences that are not corrected": (
        "many.py",
        "        if not kept:\n            found[place]",
        "        if False:\n            found[place]",
    ),
    "a shared one withdrawn to separate": ("many.py", '"shared": CHANCE', '"shared": "separate"'),
    "p of one side": ("estimate.py", "return 2 * tail if", "return tail if"),
    "p without the estimate's spread": (
        "estimate.py",
        "ndtr((value - draws) / spread)",
        "ndtr((value - draws) / 1e-9)",
    ),
    "a tail that falls twice as fast": ("estimate.py", "-math.log(4) * (distance", "-2 * math.log(4) * (distance"),
    "p of half of the distance": (
        "estimate.py",
        "math.erfc(abs(distance) / spread",
        "math.erfc(abs(distance) / 2 / spread",
    ),
    "what is not finite is given": ("bounds.py", "if not math.isfinite(estimate.value):", "if False:"),
    "a null that is not finite": ("bounds.py", "and math.isfinite(estimate.null)", ""),
    "the lower end is not kept": ("bounds.py", "value if low is None else max(value, low)", "value"),
    "copies of which too few would be left": ("distinct.py", "if len(kept) < fewest:", "if False:"),
    "copies by their representation alone": ("distinct.py", "if images is not None:", "if False:"),
    "copies by the encoder alone": (
        "distinct.py",
        "for each in sweeps for of",
        "for each in sweeps[1:] or sweeps for of",
    ),
    "copies to the last digit": ("measures/repeats.py", "<= same), None)", "== 0), None)"),
    "the first of equals along the line": ("measures/repeats.py", "return least[first]", "return first"),
}
READ = {
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
}
LITERATURE = {
    "MIG of the best alone": (
        "measures/literature/axis_scores.py",
        "return (first - second) / max",
        "return first / max",
    ),
    "MIG in nats": ("measures/literature/axis_scores.py", "/ max(float(entropy), 1e-300)", ""),
    "SAP of the best alone": (
        "measures/literature/axis_scores.py",
        "    return first - second\n",
        "    return first\n",
    ),
    "SAP of the dimension's covariance": (
        "measures/literature/axis_scores.py",
        "explained / variance.clamp(min=1e-300)",
        "explained",
    ),
    "bins by rank": (
        "measures/literature/axis_scores.py",
        "(values - low) / (high - low)",
        "(values - low) / (2 * high - low)",
    ),
    "weights of dimensions as loud as they come": (
        "measures/literature/axis_scores.py",
        "size = centred.square().mean(0).sqrt()",
        "size = centred.square().mean().sqrt().expand(centred.shape[1])",
    ),
    "all dimensions count the same": (
        "measures/literature/axis_scores.py",
        "(alone * total).sum() / total.sum()",
        "alone.sum() / total.new_tensor(float(len(total)))",
    ),
    "entropies in nats": (
        "measures/literature/axis_scores.py",
        "_entropy(share) / torch.log(torch.tensor(float(len(share))))",
        "_entropy(share)",
    ),
    "CKA that is not centred": (
        "measures/literature/group_scores.py",
        "a, b = a.double() - a.double().mean(0), b.double() - b.double().mean(0)",
        "a, b = a.double(), b.double()",
    ),
    "a circle of unequal axes": ("measures/literature/group_scores.py", "* values.rsqrt()", ""),
    "turned the other way": ("measures/literature/group_scores.py", "for sign in (1, -1)]", "for sign in (1,)]"),
    "a derivative of two steps": ("measures/literature/group_scores.py", "/ (2 * step)", "/ step"),
    "a variance by I": ("measures/literature/group_scores.py", "* len(z) / (len(z) - 1)", ""),
    "null of the right identities": (
        "blocks/literature.py",
        "of(ask, torch.randperm(len(z), generator=random))",
        "of(ask, everyone)",
    ),
}
BY_QUESTION = SHARED | OPERATORS | HETEROGENEITY | IRREPS | BESIDE | READ | LITERATURE
