"""The steps of a story, one short file each."""
