SELECT 1 AS hourly
