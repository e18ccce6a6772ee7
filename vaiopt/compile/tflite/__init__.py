"""Backend ``tflite``: an int8 TensorFlow Lite model for the CPU."""
