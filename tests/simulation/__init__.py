"""The whole bot on virtual time, driven by a seed: see docs/simulation.md."""
