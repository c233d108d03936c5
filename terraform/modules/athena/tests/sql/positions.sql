SELECT 1 AS positions
