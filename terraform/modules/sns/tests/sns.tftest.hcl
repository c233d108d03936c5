mock_provider "aws" {
  mock_resource "aws_sns_topic" {
    defaults = { arn = "arn:aws:sns:eu-central-1:123456789012:topic" }
  }
  mock_resource "aws_kms_key" {
    defaults = { arn = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555" }
  }
}

variables {
  account_id = "123456789012"
}

run "topics_are_encrypted_with_a_key_that_alarms_may_use" {
  command = apply

  assert {
    condition     = aws_sns_topic.operations.kms_master_key_id == aws_kms_key.topics.arn && aws_sns_topic.alerts.kms_master_key_id == aws_kms_key.topics.arn
    error_message = "both topics are encrypted"
  }

  assert {
    condition     = contains(jsondecode(aws_kms_key.topics.policy).Statement[1].Principal.Service, "cloudwatch.amazonaws.com")
    error_message = "an alarm could not publish"
  }

  assert {
    condition     = aws_kms_key.topics.enable_key_rotation
    error_message = "the key is rotated"
  }

  assert {
    condition = alltrue([
      for policy in [aws_sns_topic_policy.alerts.policy, aws_sns_topic_policy.operations.policy] :
      jsondecode(policy).Statement[0].Condition.Bool["aws:SecureTransport"] == "false"
    ])
    error_message = "TLS only"
  }
}

run "a_subscription_chooses_by_attributes" {
  command = plan

  variables {
    operations_emails = ["oncall@example.com"]
    alert_subscriptions = {
      dispatch = {
        protocol = "sqs"
        endpoint = "arn:aws:sqs:eu-central-1:123456789012:dispatch"
        filter   = { alert_type = ["exit"] }
      }
    }
  }

  assert {
    condition     = jsondecode(aws_sns_topic_subscription.alerts["dispatch"].filter_policy).alert_type == ["exit"]
    error_message = "the filter"
  }

  assert {
    condition     = aws_sns_topic_subscription.alerts["dispatch"].raw_message_delivery
    error_message = "the alert's own JSON"
  }

  assert {
    condition     = length(aws_sns_topic_subscription.operations) == 1
    error_message = "one address"
  }
}

run "plain_http_and_bad_addresses_are_refused" {
  command = plan

  variables {
    operations_emails   = ["nobody"]
    alert_subscriptions = { hook = { protocol = "http", endpoint = "http://example.com" } }
  }

  expect_failures = [var.operations_emails, var.alert_subscriptions]
}

run "filters_use_attributes_that_exist" {
  command = plan

  variables {
    alert_subscriptions = { hook = { protocol = "https", endpoint = "https://example.com", filter = { truck = ["1"] } } }
  }

  expect_failures = [var.alert_subscriptions]
}

run "a_delivery_stream_is_written_to_with_its_role" {
  command = plan

  variables {
    alert_subscriptions = {
      lake = {
        protocol = "firehose"
        endpoint = "arn:aws:firehose:eu-central-1:123456789012:deliverystream/alerts"
        role_arn = "arn:aws:iam::123456789012:role/sns-to-firehose"
      }
    }
  }

  assert {
    condition     = aws_sns_topic_subscription.alerts["lake"].subscription_role_arn == "arn:aws:iam::123456789012:role/sns-to-firehose"
    error_message = "SNS refuses the subscription without it"
  }
}

run "a_delivery_stream_without_its_role_is_refused" {
  command = plan

  variables {
    alert_subscriptions = {
      lake = { protocol = "firehose", endpoint = "arn:aws:firehose:eu-central-1:123456789012:deliverystream/alerts" }
    }
  }

  expect_failures = [var.alert_subscriptions]
}
