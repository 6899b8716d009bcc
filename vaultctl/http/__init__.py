"""HTTP: how requests and answers are written on the wire, the server that speaks to a door, and the door to a remote."""
