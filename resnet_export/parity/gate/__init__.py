"""The gate: what files and models give, held against the truth."""
