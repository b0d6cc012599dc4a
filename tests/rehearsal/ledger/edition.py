"""Which edition of the code this is; a test changes it with each release."""

EDITION = 1
