"""ONNX files of models, named by level, that know their classes: writing and reading them."""

from taxoloss.integrations.onnx.exporting import export_onnx
from taxoloss.integrations.onnx.reading import OnnxModel, load_onnx

__all__ = ["OnnxModel", "export_onnx", "load_onnx"]
