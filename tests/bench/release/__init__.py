"""Releases under load: many in a row on one server, the ways others restart, and planted failures."""
