"""The window: widgets without facts. It says verbs to the session and shows what the session tells."""
