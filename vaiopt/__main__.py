"""``python -m vaiopt``."""

from vaiopt.cli import main

if __name__ == "__main__":
    main()
