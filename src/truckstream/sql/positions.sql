-- Every position once: a settled row (no sequence number) wins, then the one received first.
-- Reads position_files: the Parquet files below positions/, partitioned by the event date.
SELECT
    truck_id,
    "timestamp",
    latitude,
    longitude,
    speed_kmh,
    heading,
    altitude_m,
    accuracy_m,
    fuel_level_pct,
    engine_status,
    "date"
FROM (
    SELECT
        truck_id,
        "timestamp",
        latitude,
        longitude,
        speed_kmh,
        heading,
        altitude_m,
        accuracy_m,
        fuel_level_pct,
        engine_status,
        "date",
        row_number() OVER (
            PARTITION BY "date", truck_id, "timestamp"
            ORDER BY sequence_number ASC NULLS FIRST, record_index ASC
        ) AS place
    FROM position_files
) AS received
WHERE place = 1
