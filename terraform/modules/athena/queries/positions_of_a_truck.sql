-- Where one truck was on one day, in order. Change truck and date: the date keeps Athena from reading the rest.
SELECT
    "timestamp",
    latitude,
    longitude,
    speed_kmh,
    engine_status
FROM positions
WHERE truck_id = 'TRK-001' AND "date" = DATE '2024-01-15'
ORDER BY "timestamp"
