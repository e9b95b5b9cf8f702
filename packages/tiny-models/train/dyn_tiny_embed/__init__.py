"""The generator of dyn-tiny-embed: what its small world holds, and the ways to say and to ask it."""
