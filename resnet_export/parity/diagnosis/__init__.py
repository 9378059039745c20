"""Why a check failed: which side is wrong, in which layer, with which mistake."""
