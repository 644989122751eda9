"""The network for slices: its windows on a slice, its answers to prompts on one, and its memory of those done."""
