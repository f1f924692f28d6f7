"""A labelling run killed at random moments, again and again: what is lost, and what is paid for twice."""
