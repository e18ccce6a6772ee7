"""The DPU's integer program: its arithmetic, its fix positions, and how to read a quantized model."""
