"""What the service does: verbs. Each works inside the caller's transaction; only the edge commits."""
