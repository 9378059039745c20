"""Canonical parameters of a network, their digest, and the checkpoint formats they travel in."""

from resnet_export.weights.canonical import Weights

__all__ = ["Weights"]
