"""The DPU's integers: arithmetic, fix positions, quantized models and the program."""
