"""The network that ships with the program: what it sees, how it is asked, how its answers reach the volume."""
