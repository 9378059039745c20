"""The training of `tools/train.py`, the same in both frameworks.

What has to be set before TensorFlow or NumPy are imported is set here.
"""

import contextlib
import ctypes
import os

# TensorFlow's oneDNN dies while it trains small networks on some CPUs, and greets.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

M_TOP_PAD, M_ARENA_MAX = -2, -8
"""Parameters of glibc's `mallopt`, by its malloc.h."""
KEPT = 2_000_000_000
"""Bytes that malloc keeps of those that were freed."""

# Else malloc gives the tensors of a step back to the kernel, which clears their pages anew for the next step: a third
# of the time of a training in Keras on two cores. Other C libraries have no mallopt.
with contextlib.suppress(AttributeError, OSError, TypeError):
    _mallopt = ctypes.CDLL(None).mallopt
    _mallopt(M_ARENA_MAX, 1)
    _mallopt(M_TOP_PAD, KEPT)
