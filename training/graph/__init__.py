"""How the built-in network, which looks at the supervoxel graph, is trained."""
