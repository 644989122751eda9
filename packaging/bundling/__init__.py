"""Makes Volumask's bundle: what goes in, for which system and flavour, how it is built, stripped and weighed."""
