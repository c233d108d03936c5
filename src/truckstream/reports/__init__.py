"""The reporting application: reads the archive and the statistics, never the live stores."""
