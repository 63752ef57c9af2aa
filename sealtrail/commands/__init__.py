"""The verbs of the command line; each composes services, none decides anything."""
