"""How the project's own networks are trained: scenes made at random, a simulated user, a loop, and its report."""
