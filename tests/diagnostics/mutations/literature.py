"""Scores as others define them."""

WRONG = {
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
