# What pages somebody, and what is looked at then. Every alarm says in its description what to read.

locals {
  consumers = ["dashboard", "geofence", "archive"]
  runbook   = { for name in keys(local.alarms) : name => "Runbook: ${var.runbook_url}#${local.alarms[name].runbook}" }

  # Our own metrics (aws/telemetry.py): namespace truckstream, dimension service.
  own = {
    for name in ["Rejected", "Positions"] : name => {
      namespace = "truckstream", metric = name, dimensions = { service = "archive_consumer" }
    }
  }

  incoming = { namespace = "AWS/Kinesis", metric = "IncomingRecords", dimensions = { StreamName = var.stream_name } }

  iterator_age = {
    for consumer in local.consumers : "iterator-age-${consumer}" => {
      description = "The ${consumer} consumer is more than ${var.iterator_age_alarm_s} s behind the stream."
      runbook     = "iterator-age"
      namespace   = "AWS/Lambda"
      metric      = "IteratorAge"
      dimensions  = { FunctionName = var.function_names["${consumer}_consumer"] }
      statistic   = "Maximum"
      threshold   = var.iterator_age_alarm_s * 1000
      period_s    = 60
      periods     = 5
      breaching   = 3
    }
  }

  errors = {
    for function, name in var.function_names : "errors-${replace(function, "_", "-")}" => {
      description = "The function ${name} keeps failing."
      runbook     = "function-errors"
      namespace   = "AWS/Lambda"
      metric      = "Errors"
      dimensions  = { FunctionName = name }
      statistic   = "Sum"
      threshold   = 0
      # A schedule that runs by the hour fails once: that counts. What runs all the time may fail once and recover.
      period_s  = 300
      periods   = contains(["hourly_stats", "compact_archive", "redrive_rejected"], function) ? 1 : 3
      breaching = contains(["hourly_stats", "compact_archive", "redrive_rejected"], function) ? 1 : 2
    }
  }

  throttles = merge(
    {
      for table, name in var.table_names : "write-throttling-${table}" => {
        description = "DynamoDB refuses writes to the table ${name}."
        runbook     = "write-throttling"
        namespace   = "AWS/DynamoDB"
        metric      = "WriteThrottleEvents"
        dimensions  = { TableName = name }
        statistic   = "Sum"
        threshold   = 0
        period_s    = 60
        periods     = 5
        breaching   = 3
      }
    },
    # An index has its own units, and what it refuses is held back from the table as well.
    {
      for index in var.index_names : "write-throttling-${replace(index, "_", "-")}" => {
        description = "DynamoDB refuses writes to the index ${index}, and so alerts to the table ${var.table_names["geofences"]}."
        runbook     = "write-throttling"
        namespace   = "AWS/DynamoDB"
        metric      = "WriteThrottleEvents"
        dimensions  = { TableName = var.table_names["geofences"], GlobalSecondaryIndexName = index }
        statistic   = "Sum"
        threshold   = 0
        period_s    = 60
        periods     = 5
        breaching   = 3
      }
    },
    {
      write-throttling-stream = {
        description = "Kinesis refuses records: a shard takes 1 MB/s or 1,000 records/s."
        runbook     = "write-throttling"
        namespace   = "AWS/Kinesis"
        metric      = "WriteProvisionedThroughputExceeded"
        dimensions  = { StreamName = var.stream_name }
        statistic   = "Sum"
        threshold   = 0
        period_s    = 60
        periods     = 5
        breaching   = 3
      }
    },
  )

  queues = {
    for queue, name in var.queue_names : "queue-${queue}" => {
      description = "There is something on the queue ${name}: work that was given up."
      runbook     = queue
      namespace   = "AWS/SQS"
      metric      = "ApproximateNumberOfMessagesVisible"
      dimensions  = { QueueName = name }
      statistic   = "Maximum"
      threshold   = 0
      period_s    = 300
      periods     = 1
      breaching   = 1
    }
  }

  outbox = {
    outbox-age = {
      description = "The oldest alert that waits to be sent is more than ${var.outbox_age_alarm_s} s old."
      runbook     = "outbox-age"
      namespace   = "truckstream"
      metric      = "OutboxAge"
      dimensions  = { service = "send_outbox" }
      statistic   = "Maximum"
      threshold   = var.outbox_age_alarm_s * 1000
      period_s    = 60
      periods     = 3
      breaching   = 3
    }
  }

  # A mapping that is disabled, or may not read the stream, invokes nothing: no error, no iterator age, no alert for anybody.
  # The archive's own alarm below tells more.
  not_invoked = {
    for consumer in ["dashboard", "geofence"] : "not-invoked-${consumer}" => {
      description = "Records come in, and for 15 minutes the ${consumer} consumer was not invoked."
      runbook     = "not-invoked"
      expression  = "IF(FILL(incoming, 0) > 0 AND FILL(invoked, 0) == 0, 1, 0)"
      label       = "records in, not invoked"
      threshold   = 0
      period_s    = 300 # the longest batching window
      periods     = 3
      metrics = {
        incoming = local.incoming
        invoked = {
          namespace = "AWS/Lambda", metric = "Invocations", dimensions = { FunctionName = var.function_names["${consumer}_consumer"] }
        }
      }
    }
  }

  # Alarms on one metric.
  plain = merge(local.iterator_age, local.errors, local.throttles, local.queues, local.outbox)

  # Alarms on an expression of several.
  computed = merge(local.not_invoked, {
    rejected-rate = {
      description = "More than ${var.rejected_alarm_pct} % of the records break a rule."
      runbook     = "rejected-rate"
      expression  = "IF(positions + rejected > 0, 100 * rejected / (positions + rejected), 0)"
      label       = "rejected, %"
      threshold   = var.rejected_alarm_pct
      period_s    = 300
      periods     = 2
      metrics = {
        rejected  = local.own.Rejected
        positions = local.own.Positions
      }
    }
    alerts-buried = {
      description = "An alert was given up: the receiver refused it for good, or took none for a day."
      runbook     = "alerts-buried"
      expression  = "FILL(at_once, 0) + FILL(later, 0)"
      label       = "alerts given up"
      threshold   = 0
      period_s    = 300
      periods     = 1
      metrics = {
        at_once = { namespace = "truckstream", metric = "AlertsBuried", dimensions = { service = "geofence_consumer" } }
        later   = { namespace = "truckstream", metric = "AlertsBuried", dimensions = { service = "send_outbox" } }
      }
    }
    archive-not-written = {
      description = "Records come in, and for 15 minutes none of them was archived."
      runbook     = "archive-not-written"
      # A fleet that sleeps is no fault: only records that came in and were not archived are.
      expression = "IF(FILL(incoming, 0) > 0 AND FILL(archived, 0) == 0, 1, 0)"
      label      = "records in, none archived"
      threshold  = 0
      period_s   = 300
      periods    = 3
      metrics = {
        incoming = local.incoming
        archived = local.own.Positions # counted once they are written; FILL, because a function that does not run counts nothing
      }
    }
  })

  alarms = merge(local.plain, local.computed)
}

