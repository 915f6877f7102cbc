"""Makers of moving pictures."""
