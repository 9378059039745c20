"""What all renderers use: one page, one chart, one JUnit document, one registry of formats."""
