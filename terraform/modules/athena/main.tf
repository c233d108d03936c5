# SQL over the archive. Partitions are projected from the date in the path: no crawler, no MSCK REPAIR, no catalogue
# that lags behind the files. The two views are the texts that the command line runs on DuckDB, from src/truckstream/sql.

locals {
  sql_files = { positions = "positions.sql", hourly_stats = "hourly_stats.sql" }
  sql_paths = { for view, file in local.sql_files : view => "${var.sql_folder}/${file}" }
  sql_there = alltrue([for path in values(local.sql_paths) : fileexists(path)])
  sql       = { for view, path in local.sql_paths : view => fileexists(path) ? file(path) : "" }

  # As src/truckstream/parquet/schema.py has them; a test compares. Athena's names and, for the views, Presto's.
  positions_columns = [
    { name = "truck_id", hive = "string", presto = "varchar" },
    { name = "timestamp", hive = "timestamp", presto = "timestamp" },
    { name = "latitude", hive = "decimal(10,7)", presto = "decimal(10,7)" },
    { name = "longitude", hive = "decimal(10,7)", presto = "decimal(10,7)" },
    { name = "speed_kmh", hive = "decimal(6,3)", presto = "decimal(6,3)" },
    { name = "heading", hive = "decimal(5,2)", presto = "decimal(5,2)" },
    { name = "altitude_m", hive = "decimal(7,2)", presto = "decimal(7,2)" },
    { name = "accuracy_m", hive = "decimal(7,2)", presto = "decimal(7,2)" },
    { name = "fuel_level_pct", hive = "decimal(5,2)", presto = "decimal(5,2)" },
    { name = "engine_status", hive = "string", presto = "varchar" },
  ]
  delivery_columns = [
    { name = "sequence_number", hive = "string", presto = "varchar" },
    { name = "record_index", hive = "int", presto = "integer" },
    { name = "arrival", hive = "timestamp", presto = "timestamp" },
  ]
  hourly_columns = [
    { name = "truck_id", hive = "string", presto = "varchar" },
    { name = "hour", hive = "timestamp", presto = "timestamp" },
    { name = "total_distance_km", hive = "double", presto = "double" },
    { name = "average_speed_kmh", hive = "double", presto = "double" },
    { name = "max_speed_kmh", hive = "double", presto = "double" },
    { name = "idle_time_minutes", hive = "double", presto = "double" },
    { name = "coordinates_count", hive = "bigint", presto = "bigint" },
    { name = "final", hive = "boolean", presto = "boolean" },
    { name = "revision", hive = "int", presto = "integer" },
    { name = "driving_time_minutes", hive = "double", presto = "double" },
    { name = "gap_time_minutes", hive = "double", presto = "double" },
    { name = "gap_count", hive = "bigint", presto = "bigint" },
    { name = "speed_count", hive = "bigint", presto = "bigint" },
    { name = "first_position", hive = "timestamp", presto = "timestamp" },
    { name = "last_position", hive = "timestamp", presto = "timestamp" },
  ]
  speed_columns = [for kmh in range(0, 121, 10) : { name = "driving_from_${kmh}_kmh_ms", hive = "int" }]
  date_column   = { name = "date", hive = "date", presto = "date" }

  files = {
    position_files = { prefix = "positions", columns = concat(local.positions_columns, local.delivery_columns) }
    hourly_files   = { prefix = "hourly", columns = concat(local.hourly_columns, local.speed_columns) }
  }
  views = {
    positions    = concat(local.positions_columns, [local.date_column])
    hourly_stats = concat(local.hourly_columns, [local.date_column])
  }
}

resource "aws_glue_catalog_database" "this" {
  name        = var.database_name
  description = "The archive of positions and hourly statistics"
  tags        = var.tags
}

resource "aws_glue_catalog_table" "files" {
  for_each = local.files

  database_name = aws_glue_catalog_database.this.name
  name          = each.key
  table_type    = "EXTERNAL_TABLE"

  parameters = {
    EXTERNAL                        = "TRUE"
    classification                  = "parquet"
    "projection.enabled"            = "true"
    "projection.date.type"          = "date"
    "projection.date.format"        = "yyyy-MM-dd"
    "projection.date.range"         = "${var.first_date},NOW+1DAYS" # a clock may run ahead by five minutes
    "projection.date.interval"      = "1"
    "projection.date.interval.unit" = "DAYS"
    "storage.location.template"     = "s3://${var.archive_bucket_name}/${each.value.prefix}/date=$${date}/"
  }

  partition_keys {
    name = local.date_column.name
    type = local.date_column.hive
  }

  storage_descriptor {
    location      = "s3://${var.archive_bucket_name}/${each.value.prefix}/"
    input_format  = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
    output_format = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"

    ser_de_info {
      name                  = "parquet"
      serialization_library = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
    }

    dynamic "columns" {
      for_each = each.value.columns

      content {
        name = columns.value.name
        type = columns.value.hive
      }
    }
  }
}

# A view is a table whose text is base64 of a JSON document; that is how Athena itself stores what CREATE VIEW makes.
resource "aws_glue_catalog_table" "view" {
  for_each = local.views

  database_name = aws_glue_catalog_database.this.name
  name          = each.key
  table_type    = "VIRTUAL_VIEW"

  parameters = {
    presto_view = "true"
    comment     = "Presto View"
  }

  view_expanded_text = "/* Presto View */"
  view_original_text = "/* Presto View: ${base64encode(jsonencode({
    originalSql = local.sql[each.key]
    catalog     = "awsdatacatalog"
    schema      = var.database_name
    columns     = [for column in each.value : { name = column.name, type = column.presto }]
  }))} */"

  storage_descriptor {
    dynamic "columns" {
      for_each = each.value

      content {
        name = columns.value.name
        type = columns.value.hive
      }
    }
  }

  lifecycle {
    precondition {
      condition     = local.sql_there
      error_message = "There is no ${join(" and no ", values(local.sql_paths))}. Run from the repository after scripts/build.sh, or set sql_folder to a copy of src/truckstream/sql."
    }
  }

  depends_on = [aws_glue_catalog_table.files]
}

resource "aws_athena_workgroup" "this" {
  name          = var.workgroup_name
  description   = "SQL over the archive, with a limit on what one query may read"
  force_destroy = var.force_destroy
  tags          = var.tags

  configuration {
    enforce_workgroup_configuration    = true # a client cannot send its results elsewhere or lift the limit
    publish_cloudwatch_metrics_enabled = true
    bytes_scanned_cutoff_per_query     = var.scan_limit_gb * 1000 * 1000 * 1000

    engine_version {
      selected_engine_version = "Athena engine version 3"
    }

    result_configuration {
      output_location = "s3://${var.results_bucket_name}/results/"

      encryption_configuration {
        encryption_option = "SSE_S3"
      }
    }
  }
}

resource "aws_athena_named_query" "this" {
  for_each = fileset("${path.module}/queries", "*.sql")

  name        = trimsuffix(each.value, ".sql")
  description = trimprefix(split("\n", file("${path.module}/queries/${each.value}"))[0], "-- ")
  database    = aws_glue_catalog_database.this.name
  workgroup   = aws_athena_workgroup.this.id
  query       = file("${path.module}/queries/${each.value}")
}
