"""The HTTP service: one place for routes, problems and documents; the hot reads stand ahead of all of it."""
