"""What `verify` found: on a terminal, as a page, and as JUnit XML."""
