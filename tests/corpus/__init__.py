"""Django projects of every shape, each brought live in the rehearsal with no file changed: `python -m tests.corpus`."""
