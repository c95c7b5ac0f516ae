"""Formulas made wrong, by what they answer: for each the file of the diagnostics, as it is, and as it is not."""

from tests.diagnostics.mutations import beside, intervals, irreps, literature, movement, reading, sequences, subspaces

GROUPS = [beside, intervals, irreps, literature, movement, reading, sequences, subspaces]
MUTATIONS = {name: change for group in GROUPS for name, change in group.WRONG.items()}
assert len(MUTATIONS) == sum(len(group.WRONG) for group in GROUPS), "two mutations have one name"
