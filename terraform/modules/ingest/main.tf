# Real trucks: MQTT over TLS with a certificate for each truck, and a rule that puts what they publish onto the stream.
#
# A truck publishes to TOPIC/TRUCK/positions; the rule's partition key is that part of the topic, so a truck's positions
# stay in order. Why not an HTTP API: docs/decisions names the reasons.

data "aws_iot_endpoint" "data" {
  endpoint_type = "iot:Data-ATS"
}

locals {
  iot_arn = "arn:${var.partition}:iot:${var.region}:${var.account_id}"

  # `SELECT *` alone hands the payload on as it came, whatever it is: JSON, NDJSON, gzip. With a condition on a field the
  # rule has to read it, so it must be one JSON object, and what names another truck than its topic does is not let in.
  condition = var.single_json_only ? " WHERE truck_id = topic(2)" : ""
  sql       = "SELECT * FROM '${var.topic}/+/positions'${local.condition}"
}

resource "aws_iot_topic_rule" "positions" {
  name        = replace("${var.name_prefix}_positions", "-", "_") # IoT takes no dashes here
  description = "Positions of trucks onto the stream, one record per message"
  enabled     = var.enabled
  sql         = local.sql
  sql_version = "2016-03-23"

  kinesis {
    stream_name   = var.stream_name
    partition_key = "$${topic(2)}"
    role_arn      = aws_iam_role.rule.arn
  }

  # What the stream did not take, even after IoT's own repetitions: the message whole, in base64, and why.
  error_action {
    sqs {
      queue_url  = aws_sqs_queue.failed.url
      role_arn   = aws_iam_role.rule.arn
      use_base64 = false
    }
  }

  tags       = var.tags
  depends_on = [aws_iam_role_policy.rule] # IoT does not ask: what came before it could write would be lost
}

resource "aws_sqs_queue" "failed" {
  name                      = "${var.name_prefix}-ingest-failed"
  message_retention_seconds = 1209600 # 14 days, the longest
  sqs_managed_sse_enabled   = true
  tags                      = var.tags
}

resource "aws_sqs_queue_policy" "failed" {
  queue_url = aws_sqs_queue.failed.url

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OnlyTls"
      Effect    = "Deny"
      Principal = "*"
      Action    = "sqs:*"
      Resource  = aws_sqs_queue.failed.arn
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })
}

# --- what the rule may do ---------------------------------------------------------------------------------------

resource "aws_iam_role" "rule" {
  name                 = "${var.name_prefix}-ingest"
  description          = "The IoT rule that puts positions onto the stream"
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "iot.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = {
        StringEquals = { "aws:SourceAccount" = var.account_id } # not on behalf of somebody else's rule
        ArnLike      = { "aws:SourceArn" = "${local.iot_arn}:rule/*" }
      }
    }]
  })
}

resource "aws_iam_role_policy" "rule" {
  name = "ingest"
  role = aws_iam_role.rule.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        { Sid = "Stream", Effect = "Allow", Action = "kinesis:PutRecord", Resource = var.stream_arn },
        { Sid = "WhatFailed", Effect = "Allow", Action = "sqs:SendMessage", Resource = aws_sqs_queue.failed.arn },
      ],
      # The key that AWS manages for Kinesis lets everybody in who may write to the stream; one of your own does not.
      var.stream_key_arn == null ? [] : [
        { Sid = "StreamKey", Effect = "Allow", Action = "kms:GenerateDataKey", Resource = var.stream_key_arn },
      ],
    )
  })
}

# --- what a truck may do ----------------------------------------------------------------------------------------

# Connect as itself, publish to its own topic, nothing else: no subscription, no other truck's topic. The variable is the
# name of the thing that the certificate is attached to; without such a thing it has no value, and nothing is allowed.
resource "aws_iot_policy" "truck" {
  name = "${var.name_prefix}-truck"
  tags = var.tags

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect    = "Allow"
        Action    = "iot:Connect"
        Resource  = "${local.iot_arn}:client/$${iot:Connection.Thing.ThingName}"
        Condition = { Bool = { "iot:Connection.Thing.IsAttached" = "true" } }
      },
      {
        Effect   = "Allow"
        Action   = "iot:Publish"
        Resource = "${local.iot_arn}:topic/${var.topic}/$${iot:Connection.Thing.ThingName}/positions"
      },
    ]
  })
}

resource "aws_iot_thing_type" "truck" {
  name = "${var.name_prefix}-truck"
  tags = var.tags

  properties {
    description = "A truck that sends its positions"
  }
}

resource "aws_iot_thing" "truck" {
  for_each = var.truck_certificates

  name            = each.key
  thing_type_name = aws_iot_thing_type.truck.name
}

resource "aws_iot_thing_principal_attachment" "truck" {
  for_each = var.truck_certificates

  thing     = aws_iot_thing.truck[each.key].name
  principal = each.value
}

# One attachment per certificate, even where two trucks were given the same one: the check below says so.
resource "aws_iot_policy_attachment" "truck" {
  for_each = var.truck_certificates

  policy = aws_iot_policy.truck.name
  target = each.value
}

# --- alarms -----------------------------------------------------------------------------------------------------

resource "aws_cloudwatch_metric_alarm" "failed" {
  alarm_name          = "${var.name_prefix}-ingest-failed"
  alarm_description   = "Positions of trucks did not reach the stream and wait in a queue. Runbook: ${var.runbook_url}#ingest-failed"
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = aws_sqs_queue.failed.name }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.operations_topic_arn == null ? [] : [var.operations_topic_arn]
  ok_actions          = var.operations_topic_arn == null ? [] : [var.operations_topic_arn]
  tags                = var.tags
}

# More than the fleet can send: a truck in a loop, or a stolen certificate. IoT itself takes 100 messages a second from
# one connection, and no more.
resource "aws_cloudwatch_metric_alarm" "flood" {
  alarm_name          = "${var.name_prefix}-ingest-flood"
  alarm_description   = "More messages than the fleet should send. Runbook: ${var.runbook_url}#ingest-flood"
  namespace           = "AWS/IoT"
  metric_name         = "TopicMatch"
  dimensions          = { RuleName = aws_iot_topic_rule.positions.name }
  statistic           = "Sum"
  period              = 60
  evaluation_periods  = 3
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.messages_per_minute_alarm
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.operations_topic_arn == null ? [] : [var.operations_topic_arn]
  ok_actions          = var.operations_topic_arn == null ? [] : [var.operations_topic_arn]
  tags                = var.tags
}

# --- logs -------------------------------------------------------------------------------------------------------

# Refused connections and publishes, by truck. A setting of the whole account and region, hence only when asked for.
resource "aws_iot_logging_options" "account" {
  count = var.account_log_level == null ? 0 : 1

  default_log_level = var.account_log_level
  role_arn          = aws_iam_role.logs[0].arn
}

resource "aws_iam_role" "logs" {
  count = var.account_log_level == null ? 0 : 1

  name                 = "${var.name_prefix}-iot-logs"
  description          = "IoT's log of connections and rules"
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "iot.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = var.account_id } }
    }]
  })
}

resource "aws_iam_role_policy" "logs" {
  count = var.account_log_level == null ? 0 : 1

  name = "logs"
  role = aws_iam_role.logs[0].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents", "logs:PutRetentionPolicy"]
      Resource = "arn:${var.partition}:logs:${var.region}:${var.account_id}:log-group:AWSIotLogsV2*" # IoT chooses the name
    }]
  })
}
