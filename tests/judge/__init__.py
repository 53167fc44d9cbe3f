"""An independent computation of the flow metrics, by brute force.

It was written from the definitions (`docs/flow-metrics.md`) and shares no code with the service: it
knows what was told over HTTP, and looks at every item for every number. What it says is compared
with what the API answers, field by field.
"""
