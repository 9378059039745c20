"""The rival for PyTorch: ResNet-18 as `torch.onnx.export` writes it, with a dynamic batch and nothing checked.

python torch_export.py OUTPUT
"""

import sys

import torch

from resnet_export.models.torch import build
from resnet_export.spec import ResNetSpec

model = build(ResNetSpec()).eval()
# 2 images: torch would take a batch of 1 for a constant.
torch.onnx.export(
    model,
    (torch.zeros(2, 3, 224, 224),),
    sys.argv[1],
    dynamo=True,
    dynamic_shapes=({0: torch.export.Dim("batch")},),
    external_data=False,
)
