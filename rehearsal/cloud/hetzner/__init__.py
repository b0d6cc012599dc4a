"""Hetzner Cloud's `/v1` as its published API describes it."""
