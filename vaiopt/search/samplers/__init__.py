"""How the next point is chosen: one file a sampler."""
