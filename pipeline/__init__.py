"""A containerised, hermetic build and release pipeline for Python packages."""
