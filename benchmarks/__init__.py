"""One file per group of figures that the README quotes."""
