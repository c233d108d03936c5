-- Kilometres, average speed and idle minutes of each truck and day, for the last seven days with data.
SELECT
    truck_id,
    "date",
    sum(total_distance_km) AS total_distance_km,
    sum(average_speed_kmh * speed_count) / nullif(sum(speed_count), 0) AS average_speed_kmh,
    max(max_speed_kmh) AS max_speed_kmh,
    sum(idle_time_minutes) AS idle_time_minutes,
    sum(coordinates_count) AS coordinates_count
FROM hourly_stats
WHERE "date" > (SELECT date_add('day', -7, max("date")) FROM hourly_stats)
GROUP BY truck_id, "date"
ORDER BY "date" DESC, total_distance_km DESC
