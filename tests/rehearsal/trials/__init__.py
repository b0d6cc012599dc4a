"""A Django app for the tests' copy of the example project: what it finds out and breaks, it does as the site itself."""
