"""Backend ``tfmot``: the DPU's quantization off-board, with tensorflow-model-optimization."""
