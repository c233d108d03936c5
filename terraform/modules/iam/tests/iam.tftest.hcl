mock_provider "aws" {
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/r" }
  }
}

variables {
  stream_arn                   = "arn:aws:kinesis:eu-central-1:123456789012:stream/gps"
  positions_table_arn          = "arn:aws:dynamodb:eu-central-1:123456789012:table/truck-positions"
  geofences_table_arn          = "arn:aws:dynamodb:eu-central-1:123456789012:table/truck-geofences"
  bucket_arn                   = "arn:aws:s3:::gps-archive-123456789012"
  results_bucket_arn           = "arn:aws:s3:::results"
  alerts_topic_arn             = "arn:aws:sns:eu-central-1:123456789012:alerts"
  topics_key_arn               = "arn:aws:kms:eu-central-1:123456789012:key/k"
  failed_invocations_queue_arn = "arn:aws:sqs:eu-central-1:123456789012:failed"
  log_groups_arn               = "arn:aws:logs:eu-central-1:123456789012:log-group:/aws/lambda"
  workgroup_arn                = "arn:aws:athena:eu-central-1:123456789012:workgroup/truckstream"
  catalog_arn                  = "arn:aws:glue:eu-central-1:123456789012:catalog"
  database_arn                 = "arn:aws:glue:eu-central-1:123456789012:database/truckstream"
}

run "every_function_has_a_role_of_its_own" {
  command = plan

  assert {
    condition = toset(keys(aws_iam_role.function)) == toset([
      "gps_producer", "dashboard_consumer", "geofence_consumer", "archive_consumer", "send_outbox", "hourly_stats",
      "compact_archive", "redrive_rejected",
    ])
    error_message = "one role per function"
  }

  assert {
    condition = alltrue(flatten([
      for policy in aws_iam_role_policy.function : [
        for statement in jsondecode(policy.policy).Statement :
        statement.Sid == "Trace" || !contains(flatten([statement.Resource]), "*")
      ]
    ]))
    error_message = "X-Ray alone has no resource to name"
  }

  assert {
    condition = alltrue(flatten([
      for policy in aws_iam_role_policy.function : [
        for statement in jsondecode(policy.policy).Statement : [
          for action in flatten([statement.Action]) : !strcontains(action, "*")
        ]
      ]
    ]))
    error_message = "every action is named"
  }
}

run "people_have_policies_that_name_what_they_allow" {
  command = plan

  assert {
    condition = alltrue(flatten([
      for policy in [aws_iam_policy.analyst, aws_iam_policy.operator] : [
        for statement in jsondecode(policy.policy).Statement : [
          for action in flatten([statement.Action]) : !strcontains(action, "*")
        ]
      ]
    ]))
    error_message = "every action is named"
  }

  assert {
    condition = [
      for statement in jsondecode(aws_iam_policy.operator.policy).Statement : statement.Sid
      if contains(flatten([statement.Resource]), "*")
    ] == ["Lag"]
    error_message = "only the lag's two calls have no resource to name"
  }

  assert {
    condition     = length(aws_iam_policy.operator.policy) < 6144
    error_message = "IAM takes no longer managed policy"
  }
}

run "only_the_fan_out_consumer_may_subscribe" {
  command = plan

  variables {
    fan_out_arns = { archive = "arn:aws:kinesis:eu-central-1:123456789012:stream/gps/consumer/archive:1" }
  }

  assert {
    condition = [
      for function, policy in aws_iam_role_policy.function : function
      if strcontains(policy.policy, "kinesis:SubscribeToShard")
    ] == ["archive_consumer"]
    error_message = "its own connection"
  }
}

run "arns_are_checked" {
  command = plan

  variables {
    stream_arn     = "gps"
    bucket_arn     = "arn:aws:s3:::bucket/*"
    log_groups_arn = "arn:aws:logs:eu-central-1:123456789012:log-group:*"
    fan_out_arns   = { other = "arn" }
  }

  expect_failures = [var.stream_arn, var.bucket_arn, var.log_groups_arn, var.fan_out_arns]
}
