"""What happens to any call, whoever makes it."""
