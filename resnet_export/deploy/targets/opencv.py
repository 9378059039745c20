"""OpenCV's DNN module: the `.onnx` file as it is."""

from resnet_export.deploy.target import Takes, Target
from resnet_export.deploy.targets.ort import copied
from resnet_export.deploy.targets.python import python_client

TARGET = Target(
    writes="the .onnx file; a Python client",
    proven_by="Python with OpenCV 5",
    takes=Takes(),
    write=copied,
    client=python_client("opencv", "cv2"),
    runtime="opencv",
)
