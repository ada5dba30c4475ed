"""Pages for users and operators, and what generates some of them."""
