"""Breaks one thing after the other in a running pipeline, and watches whether the right alert arrives."""
