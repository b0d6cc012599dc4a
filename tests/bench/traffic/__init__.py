"""A Django app for a bench's copy of the example project: pages that are slow, streamed, uploaded to, written to."""
