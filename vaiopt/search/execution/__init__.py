"""Where trials run, always behind ``concurrent.futures.Executor``."""
