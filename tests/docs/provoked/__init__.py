"""What provokes the messages of docs/troubleshooting.md: a module for each of its headings, with a
table from a message as it stands on the page to a function that brings it about.

A function raises the error itself, or returns what a script or a trial said.
"""
