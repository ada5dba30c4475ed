"""Changes and traffic for as long as one likes: `make soak MINUTES=n`. Nothing fails, and nothing grows."""
