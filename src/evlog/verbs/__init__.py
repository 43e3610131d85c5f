"""One verb each, pure: what evlog does with logs.

A verb takes a `Log` and never imports a format; only `reading`, `writing` and `convert` know the registry of rooms.
"""
