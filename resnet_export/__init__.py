"""Export a trained ResNet from Keras or PyTorch to one provably equal ONNX file."""

__version__ = "0.1.0"
