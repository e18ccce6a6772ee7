"""One result as rows and figures, which terminal, notebook and report print alike."""
