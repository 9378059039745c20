"""What a file in reduced precision is worth, in each form."""
