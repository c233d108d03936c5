mock_provider "aws" {
  mock_resource "aws_lambda_function" {
    defaults = { arn = "arn:aws:lambda:eu-central-1:123456789012:function:f" }
  }
}

variables {
  name     = "f"
  package  = "./main.tf" # any file that exists: the mocked provider does not look into it
  handler  = "truckstream.aws.handlers.archive_consumer"
  role_arn = "arn:aws:iam::123456789012:role/f"
}

run "a_function_logs_and_traces" {
  command = plan

  assert {
    condition     = aws_lambda_function.this.architectures == tolist(["arm64"]) && aws_lambda_function.this.runtime == "python3.12"
    error_message = "what scripts/build.sh builds for"
  }

  assert {
    condition     = aws_lambda_function.this.tracing_config[0].mode == "Active"
    error_message = "traced"
  }

  assert {
    condition     = aws_cloudwatch_log_group.this.name == "/aws/lambda/f" && aws_cloudwatch_log_group.this.retention_in_days == 30
    error_message = "log lines do not stay for ever"
  }

  assert {
    condition     = aws_lambda_function.this.source_code_hash == filebase64sha256("./main.tf")
    error_message = "a new package is a new deployment"
  }

  assert {
    condition     = length(aws_lambda_event_source_mapping.stream) == 0
    error_message = "no mapping unless asked for"
  }
}

run "a_stream_consumer_has_safe_settings" {
  command = plan

  variables {
    stream = {
      arn            = "arn:aws:kinesis:eu-central-1:123456789012:stream/gps"
      on_failure_arn = "arn:aws:s3:::gps-archive-123456789012"
    }
  }

  assert {
    condition = (
      aws_lambda_event_source_mapping.stream[0].bisect_batch_on_function_error &&
      aws_lambda_event_source_mapping.stream[0].maximum_retry_attempts == 3 &&
      aws_lambda_event_source_mapping.stream[0].maximum_record_age_in_seconds == 82800 &&
      contains(aws_lambda_event_source_mapping.stream[0].function_response_types, "ReportBatchItemFailures") &&
      aws_lambda_event_source_mapping.stream[0].starting_position == "TRIM_HORIZON"
    )
    error_message = "a bad record never blocks a shard, and nothing is skipped"
  }

  assert {
    condition     = aws_lambda_event_source_mapping.stream[0].destination_config[0].on_failure[0].destination_arn == "arn:aws:s3:::gps-archive-123456789012"
    error_message = "what is given up is kept whole"
  }
}

run "a_schedules_failed_invocation_is_kept" {
  command = plan

  variables {
    asynchronous = { on_failure_arn = "arn:aws:sqs:eu-central-1:123456789012:failed" }
  }

  assert {
    condition     = aws_lambda_function_event_invoke_config.this[0].destination_config[0].on_failure[0].destination == "arn:aws:sqs:eu-central-1:123456789012:failed"
    error_message = "kept"
  }
}

run "fan_out_reads_from_the_consumer" {
  command = plan

  variables {
    stream = {
      arn            = "arn:aws:kinesis:eu-central-1:123456789012:stream/gps"
      fan_out_arn    = "arn:aws:kinesis:eu-central-1:123456789012:stream/gps/consumer/dashboard:1"
      on_failure_arn = "arn:aws:s3:::gps-archive-123456789012"
    }
  }

  assert {
    condition     = endswith(aws_lambda_event_source_mapping.stream[0].event_source_arn, "consumer/dashboard:1")
    error_message = "its own connection"
  }
}

run "a_missing_package_says_what_to_run" {
  command = plan

  variables {
    package = "./no-such.zip"
  }

  expect_failures = [aws_lambda_function.this]
}

run "sizes_are_checked" {
  command = plan

  variables {
    memory_mb            = 64
    timeout_s            = 901
    architecture         = "arm"
    log_retention_days   = 31
    tracing_mode         = "On"
    reserved_concurrency = -2
    asynchronous         = { on_failure_arn = "arn", maximum_age_s = 21601 }
  }

  expect_failures = [
    var.memory_mb, var.timeout_s, var.architecture, var.log_retention_days, var.tracing_mode, var.reserved_concurrency,
    var.asynchronous,
  ]
}

run "endless_tries_are_refused" {
  command = plan

  variables {
    stream = {
      arn                  = "arn:aws:kinesis:eu-central-1:123456789012:stream/gps"
      on_failure_arn       = "arn:aws:s3:::gps-archive-123456789012"
      retry_attempts       = -1
      batch_size           = 10001
      window_s             = 301
      parallelization      = 11
      maximum_record_age_s = -1
    }
  }

  expect_failures = [var.stream]
}
