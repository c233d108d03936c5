locals {
  exists = fileexists(var.package)
}

# Made before the function, which would otherwise make one that keeps its lines for ever.
resource "aws_cloudwatch_log_group" "this" {
  name              = "/aws/lambda/${var.name}"
  retention_in_days = var.log_retention_days
  tags              = var.tags

  # checkov:skip=CKV_AWS_158: CloudWatch encrypts with its own key; the lines hold no payload, truck or place (aws/telemetry.py)
  # checkov:skip=CKV_AWS_338: a year of logs costs more than the functions; the variable is there
}

resource "aws_lambda_function" "this" {
  function_name = var.name
  description   = var.description
  role          = var.role_arn

  filename         = var.package
  source_code_hash = local.exists ? filebase64sha256(var.package) : null
  handler          = var.handler
  runtime          = "python3.12"
  architectures    = [var.architecture]

  memory_size                    = var.memory_mb
  timeout                        = var.timeout_s
  reserved_concurrent_executions = var.reserved_concurrency

  environment {
    variables = var.environment
  }

  tracing_config {
    mode = var.tracing_mode
  }

  tags       = var.tags
  depends_on = [aws_cloudwatch_log_group.this]

  lifecycle {
    precondition {
      condition     = local.exists
      error_message = "There is no package ${var.package}. Run scripts/build.sh --arch ${var.architecture}, or set packages_folder to where the packages are."
    }
  }

  # checkov:skip=CKV_AWS_50: a variable, Active unless tracing is switched off
  # checkov:skip=CKV_AWS_115: a stream consumer's concurrency is its shards; the jobs reserve theirs
  # checkov:skip=CKV_AWS_116: on-failure destinations below tell more than a dead letter queue does, and streams need theirs
  # checkov:skip=CKV_AWS_117: the functions call AWS services only; a VPC would add NAT gateways and a way to be cut off
  # checkov:skip=CKV_AWS_173: names of resources, no secrets, encrypted with Lambda's own key
  # checkov:skip=CKV_AWS_272: the packages are reproducible and compared by hash; signing needs a profile of the account
}

# Where an invocation nobody waits for (a schedule's) goes after its last try, with the error.
resource "aws_lambda_function_event_invoke_config" "this" {
  count = var.asynchronous == null ? 0 : 1

  function_name                = aws_lambda_function.this.function_name
  maximum_retry_attempts       = 2
  maximum_event_age_in_seconds = var.asynchronous.maximum_age_s

  destination_config {
    on_failure {
      destination = var.asynchronous.on_failure_arn
    }
  }
}

resource "aws_lambda_event_source_mapping" "stream" {
  count = var.stream == null ? 0 : 1

  event_source_arn = coalesce(var.stream.fan_out_arn, var.stream.arn)
  function_name    = aws_lambda_function.this.arn

  # Everything the stream holds, once. LATEST would lose what comes while the mapping is being made.
  starting_position = "TRIM_HORIZON"

  batch_size                         = var.stream.batch_size
  maximum_batching_window_in_seconds = var.stream.window_s
  # 1 keeps the order of a shard; more would keep the order of each partition key, for frames of many trucks as well.
  parallelization_factor = var.stream.parallelization

  # A function that raises gets the batch again, halved, so that one poisoned record ends up alone; three tries later it
  # is given up. Records of ours that break a rule never come this far: the consumer sets them aside itself.
  bisect_batch_on_function_error = true
  maximum_retry_attempts         = var.stream.retry_attempts
  # Given up before the stream forgets it, so that S3 gets it whole.
  maximum_record_age_in_seconds = var.stream.maximum_record_age_s
  # The answer names the first record that failed; what came before it is not delivered again.
  function_response_types = ["ReportBatchItemFailures"]

  destination_config {
    on_failure {
      destination_arn = var.stream.on_failure_arn # a bucket gets the payload too, a queue only where it was
    }
  }

  tags = var.tags
}
