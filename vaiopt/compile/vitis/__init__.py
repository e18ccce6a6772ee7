"""Backend ``vitis``: an ``.xmodel`` for a DPU, by the vendor's compiler."""
