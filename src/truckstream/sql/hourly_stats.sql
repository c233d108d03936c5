-- Hourly statistics per truck; a row is final when its hour is closed, and recomputed when late positions come.
-- Reads hourly_files: the Parquet files below hourly/, partitioned by date.
SELECT
    truck_id,
    "hour",
    total_distance_km,
    average_speed_kmh,
    max_speed_kmh,
    idle_time_minutes,
    coordinates_count,
    "final",
    revision,
    driving_time_minutes,
    gap_time_minutes,
    gap_count,
    speed_count,
    first_position,
    last_position,
    "date"
FROM hourly_files
