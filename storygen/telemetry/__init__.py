"""Everything that only observes."""
