"""The live dashboard and the HTTP API: reads and writes through ports only, so it serves every backend."""
