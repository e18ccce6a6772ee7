"""What a result says, as tables: terminal, notebook and report print the same ones.

Every function takes the record of one result; nothing here reads a file.
"""
