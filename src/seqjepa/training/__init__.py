"""Training: configuration, the loop, online probes, checkpoints, loggers."""

from seqjepa.training.callbacks import EpochEnd
from seqjepa.training.config import Config
from seqjepa.training.export import export_onnx
from seqjepa.training.loop import Result, resume, train
from seqjepa.training.saved import load_encoder, load_model

__all__ = ["Config", "EpochEnd", "Result", "export_onnx", "load_encoder", "load_model", "resume", "train"]
