"""Files that commands write; read through importlib.resources."""
