"""Training of the network that sees every carried slice once more."""
