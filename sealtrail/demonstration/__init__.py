"""The demonstration: the whole system with a simulated fleet, and an account of everything in it."""
