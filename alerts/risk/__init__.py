"""Which trips to inspect first: a score whose every part says what it rests on."""
