"""`python -m xit` is `xit`."""

from xit.cli import main

if __name__ == "__main__":
    main()
