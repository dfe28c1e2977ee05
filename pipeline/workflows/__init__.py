"""Workflows of GitHub Actions: written, held against what is there, and walked on this machine."""
