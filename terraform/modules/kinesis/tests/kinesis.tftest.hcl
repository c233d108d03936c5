mock_provider "aws" {
  mock_resource "aws_kinesis_stream" {
    defaults = { arn = "arn:aws:kinesis:eu-central-1:123456789012:stream/gps-coordinates-stream" }
  }
}

run "the_defaults_are_four_shards_and_a_day" {
  command = plan

  assert {
    condition = (
      aws_kinesis_stream.this.name == "gps-coordinates-stream" &&
      aws_kinesis_stream.this.shard_count == 4 &&
      aws_kinesis_stream.this.retention_period == 24
    )
    error_message = "gps-coordinates-stream has 4 shards and keeps 24 hours"
  }

  assert {
    condition     = aws_kinesis_stream.this.encryption_type == "KMS"
    error_message = "the stream is encrypted"
  }

  assert {
    condition     = length(aws_kinesis_stream_consumer.fan_out) == 0
    error_message = "fan-out is off"
  }
}

run "on_demand_has_no_shard_count" {
  command = plan

  variables {
    capacity_mode = "ON_DEMAND"
  }

  assert {
    condition     = aws_kinesis_stream.this.shard_count == null && aws_kinesis_stream.this.stream_mode_details[0].stream_mode == "ON_DEMAND"
    error_message = "Kinesis chooses the shards"
  }
}

run "a_fan_out_consumer_is_registered" {
  command = apply

  variables {
    fan_out_consumers = ["dashboard"]
  }

  assert {
    condition     = join(",", keys(output.fan_out_arns)) == "dashboard"
    error_message = "its ARN is an output"
  }
}

run "retention_is_checked" {
  command = plan

  variables {
    retention_hours = 23
  }

  expect_failures = [var.retention_hours]
}

run "shards_are_checked" {
  command = plan

  variables {
    shard_count = 0
  }

  expect_failures = [var.shard_count]
}

run "mode_is_checked" {
  command = plan

  variables {
    capacity_mode = "on-demand"
  }

  expect_failures = [var.capacity_mode]
}

run "shard_metrics_are_checked" {
  command = plan

  variables {
    shard_level_metrics = ["BytesIn"]
  }

  expect_failures = [var.shard_level_metrics]
}
