"""Where a factor lives: signal, directions, order, overlap, what two factors share."""

WRONG = {
    "orbits are not centred": ("measures/subspaces.py", "return z - z.mean(2, keepdim=True)", "return z"),
    "centred over everything": ("measures/subspaces.py", "z.mean(2, keepdim=True)", "z.mean((0, 1, 2))"),
    "k_f · k_g for min(k_f, k_g)": (
        "measures/subspaces.py",
        "/ min(u.shape[1], v.shape[1])",
        "/ (u.shape[1] * v.shape[1])",
    ),
    "max for min": ("measures/subspaces.py", "/ min(u.shape[1], v.shape[1])", "/ max(u.shape[1], v.shape[1])"),
    "in-sample for held-out": (
        "measures/subspaces.py",
        "(signal_along(parts[0], second.basis, kernels[0]), signal_along(parts[1], first.basis, kernels[1]))",
        "(signal_along(parts[0], first.basis, kernels[0]), signal_along(parts[1], second.basis, kernels[1]))",
    ),
    "an interval of directions found as if they were noise": (
        "blocks/subspaces.py",
        "scores[:, subspace.dim :] /= 2**0.5",
        "scores /= 2**0.5",
    ),
    "what is held of others for what the leading directions hold": (
        "blocks/subspaces.py",
        "max(0.0, of_choosers - kept) / 2",
        "0.0",
    ),
    "noise left in few dimensions as if it were in all": (
        "measures/order.py",
        "return (kernel.shape[-1] - 1) / rank.double()",
        "return torch.ones_like(rank.double())",
    ),
    "an interval of noise as if it were found": (
        "blocks/subspaces.py",
        "scores[:, subspace.dim :] /= 2**0.5",
        "scores[:, subspace.dim :] /= 1.0",
    ),
    "evidence on the half that fitted it": (
        "measures/subspaces.py",
        "order_evidence(parts[1 - half],",
        "order_evidence(parts[half],",
    ),
    "the smallest directions for the largest": (
        "measures/directions.py",
        "leading_directions(inside,",
        "leading_directions(-inside,",
    ),
    "no ridge where dimensions are not few": (
        "measures/directions.py",
        "values = values + values.sum() / found.degrees",
        "pass",
    ),
    "patterns as noise has them": ("measures/directions.py", "best / (best + noisy)", "1"),
    "all that moves for the signal": (
        "measures/directions.py",
        "predicted = own_kernel @ orbits",
        "predicted = orbits",
    ),
    "an identity without noise counts for all": (
        "measures/directions.py",
        "noise + LEAST_NOISE * noise.mean()",
        "noise",
    ),
    "patterns' error by the count": ("measures/directions.py", "error / count**2", "error / count"),
    "left out and kept all the same": (
        "measures/directions.py",
        "(whole - parts) / scale",
        "whole.expand_as(parts) / scale",
    ),
    "leading directions that do not turn": (
        "measures/directions.py",
        "(own.sum(0) - own)",
        "own.sum(0).expand_as(own)",
    ),
    "a bias of which directions lead": ("blocks/pairs.py", "unbiased=not along.chosen", "unbiased=True"),
    "dimensions in which nothing moves forgotten": ("measures/directions.py", " + still * prior.log()", ""),
    "as many filters as degrees of freedom": (
        "measures/directions.py",
        "found.degrees // SAMPLES_EACH",
        "found.degrees",
    ),
    "an orbit repeats in itself": (
        "measures/directions.py",
        "(torch.cat(alike) - torch.cat(own)) / (poses - 1)",
        "torch.cat(alike) / poses",
    ),
    "orbits that are not divided by their own noise": (
        "measures/order.py",
        "(signal / spread.clamp(min=1e-150))",
        "signal",
    ),
    "the first low share ends the count": (
        "measures/order.py",
        "falling = scipy.optimize.isotonic_regression(scores.numpy(), increasing=False).x",
        "falling = scores.cummin(0).values",
    ),
    "a grid point meets its own noise": ("measures/signal.py", "return kernel.fill_diagonal_(0.0)", "return kernel"),
    "an identity is paired with itself": ("measures/signal.py", " - weights.square() @ products.diagonal()", ""),
    "the null turns one factor alone": ("measures/signal.py", "if number % 2 else within[::-1]", "if True else within"),
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
    "separate without being small": ("measures/overlaps.py", "interval[1] < SMALL and", ""),
    "both subspaces from one half": (
        "measures/overlaps.py",
        "(squared_cosines(f.first, g.second)",
        "(squared_cosines(f.first, g.first)",
    ),
    "reliability without chance": ("measures/overlaps.py", "(agreement - k / dim) / (1 - k / dim)", "agreement"),
    "no abstention": ("measures/overlaps.py", "RELIABLE = 0.8", "RELIABLE = -9"),
    "records that know no other factor": (
        "measures/records.py",
        "*(of for f, of in functions.items() if f != name)",
        "",
    ),
    "noise explained by a factor's functions": ("measures/records.py", " - (rank / left)[:, None, None] * maker", ""),
    "a level meets its own noise": (
        "measures/records.py",
        "(1 - torch.eye(poses, dtype=torch.float64)) / (poses - 1)",
        "torch.ones(poses, poses, dtype=torch.float64) / poses",
    ),
    "the span of the first rows alone": (
        "measures/spans.py",
        "torch.cat([part.double() for part in parts])",
        "parts[0].double()",
    ),
    "the loudest eigenvalues for the largest": ("measures/spans.py", 'which="LA"', 'which="LM"'),
    "the directions held in alignment's interval": ("blocks/pairs.py", " + moved)", " + 0 * moved)"),
    "content with its mean": ("blocks/shared.py", "(means - means.mean(0)) @ basis", "means @ basis"),
    "a quiet factor's own directions left out": (
        "blocks/shared.py",
        "pooled, dim, COMPONENTS",
        "moved, dim, COMPONENTS",
    ),
}
