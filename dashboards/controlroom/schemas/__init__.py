"""The public schema of the control room's HTTP API."""
