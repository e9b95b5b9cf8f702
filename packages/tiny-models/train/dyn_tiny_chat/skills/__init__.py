"""One skill per file. A skill makes the turns of a conversation; see mixture.py for how often each is drawn."""
