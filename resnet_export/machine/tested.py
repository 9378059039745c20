"""The versions that the tests ran with, for a package that is installed without its `constraints.txt`."""

TESTED = {
    "ai-edge-litert": "2.3.0",
    "h5py": "3.14.0",
    "keras": "3.15.1",
    "ml-dtypes": "0.6.0",
    "mnn": "3.6.1",
    "ncnn": "1.0.20261020",
    "numpy": "2.4.6",
    "onnx": "1.23.2",
    "onnx-ir": "1.1.0",
    "onnxruntime-ep-openvino": "1.8.1",
    "onnxruntime-ep-webgpu": "0.4.0",
    "onnxruntime-gpu": "1.31.1",
    "onnxscript": "0.7.2",
    "opencv-python-headless": "5.0.0.93",
    "openvino": "2026.4.1",
    "pnnx": "20261020",
    "protobuf": "7.36.2",
    "safetensors": "0.8.0",
    "tensorflow-cpu": "2.21.0",
    "tf2onnx": "1.17.0",
    "torch": "2.13.0",
    "tract": "0.23.9",
}
"""Distribution -> version: those that have a part in an export or a run. A test holds them equal to constraints.txt."""

SAME = {
    "onnxruntime": "onnxruntime-gpu",
    "opencv-contrib-python": "opencv-python-headless",
    "opencv-contrib-python-headless": "opencv-python-headless",
    "opencv-python": "opencv-python-headless",
    "tensorflow": "tensorflow-cpu",
}
"""Distribution -> the one that was tested in its place: the same sources, built or packed another way."""
