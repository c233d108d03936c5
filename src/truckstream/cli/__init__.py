"""Command line of truckstream: wires a backend to the consumers and prints what the stores hold."""
