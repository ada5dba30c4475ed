"""The demo's mesh, on addresses of its own: its steps, and what a person with a browser sees of them."""
