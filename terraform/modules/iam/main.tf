# One role per function, each with what its code calls and nothing else. Where AWS knows no resource to name, the
# statement says so. The policies are evaluated by a test: what each role must do is allowed, the rest is denied.

locals {
  streams = {
    # What an event source mapping does as the function's role.
    read = [
      {
        Sid    = "ReadStream"
        Effect = "Allow"
        Action = [
          "kinesis:DescribeStream", "kinesis:DescribeStreamSummary", "kinesis:GetRecords", "kinesis:GetShardIterator",
          "kinesis:ListShards",
        ]
        Resource = var.stream_arn
      },
    ]
    write = [
      {
        Sid      = "WriteStream"
        Effect   = "Allow"
        Action   = "kinesis:PutRecords"
        Resource = var.stream_arn
      },
    ]
  }

  # Records that break a rule, and batches that were given up. ListBucket: without it S3 answers "forbidden" instead of
  # "not there" when the function looks whether an entry exists, and Lambda asks for it to write failed batches.
  set_aside = [
    {
      Sid      = "SetAside"
      Effect   = "Allow"
      Action   = "s3:PutObject"
      Resource = ["${var.bucket_arn}/rejected/*", "${var.bucket_arn}/aws/lambda/*"]
    },
    {
      Sid      = "KnowRedriven"
      Effect   = "Allow"
      Action   = "s3:GetObject"
      Resource = "${var.bucket_arn}/redriven/*"
    },
    {
      Sid      = "ListArchive"
      Effect   = "Allow"
      Action   = "s3:ListBucket"
      Resource = var.bucket_arn
    },
  ]

  # Presence, alerts and outbox are in the table of the geofences, but the definitions are not the functions' to change.
  presence = [
    {
      Sid    = "PresenceAndAlerts"
      Effect = "Allow"
      Action = [
        "dynamodb:GetItem", "dynamodb:Query", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem",
      ]
      Resource = var.geofences_table_arn
    },
    {
      Sid      = "NotTheDefinitions"
      Effect   = "Deny"
      Action   = ["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"]
      Resource = var.geofences_table_arn
      Condition = {
        "ForAnyValue:StringEquals" = { "dynamodb:LeadingKeys" = ["catalogue", "geofence", "staged"] }
      }
    },
  ]

  publish = [
    {
      Sid      = "PublishAlerts"
      Effect   = "Allow"
      Action   = "sns:Publish"
      Resource = var.alerts_topic_arn
    },
    {
      Sid      = "EncryptAlerts"
      Effect   = "Allow"
      Action   = ["kms:GenerateDataKey", "kms:Decrypt"]
      Resource = var.topics_key_arn
    },
  ]

  # Lambda itself sends what a schedule's invocation could not do, as the function's role.
  dead_letters = [
    {
      Sid      = "KeepFailedInvocations"
      Effect   = "Allow"
      Action   = "sqs:SendMessage"
      Resource = var.failed_invocations_queue_arn
    },
  ]

  list_archive = [local.set_aside[2]]

  statements = {
    gps_producer = concat(local.streams.write, local.dead_letters)

    dashboard_consumer = concat(local.streams.read, local.set_aside, [
      {
        Sid      = "LatestPositions"
        Effect   = "Allow"
        Action   = ["dynamodb:BatchGetItem", "dynamodb:PutItem"]
        Resource = var.positions_table_arn
      },
    ])

    geofence_consumer = concat(local.streams.read, local.set_aside, local.presence, local.publish, [
      {
        Sid      = "LoadPresence"
        Effect   = "Allow"
        Action   = "dynamodb:BatchGetItem"
        Resource = var.geofences_table_arn
      },
    ])

    archive_consumer = concat(local.streams.read, local.set_aside, [
      {
        Sid      = "WriteArchive"
        Effect   = "Allow"
        Action   = "s3:PutObject"
        Resource = "${var.bucket_arn}/positions/*"
      },
    ])

    send_outbox = concat(local.presence, local.publish, local.dead_letters)

    hourly_stats = concat(local.list_archive, local.dead_letters, [
      {
        Sid      = "ReadArchive"
        Effect   = "Allow"
        Action   = "s3:GetObject"
        Resource = ["${var.bucket_arn}/positions/*", "${var.bucket_arn}/hourly/*"]
      },
      {
        Sid      = "WriteStatistics"
        Effect   = "Allow"
        Action   = ["s3:PutObject", "s3:DeleteObject"]
        Resource = "${var.bucket_arn}/hourly/*"
      },
    ])

    # Not s3:DeleteObjectVersion: what compaction replaces stays for a while as an old version.
    compact_archive = concat(local.list_archive, local.dead_letters, [
      {
        Sid      = "MergeFiles" # and hold the lease, positions/_compaction.json
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
        Resource = "${var.bucket_arn}/positions/*"
      },
    ])

    # Rejected records, and the batches Lambda gave up on, which become rejected records first.
    redrive_rejected = concat(local.streams.write, local.list_archive, [
      {
        Sid      = "ReadSetAside"
        Effect   = "Allow"
        Action   = "s3:GetObject"
        Resource = ["${var.bucket_arn}/rejected/*", "${var.bucket_arn}/redriven/*", "${var.bucket_arn}/aws/lambda/*"]
      },
      {
        Sid      = "KeepAndMarkRedriven"
        Effect   = "Allow"
        Action   = "s3:PutObject"
        Resource = ["${var.bucket_arn}/rejected/*", "${var.bucket_arn}/redriven/*"]
      },
      {
        Sid      = "NoLongerWaiting"
        Effect   = "Allow"
        Action   = "s3:DeleteObject"
        Resource = ["${var.bucket_arn}/rejected/*", "${var.bucket_arn}/aws/lambda/*"]
      },
    ])
  }

  # A fan-out consumer's mapping subscribes to its own connection.
  subscriptions = {
    for function in keys(local.statements) : function => [
      for consumer, arn in var.fan_out_arns : {
        Sid      = "FanOut"
        Effect   = "Allow"
        Action   = ["kinesis:SubscribeToShard", "kinesis:DescribeStreamConsumer"]
        Resource = arn
      } if "${consumer}_consumer" == function
    ]
  }
}

resource "aws_iam_role" "function" {
  for_each = local.statements

  name                 = "${var.name_prefix}-${replace(each.key, "_", "-")}"
  description          = "What the function ${each.key} of truckstream may do"
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "function" {
  for_each = local.statements

  name = "function"
  role = aws_iam_role.function[each.key].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid      = "WriteLogs"
          Effect   = "Allow"
          Action   = ["logs:CreateLogStream", "logs:PutLogEvents"] # Terraform makes the group
          Resource = "${var.log_groups_arn}/${var.name_prefix}-${replace(each.key, "_", "-")}:*"
        },
        {
          Sid      = "Trace"
          Effect   = "Allow"
          Action   = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
          Resource = "*" # X-Ray has no resource to name
        },
      ],
      each.value,
      local.subscriptions[each.key],
    )
  })

  # checkov:skip=CKV_AWS_290: the one "*" is X-Ray's, which knows no resources
  # checkov:skip=CKV_AWS_355: the one "*" is X-Ray's, as above
}
