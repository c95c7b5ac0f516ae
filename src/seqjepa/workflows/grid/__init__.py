"""Many runs: a grid of configurations by seeds, trained here or on a cluster, and compared."""

from seqjepa.workflows.grid.members import Member, make_members, parse_grid
from seqjepa.workflows.grid.points import Point, compare_members, comparison_csv
from seqjepa.workflows.grid.training import Plan, Trained, plan_grid, train_grid

__all__ = [
    "Member",
    "Plan",
    "Point",
    "Trained",
    "compare_members",
    "comparison_csv",
    "make_members",
    "parse_grid",
    "plan_grid",
    "train_grid",
]
