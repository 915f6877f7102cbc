"""Tools for files of sound, picture and text."""
