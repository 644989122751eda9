"""Two networks of convolutions, to be tried: what they see, how they are asked, how answers reach the volume."""
