"""One self-contained page about logs: verdict, registers, events with their bytes, differences.

Rules of the room:

1. Nothing leaves the page: it asks for no file, its policy allows none, and only its own script runs (`page`).
2. What comes from a log is text: it is escaped where it becomes HTML (`escape`), and the script makes no HTML of it.
3. The tables (`tables`) are HTML without a script; a notebook shows the same. The script draws events as they are seen.
4. There is no build step: ``page.html``, ``page.css`` and ``page.js`` are put together as they are.
"""
