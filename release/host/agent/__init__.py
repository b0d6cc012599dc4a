"""slipway's agent: Python 3.13 standard library only, run as root on a server."""
