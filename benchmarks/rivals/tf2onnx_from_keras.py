"""The rival for Keras: ResNet-18 as `tf2onnx.convert.from_keras` writes it, with nothing checked.

python tf2onnx_from_keras.py OUTPUT
"""

import sys

import tensorflow as tf
import tf2onnx

from resnet_export.models.keras import build
from resnet_export.spec import ResNetSpec

model = build(ResNetSpec())
signature = [tf.TensorSpec((None, 224, 224, 3), tf.float32, name="input")]
tf2onnx.convert.from_keras(model, input_signature=signature, opset=17, output_path=sys.argv[1])
