"""Predicting: the events that the next boot will log, from the log of the last one and the files that change.

Rules of the room:

1. An event is replaced only if the old file, or the log itself, explains its digest by its rule in every bank; type,
   register and name have to fit besides. What is not explained is named as unknown, and never guessed.
2. One file for each kind of thing that is measured. It says which bytes are hashed, and knows neither files on disk
   nor other kinds; `predict` lets each look at the draft in the order of the boot.
3. Each step of the draft that is not as it was has a place and a rule: who asks why a digest is so finds it there.
4. Files are hostile as logs are: every bound is checked before a slice, and loops are counted.
"""
