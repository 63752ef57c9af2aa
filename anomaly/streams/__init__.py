"""Streaming detectors for series without history: a score of each value by the series' own past.

``bank.py`` is the way in: ``step(state, values, t_ms)`` for one value of each of
many series at once. Its parts: ``level.py`` (robust EWMA and its deviation),
``season.py`` (time-of-day profile), ``tail.py`` (from a deviation to the
probability of an episode that far out). Pure NumPy, deterministic, float64.
"""
