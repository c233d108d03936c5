# Schedules: rules, because a rule's event carries the minute it was made for, and a repeated one carries the same.
resource "aws_cloudwatch_event_rule" "this" {
  for_each = var.schedules

  name                = "${var.name_prefix}-${replace(each.key, "_", "-")}"
  description         = each.value.description
  schedule_expression = each.value.expression
  state               = each.value.enabled ? "ENABLED" : "DISABLED"
  tags                = var.tags
}

resource "aws_cloudwatch_event_target" "this" {
  for_each = var.schedules

  rule      = aws_cloudwatch_event_rule.this[each.key].name
  target_id = "function"
  arn       = each.value.function_arn

  # A minute's work is not worth doing an hour late: the next event does it. What was not delivered is on the queue.
  retry_policy {
    maximum_event_age_in_seconds = each.value.maximum_age_s
    maximum_retry_attempts       = 3
  }

  dead_letter_config {
    arn = aws_sqs_queue.failed_invocations.arn
  }
}

resource "aws_lambda_permission" "this" {
  for_each = var.schedules

  statement_id  = "schedule-${replace(each.key, "_", "-")}"
  action        = "lambda:InvokeFunction"
  function_name = each.value.function_name
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.this[each.key].arn
}

# What a schedule could not deliver, and what a function could not do after Lambda's own two retries.
resource "aws_sqs_queue" "failed_invocations" {
  name                      = "${var.name_prefix}-failed-invocations"
  message_retention_seconds = 1209600 # 14 days, the longest
  sqs_managed_sse_enabled   = true
  tags                      = var.tags
}

resource "aws_sqs_queue_policy" "failed_invocations" {
  queue_url = aws_sqs_queue.failed_invocations.url

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "SchedulesSend"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = aws_sqs_queue.failed_invocations.arn
        Condition = { ArnEquals = { "aws:SourceArn" = [for key in sort(keys(var.schedules)) : aws_cloudwatch_event_rule.this[key].arn] } }
      },
      {
        Sid       = "OnlyTls"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:*"
        Resource  = aws_sqs_queue.failed_invocations.arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })
}
