"""An app every project of the corpus has: something to upload in its admin."""
