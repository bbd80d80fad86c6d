"""The benchmark of the page."""
