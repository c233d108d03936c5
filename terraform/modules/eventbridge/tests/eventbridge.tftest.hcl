mock_provider "aws" {
  mock_resource "aws_cloudwatch_event_rule" {
    defaults = { arn = "arn:aws:events:eu-central-1:123456789012:rule/r" }
  }
  mock_resource "aws_sqs_queue" {
    defaults = {
      arn = "arn:aws:sqs:eu-central-1:123456789012:q"
      url = "https://sqs.eu-central-1.amazonaws.com/123456789012/q"
    }
  }
}

variables {
  schedules = {
    hourly_stats = {
      expression    = "cron(10 * * * ? *)"
      description   = "statistics"
      function_name = "f"
      function_arn  = "arn:aws:lambda:eu-central-1:123456789012:function:f"
    }
  }
}

run "a_schedule_calls_its_function_and_keeps_what_failed" {
  command = apply

  assert {
    condition     = aws_cloudwatch_event_rule.this["hourly_stats"].name == "truckstream-hourly-stats" && aws_cloudwatch_event_rule.this["hourly_stats"].state == "ENABLED"
    error_message = "named and on"
  }

  assert {
    condition     = aws_lambda_permission.this["hourly_stats"].source_arn == aws_cloudwatch_event_rule.this["hourly_stats"].arn
    error_message = "only this rule may call"
  }

  assert {
    condition     = aws_cloudwatch_event_target.this["hourly_stats"].dead_letter_config[0].arn == aws_sqs_queue.failed_invocations.arn
    error_message = "kept"
  }
}

run "one_minute_has_no_s" {
  command = plan

  variables {
    schedules = { a = { expression = "rate(1 minutes)", description = "", function_name = "f", function_arn = "f" } }
  }

  expect_failures = [var.schedules]
}

run "a_cron_expression_needs_a_question_mark" {
  command = plan

  variables {
    schedules = { a = { expression = "cron(10 * * * * *)", description = "", function_name = "f", function_arn = "f" } }
  }

  expect_failures = [var.schedules]
}
