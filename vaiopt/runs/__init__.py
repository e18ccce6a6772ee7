"""The run folder: its layout, the record of each of its files, and what was made from what."""
