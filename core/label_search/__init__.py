"""Finding one label among hundreds of thousands while its name or code is typed."""
