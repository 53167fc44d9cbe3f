"""Who tells us: one file per source. Payload in, histories out; no I/O, no clock."""
