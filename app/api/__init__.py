"""HTTP: routes with their schemas, and the one table from errors to problem responses."""
