"""What keeps a Postgres on a machine: Python 3.13 standard library only, delivered with the agent."""
