"""Releases that must not come about: what is done, what is typed, how the one error begins that a person reads."""
