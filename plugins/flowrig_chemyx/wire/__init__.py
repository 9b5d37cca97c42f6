"""The serial line to a Fusion pump: the port, framed requests and replies, one channel."""
