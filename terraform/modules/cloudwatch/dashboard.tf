# One page, read from the top: does data come in, do the consumers keep up, what fails, what is stored, what it costs.

locals {
  functions = sort(keys(var.function_names))

  widgets = [
    {
      title  = "Records in and out of the stream"
      yAxis  = { left = { min = 0 } }
      period = 60
      stat   = "Sum"
      metrics = [
        ["AWS/Kinesis", "IncomingRecords", "StreamName", var.stream_name],
        ["AWS/Kinesis", "GetRecords.Records", "StreamName", var.stream_name],
        ["AWS/Kinesis", "WriteProvisionedThroughputExceeded", "StreamName", var.stream_name, { color = "#d62728" }],
        ["AWS/Kinesis", "ReadProvisionedThroughputExceeded", "StreamName", var.stream_name, { color = "#ff9896" }],
      ]
    },
    {
      title  = "Bytes in and out of the stream"
      yAxis  = { left = { min = 0 } }
      period = 60
      stat   = "Sum"
      metrics = [
        ["AWS/Kinesis", "IncomingBytes", "StreamName", var.stream_name],
        ["AWS/Kinesis", "GetRecords.Bytes", "StreamName", var.stream_name],
      ]
    },
    {
      title  = "Iterator age per consumer, ms"
      yAxis  = { left = { min = 0 } }
      period = 60
      stat   = "Maximum"
      metrics = [
        for consumer in local.consumers : ["AWS/Lambda", "IteratorAge", "FunctionName", var.function_names["${consumer}_consumer"]]
      ]
      annotations = { horizontal = [{ label = "alarm", value = var.iterator_age_alarm_s * 1000 }] }
    },
    {
      title  = "Positions per consumer: success"
      yAxis  = { left = { min = 0 } }
      period = 60
      stat   = "Sum"
      metrics = [
        for consumer in local.consumers : ["truckstream", "Positions", "service", "${consumer}_consumer"]
      ]
    },
    {
      title  = "Failed and partly failed batches per consumer"
      yAxis  = { left = { min = 0 } }
      period = 60
      stat   = "Sum"
      metrics = concat([
        for consumer in local.consumers : [
          ["truckstream", "Failures", "service", "${consumer}_consumer"],
          ["truckstream", "PartialFailures", "service", "${consumer}_consumer"],
        ]
      ]...)
    },
    {
      title   = "Rejected records"
      yAxis   = { left = { min = 0 } }
      period  = 60
      stat    = "Sum"
      metrics = [["truckstream", "Rejected", "service", "archive_consumer"]]
    },
    {
      title  = "Alerts raised, sent, and the age of the outbox"
      yAxis  = { left = { min = 0 }, right = { min = 0, label = "ms" } }
      period = 60
      stat   = "Sum"
      metrics = [
        ["truckstream", "Alerts", "service", "geofence_consumer"],
        ["truckstream", "AlertsSent", "service", "geofence_consumer"],
        ["truckstream", "AlertsSent", "service", "send_outbox"],
        ["truckstream", "OutboxAge", "service", "send_outbox", { stat = "Maximum", yAxis = "right" }],
      ]
    },
    {
      title  = "Work that was given up"
      yAxis  = { left = { min = 0 } }
      period = 300
      stat   = "Maximum"
      metrics = [
        for queue in sort(keys(var.queue_names)) : ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", var.queue_names[queue]]
      ]
    },
    {
      title  = "DynamoDB: consumed units"
      yAxis  = { left = { min = 0 } }
      period = 60
      stat   = "Sum"
      metrics = concat([
        for table in sort(keys(var.table_names)) : [
          ["AWS/DynamoDB", "ConsumedWriteCapacityUnits", "TableName", var.table_names[table]],
          ["AWS/DynamoDB", "ConsumedReadCapacityUnits", "TableName", var.table_names[table]],
        ]
      ]...)
    },
    {
      title  = "DynamoDB: throttled"
      yAxis  = { left = { min = 0 } }
      period = 60
      stat   = "Sum"
      metrics = concat([
        for table in sort(keys(var.table_names)) : [
          ["AWS/DynamoDB", "WriteThrottleEvents", "TableName", var.table_names[table]],
          ["AWS/DynamoDB", "ReadThrottleEvents", "TableName", var.table_names[table]],
        ]
      ]...)
    },
    {
      title   = "Lambda: invocations"
      yAxis   = { left = { min = 0 } }
      period  = 60
      stat    = "Sum"
      metrics = [for function in local.functions : ["AWS/Lambda", "Invocations", "FunctionName", var.function_names[function]]]
    },
    {
      title   = "Lambda: errors"
      yAxis   = { left = { min = 0 } }
      period  = 60
      stat    = "Sum"
      metrics = [for function in local.functions : ["AWS/Lambda", "Errors", "FunctionName", var.function_names[function]]]
    },
    {
      title   = "Lambda: duration, 99th percentile, ms"
      yAxis   = { left = { min = 0 } }
      period  = 60
      stat    = "p99"
      metrics = [for function in local.functions : ["AWS/Lambda", "Duration", "FunctionName", var.function_names[function]]]
    },
    {
      title  = "Archive freshness: positions archived, statistics written, files merged"
      yAxis  = { left = { min = 0 } }
      period = 300
      stat   = "Sum"
      metrics = [
        ["truckstream", "Positions", "service", "archive_consumer"],
        ["truckstream", "DatesWritten", "service", "hourly_stats"],
        ["truckstream", "FilesMerged", "service", "compact_archive"],
      ]
    },
    {
      title  = "What the bill follows, per hour"
      yAxis  = { left = { min = 0 } }
      period = 3600
      stat   = "Sum"
      metrics = concat(
        [["AWS/Kinesis", "IncomingBytes", "StreamName", var.stream_name]],
        [for table in sort(keys(var.table_names)) : ["AWS/DynamoDB", "ConsumedWriteCapacityUnits", "TableName", var.table_names[table]]],
        [["AWS/SNS", "NumberOfMessagesPublished", "TopicName", var.alerts_topic_name]],
        [["AWS/Athena", "ProcessedBytes", "WorkGroup", var.workgroup_name]],
      )
    },
    {
      title  = "Size of the archive, bytes"
      yAxis  = { left = { min = 0 } }
      period = 86400
      stat   = "Average"
      metrics = [
        ["AWS/S3", "BucketSizeBytes", "BucketName", var.bucket_name, "StorageType", "IntelligentTieringFAStorage"],
        ["AWS/S3", "BucketSizeBytes", "BucketName", var.bucket_name, "StorageType", "IntelligentTieringIAStorage"],
        ["AWS/S3", "BucketSizeBytes", "BucketName", var.bucket_name, "StorageType", "IntelligentTieringAIAStorage"],
        ["AWS/S3", "BucketSizeBytes", "BucketName", var.bucket_name, "StorageType", "StandardStorage"],
      ]
    },
  ]

  alarm_arns = sort(concat(
    [for alarm in aws_cloudwatch_metric_alarm.plain : alarm.arn],
    [for alarm in aws_cloudwatch_metric_alarm.computed : alarm.arn],
  ))
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = var.name_prefix

  dashboard_body = jsonencode({
    start          = "-PT3H"
    periodOverride = "inherit"
    widgets = concat(
      [{
        type       = "alarm"
        x          = 0
        y          = 0
        width      = 24
        height     = 4
        properties = { title = "Alarms", alarms = concat(local.alarm_arns, var.other_alarm_arns) }
      }],
      [
        for place, widget in local.widgets : {
          type       = "metric"
          x          = place % 3 * 8
          y          = 4 + floor(place / 3) * 6
          width      = 8
          height     = 6
          properties = merge(widget, { region = var.region, view = "timeSeries", stacked = false })
        }
      ],
    )
  })
}
