"""The live dashboard's server: HTTP API, live stream and pages, over ports alone, so it serves every backend."""
