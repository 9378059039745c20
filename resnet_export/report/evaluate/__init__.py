"""How good a file is on labelled pictures, in each form."""
