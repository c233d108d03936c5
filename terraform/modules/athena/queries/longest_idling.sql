-- The hours with the longest idling, by truck, of one day. Change the date.
SELECT
    truck_id,
    "hour",
    idle_time_minutes,
    total_distance_km
FROM hourly_stats
WHERE "date" = (SELECT max("date") FROM hourly_stats) AND idle_time_minutes IS NOT NULL
ORDER BY idle_time_minutes DESC, truck_id, "hour"
LIMIT 50
