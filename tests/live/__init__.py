"""`make live-smoke`: a site brought up in a real account, looked at as in the rehearsal, and taken away again."""
