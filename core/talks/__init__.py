"""Talk mode: a deck of stored traces, the viewer that plays it, and the bundle that is one file."""
