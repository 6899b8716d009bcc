"""HTTP: requests and answers on the wire, the server that speaks to a door, and the door to a remote."""
