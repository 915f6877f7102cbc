"""One command per file; they parse, call and print."""
