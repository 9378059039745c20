"""The canonical graph: how a raw topology becomes it, gets its numbers, and is kept in a file."""
