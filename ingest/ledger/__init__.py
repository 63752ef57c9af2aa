"""The ledger: what came in from each device, and what is missing."""
