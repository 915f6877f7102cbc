"""`python -m storygen`."""

from storygen.cli.app import main

if __name__ == "__main__":
    main()
