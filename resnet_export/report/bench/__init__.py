"""What people look at of a benchmark: the terminal, tables for other programs, and a page."""
