"""One trial, from its point to its record."""
