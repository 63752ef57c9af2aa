"""How well the judgement does against a truth: pure functions, no I/O."""
