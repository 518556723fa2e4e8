"""ftops reconciles specs of fine-tuning with Azure OpenAI; only the names in `__all__` are public."""

__version__ = "0.1.0"

__all__ = ["__version__"]
