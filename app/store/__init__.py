"""Where it is kept: all SQL, PostgreSQL only. No other package speaks to the database."""
