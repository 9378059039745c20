"""The rival for Keras: ResNet-18 as `Model.export` writes it, with nothing checked.

python keras_export.py OUTPUT
"""

import sys

import numpy as np

from resnet_export.models.keras import build
from resnet_export.spec import ResNetSpec

model = build(ResNetSpec())
model(np.zeros((1, 224, 224, 3), "float32"))
model.export(sys.argv[1], format="onnx", verbose=False)
