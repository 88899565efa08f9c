"""The sample documents' content, one module a document; `data/make_samples.py` builds them all."""
