"""What is learned from the past, away from the process that judges."""
