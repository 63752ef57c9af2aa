"""Learned models as the judgement uses them: arrays and NumPy, nothing else."""
