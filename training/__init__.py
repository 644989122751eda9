"""How the built-in network is trained: scenes made at random, a simulated user, a loop, and its report."""
