"""What a good artifact is: checks, each with a measured value and a limit."""
