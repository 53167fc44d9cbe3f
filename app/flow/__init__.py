"""How work flows: pure maths over visits. No I/O, no clock; standard library only."""
