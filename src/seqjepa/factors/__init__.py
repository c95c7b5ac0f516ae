"""The transformation group at work: factors, poses, views and actions."""

from seqjepa.factors.affine import affine_factors, sample_poses
from seqjepa.factors.relative_pose import action_columns, actions
from seqjepa.factors.warping import warp

__all__ = ["action_columns", "actions", "affine_factors", "sample_poses", "warp"]
