mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_region" {
    defaults = { id = "eu-central-1" }
  }
  mock_data "aws_iot_endpoint" {
    defaults = { endpoint_address = "0123456789abcd-ats.iot.eu-central-1.amazonaws.com" }
  }
  mock_resource "aws_kinesis_stream" {
    defaults = { arn = "arn:aws:kinesis:eu-central-1:123456789012:stream/gps-coordinates-stream" }
  }
  mock_resource "aws_dynamodb_table" {
    defaults = { arn = "arn:aws:dynamodb:eu-central-1:123456789012:table/t" }
  }
  mock_resource "aws_s3_bucket" {
    defaults = { arn = "arn:aws:s3:::gps-archive-123456789012" }
  }
  mock_resource "aws_sns_topic" {
    defaults = { arn = "arn:aws:sns:eu-central-1:123456789012:topic" }
  }
  mock_resource "aws_kms_key" {
    defaults = { arn = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555" }
  }
  mock_resource "aws_sqs_queue" {
    defaults = {
      arn = "arn:aws:sqs:eu-central-1:123456789012:q"
      url = "https://sqs.eu-central-1.amazonaws.com/123456789012/q"
    }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/r" }
  }
  mock_resource "aws_lambda_function" {
    defaults = { arn = "arn:aws:lambda:eu-central-1:123456789012:function:f" }
  }
  mock_resource "aws_cloudwatch_event_rule" {
    defaults = { arn = "arn:aws:events:eu-central-1:123456789012:rule/r" }
  }
  mock_resource "aws_cloudwatch_metric_alarm" {
    defaults = { arn = "arn:aws:cloudwatch:eu-central-1:123456789012:alarm:a" }
  }
  mock_resource "aws_athena_workgroup" {
    defaults = { arn = "arn:aws:athena:eu-central-1:123456789012:workgroup/truckstream" }
  }
  mock_resource "aws_glue_catalog_database" {
    defaults = { arn = "arn:aws:glue:eu-central-1:123456789012:database/truckstream" }
  }
}

# The mocked provider does not look into packages: files that exist will do.
variables {
  packages_folder = "./tests/packages"
  sql_folder      = "./modules/athena/tests/sql"
}

run "the_names_are_those_the_system_is_known_by" {
  command = apply

  assert {
    condition = (
      output.stream_name == "gps-coordinates-stream" && output.positions_table_name == "truck-positions" &&
      output.archive_bucket_name == "gps-archive-123456789012"
    )
    error_message = "stream, table and bucket"
  }

  assert {
    condition     = length(output.function_names) == 8
    error_message = "eight functions"
  }
}

run "values_are_checked_at_the_door" {
  command = plan

  variables {
    shard_count            = 0
    retention_hours        = 12
    capacity_mode          = "AUTO"
    fan_out_consumers      = ["reports"]
    archive_window_s       = 301
    simulated_trucks       = 10001
    archive_retention_days = 1
    log_level              = "LOUD"
    architecture           = "arm"
    name_prefix            = "Truck Stream"
    jobs_memory_mb         = 64
  }

  expect_failures = [
    var.shard_count, var.retention_hours, var.capacity_mode, var.fan_out_consumers, var.archive_window_s,
    var.simulated_trucks, var.archive_retention_days, var.log_level, var.architecture, var.name_prefix,
    var.jobs_memory_mb,
  ]
}

run "trucks_are_let_in_only_when_asked_for" {
  command = plan

  assert {
    condition     = length(module.ingest) == 0 && output.ingest_endpoint == null
    error_message = "off by default"
  }
}

run "trucks_send_to_the_stream_of_the_stack" {
  command = apply

  variables {
    ingest_enabled = true
  }

  assert {
    condition     = output.ingest_endpoint == "0123456789abcd-ats.iot.eu-central-1.amazonaws.com" && output.ingest_topic == "trucks/{truck_id}/positions"
    error_message = "what a truck needs to know"
  }
}

run "a_plan_of_the_command_line_is_deployed_as_it_was_computed" {
  command = plan

  variables {
    shard_count          = 2
    dashboard_window_s   = 30
    geofence_window_s    = 10
    parallelization      = 8
    consumers_memory_mb  = 1769
    jobs_memory_mb       = 10240
    tables_capacity_mode = "PROVISIONED"
    tables_units = {
      positions_read = 4762, positions_write = 4762, geofences_read = 4762, geofences_write = 4980, indexes_read = 5, indexes_write = 34
    }
  }

  assert {
    condition     = local.consumers.dashboard.window_s == 30 && local.consumers.geofence.window_s == 10 && local.consumers.geofence.batch_size == 10000
    error_message = "windows, and batches that hold them"
  }

  assert {
    condition     = local.functions.geofence_consumer.memory_mb == 1769 && local.functions.hourly_stats.memory_mb == 10240
    error_message = "a whole CPU; an hour of all trucks"
  }
}

run "a_new_account_reserves_nothing_and_a_large_simulated_fleet_gets_a_cpu" {
  command = plan

  variables {
    jobs_reserve_concurrency = false
    simulated_trucks         = 10000
  }

  assert {
    condition     = length(local.alone) == 0
    error_message = "of 10 invocations AWS lets nobody reserve one"
  }

  assert {
    condition     = local.functions.gps_producer.memory_mb == 1769
    error_message = "10,000 trucks take 50 s of it"
  }
}
