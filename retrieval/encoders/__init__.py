"""Adapters that turn text and pages into vectors, one file a library."""
