# Two topics: alerts for whoever drives the business, operations for whoever runs the system.
#
# A key of our own encrypts both: CloudWatch may not use the key that AWS manages for SNS, and its alarms would be lost
# without a word.
resource "aws_kms_key" "topics" {
  description             = "Encrypts the topics ${var.alerts_topic_name} and ${var.operations_topic_name}"
  enable_key_rotation     = true
  deletion_window_in_days = var.key_deletion_days
  tags                    = var.tags

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        # Without it nobody could administer the key; access then follows the account's IAM policies.
        Sid       = "AccountDecides"
        Effect    = "Allow"
        Principal = { AWS = "arn:${var.partition}:iam::${var.account_id}:root" }
        Action    = "kms:*"
        Resource  = "*" # in a key's own policy: this key
      },
      {
        Sid       = "AlarmsAndBudgetsPublish"
        Effect    = "Allow"
        Principal = { Service = ["cloudwatch.amazonaws.com", "budgets.amazonaws.com"] }
        Action    = ["kms:GenerateDataKey*", "kms:Decrypt"]
        Resource  = "*"
        Condition = { StringEquals = { "aws:SourceAccount" = var.account_id } }
      },
    ]
  })
}

resource "aws_kms_alias" "topics" {
  name          = "alias/${var.operations_topic_name}"
  target_key_id = aws_kms_key.topics.key_id
}

resource "aws_sns_topic" "alerts" {
  name              = var.alerts_topic_name
  kms_master_key_id = aws_kms_key.topics.arn
  tags              = var.tags
}

resource "aws_sns_topic" "operations" {
  name              = var.operations_topic_name
  kms_master_key_id = aws_kms_key.topics.arn
  tags              = var.tags
}

locals {
  only_tls = {
    Sid       = "OnlyTls"
    Effect    = "Deny"
    Principal = "*"
    Action    = "sns:Publish"
    Condition = { Bool = { "aws:SecureTransport" = "false" } }
  }
}

resource "aws_sns_topic_policy" "alerts" {
  arn = aws_sns_topic.alerts.arn

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [merge(local.only_tls, { Resource = aws_sns_topic.alerts.arn })]
  })
}

resource "aws_sns_topic_policy" "operations" {
  arn = aws_sns_topic.operations.arn

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      merge(local.only_tls, { Resource = aws_sns_topic.operations.arn }),
      {
        Sid       = "AlarmsAndBudgetsPublish"
        Effect    = "Allow"
        Principal = { Service = ["cloudwatch.amazonaws.com", "budgets.amazonaws.com"] }
        Action    = "sns:Publish"
        Resource  = aws_sns_topic.operations.arn
        Condition = { StringEquals = { "aws:SourceAccount" = var.account_id } }
      },
    ]
  })
}

# An e-mail address gets a message with a link; it receives nothing until somebody follows it.
resource "aws_sns_topic_subscription" "operations" {
  for_each = var.operations_emails

  topic_arn = aws_sns_topic.operations.arn
  protocol  = "email"
  endpoint  = each.value
}

resource "aws_sns_topic_subscription" "alerts" {
  for_each = var.alert_subscriptions

  topic_arn             = aws_sns_topic.alerts.arn
  protocol              = each.value.protocol
  endpoint              = each.value.endpoint
  subscription_role_arn = each.value.role_arn
  filter_policy         = length(each.value.filter) == 0 ? null : jsonencode(each.value.filter)
  raw_message_delivery  = contains(["sqs", "https", "firehose"], each.value.protocol) ? each.value.raw : null
}
