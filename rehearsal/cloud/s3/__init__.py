"""Object storage: moto keeps the objects, the front keeps the rules."""
