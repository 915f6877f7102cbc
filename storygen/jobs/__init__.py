"""The durable queue: what was accepted is written down before it is answered, and ends, whatever dies in between."""
