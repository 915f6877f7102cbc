"""Vendors and built-ins, one folder per capability."""
