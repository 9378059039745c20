"""The targets: one module each, whose `TARGET` describes it."""
