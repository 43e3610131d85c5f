"""Policy: rules learned from good boots, each with the boots that bear witness to it, and what a later boot keeps.

Rules of the room:

1. A rule speaks of digests and of their place in a register's order, in every bank of the policy. What an event says
   is believed as far as its digest is the hash of it; its type and name may only make a verdict worse.
2. Nothing is widened without a witness: neither a digest, nor the absence of an event, nor a combination of events.
3. The policy decides what has to be proven. Nothing that is checked makes that smaller, and what nothing
   authenticates keeps no rule unless the verifier says that logs alone are to be judged.
4. A register is a closed sequence: an event that no rule speaks of is refused, wherever it stands.
"""
