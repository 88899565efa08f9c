"""Adapters that keep vectors and postings on disk, one file a library or format."""
