"""Weights of models: where they lie, how they come here, what is in them. Nothing in a file is ever run."""
