"""What a Keras 2 model is, read without executing anything: configuration or live model, calls
(``calls``, ``flatten``), operations (``operations``, ``graph``); one row per layer class in
``layers``.
"""
