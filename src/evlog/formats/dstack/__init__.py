"""dstack's event log: the firmware's events of a TD and those of the guest's agent, as JSON.

Rules of the room:

1. `room` is the format; `text` has what stands where, `events` what an object or a line means, `notes` what is said.
2. An event is kept with the text that it was read from, and that text is written only while it still means the event.
3. A digest that a log leaves out is computed by the rule of its version, and said to be; nothing else is made up.
"""
