"""VSM Service: how work flows from idea to production, measured from its own events."""

__version__ = "0.1.0"
