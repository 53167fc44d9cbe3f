"""What things are: value streams, work items, transitions, visits. Standard library only."""
