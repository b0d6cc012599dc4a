"""The site's database taken out, brought in and looked into: run on a server, in the site's own sandbox.

Delivered within the agent's file; Python standard library, and the site's own Django for what is in its settings.
"""
