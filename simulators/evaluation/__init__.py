"""A world for measuring the judgement: every alert type scripted with its truth, as canonical readings."""
