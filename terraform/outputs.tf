output "region" {
  description = "Where the stack is."
  value       = local.region
}

output "stream_name" {
  description = "The stream of positions: STREAM_NAME."
  value       = module.kinesis.name
}

output "stream_arn" {
  description = "ARN of the stream of positions."
  value       = module.kinesis.arn
}

output "positions_table_name" {
  description = "The table of latest positions: DYNAMODB_TABLE."
  value       = module.dynamodb.positions_table_name
}

output "geofences_table_name" {
  description = "The table of geofences, presence, alerts and outbox: GEOFENCES_TABLE."
  value       = module.dynamodb.geofences_table_name
}

output "archive_bucket_name" {
  description = "The bucket of archive and rejected records: S3_BUCKET."
  value       = module.archive.name
}

output "alerts_topic_arn" {
  description = "The topic of geofence alerts: SNS_TOPIC_ARN."
  value       = module.sns.alerts_topic_arn
}

output "operations_topic_arn" {
  description = "The topic of alarms."
  value       = module.sns.operations_topic_arn
}

output "athena_database" {
  description = "The Glue database of the archive's tables: ATHENA_DATABASE."
  value       = module.athena.database_name
}

output "athena_workgroup" {
  description = "The Athena workgroup: ATHENA_WORKGROUP."
  value       = module.athena.workgroup_name
}

output "dashboard_url" {
  description = "The CloudWatch dashboard in the console."
  value       = module.cloudwatch.dashboard_url
}

output "alarm_names" {
  description = "Names of the alarms."
  value       = sort(concat(module.cloudwatch.alarm_names, flatten(module.ingest[*].alarm_names)))
}

output "function_names" {
  description = "Name of each function, by what it does."
  value       = { for key, function in module.function : key => function.name }
}

output "failed_batches_queue_url" {
  description = "The queue that tells of batches Lambda gave up; the batches are in the archive's bucket below aws/lambda/."
  value       = module.archive.failed_batches_queue_url
}

output "failed_invocations_queue_url" {
  description = "The queue of scheduled invocations that failed for good."
  value       = module.eventbridge.failed_invocations_queue_url
}

output "analyst_policy_arn" {
  description = "The policy to attach to people and tools that query the archive."
  value       = module.iam.analyst_policy_arn
}

output "operator_policy_arn" {
  description = "The policy to attach to people who use the command line or the pages on this system."
  value       = module.iam.operator_policy_arn
}

output "ingest_endpoint" {
  description = "Host that trucks connect to, port 8883; null where they cannot."
  value       = one(module.ingest[*].endpoint)
}

output "ingest_topic" {
  description = "Topic that a truck publishes to; null where it cannot."
  value       = one(module.ingest[*].topic)
}

output "ingest_policy_name" {
  description = "IoT policy to attach to a truck's certificate; null where there is none."
  value       = one(module.ingest[*].policy_name)
}

output "environment" {
  description = "What the command line needs to know of the stack, as environment variables."
  value = {
    TRUCKSTREAM_BACKEND = "aws"
    AWS_REGION          = local.region
    STREAM_NAME         = module.kinesis.name
    DYNAMODB_TABLE      = module.dynamodb.positions_table_name
    GEOFENCES_TABLE     = module.dynamodb.geofences_table_name
    S3_BUCKET           = module.archive.name
    SNS_TOPIC_ARN       = module.sns.alerts_topic_arn
    ATHENA_DATABASE     = module.athena.database_name
    ATHENA_WORKGROUP    = module.athena.workgroup_name
  }
}
