mock_provider "aws" {
  mock_resource "aws_sqs_queue" {
    defaults = {
      arn = "arn:aws:sqs:eu-central-1:123456789012:truckstream-ingest-failed"
      url = "https://sqs.eu-central-1.amazonaws.com/123456789012/truckstream-ingest-failed"
    }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/truckstream-ingest" }
  }
  mock_data "aws_iot_endpoint" {
    defaults = { endpoint_address = "abc-ats.iot.eu-central-1.amazonaws.com" }
  }
}

variables {
  account_id  = "123456789012"
  region      = "eu-central-1"
  stream_name = "gps-coordinates-stream"
  stream_arn  = "arn:aws:kinesis:eu-central-1:123456789012:stream/gps-coordinates-stream"
}

run "the_payload_goes_on_untouched_keyed_by_the_truck_of_the_topic" {
  command = apply

  assert {
    condition     = aws_iot_topic_rule.positions.sql == "SELECT * FROM 'trucks/+/positions'"
    error_message = "only a bare SELECT * hands on gzip as it came"
  }

  assert {
    condition     = one(aws_iot_topic_rule.positions.kinesis).partition_key == "$${topic(2)}"
    error_message = "the second part of the topic is the truck"
  }

  assert {
    condition     = one(aws_iot_topic_rule.positions.kinesis).stream_name == "gps-coordinates-stream"
    error_message = "the stream"
  }

  assert {
    condition     = one(one(aws_iot_topic_rule.positions.error_action).sqs).queue_url == aws_sqs_queue.failed.url
    error_message = "what the stream does not take is kept"
  }

  assert {
    condition     = output.endpoint == "abc-ats.iot.eu-central-1.amazonaws.com" && output.topic == "trucks/{truck_id}/positions"
    error_message = "what a truck needs to know"
  }
}

run "the_rule_may_write_to_this_stream_and_this_queue_alone" {
  command = apply

  assert {
    condition = toset([for each in jsondecode(aws_iam_role_policy.rule.policy).Statement : "${each.Action} ${each.Resource}"]) == toset([
      "kinesis:PutRecord arn:aws:kinesis:eu-central-1:123456789012:stream/gps-coordinates-stream",
      "sqs:SendMessage arn:aws:sqs:eu-central-1:123456789012:truckstream-ingest-failed",
    ])
    error_message = "two actions, two resources"
  }

  assert {
    condition     = jsondecode(aws_iam_role.rule.assume_role_policy).Statement[0].Condition.StringEquals["aws:SourceAccount"] == "123456789012"
    error_message = "no other account's rule may use the role"
  }
}

run "a_key_of_ones_own_may_be_used" {
  command = apply

  variables {
    stream_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555"
  }

  assert {
    condition     = contains([for each in jsondecode(aws_iam_role_policy.rule.policy).Statement : each.Action], "kms:GenerateDataKey")
    error_message = "without it no record could be encrypted"
  }
}

run "a_truck_may_publish_to_its_own_topic_and_nothing_else" {
  command = plan

  assert {
    condition     = toset([for each in jsondecode(aws_iot_policy.truck.policy).Statement : each.Action]) == toset(["iot:Connect", "iot:Publish"])
    error_message = "no subscription, no retained messages, no shadow"
  }

  assert {
    condition = toset([for each in jsondecode(aws_iot_policy.truck.policy).Statement : each.Resource]) == toset([
      "arn:aws:iot:eu-central-1:123456789012:client/$${iot:Connection.Thing.ThingName}",
      "arn:aws:iot:eu-central-1:123456789012:topic/trucks/$${iot:Connection.Thing.ThingName}/positions",
    ])
    error_message = "itself, by the thing its certificate belongs to"
  }

  assert {
    condition     = jsondecode(aws_iot_policy.truck.policy).Statement[0].Condition.Bool["iot:Connection.Thing.IsAttached"] == "true"
    error_message = "a certificate without a truck connects to nothing"
  }
}

run "a_certificate_is_attached_to_its_truck_and_the_policy_to_it" {
  command = plan

  variables {
    truck_certificates = {
      TRK-001 = "arn:aws:iot:eu-central-1:123456789012:cert/1111111111111111111111111111111111111111111111111111111111111111"
    }
  }

  assert {
    condition     = aws_iot_thing.truck["TRK-001"].name == "TRK-001" && aws_iot_thing_principal_attachment.truck["TRK-001"].principal == var.truck_certificates["TRK-001"]
    error_message = "the thing has the truck's id"
  }

  assert {
    condition     = aws_iot_policy_attachment.truck["TRK-001"].target == var.truck_certificates["TRK-001"]
    error_message = "the policy"
  }
}

run "a_truck_that_names_another_is_dropped_when_asked_for" {
  command = plan

  variables {
    single_json_only = true
    topic            = "fleet-7"
  }

  assert {
    condition     = aws_iot_topic_rule.positions.sql == "SELECT * FROM 'fleet-7/+/positions' WHERE truck_id = topic(2)"
    error_message = "the truck of the payload is the truck of the topic"
  }
}

run "alarms_name_their_runbook_and_the_account_log_is_left_alone" {
  command = plan

  variables {
    operations_topic_arn = "arn:aws:sns:eu-central-1:123456789012:truckstream-operations"
  }

  assert {
    condition = alltrue([
      for each in [aws_cloudwatch_metric_alarm.failed, aws_cloudwatch_metric_alarm.flood] :
      length(regexall("docs/operations.md#ingest-", each.alarm_description)) == 1 && one(each.alarm_actions) == var.operations_topic_arn
    ])
    error_message = "paged with a runbook"
  }

  assert {
    condition     = length(aws_iot_logging_options.account) == 0
    error_message = "the account's setting is the account's"
  }
}

run "the_account_log_is_set_when_asked_for" {
  command = plan

  variables {
    account_log_level = "ERROR"
  }

  assert {
    condition     = aws_iot_logging_options.account[0].default_log_level == "ERROR"
    error_message = "refused trucks are in the log"
  }
}

run "wildcards_and_levels_in_the_topic_are_refused" {
  command = plan

  variables {
    topic = "a/+/b"
  }

  expect_failures = [var.topic]
}

run "two_trucks_with_one_certificate_are_refused" {
  command = plan

  variables {
    truck_certificates = {
      TRK-001 = "arn:aws:iot:eu-central-1:123456789012:cert/1111111111111111111111111111111111111111111111111111111111111111"
      TRK-002 = "arn:aws:iot:eu-central-1:123456789012:cert/1111111111111111111111111111111111111111111111111111111111111111"
    }
  }

  expect_failures = [var.truck_certificates]
}

run "what_is_no_truck_no_stream_no_account_is_refused" {
  command = plan

  variables {
    account_id         = "12"
    region             = "Frankfurt"
    stream_arn         = "arn:aws:s3:::bucket"
    truck_certificates = { "TRK 1" = "none" }
    account_log_level  = "LOUD"
  }

  expect_failures = [var.account_id, var.region, var.stream_arn, var.truck_certificates, var.account_log_level]
}
