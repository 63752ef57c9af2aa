"""``python -m bench.detection``: the judgement against real data (docs/detection.md).

Reads ``../shared/data`` (or ``--data``); a part whose data is absent is left out by name.
"""
