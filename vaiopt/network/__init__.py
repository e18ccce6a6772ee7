"""What a Keras 2 model is: its calls, operations, shapes and parameters, read without executing anything."""