resource "aws_cloudwatch_metric_alarm" "plain" {
  for_each = local.plain

  alarm_name          = "${var.name_prefix}-${each.key}"
  alarm_description   = "${each.value.description} ${local.runbook[each.key]}"
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.threshold
  period              = each.value.period_s
  evaluation_periods  = each.value.periods
  datapoints_to_alarm = each.value.breaching
  treat_missing_data  = "notBreaching" # nothing came in, nothing failed
  alarm_actions       = [var.operations_topic_arn]
  ok_actions          = [var.operations_topic_arn]
  tags                = var.tags
}

resource "aws_cloudwatch_metric_alarm" "computed" {
  for_each = local.computed

  alarm_name          = "${var.name_prefix}-${each.key}"
  alarm_description   = "${each.value.description} ${local.runbook[each.key]}"
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.threshold
  evaluation_periods  = each.value.periods
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.operations_topic_arn]
  ok_actions          = [var.operations_topic_arn]
  tags                = var.tags

  metric_query {
    id          = "value"
    expression  = each.value.expression
    label       = each.value.label
    return_data = true
  }

  dynamic "metric_query" {
    for_each = each.value.metrics

    content {
      id = metric_query.key

      metric {
        namespace   = metric_query.value.namespace
        metric_name = metric_query.value.metric
        dimensions  = metric_query.value.dimensions
        stat        = "Sum"
        period      = each.value.period_s
      }
    }
  }
}

# Charges. CloudWatch has them in us-east-1 only, where no alarm could reach the topic of another region; AWS Budgets
# watches the same charges from anywhere.
resource "aws_budgets_budget" "charges" {
  count = var.monthly_charges_alarm_usd > 0 ? 1 : 0

  name         = "${var.name_prefix}-estimated-charges"
  budget_type  = "COST"
  limit_amount = tostring(var.monthly_charges_alarm_usd)
  limit_unit   = "USD"
  time_unit    = "MONTHLY"
  tags         = var.tags

  # Estimated for the whole month, so that there is time to act.
  notification {
    comparison_operator       = "GREATER_THAN"
    notification_type         = "FORECASTED"
    threshold                 = 100
    threshold_type            = "PERCENTAGE"
    subscriber_sns_topic_arns = [var.operations_topic_arn]
  }

  notification {
    comparison_operator       = "GREATER_THAN"
    notification_type         = "ACTUAL"
    threshold                 = 80
    threshold_type            = "PERCENTAGE"
    subscriber_sns_topic_arns = [var.operations_topic_arn]
  }
}

# Which share of the invocations X-Ray records, beyond one a second. The Lambda developer guide says that the rate of
# functions cannot be configured (one a second and 5 per cent), so the only saving to count on is tracing_sampling_pct = 0;
# spans of OpenTelemetry do follow the rule.
resource "aws_xray_sampling_rule" "functions" {
  count = var.tracing_sampling_pct > 0 ? 1 : 0

  rule_name      = var.name_prefix
  priority       = 1000
  version        = 1
  fixed_rate     = var.tracing_sampling_pct / 100
  reservoir_size = 1
  service_type   = "AWS::Lambda::Function"
  service_name   = "${var.name_prefix}-*"
  host           = "*"
  http_method    = "*"
  url_path       = "*"
  resource_arn   = "*"
  tags           = var.tags
}
