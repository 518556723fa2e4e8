"""YAML text to kind models: positions, limits and problems of documents, and the references between them."""
