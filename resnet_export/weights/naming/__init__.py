"""Tables of names: what each framework calls the canonical parameters, and how it lays them out."""

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

Tensors = Mapping[str, NDArray[Any]]
"""Canonical name -> array in canonical layout."""
