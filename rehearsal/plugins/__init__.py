"""Stand-ins for the language host and the provider plugins, for where the official ones are not installed."""
