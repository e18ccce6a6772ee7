"""Version of the stand-in, as the vendor writes it."""

__version__ = "3.5.0"
