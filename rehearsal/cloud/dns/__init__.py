"""The rehearsal's only name server."""
