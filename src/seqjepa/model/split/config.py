"""The settings of the split method, a section of the configuration that exists for the encoder "split" alone."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from seqjepa.settings import Section, Width


class SplitConfig(Section):
    """Settings of ``SplitEncoder``, and of the projection of its contents."""

    content_dim: Width = 512
    """Dimensions of the content."""
    projection_dim: Annotated[int, Field(ge=0, le=65536)] = 256
    """Dimensions of a linear layer between the content and its contrastive term; 0 leaves it out."""
    pose_net: Literal["c4_equivariant", "plain"] = "c4_equivariant"
    """Pose networks: C4-equivariant, for the full circle, or plain, which can learn which rotations do not occur."""
    pose_width: Width = 8
    """Channels of the pose networks' first layer, each in four orientations; a plain one has four times as many."""
    canonicalize: bool = True
    """Whether views are warped back by the estimated pose; without it there is one step and one test-time view."""
    canonicalization_steps: Annotated[int, Field(ge=0, le=100)] = 1
    """Further estimates of the pose, each from the canonicalized view, in evaluation."""
    test_time_views: Annotated[int, Field(gt=0, le=100)] = 5
    """Views over which pose and content are averaged in evaluation, 12° apart (test-time augmentation)."""
    jitter: Annotated[float, Field(ge=0)] = 1.0
    """Strength of the deformations of canonicalized views in training; 0 switches them off."""
