"""Thread pools that are sized from outside: many libraries read how many threads to take from the environment."""

from __future__ import annotations

POOLS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
"""What sizes those of OpenMP, and of the libraries that NumPy multiplies with."""


def size_pools(threads: int) -> dict[str, str]:
    """Variables for a process whose pools are to have that many threads."""
    return dict.fromkeys(POOLS, str(threads))
