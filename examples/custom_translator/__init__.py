"""A translator of one's own, beside the built-in ones."""
