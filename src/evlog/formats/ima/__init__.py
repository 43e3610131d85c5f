"""Measurement lists of Linux IMA, in the kernel's two forms.

Rules of the room:

1. `binary` and `ascii` are the formats, and do not import each other; what they share stands beside them.
2. What a template's data says, and what an entry extends, `evlog.contents.ima` tells.
3. An ascii list holds less than the kernel measured: what is made of it has to be proven by its digest.
"""
