"""What others' work a bundle holds and under which terms: notices, a bill of materials, and a check that refuses."""
