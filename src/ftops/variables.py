"""The environment variables that specs may name; nothing else is here, so that it is read in no time."""

NAMED_BY_SPECS = ("AZURE_OPENAI_", "FTOPS_")
"""How their names begin, so that a spec cannot send just any variable to an endpoint."""
