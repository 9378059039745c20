"""The proof: float64 truth, the gate that holds file and source against it, and the first wrong layer."""
