"""The commands, one module each, imported when called; each returns its exit code and prints through `Output`."""
