"""What the service does: verbs. Each works in the caller's transaction; only the edge commits."""
