"""DigitalOcean's `/v2` as its published API describes it."""
