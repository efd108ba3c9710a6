"""Serving a model: rows of many requests through one network, and the server in front of it."""
