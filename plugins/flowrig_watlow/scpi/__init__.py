"""SCPI over TCP: the connection, the replies, and the commands of one control loop."""
