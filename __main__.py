"""`python -m hereabouts` is the command `hereabouts`."""

from .core.cli import main

if __name__ == "__main__":
    main()
