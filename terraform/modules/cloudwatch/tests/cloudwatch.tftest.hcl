mock_provider "aws" {
  mock_resource "aws_cloudwatch_metric_alarm" {
    defaults = { arn = "arn:aws:cloudwatch:eu-central-1:123456789012:alarm:a" }
  }
}

variables {
  region      = "eu-central-1"
  stream_name = "gps-coordinates-stream"
  function_names = {
    dashboard_consumer = "f-dashboard"
    geofence_consumer  = "f-geofence"
    archive_consumer   = "f-archive"
    hourly_stats       = "f-hourly"
  }
  table_names          = { positions = "truck-positions", geofences = "truck-geofences" }
  index_names          = ["alerts_by_day", "alerts_by_truck"]
  queue_names          = { failed-batches = "b", failed-invocations = "i" }
  bucket_name          = "gps-archive-123456789012"
  alerts_topic_name    = "alerts"
  workgroup_name       = "truckstream"
  operations_topic_arn = "arn:aws:sns:eu-central-1:123456789012:operations"
}

run "every_alarm_tells_operations_and_names_its_runbook" {
  command = plan

  assert {
    condition = alltrue(flatten([
      for alarm in concat(values(aws_cloudwatch_metric_alarm.plain), values(aws_cloudwatch_metric_alarm.computed)) : [
        contains(alarm.alarm_actions, "arn:aws:sns:eu-central-1:123456789012:operations"),
        strcontains(alarm.alarm_description, "Runbook: docs/operations.md#"),
      ]
    ]))
    error_message = "a page without a runbook"
  }

  assert {
    condition     = length(aws_cloudwatch_metric_alarm.plain) + length(aws_cloudwatch_metric_alarm.computed) == 3 + 4 + 5 + 2 + 1 + 5
    error_message = "iterator age, errors, throttling, queues, outbox age; rejected, buried, archive, not invoked"
  }

  assert {
    condition     = length(aws_budgets_budget.charges) == 0 && aws_xray_sampling_rule.functions[0].fixed_rate == 0.05
    error_message = "charges are off, 5 % are traced"
  }
}

run "the_archive_is_watched_for_fifteen_minutes" {
  command = plan

  assert {
    condition = (
      aws_cloudwatch_metric_alarm.computed["archive-not-written"].evaluation_periods == 3 &&
      alltrue([
        for query in aws_cloudwatch_metric_alarm.computed["archive-not-written"].metric_query :
        try(query.metric[0].period, 300) == 300
      ])
    )
    error_message = "3 times 5 minutes"
  }
}

run "a_consumer_that_nothing_invokes_is_noticed" {
  command = plan

  assert {
    condition = alltrue([
      for consumer in ["dashboard", "geofence"] : contains(flatten([
        for query in aws_cloudwatch_metric_alarm.computed["not-invoked-${consumer}"].metric_query : [
          for metric in query.metric : "${metric.metric_name} of ${join("", values(metric.dimensions))}"
        ]
      ]), "Invocations of f-${consumer}")
    ])
    error_message = "no error and no iterator age tells of it"
  }
}

run "charges_and_tracing_are_variables" {
  command = plan

  variables {
    monthly_charges_alarm_usd = 150
    tracing_sampling_pct      = 0
  }

  assert {
    condition     = aws_budgets_budget.charges[0].limit_amount == "150" && length(aws_xray_sampling_rule.functions) == 0
    error_message = "150 USD, no traces"
  }
}

run "thresholds_are_checked" {
  command = plan

  variables {
    iterator_age_alarm_s      = 1
    outbox_age_alarm_s        = 1
    rejected_alarm_pct        = 101
    monthly_charges_alarm_usd = -1
    tracing_sampling_pct      = 101
    table_names               = { positions = "truck-positions" }
  }

  expect_failures = [
    var.iterator_age_alarm_s, var.outbox_age_alarm_s, var.rejected_alarm_pct, var.monthly_charges_alarm_usd,
    var.tracing_sampling_pct, var.table_names,
  ]
}
