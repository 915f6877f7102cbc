"""What was made stays: artifacts by content hash, and the history of runs."""
